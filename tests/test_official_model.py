"""The worked example's official flow: always the same text, read by our reader and by pm4py, left by some real cases."""

from __future__ import annotations

import warnings
from pathlib import Path

import polars as pl
import pytest

from taskkit.overlay import read_process_log
from taskkit.overlay.official import read_model, replay_model
from taskkit.samples.official_model import official_model
from taskkit.variants.standards import read_standard

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "process_model.bpmn"
    path.write_text(official_model(), encoding="utf-8")
    return path


def test_the_text_is_always_the_same() -> None:
    assert official_model() == official_model()


def test_our_reader_reads_the_steps(file: Path) -> None:
    assert read_standard(file).steps == (
        "Receive invoice",
        "Enter invoice",
        "Match invoice",
        "Request approval",
        "Approve invoice",
        "Archive document",
        "Release payment",
    )
    assert read_standard(file).shortest == 5


def test_every_node_and_flow_is_drawn(file: Path) -> None:
    model = read_model(file)
    assert model.nodes["x"].null_count() == 0
    assert model.flows["xs"].list.len().min() >= 2  # type: ignore[operator]


def test_nodes_do_not_overlap(file: Path) -> None:
    nodes = read_model(file).nodes
    pairs = nodes.join(nodes, how="cross", suffix="_b").filter(pl.col("node") < pl.col("node_b"))
    apart_x = (pl.col("x") - pl.col("x_b")).abs() >= (pl.col("width") + pl.col("width_b")) / 2
    apart_y = (pl.col("y") - pl.col("y_b")).abs() >= (pl.col("height") + pl.col("height_b")) / 2
    assert pairs.filter(~(apart_x | apart_y)).is_empty()


def test_pm4py_opens_it(file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages that pm4py imports
        pm4py = pytest.importorskip("pm4py")
        model = pm4py.read_bpmn(str(file))
        net, begin, end = pm4py.convert_to_petri_net(model)
    labels = {t.label for t in net.transitions if t.label is not None}
    assert labels == set(read_standard(file).steps)
    assert len(begin) == len(end) == 1


def test_some_real_cases_leave_it_and_most_do_not(file: Path) -> None:
    replayed = replay_model(read_process_log(SAMPLE / "process_log.csv"), read_model(file))
    assert replayed.height == 463
    assert 0.8 < replayed["fits"].mean() < 0.95  # type: ignore[operator]

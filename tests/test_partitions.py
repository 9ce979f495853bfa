"""The whole way over a log in parts gives what the whole way over all of it gives, wherever the work is done."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import taskkit as tk
from taskkit.automation import measure_criteria
from taskkit.pipeline import partitions
from taskkit.pipeline.partitioned import MinedLog, mine_partitions
from taskkit.pipeline.partitions import draw_sample, list_partitions, sample_files
from taskkit.pipeline.summaries import mine_task
from taskkit.pipeline.workers import start_workers
from taskkit.samples import make_engagement

PEOPLE, DAYS = 4, 2
SMALL = 2_000  # events of a part: people are parts of their own


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with one file for each person and day."""
    folder = tmp_path_factory.mktemp("log")
    events = make_engagement(people=PEOPLE, days=DAYS).events
    for (user, date), part in _by_day(events):
        (folder / user).mkdir(exist_ok=True)
        tk.write_log(part, folder / user / f"{date}.parquet")
    return folder


def _by_day(events: pl.DataFrame) -> list[tuple[tuple[str, str], pl.DataFrame]]:
    dated = events.with_columns(_day=pl.col("timestamp").min().over("user", "session_id").dt.date().cast(pl.String))
    return [
        ((str(user), str(day)), part.drop("_day"))
        for (user, day), part in dated.group_by("user", "_day", maintain_order=True)
    ]


@pytest.fixture(scope="module")
def mined(log: Path, tmp_path_factory: pytest.TempPathFactory) -> MinedLog:
    return mine_partitions(log, results=tmp_path_factory.mktemp("results"), rows=SMALL)


@pytest.fixture(scope="module")
def simple(log: Path, tmp_path_factory: pytest.TempPathFactory) -> MinedLog:
    """The same with a method that has nothing to fit: to compare ways of doing the work."""
    return mine_partitions(log, results=tmp_path_factory.mktemp("results"), rows=SMALL, method="gap")


@pytest.fixture(scope="module")
def whole(log: Path) -> tk.Mined:
    return tk.mine(log)


def test_parts_hold_whole_people(log: Path) -> None:
    parts = list_partitions(log, rows=SMALL)
    users = [pl.scan_parquet(list(part.files)).select("user").unique().collect()["user"].to_list() for part in parts]
    assert len(parts) > 2
    assert len({user for group in users for user in group}) == sum(len(group) for group in users) == PEOPLE


def test_segments_are_those_of_the_whole(mined: MinedLog, whole: tk.Mined) -> None:
    found = mined.scan_segments().collect().sort("segment_id")
    assert_frame_equal(found, whole.segments.select(found.columns), check_exact=False)


def test_variants_are_those_of_the_whole(mined: MinedLog, whole: tk.Mined) -> None:
    assert_frame_equal(mined.variants, tk.count_variants(whole.segments))


def test_the_graph_is_that_of_the_whole(mined: MinedLog, whole: tk.Mined) -> None:
    assert_frame_equal(mined.successions, tk.count_successions(whole.segments))


def test_measures_are_those_of_the_whole(mined: MinedLog, whole: tk.Mined) -> None:
    assert_frame_equal(mined.tasks, tk.list_tasks(whole.segments))


def test_criteria_are_those_of_the_whole(mined: MinedLog, whole: tk.Mined) -> None:
    measured = measure_criteria(whole.events, whole.segments)
    assert_frame_equal(mined.criteria, measured.select(mined.criteria.columns), check_exact=False)


def _same(one: MinedLog, other: MinedLog) -> None:
    """Every file of both is the same, whatever made it."""
    assert one.folder.name == other.folder.name
    names = sorted(str(path.relative_to(one.folder)) for path in one.folder.rglob("*.parquet"))
    assert names == sorted(str(path.relative_to(other.folder)) for path in other.folder.rglob("*.parquet"))
    for name in names:
        assert_frame_equal(pl.read_parquet(one.folder / name), pl.read_parquet(other.folder / name), check_exact=True)


def test_the_executor_changes_nothing(log: Path, simple: MinedLog, tmp_path: Path) -> None:
    with start_workers(2) as executor:
        _same(simple, mine_partitions(log, results=tmp_path, rows=SMALL, method="gap", executor=executor))


def _look_at_worker() -> tuple[bool, str | None, int]:
    threads = len(list(Path(f"/proc/{os.getppid()}/task").iterdir()))
    return "numba" in sys.modules, os.environ.get("POLARS_MAX_THREADS"), threads


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker begins anew")
def test_workers_are_copies_of_a_process_without_threads() -> None:
    before = dict(os.environ)
    with start_workers(1) as executor:
        assert executor.submit(_look_at_worker).result() == (True, "1", 1)
    assert dict(os.environ) == before


def test_the_order_of_work_changes_nothing(log: Path, simple: MinedLog, tmp_path: Path) -> None:
    class Backwards(ThreadPoolExecutor):
        """Does nothing until it is asked for a result; then the last job first."""

        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
            future: Future[Any] = Future()
            waiting.append((fn, args, future))
            if len(waiting) == len(list_partitions(log, rows=SMALL)) or fn is mine_task:
                for done, given, promised in reversed(waiting):
                    promised.set_result(done(*given))
                waiting.clear()
            return future

    waiting: list[Any] = []
    _same(simple, mine_partitions(log, results=tmp_path, rows=SMALL, method="gap", executor=Backwards(1)))


def test_what_is_done_is_not_done_again_and_what_has_changed_is(log: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(log, tmp_path / "log")
    settings: dict[str, Any] = {"results": tmp_path / "results", "rows": SMALL, "sampled_rows": 1_500, "method": "gap"}
    first = mine_partitions(copied, **settings)
    assert first.parts["new"].all()
    assert not mine_partitions(copied, **settings).parts["new"].any()
    sample = sample_files(list_partitions(copied, rows=SMALL), copied, seed=0, rows=1_500)
    file = next(file for part in list_partitions(copied, rows=SMALL) for file in part.files if file not in sample)
    tk.write_log(pl.read_parquet(file)[:-9], Path(file))
    again = mine_partitions(copied, **settings)
    changed = [part.name for part in list_partitions(copied, rows=SMALL) if file in part.files]
    assert again.parts.filter("new")["name"].to_list() == changed
    assert again.about["events"] == first.about["events"] - 9
    assert len([*again.folder.parent.glob("whole-*")]) == 1  # what is out of date is gone


def test_a_worker_that_is_killed_costs_time_and_nothing_else(log: Path, simple: MinedLog, tmp_path: Path) -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,  # type: ignore[no-untyped-call]
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        killed: list[int] = []

        def kill(stage: str, done: int, total: int) -> None:
            if done == 1 and not killed:
                killed.append(cluster.workers[0].pid)
                os.kill(killed[0], signal.SIGKILL)

        again = mine_partitions(
            log, results=tmp_path, rows=SMALL, method="gap", executor=client.get_executor(), progress=kill
        )
    assert killed
    _same(simple, again)


def test_criteria_may_be_left_out_and_be_asked_for_later(log: Path, simple: MinedLog, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"results": tmp_path, "rows": SMALL, "method": "gap"}
    quick = mine_partitions(log, criteria=False, **settings)
    assert quick.criteria.is_empty()
    for name in ("tasks", "variants", "successions"):
        assert_frame_equal(getattr(quick, name), getattr(simple, name))
    fitted = next(tmp_path.glob("parts-*/fitted")).stat().st_mtime_ns
    whole = mine_partitions(log, **settings)
    assert next(tmp_path.glob("parts-*/fitted")).stat().st_mtime_ns == fitted
    _same(simple, whole)
    again = mine_partitions(log, criteria=False, **settings)
    assert not again.parts["new"].any()


def test_results_are_for_their_owner_only(mined: MinedLog) -> None:
    place = mined.folder.parent
    assert {path.stat().st_mode & 0o077 for path in [place, *place.rglob("*")]} == {0}


def test_the_sample_does_not_depend_on_where_the_log_lies(log: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(log, tmp_path / "elsewhere")
    drawn = [
        {Path(file).relative_to(place) for file in sample_files(list_partitions(place), place, seed=3, rows=1_500)}
        for place in (log, copied)
    ]
    assert drawn[0] == drawn[1]
    assert 0 < len(drawn[0]) < len([*log.rglob("*.parquet")])


@pytest.mark.parametrize("rows", [1, 1_500, 3_000, 10**9])
def test_a_sample_is_drawn_before_all_files_are_counted(log: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "_AT_ONCE", 2)
    parts = list_partitions(log)
    drawn, whole = draw_sample(log, seed=3, rows=rows)
    assert drawn == sample_files(parts, log, seed=3, rows=rows)
    assert whole == (sum(part.rows for part in parts) <= rows)


def test_models_of_a_part_divide_the_rest(log: Path, mined: MinedLog, tmp_path: Path) -> None:
    applied = mine_partitions(log, results=tmp_path, rows=SMALL, sampled_rows=2_500)
    assert applied.about["sampled_events"] < applied.about["events"]
    own, other = (each.scan_segments().collect() for each in (mined, applied))
    assert 0.5 < other.height / own.height < 2.0

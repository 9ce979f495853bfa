"""Widgets: every control has a twin without a kernel, cards carry what a report reads, findings are sentences."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import taskkit as tk
from taskkit import widgets
from taskkit.errors import TaskkitError
from taskkit.pipeline import Mined
from taskkit.privacy import SHARED_VARIABLE
from taskkit.quality import check_quality
from tests.test_charts import events, process, segments, work  # noqa: F401  fixtures and the frame they come from

FINDING = "application/x-taskkit-finding+json"
POSTURE = "application/x-taskkit-posture+json"


@pytest.fixture
def static(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKKIT_STATIC", "1")


@pytest.fixture
def explorers(events: pl.DataFrame, segments: pl.DataFrame, process: pl.DataFrame) -> dict[str, Any]:  # noqa: F811
    joined = tk.attribute_cases(events, process)
    return {
        "day": widgets.DayTimeline(events),
        "segmentation": widgets.SegmentationExplorer(events),
        "variants": widgets.VariantExplorer(segments),
        "comparison": widgets.ComparisonExplorer(segments),
        "steps": widgets.ProcessExplorer(joined, process),
        "automation": widgets.AutomationExplorer(events, segments),
    }


def html_of(shown: Any) -> str:
    found = shown._repr_mimebundle_()
    return str((found[0] if isinstance(found, tuple) else found).get("text/html", ""))


def test_every_control_has_a_twin_without_a_kernel(explorers: dict[str, Any], static: None) -> None:
    tk.start_notebook()
    for name, explorer in explorers.items():
        assert "tk-chart" in html_of(widgets.show(explorer)), name


def test_the_settings_of_a_control_are_those_of_its_drawing(explorers: dict[str, Any]) -> None:
    for name, explorer in explorers.items():
        settings = {key: control.value for key, control in explorer.controls().items()}
        assert explorer.draw(**settings) is not None, name


def test_a_live_control_draws_at_once_and_again_after_a_change(explorers: dict[str, Any]) -> None:
    box = explorers["day"].live()
    controls, place = box.children[1], box.children[2]
    before = place.outputs
    assert before[0]["data"]
    controls.children[1].value = "30m"
    assert place.outputs != before


def test_an_error_in_a_callback_is_one_readable_box(segments: pl.DataFrame) -> None:  # noqa: F811
    explorer = widgets.VariantExplorer(segments, rare=0.2)
    explorer.draw = lambda **_: 1 / 0
    place = explorer.live().children[2]
    assert "This could not be drawn: ZeroDivisionError" in place.outputs[0]["data"]["text/html"]


def test_without_two_teams_the_comparison_is_a_sentence(segments: pl.DataFrame) -> None:  # noqa: F811
    explorer = widgets.ComparisonExplorer(segments.with_columns(team=pl.lit(None, pl.String)))
    assert explorer.result.is_empty()
    assert "Nothing is compared here." in html_of(explorer.static())


def test_without_a_process_log_the_steps_are_a_sentence(events: pl.DataFrame) -> None:  # noqa: F811
    explorer = widgets.ProcessExplorer(events, None)
    assert explorer.effort is None
    assert "No process log was given" in explorer.static().to_dict()["description"]


def test_the_posture_card_carries_its_statements(events: pl.DataFrame) -> None:  # noqa: F811
    bundle = widgets.posture_card(events, {"consent": "<b>signed</b>"})._repr_mimebundle_()
    assert ["consent", "<b>signed</b>"] in bundle[POSTURE]
    assert "&lt;b&gt;signed" in bundle["text/html"]


def test_a_finding_carries_its_text_and_is_recorded_beside_the_results(tmp_path: Path) -> None:
    shown = widgets.finding("Three tasks recur.", subject="02", results=tmp_path / "results")
    assert shown.static()._repr_mimebundle_()[FINDING] == {"finding": "Three tasks recur."}
    assert widgets.recorded_findings(tmp_path / "results").words.startswith("Nothing has been recorded")
    assert not list(tmp_path.iterdir())
    assert shown.record() == 1
    assert tk.Decisions(tmp_path / "decisions.sqlite").list()["decision"].to_list() == ["Three tasks recur."]
    assert "Three tasks recur." in html_of(widgets.recorded_findings(tmp_path / "results"))


def test_a_finding_without_results_cannot_be_recorded() -> None:
    with pytest.raises(TaskkitError, match="give results="):
        widgets.finding("Three tasks recur.").record()


def test_a_table_has_units_hides_small_groups_and_names_nobody() -> None:
    frame = pl.DataFrame({
        "task_id": ["T01", "T02", "T03"], "user": ["p_1", "p_2", "p_3"], "median_seconds": [4000.0, 99.0, 30.0],
        "share": [0.5, 0.3, 0.2], "people": [9, 2, 0], "case_id": ["INV-1"] * 3, "window_title": ["Mrs Smith"] * 3,
    })  # fmt: skip
    html = html_of(widgets.table(frame, caption="Tasks", min_people=5, keep=["task_id"], most=3))
    assert "median (min)" in html
    assert "share (%)" in html
    assert html.count("hidden (fewer than 5 people)") == 1
    assert "<td>T02</td>" in html
    assert all(secret not in html for secret in ("p_1", "INV-1", "Mrs Smith"))


def test_a_table_says_how_many_rows_it_leaves_out_and_escapes() -> None:
    html = html_of(widgets.table(pl.DataFrame({"name": ["<script>"] * 20}), most=5))
    assert "15 more rows" in html
    assert "<script>" not in html


def test_every_finding_is_a_sentence_with_people(events: pl.DataFrame, segments: pl.DataFrame) -> None:  # noqa: F811
    mined = Mined(events, segments, None, check_quality(events), pl.DataFrame(), {})
    found = widgets.list_findings(mined)
    assert found.height == 8
    assert all(text.endswith(".") for text in found["finding"])
    assert "12 people" in found["finding"][0]
    assert "No process log was given" in found["finding"][6]
    assert widgets.list_caveats(mined)["not_known"].str.contains("No process log was given").any()


def test_a_finding_is_one_or_two_sentences_and_the_rest_stands_behind_it() -> None:
    tasks = pl.DataFrame({
        "task_id": ["T01", "T02"], "task_name": ["Enter", "Pay"], "segments": [50, 10], "people": [9, 8],
        "active_hours": [2.0, 1.0], "share": [0.6, 0.3], "median_seconds": [30.0, 40.0],
    })  # fmt: skip
    said = widgets.summarise_tasks(tasks)
    assert (
        said
        == "2 tasks recur and hold 90 % of the time inside segments. Most time goes into T01 “Enter”: 2.0 h (60 %)."
    )
    assert said.figures[0] == "T01 was seen 50 times with 9 people; half of its executions are shorter than 30 s."
    assert said.figures[1] == "1 task was seen fewer than 20 times: too little to judge."
    assert said.figures[-1].startswith("Active time of a row: "), "the definition of the unit"


def test_the_table_of_findings_holds_the_short_ones(events: pl.DataFrame, segments: pl.DataFrame) -> None:  # noqa: F811
    mined = Mined(events, segments, None, check_quality(events), pl.DataFrame(), {})
    found = widgets.list_findings(mined)["finding"]
    assert found.str.count_matches(r"[.!?](\s|$)").max() <= 3
    assert found.str.len_chars().max() < 330


# ----------------------------------------------------------------------------------------------------------- the posture
def test_the_posture_is_one_line_that_unfolds(events: pl.DataFrame) -> None:  # noqa: F811
    markup = widgets.posture_card(events, {"kept_until": "2036-03-31"}).markup
    line = re.search(r"<details class=\"tk-whole\"><summary>(.*?)</summary>", markup)
    assert line is not None
    said = re.sub("<[^>]*>", "", line[1])
    assert re.fullmatch(r"Recorded (\d+ (\w+ )?to )?\d+ \w+ 20\d\d · 12 people · no typed texts or screenshots · "
                        r"kept until 2036-03-31 · for this room", said)  # fmt: skip
    assert "<dt>consent</dt>" in markup.partition("</summary>")[2], "all of it is below"


def test_the_posture_of_the_first_notebook_is_unfolded(events: pl.DataFrame) -> None:  # noqa: F811
    assert '<details class="tk-whole" open>' in widgets.posture_card(events, whole=True).markup


def test_the_line_of_the_posture_promises_nothing(events: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    texts = events.with_columns(value=pl.lit("secret"))
    line = widgets.posture_card(texts).markup.partition("</summary>")[0]
    assert "confidential" in line
    assert "no typed texts" not in line
    few = widgets.posture_card(events.filter(pl.col("user") == events["user"][0])).markup.partition("</summary>")[0]
    assert "not anonymous" in few
    monkeypatch.setenv(SHARED_VARIABLE, "1")
    assert "may be passed on" in widgets.posture_card(events).markup.partition("</summary>")[0]


def test_the_line_of_the_posture_is_that_of_the_whole_log_where_events_are_a_draw(events: pl.DataFrame) -> None:  # noqa: F811
    drawn = {
        "of_events": 9_000_000,
        "events": 400_000,
        "of_people": 500,
        "first_day": "2026-01-05",
        "last_day": "2026-06-30",
    }
    line = widgets.posture_card(
        events, {"drawn": drawn | dict.fromkeys(["people", "sessions", "of_sessions", "seed"], 9)}
    ).markup
    assert "5 Jan to 30 Jun 2026 · 500 people · single steps: 400,000 of 9,000,000 events, drawn by file" in line


# ----------------------------------------------------------------------------------------------------------------- times
@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_recorded_times_are_local_and_the_zone_is_said_once(tmp_path: Path) -> None:
    journal = tk.Decisions(tmp_path / "decisions.sqlite")
    journal.record("01 segmentation", "The borders are right.")
    here = journal.list()["time"][0].astimezone(ZoneInfo("Europe/Berlin"))
    html = html_of(widgets.recorded_findings(tmp_path / "results"))
    assert f'<td class="d" data-v="{here:%Y-%m-%d %H:%M}">{here:%d %b %Y %H:%M}</td>' in html
    assert html.count(f"{here.tzname()} (UTC{here:%z})") == 1


def test_thin_data_is_said() -> None:
    events = tk.name_activities(work(["p_only"], team=False))  # noqa: F811
    assert "It rests on few people" in widgets.summarise_log(events)


def test_importing_taskkit_loads_no_charts() -> None:
    import subprocess
    import sys

    code = "import sys, taskkit; print([m for m in ('altair', 'ipywidgets', 'pandas') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=os.environ).strip() == "[]"


def test_a_sequence_names_each_screen_once() -> None:
    frame = pl.DataFrame({"activities": [["click Save · Invoice", "type into Amount · Invoice", "view Mail"]]})
    assert "<b>Invoice</b>: click Save, type into Amount → <b>Mail</b>: view" in html_of(widgets.table(frame))


def test_a_long_finding_is_not_cut() -> None:
    text = "A finding of many words. " * 40
    assert "…" not in html_of(widgets.table(pl.DataFrame({"finding": [text.strip()]})))


def test_hidden_tasks_are_counted_and_not_named() -> None:
    tasks = pl.DataFrame({
        "task_id": ["T01", "T02"], "task_name": ["Enter", "Cheat"], "segments": [50, 40], "people": [9, 4],
        "active_hours": [2.0, 1.0], "share": [0.6, 0.3], "median_seconds": [30.0, 40.0],
    })  # fmt: skip
    said = widgets.summarise_tasks(tasks)
    assert said.startswith("1 of 2 tasks (1 hidden: fewer than 5 people)")
    assert "60 %" in said
    assert "Cheat" not in said


def test_the_value_of_a_task_is_no_promise(events: pl.DataFrame, segments: pl.DataFrame) -> None:  # noqa: F811
    said = widgets.summarise_automation(tk.score_automation(events, segments=segments))
    assert "at most" not in said
    assert "1 tasks" not in said
    assert "active hours a year" not in said or "not all of which can be freed" in said
    assert "active hours a year" not in said or "44 working weeks assumed" in " ".join(said.figures)

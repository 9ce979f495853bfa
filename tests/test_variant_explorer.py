"""The variant explorer: one task's ways beside a standard, a query, evidence of enough people, and a twin without a kernel."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from taskkit import charts, widgets
from taskkit.errors import SettingError
from taskkit.report import start_notebook
from taskkit.report.offline import render_chart, vega_bundle

USUAL, OTHER, RARE = ["open A", "type B", "save C"], ["type B", "open A", "save C"], ["open A", "cheat D", "save C"]
PEOPLE = [f"p_{n}" for n in range(8)]


@pytest.fixture
def segments() -> pl.DataFrame:
    """T01 in three ways: 24 times by eight people, 12 times by six, 4 times by two; T02 in one."""
    plan = [("T01", USUAL, PEOPLE * 3), ("T01", OTHER, PEOPLE[:6] * 2), ("T01", RARE, PEOPLE[:2] * 2)]
    plan.append(("T02", ["type B", "type B", "mail E"], PEOPLE))
    rows = [(task, way, user) for task, way, users in plan for user in users]
    frame = pl.DataFrame(rows, schema=["task_id", "activities", "user"], orient="row")
    return frame.with_row_index("segment_id").with_columns(
        active_seconds=30.0 + pl.col("segment_id"), elapsed_seconds=60.0 + pl.col("segment_id"),
        steps=pl.col("activities").list.len(), apps=pl.lit(["erp"]),
        start=pl.datetime(2026, 3, 2, time_zone="UTC") + pl.duration(hours=pl.col("segment_id")),
    )  # fmt: skip


@pytest.fixture
def events(segments: pl.DataFrame) -> pl.DataFrame:
    """A row for each step, ten seconds each."""
    rows = segments.select("segment_id", "user", "start", activity="activities").explode("activity", empty_as_null=True)
    seq = pl.int_range(pl.len(), dtype=pl.UInt64)
    return rows.with_columns(
        session_id=pl.col("user"), seq=seq, timestamp="start", app=pl.lit("erp"), step=True, active_seconds=10.0,
        window_title=pl.lit("Mrs Smith"),
    ).drop("start")  # fmt: skip


@pytest.fixture
def explorer(segments: pl.DataFrame, events: pl.DataFrame) -> widgets.VariantExplorer:
    return widgets.VariantExplorer(segments, events=events, level="activity", rare=0.0, coverage=1.0)


def markup(shown: Any) -> str:
    found = shown._repr_mimebundle_()
    return str((found[0] if isinstance(found, tuple) else found)["text/html"])


def table_of(chart: Any, name: str) -> pl.DataFrame:
    return pl.read_csv(chart.to_dict()["datasets"][name].encode())


def drawn(explorer: widgets.VariantExplorer, **settings: Any) -> pl.DataFrame:
    return table_of(explorer.draw(**settings).chart, "steps")


def test_a_way_is_laid_beside_the_most_frequent_one(explorer: widgets.VariantExplorer) -> None:
    kinds = drawn(explorer, task="T01").sort("y", "x")["kind"].to_list()
    assert kinds[:3] == ["the same"] * 3
    assert sorted(kinds[3:]) == ["elsewhere in the order", "the same", "the same"]


def test_another_way_can_be_the_standard(explorer: widgets.VariantExplorer) -> None:
    kinds = drawn(explorer, task="T01", standard="T01-V02").sort("y", "x")["kind"].to_list()
    assert kinds[3:] == ["the same"] * 3
    assert "elsewhere in the order" in kinds[:3]


def test_a_way_of_few_people_cannot_be_the_standard_and_is_not_drawn(explorer: widgets.VariantExplorer) -> None:
    with pytest.raises(SettingError, match="way to compare with"):
        explorer.draw(task="T01", standard="T01-V03")
    assert "cheat" not in json.dumps(explorer.draw(task="T01").chart.to_dict())
    assert "cheat" not in json.dumps(explorer.static().to_dict())


def test_the_rest_is_one_row_with_its_size(explorer: widgets.VariantExplorer) -> None:
    tails = table_of(explorer.draw(task="T01").chart, "ways").filter(pl.col("tail").str.strip_chars() != "")["tail"]
    assert tails[-1] == "1 more way, 4 executions, 10 %: rarer, or used by fewer than 5 people"
    assert tails[0].startswith("2 more ways, 16 executions, 40 %")


@pytest.mark.parametrize("coverage", [10, 60, 61, 85, 90, 100])
def test_what_is_seen_at_a_coverage_adds_up_to_all_executions(explorer: widgets.VariantExplorer, coverage: int) -> None:
    ways = table_of(explorer.static(), "ways").filter(pl.col("task") == "T01")
    seen = ways.filter((pl.col("low") < coverage) & (pl.col("high") >= coverage))
    assert seen["share"].sum() == pytest.approx(1.0, abs=1e-4)
    assert seen["tail"].str.contains("more way").sum() == 1


def test_the_time_on_a_step_is_told_where_events_are_given(explorer: widgets.VariantExplorer) -> None:
    assert drawn(explorer, task="T01")["time"].unique().to_list() == ["10 s here"]


def test_a_query_leaves_the_names_of_the_ways(explorer: widgets.VariantExplorer) -> None:
    found = explorer.ways(task="T01", query='starts "type*"')
    assert found.select("variant_id", "segments", "people", "share").rows() == [("T01-V02", 12, 6, 1.0)]
    assert "12 of 40 executions fit the query" in markup(explorer.draw(task="T01", query='starts "type*"'))
    assert "None of 40 executions fits" in markup(explorer.draw(task="T01", query="steps > 99"))


def test_the_recount_of_a_query_that_all_fit_is_the_count(explorer: widgets.VariantExplorer) -> None:
    counted = explorer.ways(task="T01")
    again = explorer.ways(task="T01", query="steps > 0")
    assert_frame_equal(again, counted.select(again.columns), check_dtypes=False)


def test_a_step_that_comes_again_at_once_is_a_step_of_its_own_at_the_level_of_actions(
    explorer: widgets.VariantExplorer,
) -> None:
    shown = drawn(explorer, task="T02", level="action").select("full", "kind").rows()
    assert shown == [("type B", "the same"), ("type B", "the same"), ("mail E", "the same")]
    assert drawn(explorer, task="T02", level="activity")["full"].to_list() == ["type B", "mail E"]


def test_loops_are_drawn_together_on_request(explorer: widgets.VariantExplorer, segments: pl.DataFrame) -> None:
    rounds = pl.Series([["a", "b", "a", "b", "c"]] * segments.height)
    looped = widgets.VariantExplorer(segments.with_columns(activities=rounds), level="activity", rare=0.0)
    shown = markup(looped.draw(task="T01", together=True))
    assert "↻ marks a loop" in shown
    assert r"a \u2192 b, repeated" in shown
    with pytest.raises(SettingError, match=r"Level of a loop 'app' is not allowed"):
        explorer.draw(level="app", together=True)


def test_evidence_is_rows_of_enough_people_without_names(explorer: widgets.VariantExplorer) -> None:
    shown = markup(explorer.evidence("T01-V01", "save C", task="T01"))
    assert "24 rows of 24 executions by 8 people" in shown
    assert shown.count("<td>save C</td>") == 12
    assert not any(secret in shown for secret in ("p_1", "Mrs Smith"))
    assert "fewer than 5 people" in markup(explorer.evidence("T01-V03", "cheat D", task="T01"))
    assert "fewer than 5 people" in markup(explorer.evidence("T01-V01", task="T01", query="duration < 32s"))


@pytest.fixture
def desk(explorer: widgets.VariantExplorer) -> Any:
    start_notebook()
    explorer.live()
    return explorer.desk


def test_a_query_that_cannot_be_read_is_said_and_leaves_the_picture(desk: Any) -> None:
    before = desk.place.outputs
    desk.controls["query"].value = 'contains "type B" und'
    assert desk.place.outputs is before
    assert "^" in desk.said.value
    desk.controls["query"].value = 'contains "type B"'
    assert desk.said.value == ""
    assert "36 of 40 executions fit" in desk.place.outputs[0]["data"]["text/html"]


def test_what_is_typed_is_completed(desk: Any) -> None:
    desk.controls["query"].value = 'starts "typ'
    assert desk.controls["query"].options == ('starts "type B"',)


def test_another_task_offers_its_own_ways(desk: Any) -> None:
    desk.controls["standard"].value = "T01-V02"
    desk.controls["task"].value = "T02"
    assert [value for _, value in desk.controls["standard"].options] == ["", "T02-V01"]
    assert desk.controls["standard"].value == ""
    assert "T02" in desk.place.outputs[0]["data"]["text/html"]


def test_a_chosen_step_shows_its_rows(desk: Any) -> None:
    desk.way.value = "T01-V02"
    assert [value for _, value in desk.step.options] == ["", "type B", "open A", "save C"]
    desk.step.value = "open A"
    assert "12 rows of 12 executions by 6 people" in desk.rows.outputs[0]["data"]["text/html"]
    desk.way.value = ""
    assert desk.rows.outputs == ()


def test_a_click_on_a_step_shows_its_rows(desk: Any) -> None:
    assert desk.mark in desk.place.outputs[0]["data"]["text/html"]
    desk.clicked.value = '["T01-V02", 2, 1]'
    assert (desk.way.value, desk.step.value) == ("T01-V02", "open A")
    assert "12 rows of 12 executions by 6 people" in desk.rows.outputs[0]["data"]["text/html"]
    desk.clicked.value = '["T01-V01", 3, 2]'
    assert (desk.way.value, desk.step.value) == ("T01-V01", "save C")
    assert "24 rows of 24 executions" in desk.rows.outputs[0]["data"]["text/html"]


@pytest.mark.parametrize("said", ["", "nonsense", "[1]", '["T01-V03", 2, 1]', '["T09-V01", 1, 1]', "{}"])
def test_a_click_that_says_nothing_or_is_on_a_way_of_few_people_shows_nothing(desk: Any, said: str) -> None:
    desk.clicked.value = said
    assert (desk.way.value, desk.rows.outputs) == ("", ())


def test_the_drawn_steps_know_their_way(explorer: widgets.VariantExplorer) -> None:
    assert drawn(explorer, task="T01").sort("y", "x")["way"].to_list() == ["T01-V01"] * 3 + ["T01-V02"] * 3


def test_the_twin_says_of_each_step_how_it_is_done_if_enough_people_do_it(explorer: widgets.VariantExplorer) -> None:
    said = table_of(explorer.static(), "said").filter(pl.col("task") == "T01")
    told = dict(said.select("full", "said").rows())
    assert told["open A"] == "“open A”: in 40 executions (100 %) by 8 people; median active time on it 10 s in each"
    assert "cheat D" not in told


def test_every_control_draws_again(desk: Any) -> None:
    for name, value in (
        ("level", "screen"),
        ("rare", 0.3),
        ("coverage", 0.5),
        ("together", True),
        ("query", "steps > 1"),
    ):
        before = desk.place.outputs
        desk.controls[name].value = value
        assert desk.place.outputs is not before, name
        assert "tk-card tk-problem" not in desk.place.outputs[0]["data"]["text/html"], name


def test_a_log_in_which_no_task_may_be_shown_is_a_sentence(segments: pl.DataFrame) -> None:
    few = segments.with_columns(task_id=pl.col("user"))
    assert (
        "8 tasks seen with fewer than 5 people are not shown."
        in widgets.VariantExplorer(few).static().to_dict()["description"]
    )


def test_the_settings_draw_the_same_whatever_the_order_of_rows(segments: pl.DataFrame) -> None:
    one, other = (
        widgets.VariantExplorer(frame, rare=0.0).static().to_dict() for frame in (segments, segments.reverse())
    )
    assert one == other


def test_the_ladder_takes_the_row_of_other_ways_for_what_it_is() -> None:
    ways = pl.DataFrame({
        "task_id": "T01", "variant_id": ["T01-V01", "T01-other"], "activities": [["a"], []], "segments": [6, 4],
        "people": [6, 9], "share": [0.6, 0.4], "median_seconds": 9.0, "ways": [1, 3],
    }, strict=False)  # fmt: skip
    assert "3 more ways, 4 executions, 40 %" in table_of(charts.variant_ladder(ways), "ways")["tail"].to_list()[-1]


def test_the_exported_twin_filters_without_a_kernel_or_a_network(
    explorer: widgets.VariantExplorer, window: SimpleNamespace, tmp_path: Any
) -> None:
    page = tmp_path / "page.html"
    chart = render_chart(explorer.static().to_dict())["text/html"]
    page.write_text(f"<meta charset=utf-8><script>{vega_bundle()}</script>{chart}", encoding="utf-8")
    window.page.goto(page.as_uri())
    window.page.locator(".tk-chart svg").wait_for()

    def texts() -> str:
        window.page.wait_for_timeout(150)
        return str(window.page.locator(".tk-chart svg").text_content())

    assert "V02 · 30 %" in texts()
    assert "1 more way, 4 executions, 10 %" in texts()
    window.page.locator("input[type=range]").fill("50")
    assert "V02 · 30 %" not in texts()
    assert "2 more ways, 16 executions, 40 %" in texts()
    window.page.locator("select").select_option("T02")
    assert "mail" in texts()
    assert "V01 · 100 %" in texts()
    pale = window.page.locator('.tk-chart svg path[fill="#CFE3F1"][opacity="0.25"]')
    assert pale.count() == 0
    window.page.locator('.tk-chart svg path[fill="#CFE3F1"]').first.click(force=True)
    pale.first.wait_for(timeout=5000)
    assert pale.count() == 1
    assert "in 8 executions (100 %) by 8 people" in texts()
    assert window.errors == []
    assert [address for address in window.requests if not address.startswith(("file:", "data:"))] == []

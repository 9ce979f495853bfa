"""The difference map and the panels of standardisation: they draw what they are given and hide small groups."""

from __future__ import annotations

import csv
import json
from typing import Any

import polars as pl
import pytest

from taskkit import charts
from taskkit.charts.differences_map import NOT_TOLD, TOLD
from taskkit.charts.graphs import _free_place, _on_curve
from taskkit.comparison import compare_successions
from taskkit.errors import SettingError
from taskkit.variants.standardisation import measure_standardisation

NAMES = ["segment_id", "user", "team", "task_id", "task_name", "activities", "active_seconds", "fragments"]


def segments(people: int = 14, *, task: str = "T01", other: str = "check price", skew: bool = True) -> pl.DataFrame:
    """Ten executions of each person; with `skew` one team takes another step between the same two."""
    rows = []
    for n in range(10 * people):
        between = [other] * (n % 2 if skew else n % 3 % 2)
        steps = ["open list", *between, "save"]
        rows.append((f"{task}-{n}", f"p_secret{n % people}", "ab"[n % 2], task, "Enter", steps, 30.0 + n % 7, 1))
    return pl.DataFrame(rows, schema=NAMES, orient="row")


def successions(frame: pl.DataFrame, **settings: Any) -> pl.DataFrame:
    return compare_successions(frame, level="activity", permutations=199, **settings)


def rows_with(chart: Any, *columns: str) -> list[dict[str, str]]:
    """The rows of the chart's data that have all these columns."""
    found = [list(csv.DictReader(str(data).splitlines())) for data in chart.to_dict()["datasets"].values()]
    return [row for rows in found for row in rows if rows and set(columns) <= set(row)]


def arrows(chart: Any) -> dict[str, str]:
    """Succession → whether it is told from chance."""
    return {row["tip"]: row["kind"] for row in rows_with(chart, "tip", "kind")}


def options(chart: Any) -> dict[str, str]:
    """What can be chosen in the page: value → words."""
    bind = next(p["bind"] for p in chart.to_dict()["params"] if "bind" in p)
    return dict(zip(bind["options"], bind["labels"], strict=True))


# ---------------------------------------------------------------------------------------------------- difference map
def test_what_chance_would_rarely_make_is_told_apart_from_the_rest() -> None:
    found = arrows(charts.difference_map(successions(segments())))
    assert found["open list → check price"] == TOLD
    assert found["open list → save"] == TOLD
    assert found["start → open list"] == NOT_TOLD


def test_without_a_difference_every_arrow_is_dashed() -> None:
    chart = charts.difference_map(successions(segments(skew=False)))
    assert set(arrows(chart).values()) == {NOT_TOLD}
    assert chart.to_dict()["description"].startswith("a and b: none of 5 successions differs beyond chance.")


def test_only_what_is_told_has_an_outline_and_the_dash_is_explained() -> None:
    layers = charts.difference_map(successions(segments())).to_dict()["layer"]
    outline = next(each for each in layers if each.get("encoding", {}).get("strokeWidth", {}).get("field") == "rim")
    assert {"filter": f"datum.kind == '{TOLD}'"} in outline["transform"]
    dash = next(each["encoding"]["strokeDash"] for each in layers if "strokeDash" in each.get("encoding", {}))
    assert dict(zip(dash["scale"]["domain"], dash["scale"]["range"], strict=True)) == {TOLD: [1, 0], NOT_TOLD: [5, 4]}


def test_arrows_say_the_difference_in_percentage_points_second_minus_first() -> None:
    chart = charts.difference_map(successions(segments()))
    shown = {row["tip"]: float(row["difference"]) for row in rows_with(chart, "tip", "kind")}
    assert shown["open list → check price"] == 100
    assert shown["open list → save"] == -100
    texts = {row["text"] for row in rows_with(chart, "text", "kind")}
    assert texts == {"+100", "−100", "±0"}


def test_a_succession_of_few_people_is_not_drawn_and_said_to_be_hidden() -> None:
    few = successions(segments()).with_columns(
        people=pl.when(pl.col("after") == "check price").then(4).otherwise(pl.col("people"))
    )
    text = json.dumps(charts.difference_map(few).to_dict())
    assert "open list \\u2192 check price" not in text
    assert "1 succession seen with fewer than 5 people is hidden." in text


def test_a_task_of_few_people_is_nowhere_on_the_map() -> None:
    both = pl.concat([segments(), segments(4, task="T77", other="cheat").with_columns(task_name=pl.lit("Cheat"))])
    for chart in (
        charts.difference_map(successions(both)),
        charts.difference_map(successions(both), tasks=["T01"], task="T77"),
    ):
        text = json.dumps(chart.to_dict())
        assert "T77" not in text
        assert "heat" not in text.replace("heatmap", "")
        assert "1 task seen with fewer than 5 people is not shown." in text


def test_a_task_with_few_people_in_a_group_is_not_compared_and_the_map_says_so() -> None:
    lopsided = segments(task="T02").filter((pl.col("team") == "a") | (pl.col("user") == "p_secret1"))
    chart = charts.difference_map(successions(pl.concat([segments(), lopsided])))
    assert list(options(chart)) == ["T01"]
    assert "1 task with fewer than 5 people in a group is not compared." in chart.to_dict()["description"]
    assert "Too few people in a group" in charts.difference_map(successions(lopsided)).to_dict()["description"]


def test_more_people_can_be_asked_for_than_the_comparison_did() -> None:
    chart = charts.difference_map(successions(segments(12)), min_people=7)
    assert "Too few people in a group" in chart.to_dict()["description"]


def test_a_clear_difference_is_drawn_however_rare() -> None:
    found = arrows(charts.difference_map(successions(segments()), nodes=1, edges=1))
    assert found["open list → check price"] == TOLD
    assert found["check price → save"] == TOLD


def test_the_task_with_most_clear_differences_is_shown_first_or_the_one_asked_for() -> None:
    both = successions(pl.concat([segments(task="T01", skew=False), segments(task="T02")]))
    chart, asked = charts.difference_map(both), charts.difference_map(both, task="T01")
    assert options(chart) == {"T01": "T01  Enter", "T02": "T02  Enter (3 clear differences)"}
    assert [next(p["value"] for p in c.to_dict()["params"] if "bind" in p) for c in (chart, asked)] == ["T02", "T01"]


def test_no_map_holds_a_pseudonym_or_asks_a_network() -> None:
    spec = charts.difference_map(successions(segments())).to_dict()
    assert "p_secret" not in json.dumps(spec)
    assert '"url"' not in json.dumps(spec)


def test_the_order_of_rows_does_not_change_the_map() -> None:
    maps = [charts.difference_map(successions(f)) for f in (segments(), segments().sample(fraction=1, shuffle=True))]
    assert json.dumps(maps[0].to_dict()["datasets"]) == json.dumps(maps[1].to_dict()["datasets"])


def test_without_two_groups_the_map_is_a_sentence() -> None:
    nothing = charts.difference_map(pl.DataFrame()).to_dict()
    assert nothing["description"] == "There are no two groups to compare in this log."


def test_a_long_name_is_drawn_on_two_lines() -> None:
    long = segments(other="Invoices to approve - Worklist - Horizon ERP")
    boxes = rows_with(charts.difference_map(successions(long)), "one", "two")
    assert ("Invoices to approve", "Worklist - Horizon ERP") in {(box["one"], box["two"]) for box in boxes}


# ------------------------------------------------------------------------------------------------- numbers on a map
CURVE = [(0.0, 0.0), (0.0, 20.0), (0.0, 180.0), (0.0, 200.0)]


def test_a_number_stands_in_the_middle_of_its_curve() -> None:
    assert _free_place(CURVE, [], []) == (0.0, 100.0)


def test_a_number_gives_way_to_boxes_and_to_other_numbers() -> None:
    bent = [(0.0, 0.0), (0.0, 20.0), (0.0, 90.0), (0.0, 180.0), (0.0, 200.0)]
    first = _free_place(bent, [], [])
    for boxes, taken in (([first], []), ([], [first])):
        x, y = _free_place(bent, boxes, taken)
        assert (x, y) in _on_curve(bent)
        assert abs(y - first[1]) > 13


# --------------------------------------------------------------------------------------------------- standardisation
def test_every_measure_is_a_panel_with_a_row_for_each_task() -> None:
    measured = measure_standardisation(pl.concat([segments(), segments(task="T02", skew=False)]))
    spec = charts.standardisation(measured).to_dict()
    assert [panel["title"]["text"] for panel in spec["hconcat"]][:2] == [
        "like the typical execution (%)", "spread of active time (%)",
    ]  # fmt: skip
    assert len(spec["hconcat"]) == 5
    names = [row["name"] for row in rows_with(charts.standardisation(measured, measures=["rework"]), "value", "low")]
    assert names == ["T01  Enter", "T02  Enter"]


def test_shares_are_drawn_in_percent_and_counts_as_they_are() -> None:
    measured = measure_standardisation(segments())
    (share,) = rows_with(charts.standardisation(measured, measures=["similarity"]), "value")
    (count,) = rows_with(charts.standardisation(measured, measures=["fragments"]), "value")
    assert float(share["value"]) == pytest.approx(100 * measured["similarity"][0], abs=0.01)
    assert float(share["low"]) == pytest.approx(100 * measured["similarity_low"][0], abs=0.01)
    assert float(count["value"]) == 1


def test_the_title_names_a_task_only_if_the_intervals_are_apart() -> None:
    measured = measure_standardisation(pl.concat([segments(), segments(task="T02", other="look up")]))
    frame = measured.with_columns(
        similarity=pl.Series([0.9, 0.5]), similarity_low=pl.Series([0.8, 0.4]), similarity_high=pl.Series([1.0, 0.6])
    )
    said = charts.standardisation(frame).to_dict()["description"]
    assert said.startswith(
        "Step by step, T01 is done most uniformly (90 % like its typical execution), T02 least (50 %)."
    )
    close = frame.with_columns(similarity_high=pl.lit(0.95))
    assert charts.standardisation(close).to_dict()["description"].startswith("How uniformly 2 tasks are done")


def test_a_task_of_few_people_has_no_row_and_no_name() -> None:
    both = pl.concat([segments(), segments(4, task="T77").with_columns(task_name=pl.lit("Cheat"))])
    for measured in (measure_standardisation(both), measure_standardisation(both, min_people=1)):
        for chart in (charts.standardisation(measured), charts.standardisation(measured, tasks=["T01"])):
            text = json.dumps(chart.to_dict())
            assert "T77" not in text
            assert "Cheat" not in text
            assert "1 task seen with fewer than 5 people is not shown." in text


def test_nothing_to_measure_is_a_sentence() -> None:
    few = measure_standardisation(segments(4))
    assert "1 task seen with fewer" in charts.standardisation(few).to_dict()["description"]
    assert "Too few people" in charts.standardisation(few, tasks=["T01"]).to_dict()["description"]


def test_an_unknown_measure_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingError, match="similarity"):
        charts.standardisation(measure_standardisation(segments()), measures=["entropy"])


def test_the_words_for_a_screen_reader_are_whole_sentences() -> None:
    said = charts.standardisation(measure_standardisation(segments())).to_dict()["description"]
    assert ",." not in said
    assert "Typical is the execution most like all others, step by step" in said


def test_both_charts_stay_within_the_page() -> None:
    panels = charts.standardisation(measure_standardisation(segments())).to_dict()["hconcat"]
    assert sum(panel["width"] for panel in panels) <= 1000
    assert charts.difference_map(successions(segments())).to_dict()["width"] <= 1150

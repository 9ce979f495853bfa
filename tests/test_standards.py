"""Standards: read, aligned with what was done, and left."""

from __future__ import annotations

import heapq
import json
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

from taskkit.activities import name_activities
from taskkit.errors import ContractError, LogFileError, SettingError
from taskkit.privacy import suppress_small_groups
from taskkit.variants.standards import (
    Standard,
    list_deviations,
    measure_conformance,
    measure_leaving,
    read_standard,
    standard_from_steps,
    standard_from_successions,
    standard_from_variant,
)
from tests.frames import make_events

steps = st.lists(st.sampled_from("abcd"), max_size=8)


def segments_of(*ways: Any, people: int = 2) -> pl.DataFrame:
    n = len(ways)
    return pl.DataFrame(
        {
            "segment_id": pl.Series(range(n), dtype=pl.UInt32), "user": [f"p{i % people}" for i in range(n)],
            "task_id": ["T01"] * n, "active_seconds": [10.0] * n,
            "activities": pl.Series([list(way) for way in ways], dtype=pl.List(pl.String)),
        }
    )  # fmt: skip


def ways_of(standard: Standard, longest: int = 8) -> set[str]:
    """All ways through a standard of up to `longest` steps."""
    found, waiting = set(), [(place, standard.steps[place]) for place in standard.starts]
    while waiting:
        place, way = waiting.pop()
        if place in standard.ends:
            found.add(way)
        if len(way) < longest:
            waiting += [(b, way + standard.steps[b]) for a, b in standard.successions if a == place]
    return found


def cost(standard: Standard, way: list[str]) -> int:
    return sum(len(gap.inserted) + len(gap.skipped) for gap in standard.align(way))


@settings(deadline=None)  # the first example loads and compiles
@given(steps, st.lists(st.sampled_from("abcd"), min_size=1, max_size=8))
def test_against_one_order_the_cost_is_the_distance_of_insertions_and_deletions(
    way: list[str], path: list[str]
) -> None:
    assert cost(standard_from_steps(path), way) == Indel.distance(way, path)


edges = st.lists(st.tuples(st.sampled_from([None, *"abcd"]), st.sampled_from([*"abcd", None])), max_size=10)


def graph_of(pairs: list[tuple[str | None, str | None]]) -> Standard:
    rows = [(None, "a"), ("d", None), ("a", "b"), ("b", "d"), *((a, b) for a, b in pairs if a or b)]
    return standard_from_successions(pl.DataFrame(rows, schema=["before", "after"], orient="row"))


def cheapest(standard: Standard, way: list[str]) -> int:
    """The textbook's way: Dijkstra on pairs of (steps of the way done, place of the standard), a step at a time."""
    waiting, done = [(0, 0, -1)], set()
    while True:
        paid, at, place = heapq.heappop(waiting)
        if at == len(way) and place in standard.ends:
            return paid
        if (at, place) in done:
            continue
        done.add((at, place))
        if at < len(way):
            heapq.heappush(waiting, (paid + 1, at + 1, place))
        following = standard.starts if place < 0 else [b for a, b in standard.successions if a == place]
        for there in following:
            heapq.heappush(waiting, (paid + 1, at, there))
            if at < len(way) and standard.steps[there] == way[at]:
                heapq.heappush(waiting, (paid, at + 1, there))


@settings(deadline=None)  # the first example loads and compiles
@given(edges, steps)
def test_against_a_graph_the_cost_is_the_cheapest(pairs: list[tuple[str | None, str | None]], way: list[str]) -> None:
    standard = graph_of(pairs)
    assert cost(standard, way) == cheapest(standard, way)


@settings(deadline=None)  # the first example loads and compiles
@given(edges, steps)
def test_gaps_mended_make_a_way_of_the_standard(pairs: list[tuple[str | None, str | None]], way: list[str]) -> None:
    standard = graph_of(pairs)
    gaps, mended = standard.align(way), list(way)
    for gap in gaps:
        for place in gap.inserted:
            mended[place] = ""
        if gap.inserted:
            mended[gap.inserted[-1]] = "".join(gap.skipped)
    if all(gap.inserted or not gap.skipped for gap in gaps):  # where something was only skipped its place is not told
        assert cheapest(standard, list("".join(mended))) == 0


def test_fitness_is_one_minus_cost_over_worst_cost() -> None:
    measured = measure_conformance(
        segments_of("abc", "axbc", "xyz", "ac", ""), standard_from_steps(list("abc")), level="activity"
    )
    assert measured["fitness"].round(6).to_list() == [1.0, round(1 - 1 / 7, 6), 0.0, round(1 - 1 / 5, 6), 0.0]
    assert measured["deviations"].to_list() == [0, 1, 1, 1, 1]
    assert measured.select("inserted", "skipped").rows() == [(0, 0), (1, 0), (3, 3), (0, 1), (0, 3)]
    assert measured["deviates"].to_list() == [False, True, True, True, True]


def test_deviations_say_where_it_is_left_what_is_done_and_where_it_is_come_back_to() -> None:
    frame = segments_of("abcd", "axycd", "axycd", "abcdz", "acd")
    listed = list_deviations(frame, standard_from_steps(list("abcd")), level="activity")
    told = listed.select("kind", "left", "done", "skipped", "returned", "segments", "people").rows()
    assert told == [
        ("replaced", "a", ["x", "y"], ["b"], "c", 2, 2),
        ("inserted", "d", ["z"], [], None, 1, 1),
        ("skipped", "a", [], ["b"], "c", 1, 1),
    ]
    assert listed["share"].to_list() == [0.4, 0.2, 0.2]
    assert listed["measured"].unique().to_list() == [5]


def test_a_step_at_another_place_is_swapped_and_told_once() -> None:
    listed = list_deviations(segments_of("acdbe"), standard_from_steps(list("abcde")), level="activity")
    assert listed.select("kind", "left", "done", "skipped", "returned").rows() == [("swapped", "d", ["b"], [], "e")]


def test_a_step_done_twice_elsewhere_is_swapped_once_and_inserted_once() -> None:
    listed = list_deviations(segments_of("acdbeb"), standard_from_steps(list("abcde")), level="activity")
    assert sorted(listed["kind"].to_list()) == ["inserted", "swapped"]


def test_deviations_are_counted_alike_in_both_frames() -> None:
    frame = segments_of("abcd", "axycd", "adcbz", "zzbq", "acd", "bca")
    standard = standard_from_steps(list("abcd"))
    counted = measure_conformance(frame, standard, level="activity")["deviations"].sum()
    assert counted == list_deviations(frame, standard, level="activity")["times"].sum() > 4


def test_seconds_outside_are_those_of_the_steps_outside() -> None:
    events = name_activities(
        make_events([*"axyb", {"element_name": "a", "after": 600}, {"element_name": "b", "after": 7}])
    )
    events = events.with_columns(segment_id=pl.Series([0, 0, 0, 0, 1, 1], dtype=pl.UInt32))
    frame = segments_of(["click a", "click x", "click y", "click b"], ["click a", "click b"])
    events = events.with_columns(activity=pl.format("click {}", "element_name"))
    listed = list_deviations(frame, standard_from_steps(["click a", "click b"]), level="activity", events=events)
    assert listed.select("done", "median_seconds").rows() == [(["click x", "click y"], 10.0)]
    without = list_deviations(frame, standard_from_steps(["click a", "click b"]), level="activity")
    assert without["median_seconds"].to_list() == [None]


def test_coming_back_to_a_screen_deviates_only_if_the_standard_has_steps_twice() -> None:
    frame = segments_of(["open A", "open B", "open A", "open B"])
    once = measure_conformance(frame, standard_from_steps(["A", "B"]))
    twice = measure_conformance(frame, standard_from_steps(["A", "B", "A"]))
    assert once["deviates"].to_list() == [False]
    assert twice["inserted"].to_list() == [1]


def test_a_variant_is_its_own_standard() -> None:
    frame = segments_of("ab", "ab", "ac")
    standard = standard_from_variant(frame, "T01-V01", level="activity")
    assert measure_conformance(frame, standard, task_id="T01", level="activity")["deviates"].to_list() == [
        False,
        False,
        True,
    ]
    with pytest.raises(SettingError, match="Known: T01-V01"):
        standard_from_variant(frame, "T01-V07", level="activity")


def test_the_order_of_rows_changes_nothing() -> None:
    frame = segments_of("abcd", "adcbz", "zzbq", "acd")
    standard = standard_from_steps(list("abcd"))
    turned = list_deviations(frame.reverse(), standard, level="activity")
    assert turned.equals(list_deviations(frame, standard, level="activity"))


def test_groups_under_five_people_can_be_hidden() -> None:
    frame = segments_of(*["axb"] * 5, "ayb", people=5)
    listed = list_deviations(frame, standard_from_steps(["a", "b"]), level="activity")
    assert suppress_small_groups(listed)["done"].to_list() == [["x"], None]


def test_a_standard_without_a_step_of_the_segments_is_an_error() -> None:
    with pytest.raises(SettingError, match="Choose another level"):
        measure_conformance(segments_of("ab"), standard_from_steps(["q"]), level="activity")
    with pytest.raises(ContractError, match="list_segments"):
        measure_conformance(pl.DataFrame({"user": ["a"]}), standard_from_steps(["q"]))


@pytest.mark.parametrize("wrong", [[], "ab"])
def test_no_steps_and_a_text_are_no_standard(wrong: Any) -> None:
    with pytest.raises(SettingError):
        standard_from_steps(wrong)


def test_successions_of_two_tasks_or_without_an_end_are_no_standard() -> None:
    two = pl.DataFrame({"task_id": ["T01", "T02"], "before": [None, "a"], "after": ["a", None]})
    with pytest.raises(SettingError, match="several tasks"):
        standard_from_successions(two)
    with pytest.raises(SettingError, match="no steps"):
        standard_from_successions(pl.DataFrame({"before": [None, "b"], "after": ["a", None]}))


BPMN = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"><bpmn:process id="p" name="pay">{}</bpmn:process>
</bpmn:definitions>"""


def bpmn(folder: Path, nodes: str, flows: str) -> Path:
    """A file; `nodes` as "kind id", a task's name is its id, `flows` as "a>b"."""
    elements = [
        f'<bpmn:{kind} id="{name}" {"name" if "ask" in kind else "title"}="{name}"/>'
        for kind, name in (node.split() for node in nodes.split(","))
    ]
    pairs = [flow.split(">") for flow in flows.split()]
    elements += [f'<bpmn:sequenceFlow id="f{i}" sourceRef="{a}" targetRef="{b}"/>' for i, (a, b) in enumerate(pairs)]
    file = folder / "pay.bpmn"
    file.write_text(BPMN.format("".join(elements)), encoding="utf-8")
    return file


def test_exclusive_gateways_are_choices_and_loops(tmp_path: Path) -> None:
    file = bpmn(
        tmp_path, "startEvent s,task a,userTask b,task c,exclusiveGateway g,exclusiveGateway h,endEvent e",
        "s>a a>g g>b g>c b>h c>h h>e h>a",
    )  # fmt: skip
    standard = read_standard(file)
    assert (standard.name, standard.repeats) == ("pay", True)
    assert ways_of(standard, 4) == {"ab", "ac", "abab", "abac", "acab", "acac"}


def test_parallel_gateways_are_all_orders_and_nothing_else(tmp_path: Path) -> None:
    file = bpmn(
        tmp_path, "startEvent s,task a,task b,task c,task d,parallelGateway g,parallelGateway h,endEvent e",
        "s>g g>a g>b g>c a>h b>h c>h h>d d>e",
    )  # fmt: skip
    standard = read_standard(file)
    assert ways_of(standard) == {"".join(order) + "d" for order in permutations("abc")}
    assert not standard.repeats
    assert cost(standard, list("abd")) == 1


@pytest.mark.parametrize(
    ("nodes", "flows", "said"),
    [
        ("startEvent s,task a,inclusiveGateway g", "s>a", "inclusiveGateway 'g' is not understood"),
        ("task a,endEvent e", "a>e", "no startEvent"),
        ("startEvent s,task a", "s>a a>q", "joins 'q'"),
        ("startEvent s,task a,task b,exclusiveGateway h,endEvent e", "s>a s>b a>h b>h h>e", "two tokens can meet"),
        ("startEvent s,task a,task b,parallelGateway g", "s>a a>g b>g", "no steps"),
        ("startEvent s,endEvent e", "s>e", "holds 0 processes with tasks"),
        (
            "startEvent s,parallelGateway g," + ",".join(f"task t{i}" for i in range(14)),
            "s>g " + " ".join(f"g>t{i}" for i in range(14)),
            "too many parallel branches",
        ),
    ],
)
def test_what_bpmn_cannot_be_read_is_said(tmp_path: Path, nodes: str, flows: str, said: str) -> None:
    with pytest.raises(LogFileError, match=said):
        read_standard(bpmn(tmp_path, nodes, flows))


def test_all_problems_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    file = bpmn(tmp_path, "complexGateway g,task a", "a>q")
    file.write_text(file.read_text().replace('name="a"', ""))
    with pytest.raises(LogFileError) as error:
        read_standard(file)
    assert all(said in str(error.value) for said in ("not understood", "has no name", "joins 'q'", "no startEvent"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.bpmn", "<!DOCTYPE x [<!ENTITY y 'z'>]><definitions/>", "document type or entities"),
        ("a.bpmn", "<definitions>", "well-formed"),
        ("a.bpmn", "<other/>", "no BPMN"),
        ("a.csv", "from,to\na,b\n", "no column before, after"),
        ("a.csv", "", "cannot be read as CSV"),
        ("a.json", "{", "no JSON"),
        ("a.json", "[" * 100_000, "no JSON"),
        ("a.json", '[["a", 1], ["a", "b"], 5]', "entries 1, 3 are"),
        ("a.json", "[]", "no steps"),
        ("a.pdf", "x", "not from '.pdf'"),
    ],
)
def test_a_file_that_is_none_is_said(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(LogFileError, match=said):
        read_standard(tmp_path / name)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LogFileError, match="no such file"):
        read_standard(tmp_path / "x.bpmn")


def test_csv_and_json_hold_the_same_standard(tmp_path: Path) -> None:
    pairs = [[None, "a"], ["a", "b"], ["b", "b"], ["b", None]]
    (tmp_path / "x.csv").write_text("before,after,times\n" + "".join(f"{a or ''},{b or ''},3\n" for a, b in pairs))
    (tmp_path / "x.json").write_text(json.dumps([{"before": a, "after": b} for a, b in pairs]))
    (tmp_path / "y.json").write_text(json.dumps([*pairs[1:3], ["b", "c"]]))
    assert (
        ways_of(read_standard(tmp_path / "x.csv"), 4)
        == ways_of(read_standard(tmp_path / "x.json"), 4)
        == {"ab", "abb", "abbb"}
    )
    assert ways_of(read_standard(tmp_path / "y.json"), 4) == {
        "abc",
        "abbc",
    }  # starts and ends where nothing is before or after


def leaving_of(*apps: list[str], **settings: Any) -> pl.DataFrame:
    rows = [
        {"app": app, "element_name": "x", "user": f"p{n}", "session_id": f"s{n}"}
        for n, row in enumerate(apps)
        for app in row
    ]
    events = name_activities(make_events(rows, seconds=10.0)).with_columns(
        segment_id=pl.col("session_id").str.slice(1).cast(pl.UInt32), dropped=pl.lit(None, dtype=pl.String)
    )
    segments = events.select("segment_id", "user").unique(maintain_order=True).with_columns(task_id=pl.lit("T01"))
    return measure_leaving(segments, events=events, **settings)


def test_leaving_is_counted_with_its_time_and_whether_people_come_back() -> None:
    left = leaving_of(["erp", "teams", "teams", "erp", "excel", "erp"], ["erp", "teams", "teams"], *[["erp"] * 2] * 3)
    assert left.select("left_for", "leavings", "segments", "share", "people", "returned", "measured").rows() == [
        ("chat", 2, 2, 0.4, 2, 0.5, 5),
        ("spreadsheet", 1, 1, 0.2, 1, 1.0, 5),
    ]
    assert left["seconds"].to_list() == [30.0, 10.0]
    assert left["main"].to_list() == [["erp"], ["erp"]]


def test_what_most_executions_use_is_not_left_for() -> None:
    assert leaving_of(["outlook", "erp"], ["outlook", "erp"], ["erp", "outlook"]).height == 0


def test_what_comes_before_the_main_application_is_no_leaving() -> None:
    assert leaving_of(["excel", "erp", "erp"], ["erp", "erp"], ["erp", "erp"], main=0.9).height == 0


def test_main_applications_can_be_named() -> None:
    left = leaving_of(["erp", "outlook", "erp"], ["erp", "outlook", "erp"], main=["erp"])
    assert left.select("left_for", "apps", "leavings", "time_share").rows() == [("mail", ["outlook"], 2, 0.5)]
    with pytest.raises(SettingError, match="Known: erp, outlook"):
        leaving_of(["erp", "outlook"], main="sap")
    with pytest.raises(SettingError, match="above 0"):
        leaving_of(["erp", "outlook"], main=0)

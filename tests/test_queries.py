"""Queries over the steps of segments: what fits, what is said where a text is no query, how it can go on."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from itertools import groupby, pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from taskkit.errors import ContractError, SettingError
from taskkit.variants.queries import complete_query, match
from taskkit.variants.queries.steps import Steps
from tests.frames import START

WAYS = ["abc", "acb", "aab", "b", "cabab", ""]


def segments_of(ways: list[Any] = WAYS, **columns: list[Any]) -> pl.DataFrame:
    """One segment a way, a letter (or item) a step."""
    n = len(ways)
    given = {
        "segment_id": range(n), "user": [f"p{i % 3}" for i in range(n)], "team": [["north", "south"][i % 2] for i in range(n)],
        "start": [START + timedelta(days=i) for i in range(n)], "active_seconds": [60.0 * (i + 1) for i in range(n)],
        "elapsed_seconds": [600.0 * (i + 1) for i in range(n)], "steps": [len(way) for way in ways],
        "apps": [["erp"] if i % 2 else ["erp", "excel"] for i in range(n)],
    }  # fmt: skip
    frame = pl.DataFrame({**given, **columns})
    return frame.with_columns(activities=pl.Series([list(way) for way in ways], dtype=pl.List(pl.String)))


def fitting(query: str, level: str = "activity", **columns: list[Any]) -> list[str]:
    rows = match(segments_of(**columns), query, level=level)["segment_id"].to_list()
    return [WAYS[row] for row in rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('starts "a"', ["abc", "acb", "aab"]),
        ('ends "b"', ["acb", "aab", "b", "cabab"]),
        ('contains "c"', ["abc", "acb", "cabab"]),
        ('"a" -> "b"', ["abc", "aab", "cabab"]),
        ('"a" ~> "b"', ["abc", "acb", "aab", "cabab"]),
        ('starts "a" -> "b" ~> "c"', ["abc"]),
        ('"b" -> "a" -> "b"', ["cabab"]),
        ('any("b", "c") -> "a"', ["cabab"]),
        ('all("c", "a")', ["abc", "acb", "cabab"]),
        ('starts all("a", "c") -> "b"', ["acb", "cabab"]),
        ('starts not("a", "b")', ["cabab"]),
        ('contains not("a") -> "b"', ["acb"]),
        ('not ("c")', ["aab", "b", ""]),
        ('repeats "a" > 1', ["cabab"]),
        ('repeats "a" = 0', ["b", ""]),
        ('"c" and not ends "c"', ["acb", "cabab"]),
        ('ends "c" or starts "b" and "b"', ["abc", "b"]),
        ('(ends "c" or starts "b") and "a"', ["abc"]),
        ("duration > 5m", [""]),
        ("duration <= 2m", ["abc", "acb"]),
        ("elapsed >= 50m", ["cabab", ""]),
        ("steps > 3", ["cabab"]),
        ('application "ex*"', ["abc", "aab", "cabab"]),
        ('application != "excel"', ["acb", "b", ""]),
        ('team = "South"', ["acb", "b", ""]),
        ("date >= 2026-03-06", ["cabab", ""]),
        ("date = 2026-03-02", ["abc"]),
        ("  ", WAYS),
    ],
)
def test_what_fits(query: str, expected: list[str]) -> None:
    assert fitting(query) == expected


def test_staying_on_a_screen_is_one_step() -> None:
    ways = [["click x · A", "type y · A", "click z · A", "open B", "click x · A"]]
    assert match(segments_of(ways), 'starts "a" -> "b" and repeats "A" = 2 and not "a" -> "a"').height == 1


def test_a_star_is_any_text_and_a_backslash_takes_it_as_it_is() -> None:
    frame = segments_of([["open 5*3"], ["open 513"]])
    assert match(frame, '"OPEN 5*"', level="activity").height == 2
    assert match(frame, r'"open 5\*3"', level="activity").height == 1


def test_a_null_fits_no_condition_but_unequal() -> None:
    none = {"variant_id": ["T01-V01", None] * 3, "marked": [True, None, False] * 2, "note": [None, 2.0, 3.0] * 2}
    assert fitting('variant = "T01-V01"', **none) == ["abc", "aab", "cabab"]
    assert fitting('variant != any("T01-V01", "t01-v0*")', **none) == ["acb", "b", ""]
    assert fitting("not marked = true", **none) == ["acb", "aab", "cabab", ""]
    assert fitting("note > 2", **none) == ["aab", ""]
    assert fitting("note != 2", **none) == ["abc", "aab", "b", ""]


def test_doing_the_same_again_is_a_step_at_the_level_of_actions_only() -> None:
    assert fitting('repeats "a" > 1', level="action") == ["aab", "cabab"]
    assert fitting('"a" -> "a"', level="action") == ["aab"]
    assert fitting('"a" -> "a"', level="activity") == []


def test_applications_have_no_order_to_ask_for() -> None:
    with pytest.raises(SettingError, match=r"applications of a segment have none\. Known: action, activity, screen"):
        fitting('"a"', level="app")
    with pytest.raises(SettingError, match="Known: action, activity, screen"):
        complete_query("", segments_of(), level="app")


def test_what_an_earlier_query_has_read_gives_the_same() -> None:
    frame = segments_of()
    steps = Steps(frame, "activity")
    for query in ('"a" -> "b"', 'ends "c"'):
        assert_frame_equal(match(frame, query, level="activity", steps=steps), match(frame, query, level="activity"))


def test_a_task_is_asked_for_by_id_or_name() -> None:
    named = {"task_id": ["T01", "T02"] * 3, "task_name": ["Enter", "Pay"] * 3}
    assert fitting('task = "T01"', **named) == fitting('task = "enter"', **named) == ["abc", "aab", "cabab"]


letters = st.lists(st.sampled_from("abc"), max_size=7)


@settings(deadline=None)  # the first example loads and compiles
@given(st.lists(letters, min_size=1, max_size=5), st.sampled_from("abc"), st.sampled_from("abc"),
       st.sampled_from(["action", "activity", "screen"]))  # fmt: skip
def test_following_is_what_a_loop_over_the_steps_finds(ways: list[list[str]], x: str, y: str, level: str) -> None:
    frame = segments_of([*ways, list("abc")])
    direct = match(frame, f'"{x}" -> "{y}"', level=level)["segment_id"].to_list()
    later = match(frame, f'"{x}" ~> "{y}"', level=level)["segment_id"].to_list()
    single = level != "action"
    steps = [[step for step, _ in groupby(way)] if single else way for way in [*ways, list("abc")]]
    assert direct == [i for i, way in enumerate(steps) if (x, y) in pairwise(way)]
    assert later == [i for i, way in enumerate(steps) if x in way and y in way[way.index(x) + 1 :]]


@settings(deadline=None)  # the first example loads and compiles
@given(st.text(alphabet="ab\"\\*()<>=-~ 5m&'", max_size=25) | st.text(max_size=15))
def test_any_text_is_a_query_or_a_setting_error(text: str) -> None:
    try:
        found = match(segments_of(), text, level="activity")
    except SettingError:
        return
    assert found.height <= len(WAYS)


@settings(deadline=None)  # the first example loads and compiles
@given(st.text(alphabet="ab.*\\\"'[]^$| ", min_size=1, max_size=8))
def test_every_name_can_be_written(name: str) -> None:
    frame = segments_of([[name], ["other"]])
    quoted = re.sub(r'(["\\*])', r"\\\1", name)
    assert match(frame, f'"{quoted}"', level="activity").height == 1


@pytest.mark.parametrize(
    ("query", "place", "said"),
    [
        ('contains "a" -> and', 17, "expected any, all, not, a name in quotes"),
        ("contians", 1, "Did you mean contains?"),
        ('"a', 1, "closing quote is missing"),
        ('("a" or "b"', 12, "Found the end of the query"),
        ('"a" "b"', 5, "expected ->, ~>, and, or, the end"),
        ('"a" => "b"', 5, "eventually followed ~>"),
        ("duration > 5", 12, "expected a duration such as 5m"),
        ("steps > 5m", 9, "expected a number"),
        ("date > 2026-02-31", 8, "no day of the calendar"),
        ('variant = "x"', 1, "run find_variants first"),
        ('user = "p1"', 1, "Nobody can be asked for"),
        ('all("a", "a", "a", "b", "b")', 1, "at most 4 names"),
        ('team = "sout"', 8, 'Near: "south"'),
        ("marked = 1", 10, "expected true, false"),
        ("§", 1, "Found §"),
    ],
)
def test_a_problem_is_marked_at_its_place(query: str, place: int, said: str) -> None:
    with pytest.raises(SettingError) as error:
        match(segments_of(marked=[True] * 6), query, level="activity")
    lines = str(error.value).splitlines()
    assert f"at character {place}:" in lines[0]
    assert lines[2].index("^") == place + 1
    assert said in lines[3]


def test_all_unknown_names_are_said_with_near_ones() -> None:
    frame = segments_of([["open invoice", "copy amount"]])
    with pytest.raises(SettingError) as error:
        match(frame, '"open invoce" -> "amount" and team = "nrth"', level="activity")
    said = str(error.value)
    assert all(f'Near: "{name}"' in said for name in ("open invoice", "copy amount", "north"))
    assert 'write "*" for any text' in said


def test_too_long_and_too_deep_is_an_error_and_no_crash() -> None:
    for query, said in [("(" * 100 + '"a"' + ")" * 100, "levels"), ('"a" and ' * 1000 + '"a"', "characters")]:
        with pytest.raises(SettingError, match=said):
            match(segments_of(), query, level="activity")


def test_a_frame_without_activities_says_who_makes_them() -> None:
    with pytest.raises(ContractError, match="list_segments"):
        match(pl.DataFrame({"team": ["a"]}), "steps > 1")


def test_no_segments_fit_in_an_empty_frame_and_names_are_no_error() -> None:
    assert match(segments_of().clear(), 'starts "a" -> "b" and team = "x"').height == 0


def test_nulls_among_the_steps_are_no_steps() -> None:
    frame = segments_of(["a", "b", "c"]).with_columns(activities=pl.Series([["a", None, "b"], None, []]))
    assert match(frame, '"a" -> "b"', level="activity")["segment_id"].to_list() == [0]
    assert match(frame, 'not "a"', level="activity")["segment_id"].to_list() == [1, 2]


def test_the_input_is_not_changed() -> None:
    frame = segments_of()
    before = frame.clone()
    found = match(frame, 'starts "a"')
    assert frame.equals(before)
    assert found.columns == frame.columns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["starts", "ends", "contains", "duration", '"open mail"']),
        ("con", ["contains"]),
        ('starts "inv', ['starts "Invoice 1"']),
        ('"open mail" ', ['"open mail" ->', '"open mail" and']),
        ('"open mail" -> ', ['"open mail" -> "Invoice 1"', '"open mail" -> any(']),
        ('team = "n', ['team = "north"']),
        ("steps ", ["steps >", "steps ="]),
        ("(steps > 3 ", ["(steps > 3 )"]),
        ("not marked = t", ["not marked = true"]),
    ],
)
def test_a_query_is_completed_at_its_end(text: str, expected: list[str]) -> None:
    frame = segments_of([["open mail", "Invoice 1"]] * 6, marked=[True] * 6)
    offered = complete_query(text, frame, level="activity", limit=50)
    assert set(expected) <= set(offered)
    assert all(o.startswith(text[: len(text) - len(text.split(" ")[-1])]) for o in offered)


def test_nobody_is_offered_and_nothing_behind_an_error() -> None:
    assert not [o for o in complete_query("", segments_of(), limit=99) if "user" in o or "session" in o]
    assert complete_query('steps "', segments_of()) == complete_query("steps & ", segments_of()) == []


def test_what_is_offered_can_be_read() -> None:
    frame = segments_of([['say "x" *\\', "b"]] * 6)
    (text,) = complete_query('starts "sa', frame, level="activity")
    assert match(frame, text, level="activity").height == 6


def test_a_hundred_thousand_segments_are_asked_fast() -> None:
    ways = [[f"step {(i * 7 + j) % 40}" for j in range(18)] for i in range(500)]
    frame = pl.concat([segments_of(ways)] * 200)
    best = 9.0
    for _ in range(3):
        began = time.perf_counter()
        assert match(frame, 'starts "step 0" ~> "step 5" and duration > 1m', level="activity").height == 2400
        best = min(best, time.perf_counter() - began)
    assert best < 3  # 0.2 s on an idle machine; the bound only tells loops over rows from expressions

"""What may be believed of a log."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from taskkit.errors import ContractError, SettingError
from taskkit.privacy import UNKNOWN_USER
from taskkit.quality import USES, add_active_seconds, check_quality, judge_uses, list_days, list_defects
from taskkit.schema import PRESENCE_TYPES
from tests.frames import make_events


def _clean(people: int = 6, **more: object) -> pl.DataFrame:
    """Everybody starts, works, is idle for an hour, and ends."""
    parts = []
    for person in range(people):
        rows = [{"event_type": "session_start", "app": None}, *({"element_name": f"e{n}"} for n in range(40)),
                {"event_type": "idle_start", "app": None}, {"event_type": "idle_end", "app": None, "after": 3600},
                "last", {"event_type": "session_end", "app": None}]  # fmt: skip
        parts.append(make_events(rows, user=f"p_{person}", window_title="w", **more))
    return pl.concat(parts)


def _level(events: pl.DataFrame, check: str, **options: object) -> str:
    return dict(check_quality(events, **options).select("check", "level").iter_rows())[check]


def _row(events: pl.DataFrame, check: str) -> dict[str, object]:
    return check_quality(events).filter(pl.col("check") == check).row(0, named=True)


# -------------------------------------------------------------------------------------------------------- active time
def test_a_row_stands_for_the_time_until_the_next():
    events = add_active_seconds(make_events(["a", {"after": 7}, {"after": 100}]))
    assert events["active_seconds"].to_list() == [7.0, 60.0, 0.0]


def test_the_cap_is_a_setting():
    assert add_active_seconds(make_events(["a", {"after": 100}]), idle_cap="1.5m")["active_seconds"][0] == 90.0


def test_a_clock_that_jumps_back_counts_nothing():
    assert add_active_seconds(make_events(["a", {"after": -50}]))["active_seconds"].to_list() == [0.0, 0.0]


@pytest.mark.parametrize("kind", ["idle_start", "lock", "pause", "blind_start", "session_end"])
def test_nobody_works_after_a_stop(kind):
    events = add_active_seconds(make_events(["a", {"event_type": kind}, "b"]))
    assert events["active_seconds"].to_list() == [5.0, 0.0, 0.0]


def test_people_and_sessions_do_not_mix():
    rows = [{"user": user, "session_id": session} for user in "ab" for session in ("s1", "s2")]
    assert add_active_seconds(make_events(rows))["active_seconds"].to_list() == [0.0] * 4


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-90, 90)), min_size=1, max_size=20), st.randoms())
def test_row_order_does_not_matter(rows, random):
    events = make_events([{"user": user, "after": after} for user, after in rows])
    places = list(range(events.height))
    random.shuffle(places)
    assert_frame_equal(add_active_seconds(events[places]), add_active_seconds(events)[places])
    assert_frame_equal(check_quality(events[places]), check_quality(events))
    assert_frame_equal(list_days(events[places]), list_days(events))


# ------------------------------------------------------------------------------------------------------------- checks
def test_a_clean_log_has_no_warning():
    found = check_quality(_clean())
    few = ["size", "days"]  # a single day of few rows is worth a note
    assert set(found.filter(~pl.col("check").is_in(few))["level"]) == {"ok"}
    assert set(found["level"]) == {"ok", "note"}
    assert found.select(pl.all().null_count()).row(0) == (0,) * found.width


def test_an_empty_log_is_a_warning():
    assert check_quality(_clean().clear())["level"].to_list() == ["warning"]


def test_a_frame_without_the_keys_is_refused():
    with pytest.raises(ContractError, match="seq"):
        check_quality(_clean().drop("seq"))


def test_a_kind_of_event_that_is_not_known_is_an_interaction():
    events = make_events(["a", "b"]).with_columns(event_type=pl.Series(["swipe", "click"]))
    assert add_active_seconds(events)["active_seconds"].to_list() == [5.0, 0.0]
    assert _row(events, "without_app")["n"] == 2


def test_a_wrong_gap_is_a_setting_error():
    with pytest.raises(SettingError, match="20 minutes"):
        check_quality(_clean(), gap="20 minutes")


def test_repeated_rows_are_found():
    events = make_events(["a", "a", {"element_name": "a", "after": 0}, {"element_name": "b", "after": 0}])
    row = _row(events, "duplicates")
    assert (row["value"], row["level"]) == (1.0, "warning")


def test_a_clock_that_runs_backwards_is_found():
    row = _row(make_events(["a", {"after": -300}, "b"]), "clock")
    assert (row["value"], row["level"]) == (1.0, "warning")
    assert "5 min" in row["sentence"]


def test_a_gap_that_nothing_explains_is_a_warning():
    rows = [{"event_type": "session_start"}, "a", {"element_name": "b", "after": 7200}, {"event_type": "session_end"}]
    assert _level(make_events(rows), "gaps") == "warning"
    assert _level(make_events(rows), "gaps", gap="3h") == "ok"


def test_a_gap_after_idle_is_explained_even_if_titles_change_meanwhile():
    rows = [
        "a",
        {"event_type": "idle_start"},
        {"event_type": "window_title", "after": 60},
        {"event_type": "idle_end", "after": 7200},
    ]
    assert _level(make_events(rows), "gaps") == "ok"


def test_idleness_follows_seq_where_the_clock_jumps():
    rows = [
        "a",
        {"event_type": "idle_start"},
        {"event_type": "window_title", "after": -50},
        {"event_type": "idle_end", "after": 7200},
    ]
    assert _level(make_events(rows), "gaps") == "ok"


def test_without_presence_rows_gaps_are_only_noted():
    events = make_events(["a", {"element_name": "b", "after": 7200}])
    assert _level(events, "gaps") == "note"
    assert "no presence rows" in _row(events, "presence")["sentence"]
    assert not {"blind_spots", "incomplete_sessions"} & set(check_quality(events)["check"])


def test_blind_spots_are_measured():
    rows = ["a", {"event_type": "blind_start"}, {"event_type": "blind_end", "after": 600}, "b"]
    row = _row(make_events(rows), "blind_spots")
    assert (row["value"], row["level"]) == (600.0, "warning")


def test_a_session_without_end_is_found():
    events = _clean().filter((pl.col("user") != "p_3") | (pl.col("event_type") != "session_end"))
    row = _row(events, "incomplete_sessions")
    assert (row["value"], row["level"]) == (1.0, "warning")


def test_one_person_who_dominates_is_found_but_not_named():
    events = pl.concat([_clean(5), make_events([f"x{n}" for n in range(900)], user="p_busy", window_title="w")])
    row = _row(events, "dominance")
    assert row["level"] == "warning"
    assert "p_busy" not in check_quality(events).write_json()


@pytest.mark.parametrize(("people", "level", "word"), [(4, "note", "Too few"), (5, "ok", "Enough")])
def test_the_verdict_on_groups_shows_its_threshold(people, level, word):
    row = _row(_clean(people), "groups")
    assert (row["level"], row["value"], row["people"]) == (level, people, people)
    assert row["sentence"].startswith(word)
    assert "at least 5" in row["threshold"]


def test_the_smallest_team_decides():
    big, small = _clean(7, team="big"), _clean(2, team="small").with_columns(user="q_" + pl.col("user"))
    assert _row(pl.concat([big, small]), "groups")["value"] == 2.0


def test_rows_without_application_are_a_warning():
    events = _clean().with_columns(pl.lit(None, dtype=pl.String).alias("app"))
    assert _level(events, "without_app") == "warning"


def test_presence_rows_need_no_application():
    events = _clean()
    assert events.filter(pl.col("app").is_null())["event_type"].is_in(PRESENCE_TYPES).all()
    assert _row(events, "without_app")["value"] == 0.0


def test_redacted_rows_are_counted():
    events = _clean().with_columns(pl.Series("redactions", [["email"]] + [None] * (_clean().height - 1)))
    assert _row(events, "redacted")["value"] == pytest.approx(1 / events.height)


# --------------------------------------------------------------------------------------------------------------- days
def test_days_are_local():
    events = make_events(["a", {"after": 15 * 3600}, "b"], utc_offset_minutes=120)  # 10:00, then 01:00 of the next day
    assert list_days(events).select("day", "events").rows() == [
        (events["timestamp"][0].date(), 1),
        (events["timestamp"][0].date() + timedelta(days=1), 2),
    ]


def test_a_day_adds_up():
    row = list_days(_clean(1)).row(0, named=True)
    assert (row["events"], row["idle_seconds"], row["blind_seconds"]) == (45, 3600.0, 0.0)
    assert row["active_seconds"] == 41 * 5  # coming and coming back are no work
    assert row["last"] - row["first"] == timedelta(seconds=3600 + row["active_seconds"] + 2 * 5)


def test_idleness_belongs_to_the_days_it_falls_on():
    rows = [{"event_type": "idle_start"}, {"event_type": "idle_end", "after": 20 * 3600}]
    assert list_days(make_events(rows))["idle_seconds"].to_list() == [16 * 3600.0, 4 * 3600.0]


def test_a_wrong_clock_does_not_fill_the_days_between():
    rows = [{"event_type": "idle_start"}, {"event_type": "idle_end", "after": 40 * 365 * 86400}]
    assert list_days(make_events(rows))["idle_seconds"].to_list() == [16 * 3600.0, 0.0]


def test_without_presence_rows_idleness_is_unknown():
    assert list_days(make_events(["a", "b"]))["idle_seconds"].to_list() == [None]


def test_signs_of_life_neither_hold_nor_take_active_time() -> None:
    rows = ["a", {"event_type": "alive", "app": None, "after": 30}, {"element_name": "b", "after": 10}]
    assert add_active_seconds(make_events(rows))["active_seconds"].to_list() == [40.0, 0.0, 0.0]


def test_coming_back_is_no_activity() -> None:
    rows = [{"event_type": "idle_end", "app": None}, {"element_name": "a", "after": 50}]
    assert add_active_seconds(make_events(rows))["active_seconds"].to_list() == [0.0, 0.0]


# ------------------------------------------------------------------------------------------------ the working window
def _working_day(start: int = 0, seconds: float = 8 * 3600, **more: object) -> pl.DataFrame:
    """A person at the desk from 8:00 on, or `start` seconds later: a row every ten minutes."""
    rows = [{"event_type": "session_start", "app": None, "after": start}, "a"]
    rows += [{"element_name": f"e{n}", "after": 600} for n in range(round(seconds / 600))]
    events = make_events([*rows, {"event_type": "session_end", "app": None}], seconds=0.5, **more)
    return events.with_columns(pl.col("timestamp") + pl.duration(seconds=start))


def test_the_window_is_learnt_from_all_people_together():
    log = pl.concat([_working_day(shift, user=f"p_{n}") for n, shift in enumerate([0, 0, 0, 300, 3600])])
    days = list_days(log)
    assert days["window_seconds"].to_list() == [8 * 3600.0] * 5
    assert days["coverage"].to_list() == pytest.approx([1.0, 1.0, 1.0, 1 - 300 / 28800, 1 - 3600 / 28800], abs=1e-3)
    assert "08:00-16:00 local time (learnt: median" in _row(log, "coverage")["sentence"]


def test_a_window_can_be_given():
    row = list_days(_working_day(), working_window="08:00-12:00").row(0, named=True)
    assert (row["window_seconds"], row["covered_seconds"], row["coverage"]) == (4 * 3600.0, 4 * 3600.0, 1.0)
    late = list_days(_working_day(), working_window="14:00-18:00").row(0, named=True)
    assert late["coverage"] == pytest.approx(0.5, abs=1e-3)


def test_the_window_is_local():
    days = list_days(_working_day(utc_offset_minutes=120), working_window="10:00-18:00")
    assert days["coverage"].to_list() == pytest.approx([1.0], abs=1e-3)


@pytest.mark.parametrize("window", ["8-17", "17:00-08:00", "08:00", "08:00-25:00", "08:61-10:00", ""])
def test_a_window_that_is_none_is_refused(window):
    with pytest.raises(SettingError, match="08:00-17:00"):
        list_days(_working_day(), working_window=window)
    with pytest.raises(SettingError, match="08:00-17:00"):
        check_quality(_working_day().clear(), working_window=window)


def test_what_is_not_covered_adds_up():
    rows = [{"event_type": "session_start", "app": None}, "a", {"element_name": "b", "after": 3600},
            {"event_type": "blind_start", "app": None, "after": 600}, {"event_type": "blind_end", "app": None, "after": 300},
            {"app": "excluded", "after": 600}, {"element_name": "c", "after": 120},
            {"event_type": "lock", "app": None, "after": 60}, {"event_type": "unlock", "app": None, "after": 5400},
            {"event_type": "session_end", "app": None, "after": 60}]  # fmt: skip
    events = make_events(rows, seconds=0.0)
    row = list_days(events, working_window="08:00-12:00").row(0, named=True)
    seconds = {"gap": 3600.0, "blind": 300.0, "excluded": 120.0, "idle": 5400.0}
    assert {name: row[f"{name}_seconds"] for name in seconds} == seconds
    whole = (row["last"] - row["first"]).total_seconds()
    assert row["covered_seconds"] == whole - 3600 - 300 - 120


def test_two_sessions_at_once_cover_once():
    both = pl.concat([_working_day(), _working_day(session_id="s2")])
    assert list_days(both, working_window="08:00-17:00")["covered_seconds"].to_list() == pytest.approx([28801.0])


def test_a_foreign_log_says_what_it_does_not_know():
    events = make_events(["a", {"element_name": "b", "after": 7200}, "c"])
    row = list_days(events).row(0, named=True)
    unknown = ("idle", "blind", "excluded", "gap", "sleep", "covered")
    assert [row[f"{name}_seconds"] for name in unknown] == [None] * 6
    assert row["coverage"] is None
    assert "warning" not in check_quality(events).filter(pl.col("check") != "without_app")["level"]


def test_a_day_that_is_hardly_covered_is_a_warning():
    log = pl.concat([_working_day(seconds=7200, user=f"p_{n}") for n in range(6)])
    assert _level(log, "coverage") == "ok"  # the usual day is two hours long
    assert _level(log, "coverage", working_window="08:00-17:00") == "warning"


# ------------------------------------------------------------------------------------------------------------ defects
def _minutes(count: int, **more: object) -> list[dict[str, object]]:
    return [{"element_name": f"e{n}", "after": 20} | more for n in range(count)]


def _desk(count: int = 120) -> pl.DataFrame:
    """A clean session: a row every twenty seconds, a sign of life every minute."""
    rows: list[dict[str, object]] = [{"event_type": "session_start", "app": None}]
    for n in range(count):
        rows.append({"element_name": f"e{n}", "after": 20})
        if n % 3 == 2:
            rows.append({"event_type": "alive", "app": None, "after": 0})
    return make_events([*rows, {"event_type": "session_end", "app": None, "after": 1}])


def _later(events: pl.DataFrame, seq: int, seconds: float) -> pl.DataFrame:
    """From a row on, the clock is wrong."""
    wrong = pl.when(pl.col("seq") >= seq).then(pl.duration(milliseconds=round(seconds * 1000))).otherwise(pl.duration())
    return events.with_columns(pl.col("timestamp") + wrong)


def _places(events: pl.DataFrame, **options: object) -> list[tuple[str, int]]:
    return list_defects(events, **options).select("defect", "seq").rows()


def test_a_clean_session_has_no_defect():
    assert _places(_desk()) == []


@settings(deadline=None, max_examples=25)
@given(st.sets(st.integers(0, 119), max_size=12))
def test_planted_duplicates_are_found_exactly(elements):
    events = _desk()
    times = 1 + pl.col("element_name").is_in([f"e{n}" for n in elements]).fill_null(False).cast(pl.UInt32)
    planted = events.with_columns(pl.int_range(pl.len()).repeat_by(times).alias("n")).explode("n", empty_as_null=False)
    planted = planted.with_columns(seq=pl.int_range(pl.len(), dtype=pl.UInt64))
    found = list_defects(planted)
    assert set(found["defect"]) <= {"duplicate"}
    copies = planted.filter(
        pl.col("element_name").eq_missing(pl.col("element_name").shift(1)) & (pl.col("app") == "erp")
    )
    assert found["seq"].to_list() == copies["seq"].to_list()
    assert found.height == len(elements)


@settings(deadline=None, max_examples=25)
@given(st.integers(5, 150), st.floats(90, 100_000))
def test_a_planted_jump_back_is_found_exactly(seq, seconds):
    found = list_defects(_later(_desk(), seq, -seconds))
    assert found.select("defect", "seq").rows() == [("clock jump", seq)]
    assert found["seconds"][0] == pytest.approx(-seconds, abs=0.01)  # the signs of life tell how far


@settings(deadline=None, max_examples=25)
@given(st.integers(5, 150), st.floats(1300, 30_000))
def test_a_planted_gap_is_found_exactly(seq, seconds):
    events = _desk()
    planted = _later(events, seq, seconds)
    step = list_defects(planted)
    before = events.filter(pl.col("seq") == seq - 1)
    work = events.filter((pl.col("seq") < seq) & (pl.col("event_type") != "alive"))["seq"].max()
    assert step.select("defect", "seq").rows() == [("gap", work)]
    assert step["seconds"][0] == pytest.approx(seconds, abs=21)
    assert before.height == 1
    assert list_days(planted, working_window="00:00-24:00")["gap_seconds"].sum() == pytest.approx(step["seconds"][0])


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 110), st.integers(1, 5)), max_size=4, unique_by=lambda span: span[0] // 8))
def test_planted_blind_spans_are_found_exactly(spans):
    events, parts, wanted = _desk(), [], 0.0
    for element, length in spans:
        at = events.filter(pl.col("element_name") == f"e{element}")
        for kind, after in (("blind_start", 1.0), ("blind_end", 1.0 + length)):
            parts.append(at.with_columns(
                pl.lit(kind, dtype=at["event_type"].dtype).alias("event_type"), pl.lit(None, dtype=pl.String).alias("app"),
                pl.col("timestamp") + pl.duration(milliseconds=round(after * 1000)),
            ))  # fmt: skip
        wanted += length
    planted = (
        pl.concat([events, *parts]).sort("timestamp", "seq").with_columns(seq=pl.int_range(pl.len(), dtype=pl.UInt64))
    )
    found = list_defects(planted)
    assert set(found["defect"]) <= {"blind span"}
    assert (found.height, found["seconds"].sum()) == (len(spans), pytest.approx(wanted))


def test_a_late_row_is_no_jump():
    events = _desk()
    late = events.with_columns(
        pl.when(pl.col("element_name") == "e50").then(pl.col("timestamp") - pl.duration(seconds=300)).otherwise("timestamp")
        .alias("timestamp")
    )  # fmt: skip
    assert [defect for defect, _ in _places(late)] == ["order break"]
    assert _row(late, "order")["value"] == 1.0
    assert _row(late, "clock")["value"] == 0.0


def test_a_small_step_back_is_an_order_break_and_its_limit_a_setting():
    events = _later(_desk(), 60, -25)
    assert [defect for defect, _ in _places(events)] == ["order break"]
    assert [defect for defect, _ in _places(events, clock_jump="20s")] == ["clock jump"]


def test_a_machine_that_slept_is_told_by_missing_signs_of_life():
    events = _later(_desk(), 60, 400)  # shorter than a gap
    found = list_defects(events)
    assert found["defect"].to_list() == ["sleep"]
    assert "the machine slept" in found["sentence"][0]
    assert _row(events, "sleep")["value"] == 1.0
    assert list_days(events)["sleep_seconds"].to_list() == pytest.approx([400], abs=21)


def test_a_silent_recorder_that_lives_did_not_sleep():
    rows = [*_minutes(20), *({"event_type": "alive", "app": None, "after": 60} for _ in range(40)), "back"]
    events = make_events(
        [{"event_type": "session_start", "app": None}, *rows, {"event_type": "session_end", "app": None}]
    )
    assert _row(events, "gaps")["value"] == 1.0
    assert _row(events, "sleep")["value"] == 0.0


def test_sleep_in_a_locked_session_is_no_defect():
    away = [{"event_type": "lock", "app": None}, {"event_type": "unlock", "app": None, "after": 7200}]
    events = _desk()
    rows = [{"event_type": "alive", "app": None, "after": 60} for _ in range(10)]
    start, end = {"event_type": "session_start", "app": None}, {"event_type": "session_end", "app": None}
    assert _places(make_events([start, *rows, *away, *rows, end])) == []
    assert events.height > 0


def test_a_clock_that_goes_forward_and_back_is_no_gap():
    events = _later(_later(_desk(), 60, 7200), 100, -7200)
    found = list_defects(events)
    assert found.select("defect", "seq").rows() == [("clock jump", 60), ("clock jump", 100)]
    assert found["seconds"].to_list() == pytest.approx([7200, -7200], abs=21)


def test_a_clock_that_runs_into_the_next_session_is_no_gap():
    first = _later(_desk(), 60, 7200)
    last = _desk()["timestamp"][-1]
    second = _desk(20).with_columns(session_id=pl.lit("s2"))
    second = second.with_columns(pl.col("timestamp") + (last - second["timestamp"][0]) + timedelta(minutes=5))
    assert _places(pl.concat([first, second])) == [("clock jump", 60)]


def test_a_silence_while_another_session_goes_on_is_no_gap():
    first = _later(_desk(), 60, 7200)
    start = first.filter(pl.col("seq") == 59)["timestamp"][0]
    beside = make_events(["x", {"element_name": "y", "after": 60}, {"event_type": "session_end", "app": None, "after": 9000}],
                         session_id="s2")  # fmt: skip
    beside = beside.with_columns(pl.col("timestamp") + (start - beside["timestamp"][0]) + timedelta(minutes=5))
    both = pl.concat([first, beside])
    assert "gap" not in [defect for defect, _ in _places(both.filter(pl.col("element_name").ne_missing("y")))]
    assert [defect for defect, _ in _places(first)] == ["gap"]
    assert (
        list_days(both)["covered_seconds"][0] < list_days(first, working_window="00:00-24:00")["gap_seconds"][0] + 9000
    )


def test_a_copy_under_another_session_is_a_duplicate():
    copied = _desk().filter(pl.col("element_name").is_in(["e3", "e4"])).with_columns(session_id=pl.lit("zz"))
    assert _places(pl.concat([_desk(), copied])) == [
        ("duplicate", int(copied["seq"][0])),
        ("duplicate", int(copied["seq"][1])),
    ]


@settings(deadline=None, max_examples=10)
@given(st.randoms())
def test_defects_do_not_depend_on_the_order_of_rows(random):
    events = _later(_desk(), 60, -300)
    places = list(range(events.height))
    random.shuffle(places)
    assert_frame_equal(list_defects(events[places]), list_defects(events))


# --------------------------------------------------------------------------------------------- rows that say how long
def _spans(*minutes: float, **more: object) -> list[dict[str, object]]:
    """Windows one after the other, each in front for 40 minutes, so many minutes after the beginning of the last one."""
    focus = {"event_type": "window_focus", "duration_ms": 2_400_000} | more
    return [focus | {"window_title": f"t{n}", "after": 60 * after} for n, after in enumerate(minutes)]


AWAY = [{"event_type": "idle_start", "app": None, "after": 2400}, {"event_type": "idle_end", "app": None}]


def test_a_row_stands_for_its_own_length_where_that_is_longer_than_the_cap():
    rows = [*_spans(0, 40, 30), {"after": 30, "duration_ms": 1000}, {"after": 100}]
    assert add_active_seconds(make_events(rows))["active_seconds"].to_list() == [2400.0, 1800.0, 30.0, 60.0, 0.0]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(-90, 9000), st.none() | st.integers(0, 4_000_000)), min_size=2, max_size=15))
def test_active_time_is_never_over_the_cap_the_length_or_the_next_row(rows):
    events = make_events([{"after": after, "duration_ms": length} for after, length in rows])
    seconds = add_active_seconds(events)["active_seconds"].to_list()
    following = [after for after, _ in rows[1:]]
    lengths = [max(60, (length or 0) / 1000) for _, length in rows]
    wanted = [min(max(after, 0), most) for after, most in zip(following, lengths, strict=False)]
    assert seconds == pytest.approx([*wanted, 0.0])


@pytest.mark.parametrize("presence", [[], AWAY])
def test_spans_that_follow_each_other_are_no_gaps(presence):
    events = make_events(_spans(0, 40, 40, 40, 40, 40) + presence)
    assert _row(events, "gaps")["value"] == 0.0
    assert _places(events) == []


def test_a_gap_begins_where_the_span_before_it_ends():
    events = make_events(_spans(0, 40, 90 + 40) + AWAY)
    found = list_defects(events)
    assert found.select("defect", "seq", "seconds").rows() == [("gap", 1, 5400.0)]
    row = list_days(events, working_window="08:00-12:00").row(0, named=True)
    assert (row["gap_seconds"], row["covered_seconds"]) == (5400.0, 3 * 2400.0 + 5)
    assert "1.5 h together" in _row(events, "gaps")["sentence"]


def test_a_window_lasts_over_the_rows_inside_it():
    inside = {"event_type": "navigate", "duration_ms": 1000, "after": 60}
    assert _places(make_events([*_spans(0), inside, *_spans(39), *AWAY])) == []
    assert _places(make_events([*_spans(0), inside, *_spans(60), *AWAY])) == [("gap", 1)]


def test_a_clock_that_goes_back_ends_what_was_to_last():
    rows = [*_spans(0, 600), {"after": -36000}, {"after": 3600}]
    assert ("gap", 2) in _places(make_events(rows + AWAY))


def test_a_length_of_weeks_is_not_believed():
    rows = [*_spans(0, duration_ms=4_000_000_000), {"after": 20 * 86400}, {"event_type": "session_end"}]
    assert list_defects(make_events(rows))["seconds"].to_list() == [19 * 86400.0]


def test_a_span_before_midnight_and_a_gap_after_it_fall_on_their_days():
    begin = {"event_type": "session_start", "app": None}
    events = make_events(
        [begin, {"after": 15.5 * 3600, "duration_ms": 2_400_000}, {"after": 7200}, {"event_type": "session_end"}]
    )
    assert list_days(events)["gap_seconds"].to_list() == [15.5 * 3600, 7200 - 2400.0]


# ---------------------------------------------------------------------------------- recorders that do not say everything
def test_a_recorder_that_writes_no_ends_has_no_broken_sessions():
    events = make_events(_spans(0, 40) + AWAY)
    assert (_row(events, "incomplete_sessions")["level"], _places(events)) == ("ok", [])
    assert "This recorder writes no ends" in _row(events, "incomplete_sessions")["sentence"]


def test_where_any_session_ends_the_others_should():
    both = pl.concat([make_events(["a", *AWAY]), make_events(["a", {"event_type": "session_end"}], session_id="s2")])
    assert ("no end", 2) in _places(both)
    assert "1 of 2 sessions has no end: it was" in _row(both, "incomplete_sessions")["sentence"]


def test_several_broken_sessions_are_they():
    events = _clean().filter(pl.col("event_type") != "session_end")
    assert "6 of 6 sessions have no end: they were broken off." in _row(events, "incomplete_sessions")["sentence"]


@pytest.mark.parametrize("presence", [[], AWAY])
def test_a_silence_over_midnight_is_a_night_where_the_recorder_does_not_say_when_it_ran(presence):
    events = make_events([*presence, "a", {"after": 16 * 3600, "element_name": "b"}])
    assert _places(events) == []
    assert _row(events, "gaps")["level"] == "ok"


def test_a_night_is_not_covered():
    days = list_days(make_events([*AWAY, "a", {"after": 20 * 3600}, {"after": 60}]), working_window="00:00-24:00")
    assert days["covered_seconds"].to_list() == [10.0, 60.0]
    assert days["gap_seconds"].to_list() == [0.0, 0.0]


def test_midnight_is_local():
    rows = ["a", {"after": 12 * 3600, "element_name": "b"}]  # 08:00 to 20:00 UTC
    assert _places(make_events(rows)) == [("gap", 0)]
    assert _places(make_events(rows, utc_offset_minutes=300)) == []


def test_a_night_in_a_session_that_was_begun_is_a_gap():
    rows = [{"event_type": "session_start"}, "a", {"after": 20 * 3600}, {"event_type": "session_end"}]
    assert _places(make_events(rows)) == [("gap", 1)]


def test_a_clock_that_goes_over_midnight_and_back_is_a_jump():
    events = make_events([f"e{n}" for n in range(60)])
    events = _later(_later(events, 20, 86400), 40, -86400)
    assert _places(events) == [("clock jump", 20), ("clock jump", 40)]


def test_gaps_are_counted_as_they_are_listed():
    events = make_events(["a", {"element_name": "b", "after": 7200}, {"element_name": "c", "after": 3600}])
    assert list_defects(events)["defect"].to_list() == ["gap", "gap"]
    assert "cannot be told" in list_defects(events)["sentence"][0]
    row = _row(events, "gaps")
    assert (row["value"], row["level"], row["where"]) == (2.0, "note", "1 of 1 session")


def test_breaks_of_a_foreign_log_do_not_warn_beside_a_log_with_presence():
    foreign = make_events(["a", {"element_name": "b", "after": 7200}], user="p_9", window_title="w")
    row = _row(pl.concat([_clean(), foreign]), "gaps")
    assert (row["value"], row["level"]) == (1.0, "note")


def test_an_equal_row_in_whole_seconds_may_be_a_second_click():
    events = make_events(["a", {"element_name": "a", "after": 0}, "b"])
    assert "may be a second click" in list_defects(events)["sentence"][0]
    assert "second clicks: look before you drop them" in _row(events, "duplicates")["sentence"]
    exact = events.with_columns(pl.col("timestamp") + timedelta(milliseconds=120))
    assert list_defects(exact)["sentence"][0].endswith("drop it.")
    assert "second click" not in _row(exact, "duplicates")["sentence"]


def test_a_copy_in_another_session_is_no_second_click():
    both = pl.concat([make_events(["a", "b"]), make_events(["a"], session_id="s2")])
    assert list_defects(both)["sentence"].to_list() == [
        "This row repeats an earlier one in every respect, time included: drop it."]  # fmt: skip


def test_a_log_that_names_nobody_is_not_one_person():
    quality = check_quality(_big(1).with_columns(pl.lit(UNKNOWN_USER).alias("user")))
    said = dict(quality.select("check", "sentence").iter_rows())
    for check in ("size", "groups", "dominance"):
        assert "the log does not say how many people" in said[check].lower()
    assert "1 person" not in " ".join(said.values())
    assert quality["people"].null_count() == quality.height
    row = judge_uses(quality, min_people=1).row(by_predicate=pl.col("use") == "comparison", named=True)
    assert (row["verdict"], row["because"]) == ("not enough", ["size", "groups"])
    assert "the log does not say how many people worked" in row["sentence"]


def test_rows_of_nobody_do_not_count_as_a_person():
    nobody = _clean(1).with_columns(pl.lit(UNKNOWN_USER).alias("user"))
    quality = check_quality(pl.concat([_clean(4), nobody]))
    assert quality.filter(check="groups")["value"].item() == 4.0
    assert "of some events the log does not say who worked" in quality.filter(check="size")["sentence"].item()


def test_rows_of_nobody_are_no_member_of_a_team():
    team = pl.concat([_clean(4, team="a"), _clean(1, team="a").with_columns(pl.lit(UNKNOWN_USER).alias("user"))])
    other = _clean(6, team="b").with_columns(user="q_" + pl.col("user"))
    assert _row(pl.concat([team, other]), "groups")["value"] == 4.0


@pytest.mark.parametrize(("rows", "level", "enough"), [(499, "note", False), (500, "ok", True)])
def test_size_and_verdict_have_one_limit(rows, level, enough):
    events = make_events([f"e{n}" for n in range(rows)])
    assert _level(events, "size") == level
    assert ("size" not in judge_uses(check_quality(events))["because"].explode(empty_as_null=True).to_list()) == enough
    assert _row(events, "size")["threshold"] == "at least 500 events"


def test_kinds_that_are_not_told_are_a_note():
    events = make_events([{"event_type": "other" if n % 4 else "click"} for n in range(600)], window_title="w")
    row = _row(events, "without_kind")
    assert (row["value"], row["level"]) == (0.75, "note")
    judged = {row["use"]: row["because"] for row in judge_uses(check_quality(events)).iter_rows(named=True)}
    assert "without_kind" in judged["automation"]
    assert "without_kind" in judged["variants"]
    assert "without_kind" not in judged["segmentation"]
    assert _level(make_events([{"event_type": k} for k in ("other", "click")]), "without_kind") == "ok"


def test_a_log_of_one_time_tells_no_durations():
    events = make_events([f"e{n}" for n in range(600)], seconds=0)
    assert _level(events, "same_time") == "warning"
    assert "same_time" in _verdict(events, "effort figures")["because"]


def test_presence_rows_alone_are_enough_for_nothing():
    events = make_events([{"event_type": "alive", "app": None, "after": 60}] * 600)
    assert _level(events, "size") == "warning"
    assert set(judge_uses(check_quality(events))["verdict"]) == {"not enough"}


def test_days_of_minutes_teach_no_working_window():
    days = [make_events([{"event_type": "session_start"}, *(f"e{n}" for n in range(40)), {"event_type": "session_end"}],
                        session_id=f"s{n}", user=f"p_{n}") for n in range(6)]  # fmt: skip
    events = pl.concat(day.with_columns(pl.col("timestamp") + timedelta(minutes=6)) for day in days)
    assert list_days(events)["coverage"].null_count() == 6
    assert (_level(events, "coverage"), _row(events, "coverage")["n"]) == ("note", 0)


# ---------------------------------------------------------------------------------------------------------- the sample
SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"


@pytest.fixture(scope="module")
def sample() -> pl.DataFrame:
    return pl.read_parquet(SAMPLE / "ui_log" / "*.parquet")


@pytest.fixture(scope="module")
def planted() -> list[dict[str, object]]:
    return list(json.loads((SAMPLE / "truth" / "engagement.json").read_text(encoding="utf-8"))["defects"])


NAMES = {"duplicates": "duplicate", "unexplained gap": "gap", "not ended": "no end"}


def test_all_planted_defects_of_the_sample_are_found_and_no_other(sample, planted):
    wanted = {
        (NAMES.get(d["defect"], d["defect"]), d["session_id"], seq)
        for d in planted
        for seq in (d["seq"] if d["defect"] == "duplicates" else d["seq"][:1])
    }
    found = list_defects(sample)
    assert set(found.select("defect", "session_id", "seq").rows()) == wanted
    assert found.height == len(wanted) == 13


def test_their_lengths_are_right(sample, planted):
    wanted = {(NAMES.get(d["defect"], d["defect"]), d["session_id"]): d["seconds"] for d in planted if "seconds" in d}
    found = {row[:2]: row[2] for row in list_defects(sample).select("defect", "session_id", "seconds").rows()}
    assert {place: found[place] for place in wanted} == pytest.approx(wanted, abs=0.1)


def test_the_sample_without_its_defects_raises_no_alarm(sample, planted):
    clean = sample.filter(~pl.col("session_id").is_in([d["session_id"] for d in planted]))
    quality = check_quality(clean)
    assert clean.height > 60_000
    assert set(quality["level"]) == {"ok"}
    assert list_defects(clean).is_empty()
    assert set(judge_uses(quality)["verdict"]) == {"enough"}


def test_the_sample_has_notes_and_no_warning(sample):
    quality = check_quality(sample)
    levels = dict(quality.select("check", "level").iter_rows())
    assert "warning" not in levels.values()
    assert {check for check, level in levels.items() if level == "note"} == {
        "gaps", "sleep", "blind_spots", "duplicates", "clock", "incomplete_sessions"}  # fmt: skip
    assert not [user for user in sample["user"].unique() if user in quality.write_json()]


# ------------------------------------------------------------------------------------------------------------ verdicts
def _verdict(events: pl.DataFrame, use: str, **options: int) -> dict[str, object]:
    return judge_uses(check_quality(events), **options).row(by_predicate=pl.col("use") == use, named=True)


def _big(people: int = 6, **more: object) -> pl.DataFrame:
    return pl.concat([_clean(people, session_id=f"s{n}", **more).with_columns(
        pl.col("timestamp") + pl.duration(days=n)) for n in range(5)])  # fmt: skip


def test_every_use_has_a_verdict_with_its_limits():
    verdicts = judge_uses(check_quality(_big()))
    assert verdicts["use"].to_list() == list(USES)
    assert set(verdicts["verdict"]) == {"enough"}
    assert verdicts["threshold"].str.contains("at least 500 events").all()


def test_too_few_people_for_a_comparison_but_enough_for_variants():
    events = _big(4)
    assert _verdict(events, "variants")["verdict"] == "enough"
    row = _verdict(events, "comparison")
    assert (row["verdict"], row["because"]) == ("not enough", ["groups"])
    assert row["sentence"] == "Too few people for a comparison of teams (4 of at least 5 people)."
    assert _verdict(events, "comparison", min_people=4)["verdict"] == "enough"


def test_what_speaks_against_a_use_is_named_with_its_limit():
    row = _verdict(_big().filter(pl.col("event_type") != "session_end"), "effort figures")
    assert row["verdict"] == "with care"
    assert row["because"] == ["incomplete_sessions"]
    assert "10 %" in row["threshold"]
    assert "broken off" in row["sentence"]


def test_a_log_without_presence_is_used_with_care_for_effort():
    events = _big().filter(~pl.col("event_type").cast(pl.String).is_in(PRESENCE_TYPES))
    assert "presence" in _verdict(events, "effort figures")["because"]
    assert _verdict(events, "variants")["verdict"] == "enough"


@pytest.mark.parametrize("use", USES)
def test_an_empty_log_is_enough_for_nothing(use):
    assert _verdict(_clean().clear(), use)["verdict"] == "not enough"


# ------------------------------------------------------------------------------------------------------------ the card
def test_the_card_repeats_what_concerns_the_use():
    from taskkit.widgets.quality import caveat_card

    quality = check_quality(_big(4))
    card = caveat_card(quality, use="comparison")
    assert "4 of at least 5" in card.markup
    assert "4 of at least 5" in card.words
    assert "4 people" in card.words


def test_where_nothing_speaks_against_it_there_is_no_card():
    from taskkit.widgets.quality import caveat_card

    quality = check_quality(_big(4))
    assert caveat_card(quality, use="variants").markup == ""
    assert caveat_card(quality, use="comparison", min_people=4).markup == ""


def test_a_use_that_does_not_exist_is_refused():
    from taskkit.widgets.quality import caveat_card

    with pytest.raises(SettingError, match="Did you mean 'variants'"):
        caveat_card(check_quality(_big()), use="variant")


def test_the_verdict_keeps_the_limit_of_the_check() -> None:
    quality = check_quality(_big(6), min_people=10)
    assert judge_uses(quality).filter(use="comparison")["verdict"].item() == "not enough"
    assert judge_uses(quality, min_people=5).filter(use="comparison")["verdict"].item() == "enough"

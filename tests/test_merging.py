"""Several logs become one: nothing lost, nothing twice, one clock."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import permutations
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from taskkit.errors import ContractError, SettingError
from taskkit.log.merging import KEYS, merge_logs
from taskkit.schema import EVENTS, check
from tests.frames import make_events

REPORT = pl.DataFrame({"column": ["a"], "rows": [1], "mapped_to": ["app"], "outcome": ["mapped"], "reason": [""]})
CONTENT = ["user", "app", "event_type", "element_name", "window_title"]


merge_far = partial(merge_logs, max_offset="14h")  # a wrong time zone


def _log(count: int = 80, *, seed: int = 1, user: str = "p_1", session: str = "s1", hours: float = 0.0) -> pl.DataFrame:
    """A session whose rows come back now and then, at uneven distances."""
    rng = Random(seed)
    rows = [
        {
            "element_name": f"{user} {rng.randint(0, count)}",
            "window_title": f"w{rng.randint(0, 9)}",
            "after": rng.uniform(2, 40),
        }
        for _ in range(count)
    ]
    events = make_events(rows, user=user, session_id=session)
    return events.with_columns(pl.col("timestamp").dt.round("1ms") + pl.duration(milliseconds=round(hours * 3_600_000)))


def _moved(log: pl.DataFrame, seconds: float, session: str) -> pl.DataFrame:
    """The same rows as another recorder has them: its own session, seq and clock."""
    return log.with_columns(
        pl.col("timestamp") - pl.duration(milliseconds=round(seconds * 1000)), session_id=pl.lit(session),
        seq=pl.int_range(pl.len(), dtype=pl.UInt64),
    )  # fmt: skip


def _held(events: pl.DataFrame) -> list[tuple[object, ...]]:
    """What happened when, whoever recorded it."""
    return sorted(events.select("timestamp", *CONTENT).rows(), key=str)


def _own(report: pl.DataFrame) -> pl.DataFrame:
    return report.filter(pl.col("against").is_null())


def _sound(events: pl.DataFrame, report: pl.DataFrame) -> bool:
    adds_up = bool((report["kept"] + report["duplicates"] == report["rows"]).all())
    return check(events).is_empty() and adds_up and _own(report)["kept"].sum() == events.height


# ----------------------------------------------------------------------------------------------------- concatenation
def test_different_people_are_put_together():
    logs = [_log(user="p_1"), _log(seed=2, user="p_2", session="s2")]
    events, report = merge_logs(logs)
    assert_frame_equal(events, pl.concat(logs).sort(KEYS))
    assert report["duplicates"].to_list() == [0, 0]
    assert sorted(report["sentence"], key=len)[0] == "All 80 rows are kept."
    assert _sound(events, report)


def test_logs_without_a_common_person_say_so():
    logs = [_log(user="p_1"), _log(90, seed=2, user="p_2"), _log(100, seed=3, user="p_3")]
    said = merge_logs(logs)[1]["sentence"].to_list()
    cure = "; if somebody should be, read both with the same key."
    assert said[0] == f"All 80 rows are kept. No person is in both logs, this one and log 3, log 2{cure}"
    assert said[1:] == [
        f"All 90 rows are kept. No person is in both logs, this one and log 3{cure}",
        "All 100 rows are kept.",
    ]


def test_a_common_person_or_an_empty_log_needs_no_word():
    logs = [_log(), _log(user="p_1", seed=2, session="s2", hours=48), _log(user="p_9").clear()]
    assert not merge_logs(logs)[1]["sentence"].str.contains("same key").any()


def test_one_export_under_other_names_is_said_strongly():
    people = [_log(120, seed=n, user=f"p_{n}") for n in range(3)]
    renamed = [log.with_columns(pl.col("user").str.replace("p_", "q_")) for log in people]
    own = renamed[0].vstack(renamed[1]).with_columns(pl.lit(None, dtype=pl.String).alias("app"))
    first = pl.concat(people).with_columns(pl.lit(None, dtype=pl.String).alias("app"))
    events, report = merge_logs([own, first], names=["again", "first"])
    assert report["sentence"][0].endswith(
        "The same people very likely count twice: 240 of 240 rows stand in first too, at the very same time, in the same "
        "program and of the same kind, under other people's names. Do not use this result: read both with the same key= "
        "and merge again."
    )
    assert events.height == 600


def test_many_people_at_the_same_seconds_are_not_the_same_people():
    rows = [{"after": 1.0}] * 60
    many = pl.concat([make_events(rows, user=f"p_{n}") for n in range(8)])
    slow = make_events([{"after": 3.0}] * 20, user="q_1")
    crowd = many.filter((pl.col("seq") % 8).cast(pl.String) == pl.col("user").str.slice(2))
    said = merge_logs([crowd, slow])[1]["sentence"]
    assert not said.str.contains("count twice").any()


def test_sessions_of_other_days_are_put_together():
    logs = [_log(seed=1), _log(seed=1, session="s2", hours=48)]
    events, report = merge_logs(logs)
    assert events.height == 160
    assert _own(report)["offset_seconds"].to_list() == [None, None]


def test_one_log_stays_as_it_is():
    events, report = merge_logs([_log()], names=["desk"])
    assert_frame_equal(events, _log())
    assert report["log"].to_list() == ["desk"]


def test_an_empty_log_adds_nothing():
    events, report = merge_logs([_log(), _log().clear()])
    assert_frame_equal(events, _log())
    assert _own(report)["rows"].to_list() == [80, 0]


def test_columns_that_one_log_has_alone_are_kept_and_derived_ones_left_out():
    second = _log(user="p_2").with_columns(
        team=pl.lit("north"), own=pl.lit(1), activity=pl.lit("x"), active_seconds=pl.lit(1.0)
    )
    events, _ = merge_logs([_log(), second])
    assert events.columns[-1] == "own"
    assert "activity" not in events.columns
    assert events["team"].null_count() == 80


def test_the_input_is_not_changed():
    logs = [_log(), _moved(_log(), 30, "s2")]
    copies = [log.clone() for log in logs]
    merge_logs(logs)
    for log, copy in zip(logs, copies, strict=True):
        assert_frame_equal(log, copy)


# -------------------------------------------------------------------------------------------------------- equal keys
def test_the_same_rows_are_kept_once():
    events, report = merge_logs([_log(), _log()])
    assert_frame_equal(events, _log())
    assert report["duplicates"].to_list() == [0, 80, 80]
    assert report["sentence"][1].startswith("0 of 80 rows are kept, 80 are in another log already.")


def test_a_longer_copy_of_a_session_goes_on_in_it():
    log = _log()
    events, report = merge_logs([log[:60], log[40:]])
    assert_frame_equal(events, log)
    assert _own(report)["duplicates"].sum() == 20
    assert _own(report)["renamed_sessions"].sum() == 0


def test_a_session_whose_name_means_something_else_is_renamed():
    first, second = _log(seed=1), _log(60, seed=2, hours=72)
    events, report = merge_logs([first, second])
    assert set(events["session_id"]) == {"s1", "s1~2"}
    assert _own(report)["renamed_sessions"].to_list() == [0, 1]
    assert _held(events) == _held(pl.concat([first, second]))
    assert _sound(events, report)


def test_a_suffix_never_meets_another_session():
    first = pl.concat([_log(seed=1), _log(seed=3, session="s1~2", hours=24)])
    events, report = merge_logs([first, _log(60, seed=2, hours=72)])
    assert set(events["session_id"]) == {"s1", "s1~2", "s1~3"}
    assert _sound(events, report)


# ------------------------------------------------------------------------------------------------------- two recorders
@settings(deadline=None, max_examples=25)
@given(st.floats(-50_000, 50_000), st.integers(0, 10_000), st.integers(20, 80))
def test_a_planted_offset_is_found_nothing_lost_nothing_twice(offset, seed, overlap):
    log, rng = _log(140, seed=seed), Random(seed)
    common = set(rng.sample(range(140), overlap))
    side = [rng.random() < 0.75 for _ in range(140)]
    first = log.filter(pl.Series([n in common or side[n] for n in range(140)]))
    second = log.filter(pl.Series([n in common or not side[n] for n in range(140)]))
    if first.height <= second.height:
        return
    events, report = merge_far([first, _moved(second, offset, "s2")], names=["a", "b"])
    row = _own(report).row(1, named=True)
    assert abs(row["offset_seconds"] - offset) <= 1
    assert row["duplicates"] == overlap
    assert row["offset_rows"] >= 10
    assert _held(events) == _held(log)
    assert _sound(events, report)


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.floats(-3000, 3000))
def test_recorders_that_stamp_a_little_differently_agree(seed, offset):
    log, rng = _log(100, seed=seed), Random(seed)
    shaky = log.with_columns(
        pl.col("timestamp") + pl.Series([timedelta(milliseconds=rng.randint(-200, 200)) for _ in range(100)])
    )
    events, report = merge_far([log, _moved(shaky[20:], offset, "s2")])
    row = _own(report).row(1, named=True)
    assert abs(row["offset_seconds"] - offset) <= 1
    assert row["offset_spread_seconds"] < 1
    assert (events.height, row["duplicates"]) == (100, 80)


def test_order_inside_sessions_stays():
    log = _log(120)
    second = _moved(pl.concat([log[:30], _log(40, seed=9), log[30:50]]), 100, "s2")
    events, _ = merge_logs([log, second])
    rest = events.filter(pl.col("session_id") == "s2")
    assert rest.height == 40
    assert rest["seq"].to_list() == list(range(30, 70))


def test_repeated_actions_are_counted_not_thrown_together():
    again = make_events([{"after": 0.2, "element_name": "again", "window_title": "w"}] * 5).select(_log().columns)
    log = pl.concat([_log(), again.with_columns(pl.col("seq") + 80)])
    kept = log.filter((pl.col("element_name") != "again") | (pl.col("seq") < 83))
    events, report = merge_logs([log, _moved(kept, 12, "s2")])
    assert events.height == log.height
    assert _own(report)["duplicates"].sum() == kept.height


def test_what_the_second_recorder_saw_more_often_is_kept():
    again = make_events([{"after": 0.2, "element_name": "again", "window_title": "w"}] * 5).select(_log().columns)
    log = pl.concat([_log(), again.with_columns(pl.col("seq") + 80)])
    first = log.filter((pl.col("element_name") != "again") | (pl.col("seq") < 83))
    shaky = log.with_columns(pl.col("timestamp") + pl.duration(milliseconds=pl.col("seq") * 13 % 40))
    for second in (log, shaky):
        events, report = merge_logs([first, _moved(second[10:], 12, "s2")])
        assert _own(report)["duplicates"].to_list() == [0, 73]
        assert events.filter(pl.col("element_name") == "again").height == 5


def test_rows_of_the_very_same_time_are_one_before_those_nearby():
    """Two clicks in a second, of which the first recorder missed the first: that one stays, not its neighbour."""
    at = {"element_name": "twice", "window_title": "w"}
    log = pl.concat(
        [_log(), make_events([at, at | {"after": 0.4}]).select(_log().columns).with_columns(pl.col("seq") + 80)]
    )
    log = log.with_columns(pl.col("timestamp") + pl.duration(microseconds=pl.col("seq") * 7 % 300))
    coarse = _moved(log.with_columns(pl.col("timestamp").dt.truncate("1ms"))[10:], 12, "s2")
    events, _ = merge_logs([log.filter(pl.col("seq") != 80), coarse])
    twice = events.filter(pl.col("element_name") == "twice")["timestamp"]
    assert events.height == log.height
    assert (twice.max() - twice.min()).total_seconds() == pytest.approx(0.4, abs=0.002)  # type: ignore[operator,union-attr]


def test_rare_contents_weigh_more():
    """Forty frequent rows agree on a wrong offset, twelve rare ones on the right one."""
    often = [f"often {n}" for n in range(5)]

    def frame(shift: float) -> pl.DataFrame:
        rows = [(name, 100.0 * turn + n + shift) for turn in range(8) for n, name in enumerate(often)]
        rows += [(f"rare {n}", 37.0 + 61.7 * n) for n in range(12)]
        rows.sort(key=lambda row: row[1])
        events = make_events([{"element_name": name} for name, _ in rows])
        return events.with_columns(pl.col("timestamp").min() + pl.Series([timedelta(seconds=at) for _, at in rows]))

    first = pl.concat([frame(0), _log(20).select(frame(0).columns).with_columns(session_id=pl.lit("other"))])
    events, report = merge_logs([first, _moved(frame(50), 30, "s2")])
    assert _own(report)["offset_seconds"][1] == pytest.approx(30, abs=0.1)
    assert events.height == first.height + 40


def test_a_loop_that_fits_its_own_next_turn_as_well_has_no_clear_offset():
    loop = make_events([{"element_name": f"e{n % 10}"} for n in range(80)])
    events, report = merge_logs([loop, _moved(loop[:70], 50, "s2")])
    assert _own(report)["offset_seconds"].to_list() == [None, None]
    assert events.height > 80


def test_a_recording_exported_twice_needs_no_offset():
    log = _log(6)  # too few rows for a clock
    events, report = merge_logs([log, _moved(log, 0, "copy")])
    assert_frame_equal(events, log)
    assert report["offset_seconds"].null_count() == report.height


def test_too_few_matches_change_no_clock_and_say_so():
    log = _log(60)
    second = _moved(pl.concat([_log(10, seed=5), log[:5]]).sort("timestamp"), 30, "s2")
    events, report = merge_logs([log, second])
    assert events.height == 75
    assert _own(report)["offset_seconds"].to_list() == [None, None]
    assert "too few rows in common: no clock was changed" in report["sentence"][1]
    assert merge_logs([log, second], min_matches=5)[0].height == 70


def test_each_session_has_its_own_clock():
    log = pl.concat([_log(90, seed=1), _log(90, seed=2, session="s2", hours=30)])
    copies = [_moved(log[10:80], 3600, "x"), _moved(log[100:170], -45, "y")]
    events, report = merge_far([log, pl.concat(copies)])
    assert_frame_equal(events, log)
    assert "between -45.0 and +3600.0 s" in report["sentence"][1]


def test_a_session_matches_over_several_sessions_of_the_other_recorder():
    log = _log(120)
    cut = log.with_columns(session_id=pl.when(pl.col("seq") < 60).then(pl.lit("s1")).otherwise(pl.lit("s2")))
    events, report = merge_far([cut, _moved(log[20:100], -7200, "x")])
    assert_frame_equal(events, cut)
    assert _own(report)["offset_seconds"].to_list() == [None, -7200.0]


def test_other_people_do_not_match():
    other = _moved(_log(70), 30, "s2").with_columns(user=pl.lit("p_9"))
    events, _ = merge_logs([_log(), other])
    assert events.height == 150


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000))
def test_the_order_of_the_logs_does_not_matter(seed):
    log = _log(120, seed=seed)
    logs = {"a": log[:100], "b": _moved(log[30:], 500, "s2"), "c": _moved(log[10:70], -90, "s3"), "d": _log(user="p_2")}
    first, kept = None, None
    for names in permutations(logs):
        events, report = merge_logs([logs[name] for name in names], names=names)
        assert report.filter(pl.col("against").is_null())["log"].to_list() == list(names)
        report = report.sort("log", "against", nulls_last=True)
        first, kept = (events, report) if first is None else (first, kept)
        assert_frame_equal(events, first)
        assert_frame_equal(report, kept)
    assert _held(first) == _held(pl.concat([log, logs["d"]]))


@settings(deadline=None, max_examples=10)
@given(st.randoms())
def test_the_order_of_rows_does_not_matter(random):
    logs = [_log(), _moved(_log()[20:60], 77, "s2")]
    mixed = [log.sample(fraction=1.0, shuffle=True, seed=random.randint(0, 999)) for log in logs]
    for one, other in zip(merge_logs(logs), merge_logs(mixed), strict=True):
        assert_frame_equal(one, other)


def test_presence_rows_go_with_their_session():
    rows = [{"event_type": "session_start", "app": None}, *({"element_name": f"e{n}", "after": 7 + n % 5} for n in range(40)),
            {"event_type": "session_end", "app": None}]  # fmt: skip
    log = make_events(rows)
    events, report = merge_far([log, _moved(log, -3600, "copy")])  # the one that begins first leads
    assert_frame_equal(events, log)
    assert _own(report)["duplicates"].to_list() == [0, 42]


def test_no_half_of_a_span_is_dropped_alone():
    rows: list[dict[str, object]] = [{"event_type": "session_start", "app": None}]
    rows += [{"element_name": f"e{n}", "after": 7 + n % 5} for n in range(40)]
    rows += [
        {"event_type": "blind_start", "app": None},
        {"event_type": "blind_end", "app": None, "after": 90},
        "last",
        "more",
    ]
    rows += [{"event_type": "lock", "app": None}, {"event_type": "unlock", "app": None, "after": 900}]
    log = make_events(rows)
    first = log.filter(~pl.col("event_type").is_in(["blind_start"]))
    events, report = merge_logs([first, _moved(log.filter(pl.col("element_name").ne_missing("last")), -60, "s2")])
    rest = events.filter(pl.col("session_id") == "s2")
    assert rest["event_type"].to_list() == ["blind_start", "blind_end"]
    assert _sound(events, report)


# -------------------------------------------------------------------------------------------------------------- errors
def test_all_problems_of_all_logs_are_listed():
    broken = [_log().drop("seq"), pl.concat([_log(), _log()])]
    with pytest.raises(
        ContractError, match=r"(?s)log 1, column 'seq'.*log 2, column 'user, session_id, seq': the same key twice"
    ):
        merge_logs(broken)


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_names_must_fit(names):
    with pytest.raises(SettingError, match="one name for each log"):
        merge_logs([_log(), _log()], names=names)


def test_no_log_is_an_error():
    with pytest.raises(SettingError, match="no log to merge"):
        merge_logs([])


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        (["a.parquet", "b.parquet"], r"(?s)number 1 is a path \('a.parquet'\): read it first.*number 2 is a path"),
        ([Path("a.parquet")], r"number 1 is a path"),
        ("a.parquet", r"merge_logs was given a path"),
        (_log(), r"merge_logs was given a single frame: put it into a list"),
        (_log().lazy(), r"given a lazy frame: pass lazy\.collect"),
        ([_log(), _log().lazy()], r"number 2 is a lazy frame"),
        ([(_log(), REPORT)], r"number 1 is a pair \(events, report\).*import_log\(path, key=key\)\[0\]"),
        ((_log(), REPORT), r"given a pair \(events, report\)"),
        ([_log(), REPORT, None], r"(?s)number 2 is the report of import_log.*number 3 is a NoneType"),
        ({"a": _log()}, r"names=list\(logs\)"),
        (None, r"given a NoneType"),
    ],
)
def test_what_is_no_log_says_what_to_pass(logs, said):
    with pytest.raises(SettingError, match=said) as caught:
        merge_logs(logs)
    assert "a list of events frames" in str(caught.value)


def test_the_result_keeps_the_types_of_the_contract():
    events, _ = merge_logs([_log(), _moved(_log(), 3, "s2")])
    assert {name: EVENTS.schema[name] for name in events.columns} == dict(events.schema)


def test_a_routine_done_again_hours_later_is_work_of_its_own():
    routine = make_events([{"window_title": f"W{n}", "element_name": f"E{n}"} for n in range(40)], seconds=30.0)
    later = routine.with_columns(timestamp=pl.col("timestamp") + timedelta(hours=3), session_id=pl.lit("later"))
    events, _ = merge_logs([routine, later])
    assert events.height == 80


def test_a_few_repeated_steps_do_not_make_two_recordings_one():
    first, other = _log(400, seed=1), _log(400, seed=2, session="s2")
    shared = [
        first[n * 20 : n * 20 + 1].with_columns(session_id=pl.lit("s2"), seq=pl.lit(1000 + n, pl.UInt64))
        for n in range(12)
    ]
    events, _ = merge_logs([first, pl.concat([other, *shared]).sort("timestamp")])
    assert events.filter(session_id="s2").height >= 400

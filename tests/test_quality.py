"""What may be believed of a log."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from taskkit.errors import ContractError, SettingError
from taskkit.quality import add_active_seconds, check_quality, list_days
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
    assert set(found["level"]) == {"ok"}
    assert found.select(pl.all().null_count()).row(0) == (0,) * found.width


def test_an_empty_log_is_a_warning():
    assert check_quality(_clean().clear())["level"].to_list() == ["warning"]


def test_a_frame_without_the_keys_is_refused():
    with pytest.raises(ContractError, match="seq"):
        check_quality(_clean().drop("seq"))


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
        {"event_type": "window_title", "after": -10},
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


def test_idleness_ends_with_its_day():
    rows = [{"event_type": "idle_start"}, {"event_type": "idle_end", "after": 20 * 3600}]
    assert list_days(make_events(rows))["idle_seconds"].to_list() == [16 * 3600.0, 0.0]


def test_without_presence_rows_idleness_is_unknown():
    assert list_days(make_events(["a", "b"]))["idle_seconds"].to_list() == [None]


def test_signs_of_life_neither_hold_nor_take_active_time() -> None:
    rows = ["a", {"event_type": "alive", "app": None, "after": 30}, {"element_name": "b", "after": 10}]
    assert add_active_seconds(make_events(rows))["active_seconds"].to_list() == [40.0, 0.0, 0.0]


def test_coming_back_is_no_activity() -> None:
    rows = [{"event_type": "idle_end", "app": None}, {"element_name": "a", "after": 50}]
    assert add_active_seconds(make_events(rows))["active_seconds"].to_list() == [0.0, 0.0]

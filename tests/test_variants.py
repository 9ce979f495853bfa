"""Ways of doing a task: what makes one, what is left out, and that nothing is cut silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import taskkit as tk
from taskkit.errors import SettingError
from taskkit.schema import VARIANTS, check
from taskkit.variants import count_successions, count_variants, find_variants, list_left_out

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"


def done(*ways: list[str] | str, task: str = "T01", users: int = 3) -> pl.DataFrame:
    """Segments frame of one task, one segment a way; a text stands for one activity a character."""
    rows = [(i, f"p_{i % users}", task, list(way), ["erp"], float(i)) for i, way in enumerate(ways)]
    schema = {"segment_id": pl.UInt32, "user": pl.String, "task_id": pl.String, "activities": pl.List(pl.String),
              "apps": pl.List(pl.String), "active_seconds": pl.Float64}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def with_glances(executions: int = 60, length: int = 20) -> pl.DataFrame:
    """One way of twenty steps on five screens, with a look at the chat at a random place in two of three executions."""
    draw = np.random.default_rng(3)
    ways = []
    for number in range(executions):
        way = [f"type into field {i} · screen {i // 4}" for i in range(length)]
        if number % 3:
            way.insert(int(draw.integers(length)), "view chat")
        ways.append(way)
    return done(*ways)


def with_message() -> pl.DataFrame:
    """The same way, with a message that is always sent after the tenth step in half of the executions."""
    steps = [f"type into field {i} · screen {i // 4}" for i in range(20)]
    return done(*[[*steps[:10], "type into message · chat", *steps[10:]] if i % 2 else steps for i in range(60)])


def test_a_look_in_passing_is_no_way_of_its_own() -> None:
    assert count_variants(with_glances())["segments"].to_list() == [60]


def test_a_look_in_passing_is_no_way_at_the_level_of_activities_either() -> None:
    assert count_variants(with_glances(), level="activity")["share"][0] > 0.9


def test_a_step_bound_to_its_place_is_a_way_of_its_own() -> None:
    assert count_variants(with_message())["segments"].to_list() == [30, 30]


def test_what_was_left_out_is_named_with_its_reason() -> None:
    row = list_left_out(with_glances()).row(0, named=True)
    assert (row["step"], row["reason"], row["segments"], row["people"]) == ("chat", "glance", 40, 2)


def test_rare_steps_are_named_with_their_reason() -> None:
    left = list_left_out(done(*["abc"] * 9, "abzc"), level="activity")
    assert left.select("step", "reason", "times", "share").rows() == [("z", "rare", 1, 0.1)]


def test_rare_zero_leaves_nothing_out() -> None:
    assert list_left_out(with_glances(), rare=0).is_empty()


def test_the_count_says_in_how_many_executions_a_step_was_left_out() -> None:
    assert count_variants(with_glances())["left_out"].to_list() == [40]


def test_a_screen_that_is_in_the_way_was_not_left_out() -> None:
    steps = [f"type into field {i} · screen {i // 4}" for i in range(20)]
    draw = np.random.default_rng(5)
    ways = []
    for number in range(60):
        way = ["open chat", *steps]
        if number % 2:
            way.insert(int(draw.integers(1, 20)), "view chat")
        ways.append(way)
    assert list_left_out(done(*ways)).is_empty()
    assert count_variants(done(*ways))["activities"][0][0] == "chat"


def test_the_background_of_the_log_is_left_out_of_short_tasks_too() -> None:
    tasks = [
        done("abcd", "axbcd", "abxcd", "abcxd", "abcd", task="T01"),
        done("efgh", "efxgh", "exfgh", "efgxh", "efgh", task="T02"),
        done("ijkl", "ijxkl", "ixjkl", "ijkxl", "ijkl", task="T03"),
    ]
    assert count_variants(pl.concat(tasks), level="activity")["share"].to_list() == [1.0, 1.0, 1.0]


def test_the_rest_is_one_row_that_says_what_is_behind_it() -> None:
    counted = count_variants(done(*["abc"] * 5, *["acb"] * 3, "cab", "bdca"), level="activity", rare=0, top=2)
    last = counted.row(2, named=True)
    assert (last["variant_id"], last["segments"], last["ways"]) == ("T01-other", 2, 2)
    assert last["other_steps"] == ["a", "b", "c", "d"]
    assert last["cumulative_share"] == pytest.approx(1.0)


def test_the_rest_keeps_every_segment() -> None:
    segments = with_message()
    whole, cut = count_variants(segments, rare=0), count_variants(segments, rare=0, top=1)
    assert whole["segments"].sum() == cut["segments"].sum() == segments.height
    assert cut["ways"].sum() == whole.height


def test_counts_with_a_rest_keep_their_contract() -> None:
    assert check(count_variants(with_message(), top=1), VARIANTS).is_empty()


def test_less_than_one_way_is_refused() -> None:
    with pytest.raises(SettingError, match="at least 1"):
        count_variants(done("ab"), top=0)


@pytest.mark.parametrize(
    ("level", "ways"),
    [("action", 4), ("activity", 3), ("screen", 2), ("app", 1)],
    ids=["action", "activity", "screen", "app"],
)
def test_every_rung_of_the_ladder_counts_less(level: str, ways: int) -> None:
    a, b, c = "click a · S", "click b · S", "click c · T"
    assert count_variants(done([a, b, c], [a, a, b, c], [b, c], [c, b]), level=level, rare=0).height == ways


def test_applications_count_whatever_their_order() -> None:
    apps = pl.Series([["erp", "mail"], ["mail", "erp"]])
    assert count_variants(done("a", "b").with_columns(apps=apps), level="app")["activities"].to_list() == [
        ["erp", "mail"]
    ]


def test_successions_of_applications_are_refused() -> None:
    with pytest.raises(SettingError, match="Known: action, activity, screen"):
        count_successions(done("ab"), level="app")


def test_a_repeated_action_follows_itself() -> None:
    pairs = count_successions(done("aab", "ab"), level="action").filter(before="a", after="a")
    assert pairs.select("times", "segments", "people").rows() == [(1, 1, 1)]


def test_successions_count_segments_and_people() -> None:
    pairs = count_successions(done("abab", "ab", "ba", "abc", users=2), level="activity").filter(before="a", after="b")
    assert pairs.select("times", "segments", "people").rows() == [(4, 3, 2)]


def test_the_order_of_rows_changes_nothing() -> None:
    segments = pl.concat([with_glances(), with_message().with_columns(task_id=pl.lit("T02"))])
    mixed = segments.sample(fraction=1.0, shuffle=True, seed=1)
    assert_frame_equal(count_variants(segments, top=1), count_variants(mixed, top=1))
    assert_frame_equal(count_successions(segments), count_successions(mixed))
    assert_frame_equal(list_left_out(segments), list_left_out(mixed))


def test_segments_without_a_task_or_without_steps_stay_in_their_place() -> None:
    segments = done("ab", "", "cd", "ab").with_columns(task_id=pl.Series(["T01", "T01", None, "T01"]))
    assert find_variants(segments, level="activity", rare=0)["variant_id"].to_list() == [
        "T01-V01", "T01-V02", None, "T01-V01",
    ]  # fmt: skip


@pytest.mark.parametrize("level", ["action", "activity", "screen", "app"])
def test_a_log_without_tasks_has_no_ways(level: str) -> None:
    segments = done("ab").with_columns(task_id=pl.lit(None, dtype=pl.String))
    assert count_variants(segments, level=level).is_empty()
    assert find_variants(segments, level=level)["variant_id"].to_list() == [None]


def test_a_log_without_tasks_has_no_successions() -> None:
    assert count_successions(done("ab").with_columns(task_id=pl.lit(None, dtype=pl.String))).is_empty()
    assert list_left_out(done("ab").filter(pl.lit(False))).is_empty()


def test_glances_between_the_steps_of_the_sample_hardly_change_the_leading_ways() -> None:
    truth = pl.read_parquet(SAMPLE / "truth" / "events.parquet")
    events = tk.name_activities(tk.read_log(SAMPLE / "ui_log")).join(
        truth, on=["user", "session_id", "seq"], how="left"
    )
    steps = events.sort("user", "session_id", "seq").filter("step")
    before, after = (
        pl.col("true_segment").fill_null(strategy=way).over("user", "session_id") for way in ("forward", "backward")
    )
    noisy = steps.with_columns(true_segment=pl.when(before == after).then(before)).drop_nulls("true_segment")
    leading = []
    for rows in (steps.drop_nulls("true_segment"), noisy):
        segments = rows.group_by("true_segment").agg(
            pl.col("user").first(), task_id=pl.col("true_task").drop_nulls().first(), activities="activity",
            active_seconds=pl.col("active_seconds").sum(),
        )  # fmt: skip
        leading.append(count_variants(segments).group_by("task_id").agg(pl.col("share").first()).sort("task_id"))
    apart = (leading[0]["share"] - leading[1]["share"]).abs()
    assert apart.max() < 0.05


def test_ways_that_differ_in_rounds_only_are_one_when_simplified():
    segments = done(*["abc"] * 6, *["ababc"] * 6, *["abababc"] * 6)
    assert count_variants(segments, level="activity", rare=0).height == 3
    rounds, once = count_variants(segments, level="activity", rare=0, simplify=True).rows(named=True)
    assert (rounds["segments"], rounds["ways"], len(rounds["activities"])) == (12, 2, 2)
    assert (once["segments"], once["ways"], len(once["activities"])) == (6, 1, 3)
    named = find_variants(segments, level="activity", rare=0, simplify=True)["variant_id"]
    assert named.value_counts()["count"].sort().to_list() == [6, 12]

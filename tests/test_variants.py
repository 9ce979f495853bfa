"""Ways of doing a task: what makes one, what is left out, and that nothing is cut silently."""

from __future__ import annotations

import itertools
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from taskkit.schema import VARIANTS, check
from taskkit.variants import (
    IN_ORDER,
    LEVELS,
    count_successions,
    count_variants,
    count_ways,
    find_variants,
    list_left_out,
)
from taskkit.variants.recounting import WayCounts
from taskkit.variants.successions import _cut

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


def counted_plainly(
    segments: pl.DataFrame, *, again: bool
) -> dict[tuple[str | None, str | None], tuple[int, int, int]]:
    """Of each succession how often it occurs, in how many segments and with how many people, one after the other."""
    seen: dict[tuple[str | None, str | None], list[tuple[int, str]]] = defaultdict(list)
    for segment, user, steps in segments.select("segment_id", "user", "activities").iter_rows():
        for pair in itertools.pairwise([None, *steps, None] if steps else []):
            if again or pair[0] != pair[1]:
                seen[pair].append((segment, user))
    return {pair: (len(rows), len({s for s, _ in rows}), len({u for _, u in rows})) for pair, rows in seen.items()}


def many_successions() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    words = ["".join(chr(0x4E00 + unit) for unit in rng.integers(0, 60, size)) for size in rng.integers(0, 40, 400)]
    return done(*words, users=3)


@pytest.mark.parametrize("level", ["activity", "action"])
@pytest.mark.parametrize("whole", [0, 1 << 26], ids=["looked_for", "a_row_each"])
def test_every_succession_is_counted(monkeypatch: pytest.MonkeyPatch, level: str, whole: int) -> None:
    monkeypatch.setattr("taskkit.variants.successions._WHOLE", whole)
    monkeypatch.setattr("taskkit.variants.successions._START", 16)  # so that room must be made
    rows = count_successions(many_successions(), level=level).drop("task_id").rows()
    assert {row[:2]: row[2:] for row in rows} == counted_plainly(many_successions(), again=level == "action")


@pytest.mark.parametrize("level", IN_ORDER)
@pytest.mark.parametrize("whole", [0, 1 << 26], ids=["looked_for", "a_row_each"])
def test_blocks_and_threads_change_no_count(monkeypatch: pytest.MonkeyPatch, level: str, whole: int) -> None:
    absent = done("aab", "b").with_columns(activities=pl.Series([["a", None, "b"], None]))
    segments = pl.concat([many_successions(), absent, done("", "ab", task="T02")], how="vertical_relaxed")
    segments = segments.with_columns(segment_id=pl.int_range(pl.len()))
    alone = count_successions(segments, level=level)
    for name, value in {"_BLOCK": 50, "_SLICE": 900, "_START": 16, "_WHOLE": whole}.items():
        monkeypatch.setattr(f"taskkit.variants.successions.{name}", value)
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 3)
    cuts = []
    monkeypatch.setattr("taskkit.variants.successions._cut", lambda *given: cuts.append(_cut(*given)) or cuts[-1])
    assert_frame_equal(count_successions(segments, level=level), alone)
    assert len(cuts[0]) == 3
    assert len(cuts[0][0]) > 10


def test_segments_without_steps_have_no_successions() -> None:
    assert count_successions(done("", "")).is_empty()
    assert count_successions(done("", "", "ab"), level="activity")["times"].to_list() == [1, 1, 1]


def test_successions_are_counted_from_a_file(tmp_path: Path) -> None:
    segments = done("abab", "ab", "ba", users=2)
    segments.write_parquet(tmp_path / "segments.parquet")
    assert_frame_equal(count_successions(pl.scan_parquet(tmp_path / "segments.parquet")), count_successions(segments))


def test_a_file_without_tasks_is_refused(tmp_path: Path) -> None:
    done("ab").drop("task_id").write_parquet(tmp_path / "segments.parquet")
    with pytest.raises(ContractError, match="find_tasks"):
        count_successions(pl.scan_parquet(tmp_path / "segments.parquet"))


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


words = st.lists(st.tuples(st.text("abc", max_size=5), st.integers(0, 3), st.floats(0, 99)), min_size=1, max_size=14)


@settings(max_examples=60, deadline=None)
@given(words)
def test_figures_of_a_way_are_those_of_its_segments(rows: list[tuple[str, int, float]]) -> None:
    segments = done(*[text for text, _, _ in rows]).with_columns(
        user=pl.Series([f"p_{user}" for _, user, _ in rows]), active_seconds=pl.Series([at for *_, at in rows])
    )
    counted = count_variants(segments, level="action", rare=0)
    seconds = pl.col("active_seconds")
    known = segments.group_by(_key=pl.col("activities").list.join("")).agg(
        segments=pl.len(), people=pl.col("user").n_unique(), median_seconds=seconds.median(),
        q25_seconds=seconds.quantile(0.25), q75_seconds=seconds.quantile(0.75),
    ).sort("segments", "_key", descending=[True, False])  # fmt: skip
    assert counted["activities"].list.join("").to_list() == known["_key"].to_list()
    assert_frame_equal(counted.select(known.columns[1:]), known.drop("_key"), check_dtypes=False)


def test_seconds_that_are_not_known_have_no_part_in_the_quartiles() -> None:
    segments = done("ab", "ab", "cd").with_columns(active_seconds=pl.Series([4.0, None, None]))
    counted = count_variants(segments, level="action", rare=0)
    assert counted.select("segments", "median_seconds", "q25_seconds").rows() == [(2, 4.0, 4.0), (1, None, None)]


def test_a_step_without_a_name_is_no_step() -> None:
    segments = done("ab", "ab").with_columns(activities=pl.Series([["a", None, "b"], ["a", "b"]]))
    for level in ("action", "activity", "screen"):
        assert count_variants(segments, level=level, rare=0)["segments"].to_list() == [2], level


def test_ways_that_are_equally_frequent_stand_in_order_of_their_texts() -> None:
    ways = [["b"], ["a", "z"], ["a"], ["ab"], ["a", "b"], []]
    assert count_variants(done(*ways), level="action", rare=0)["activities"].to_list() == sorted(ways)


def test_named_segments_are_counted_under_their_names() -> None:
    segments = with_message()
    named = find_variants(segments, rare=0)
    whole = count_variants(segments, rare=0)
    counted = count_ways(named, ways=whole)
    assert_frame_equal(counted, whole.select(counted.columns))
    some = count_ways(named.filter(variant_id="T01-V02"), ways=whole)
    assert some.select("variant_id", "share", "cumulative_share").rows() == [("T01-V02", 1.0, 1.0)]


@pytest.fixture(scope="module")
def two_tasks() -> pl.DataFrame:
    tasks = [with_glances(), with_message().with_columns(task_id=pl.lit("T02")), done("ab").with_columns(task_id=None)]
    return pl.concat(tasks, how="vertical_relaxed").with_columns(segment_id=pl.int_range(pl.len()))


@pytest.mark.parametrize("level", LEVELS, ids=LEVELS)
@pytest.mark.parametrize("rare", [0.0, 0.2], ids=["all", "without_rare"])
def test_counting_again_gives_what_counting_gives(two_tasks: pl.DataFrame, level: str, rare: float) -> None:
    counts = WayCounts(two_tasks)
    counts.count(level="screen", rare=0.5)
    for simplify in (False, True):
        whole = count_variants(two_tasks, level=level, rare=rare, simplify=simplify)
        assert_frame_equal(counts.count(level=level, rare=rare, simplify=simplify), whole)
        own = counts.count(level=level, rare=rare, simplify=simplify, task="T02")
        assert_frame_equal(own, whole.filter(task_id="T02"))
        names = find_variants(two_tasks, level=level, rare=rare, simplify=simplify)["variant_id"]
        assert counts.name(level=level, rare=rare, simplify=simplify).to_list() == names.to_list()
        of_task = two_tasks["task_id"].eq_missing("T02").to_list()
        asked = counts.name(level=level, rare=rare, simplify=simplify, task="T02").to_list()
        assert asked == [name if own else None for name, own in zip(names, of_task, strict=True)]


def test_the_background_of_the_log_is_left_out_of_a_task_that_is_counted_alone() -> None:
    ways = {"T01": ["abcd", "axbcd", "abxcd", "abcxd"], "T02": ["efgh", "efxgh", "exfgh", "efgxh"],
            "T03": ["ijkl", "ijxkl", "ixjkl", "ijkxl"]}  # fmt: skip
    counts = WayCounts(pl.concat([done(*own, own[0], task=task) for task, own in ways.items()]))
    for task in ways:
        assert counts.count(level="activity", rare=0.2, task=task)["share"].to_list() == [1.0]


def events_of(segments: pl.DataFrame) -> pl.DataFrame:
    """A row of one second before each segment and after each step, which takes two."""
    rows = []
    for segment, user, way in segments.select("segment_id", "user", "activities").iter_rows():
        rows += [(segment, user, None, False, 1.0)]
        for step in way:
            rows += [(segment, user, step, True, 2.0), (segment, user, None, False, 1.0)]
    schema = ["segment_id", "user", "activity", "step", "active_seconds"]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(session_id=pl.lit("s"), seq=pl.int_range(pl.len(), dtype=pl.UInt64))


def test_the_time_on_a_step_counts_all_its_visits_and_what_follows_them() -> None:
    segments = done("aab", "aba", "ab")
    for events in (events_of(segments), events_of(segments).reverse()):
        counts = WayCounts(segments, events=events)
        ways = counts.count(level="screen", rare=0)["variant_id"].to_list()
        timed = counts.time(ways, level="screen", rare=0).sort("step")
        assert timed.rows() == [("T01-V01", "a", 7.0), ("T01-V01", "b", 3.0)]


def test_a_step_is_described_by_how_often_by_how_many_and_how_long_it_is_done() -> None:
    segments = done("aab", "aba", "a", users=2)
    told = WayCounts(segments, events=events_of(segments)).describe(level="activity", rare=0)
    columns = ("task_id", "step", "segments", "people", "median_seconds")
    assert told.select(columns).rows() == [("T01", "a", 3, 2, 7.0), ("T01", "b", 2, 2, 3.0)]
    assert told["share"].to_list() == pytest.approx([1.0, 2 / 3])
    assert WayCounts(segments).describe(level="app", rare=0)["median_seconds"].to_list() == [None]

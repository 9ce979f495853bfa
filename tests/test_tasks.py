"""Similar segments → tasks, variants and routines."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from taskkit.schema import SEGMENTS, TASKS, VARIANTS, check
from taskkit.tasks import find_tasks, grouping, merge_tasks, rename_tasks, split_task
from taskkit.tasks.contents import read_contents
from taskkit.tasks.kernels import hash_contents
from taskkit.variants import sequence_distances
from tests.frames import START, make_events
from tests.test_segments import two_people


def found(method: str = "model") -> pl.DataFrame:
    settings = {} if method == "model" else {"gap": "30s"}
    return tk.find_tasks(tk.list_segments(tk.segment(two_people(), method=method, **settings)))


def sequences(*rows: str, user: str = "p_1") -> pl.DataFrame:
    """Segments frame with one segment per text, one activity per character, all of one task."""
    events = make_events(
        [
            {"element_name": f"{c}{c}", "window_title": f"screen {c}", "after": 999 if i == 0 else 1}
            for row in rows
            for i, c in enumerate(row)
        ],
        user=user,
    )
    listed = tk.list_segments(tk.segment(tk.name_activities(events), method="gap"))
    return listed.with_columns(task_id=pl.lit("T01"), task_name=pl.lit("test"))


def listed(*contents: list[str], model: list[int] | None = None, seconds: float = 10.0) -> pl.DataFrame:
    """Segments frame with one segment per list of activities."""
    times = [START + timedelta(minutes=i) for i in range(len(contents))]
    rows = [
        {"segment_id": i, "user": "p_1", "session_id": "s1", "start": times[i], "end": times[i], "elapsed_seconds": seconds,
         "active_seconds": seconds, "events": len(acts), "steps": len(acts), "fragments": 1, "activities": acts,
         "apps": ["erp"], "switches": 0, "model": None if model is None else model[i]}
        for i, acts in enumerate(contents)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={c.name: c.dtype for c in SEGMENTS.columns if c.name in rows[0]})


MAIL = ["click Inbox · Mail", "click Reply · Mail", "type into Answer · Mail", "click Send · Mail"]
BOOK = ["click New invoice · Ledger", "type into Amount · Ledger", "type into Tax code · Ledger", "click Post · Ledger"]
SCAN = ["open Scanner", "click Start scan · Scanner", "type into Barcode · Archive", "click Store · Archive"]


@pytest.mark.parametrize("method", ["model", "gap"])
def test_two_kinds_of_work_are_two_tasks(method: str) -> None:
    segments = found(method)
    scan = segments["activities"].list.eval(pl.element().str.contains("scan")).list.any()
    table = segments.with_columns(scan=scan).drop_nulls("task_id").group_by("task_id").agg(pl.col("scan").mean())
    assert sorted(table["scan"].to_list()) == pytest.approx([0.0, 1.0], abs=0.2 if method == "model" else 0)


def test_tasks_keep_their_contract() -> None:
    assert check(tk.list_tasks(found()), TASKS).is_empty()


def test_the_task_with_the_most_active_time_comes_first() -> None:
    hours = tk.list_tasks(found())["active_hours"].to_list()
    assert hours == sorted(hours, reverse=True)


def test_a_task_is_named_by_what_was_done() -> None:
    names = tk.list_tasks(found())["task_name"].to_list()
    assert any("scan" in name or "rename" in name or "upload" in name for name in names)


def test_two_tasks_never_have_the_same_name() -> None:
    assert tk.list_tasks(found())["task_name"].is_unique().all()


def test_a_group_that_is_too_small_is_no_task() -> None:
    segments = tk.find_tasks(sequences("abc", "abc").drop("task_id", "task_name"), min_segments=3)
    assert segments["task_id"].null_count() == 2


def test_the_order_of_segments_does_not_matter() -> None:
    segments = tk.list_segments(tk.segment(two_people(), method="gap", gap="30s"))
    mixed = tk.find_tasks(segments.sample(fraction=1, shuffle=True, seed=2)).sort("segment_id")
    assert mixed["task_id"].to_list() == tk.find_tasks(segments)["task_id"].to_list()


def test_no_segments_give_no_tasks() -> None:
    segments = tk.find_tasks(tk.list_segments(tk.segment(two_people(), method="gap")).clear())
    assert tk.list_tasks(segments).is_empty()


def test_settings_out_of_range_are_refused_all_at_once() -> None:
    with pytest.raises(SettingError, match=r"similarity=0 .*min_segments=0 "):
        tk.find_tasks(sequences("ab"), similarity=0, min_segments=0)


def test_what_is_like_nothing_else_stays_in_the_rest() -> None:
    segments = find_tasks(listed(MAIL, MAIL, BOOK, BOOK, SCAN))
    assert segments["task_id"].to_list() == ["T01", "T01", "T02", "T02", None]
    assert segments.select("task_name", "task_confidence").row(4) == (None, None)


def test_a_segment_in_which_nothing_has_a_name_is_no_task() -> None:
    assert find_tasks(listed(MAIL, MAIL, [], []))["task_id"].to_list() == ["T01", "T01", None, None]


def test_variants_of_a_task_are_one_task() -> None:
    start = ["type into Name · Form", "type into Surname · Form", "type into Age · Form", "click Confirm · Form"]
    ways = [["click Clients · Form", "type into Client id · Form"], ["open data.xls", "copy Code · Sheet", "paste Code · Form"],
            ["click Country · Form", "open www.example.org"]]  # fmt: skip
    contents = [[*start, *way, "click OK · Form"] for way in ways for _ in range(30)]
    assert set(find_tasks(listed(*contents, *[MAIL] * 20))["task_id"].to_list()[:90]) == {"T01"}


def test_texts_that_are_nearly_unique_are_grouped_by_their_words() -> None:
    surveys = [[f"click Create survey {w} · Forms - {b}", f"type into Survey question {w} · Forms - {b}"]
               for w, b in (("cafeteria", "Chrome"), ("parking", "Firefox"), ("heating", "Edge"))]  # fmt: skip
    meetings = [[f"click Schedule meeting {w} · Calendar - {b}", f"type into Meeting room {w} · Calendar - {b}"]
                for w, b in (("monday", "Chrome"), ("friday", "Firefox"), ("sunday", "Edge"))]  # fmt: skip
    tasks = find_tasks(listed(*surveys, *meetings))["task_id"].to_list()
    assert len({*tasks[:3]}) == len({*tasks[3:]}) == 1
    assert None not in tasks
    assert tasks[0] != tasks[3]


def test_where_work_begins_and_ends_counts() -> None:
    forth = ["type into Order · Shop", "click Check · Shop", "click Release · Shop"]
    once = find_tasks(listed(forth, forth, forth[::-1], forth[::-1]), similarity=0.95)
    assert once["task_id"].n_unique() == 2


def test_models_with_the_same_order_are_one_task() -> None:
    longer = [*MAIL, "click Archive · Mail"]
    segments = find_tasks(listed(MAIL, MAIL, longer, longer, BOOK, BOOK, model=[0, 0, 1, 1, 2, 2]))
    assert segments["task_id"].to_list() == ["T01"] * 4 + ["T02"] * 2


def test_models_with_the_same_words_in_another_order_stay_two_tasks() -> None:
    mixed = [MAIL[0], BOOK[2], MAIL[1], BOOK[1], MAIL[3]], [BOOK[0], MAIL[1], BOOK[1], MAIL[0], BOOK[2]]
    segments = find_tasks(listed(mixed[0], mixed[0], mixed[1], mixed[1], model=[0, 0, 1, 1]))
    assert segments["task_id"].n_unique() == 2


def test_a_model_that_mixes_tasks_is_taken_apart() -> None:
    six = [[f"click {word}", f"open {word} {word}"] for word in ("post", "tax", "stock", "rent", "wages", "fleet")]
    segments = find_tasks(listed(*[content for content in six for _ in range(2)], model=[0] * 12))
    assert segments["task_id"].to_list() == [f"T0{i}" for i in range(1, 7) for _ in range(2)]


CODES = st.lists(st.lists(st.integers(-1, 4), max_size=6), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(CODES)
def test_contents_have_one_number_where_they_touch_begin_and_end_alike(lists: list[list[int]]) -> None:
    begin = np.cumsum([0, *map(len, lists)])
    hashed = hash_contents(np.array([code for codes in lists for code in codes], np.int64), begin, 5)
    said = [(frozenset(codes) - {-1}, codes[:1], codes[-1:]) for codes in lists]
    for (one, a), (other, b) in combinations(zip(said, hashed, strict=True), 2):
        assert (one == other) == (a == b)


@settings(max_examples=50, deadline=None)
@given(CODES, st.randoms())
def test_contents_are_read_as_when_each_segment_is_looked_at(lists: list[list[int]], random: Random) -> None:
    texts = [None, "click Save · Mail", "view Save · Mail", "open Sheet", "type into Übersicht", "copy 7"]
    segments = pl.DataFrame({"activities": [[texts[code + 1] for code in codes] or None for codes in lists]},
                            schema={"activities": pl.List(pl.String)})  # fmt: skip
    whole = read_contents(segments)
    assert len(set(whole.keys)) == len(whole.keys) == whole.vectors.shape[0]
    row = random.randrange(len(lists))
    alone = read_contents(segments[row : row + 1], whole.vocabulary)
    assert alone.keys == [whole.keys[whole.number[row]]]
    assert (alone.vectors - whole.vectors[[whole.number[row]]]).nnz == 0


def test_contents_beyond_the_bound_join_the_nearest_task(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [[*kind, f"click Row{'abcdefghij'[i]} · {kind[0]}"] for i in range(10) for kind in (MAIL, BOOK)]
    whole = find_tasks(listed(*contents, SCAN))
    monkeypatch.setattr(grouping, "MOST_DISTINCT", 8)
    bounded = find_tasks(listed(*contents, SCAN))
    assert bounded["task_id"].to_list() == whole["task_id"].to_list()


def test_a_segment_between_two_tasks_is_less_sure() -> None:
    segments = find_tasks(listed(MAIL, MAIL, MAIL, [*MAIL, *BOOK], BOOK, BOOK, BOOK), similarity=0.3)
    between, clear = segments["task_confidence"][3], segments["task_confidence"][0]
    assert 0.3 < between < 0.8 < clear <= 1


def test_tasks_keep_id_and_name_when_more_is_recorded() -> None:
    older = rename_tasks(find_tasks(listed(MAIL, MAIL, BOOK, BOOK, MAIL)), names={"T02": "Booking"})
    more = find_tasks(listed(MAIL, MAIL, *[BOOK] * 9, *[SCAN] * 5), previous=older)
    assert more["task_id"].to_list() == ["T01"] * 2 + ["T02"] * 9 + ["T03"] * 5
    assert more["task_name"][2] == "Booking"


def test_the_number_of_a_task_that_is_gone_is_not_given_to_another() -> None:
    older = find_tasks(listed(MAIL, MAIL, MAIL, BOOK, BOOK))
    assert find_tasks(listed(BOOK, BOOK, SCAN, SCAN), previous=older)["task_id"].to_list() == ["T02"] * 2 + ["T03"] * 2


def test_each_older_task_is_kept_by_one_task_only() -> None:
    merged = merge_tasks(find_tasks(listed(MAIL, MAIL, MAIL, BOOK, BOOK)), tasks=["T01", "T02"])
    again = find_tasks(listed(MAIL, MAIL, BOOK, BOOK), previous=merged)["task_id"].to_list()
    assert len({*again}) == 2
    assert again.count("T01") == 2


@pytest.mark.parametrize(
    ("older", "now", "expected"),
    [([MAIL], [MAIL, MAIL], ["T01", "T01"]), ([MAIL, MAIL], [BOOK], [None]), ([MAIL], [[]], [None])],
    ids=["no older task", "no task now", "neither"],
)
def test_ids_are_kept_where_there_is_nothing_to_keep(
    older: list[list[str]], now: list[list[str]], expected: list[str | None]
) -> None:
    assert find_tasks(listed(*now), previous=find_tasks(listed(*older)))["task_id"].to_list() == expected


def test_an_older_run_without_tasks_is_refused() -> None:
    with pytest.raises(ContractError, match="find_tasks"):
        find_tasks(listed(MAIL), previous=listed(MAIL))


def test_merged_tasks_are_one_with_the_first_id_and_name() -> None:
    segments = find_tasks(listed(*[MAIL] * 3, *[BOOK] * 2, *[SCAN] * 2))
    merged = merge_tasks(segments, tasks=["T02", "T03"])
    assert merged["task_id"].to_list() == ["T01"] * 3 + ["T02"] * 4
    assert merged["task_name"].unique().sort().to_list() == segments["task_name"][:5].unique().sort().to_list()


def test_a_change_forgets_the_variants() -> None:
    segments = find_tasks(listed(*[MAIL] * 2, *[BOOK] * 2)).with_columns(variant_id=pl.lit("V"))
    assert "variant_id" not in merge_tasks(segments, tasks=["T01", "T02"]).columns


@pytest.mark.parametrize(
    "rule", [{"activity": "Archive"}, {"app": "mail"}, {"variant": "T01-V02"}], ids=["activity", "app", "variant"]
)
def test_a_task_is_split_by_a_rule(rule: dict[str, str]) -> None:
    segments = find_tasks(listed(*[MAIL] * 3, [*MAIL, "click Archive · Mail"], *[BOOK] * 2)).with_columns(
        apps=pl.Series([["erp"]] * 3 + [["erp", "mail"]] + [["erp"]] * 2),
        variant_id=pl.Series([*["T01-V01"] * 3, "T01-V02", *["T02-V01"] * 2]),
    )
    parts = split_task(segments, task="T01", **rule)
    assert parts["task_id"].to_list() == ["T01"] * 3 + ["T03"] + ["T02"] * 2
    assert parts["task_name"].n_unique() == 3


def test_a_split_is_undone_by_a_merge() -> None:
    segments = find_tasks(listed(*[MAIL] * 3, [*MAIL, "click Archive · Mail"], *[BOOK] * 2))
    parts = split_task(segments, task="T01", activity="Archive")
    assert merge_tasks(parts, tasks=["T01", "T03"]).equals(segments)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "exactly one rule, found: none"),
        ({"activity": "Send", "app": "erp"}, "exactly one rule, found: activity, app"),
        ({"activity": "Telephone"}, "met by no segment"),
        ({"activity": "Send"}, "met by every segment"),
        ({"activity": "("}, "not a regular expression"),
        ({"app": "erq"}, "Did you mean 'erp'"),
        ({"activity": "Archive", "name": "Booking"}, "'Booking' is the name of T02"),
    ],
)
def test_a_split_that_cannot_be_is_refused(rule: dict[str, str], said: str) -> None:
    segments = find_tasks(listed(*[MAIL] * 3, [*MAIL, "click Archive · Mail"], *[BOOK] * 2))
    with pytest.raises(SettingError, match=said):
        split_task(rename_tasks(segments, names={"T02": "Booking"}), task="T01", **rule)


def test_unknown_tasks_are_all_named() -> None:
    segments = find_tasks(listed(MAIL, MAIL))
    with pytest.raises(SettingError, match=r"'T08', 'T09'. Known: T01"):
        merge_tasks(segments, tasks=["T01", "T08", "T09"])


def test_one_task_cannot_be_merged() -> None:
    with pytest.raises(SettingError, match="two or more"):
        merge_tasks(find_tasks(listed(MAIL, MAIL)), tasks=["T01", "T01"])


@pytest.mark.parametrize(
    ("names", "said"),
    [({"T01": " "}, "empty name"), ({"T01": "Same", "T02": "Same"}, "one name"), ({"T07": "x"}, "Unknown task 'T07'")],
)
def test_a_name_that_cannot_be_is_refused(names: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        rename_tasks(find_tasks(listed(*[MAIL] * 3, *[BOOK] * 2)), names=names)


def test_two_tasks_can_swap_their_names() -> None:
    segments = rename_tasks(find_tasks(listed(*[MAIL] * 3, *[BOOK] * 2)), names={"T01": "a", "T02": "b"})
    assert rename_tasks(segments, names={"T01": "b", "T02": "a"})["task_name"].to_list() == ["b"] * 3 + ["a"] * 2


def test_a_label_that_a_sentence_quotes_is_the_name() -> None:
    named = find_tasks(listed(*[["Press button in window Button 'Create plan' · Planner"]] * 2, BOOK, BOOK))
    assert named["task_name"][0] == "Create plan"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*MAIL, *BOOK, *SCAN]), max_size=5), min_size=1, max_size=12), st.randoms())
def test_every_grouping_holds_together(contents: list[list[str]], random: object) -> None:
    segments = find_tasks(listed(*contents))
    tasks = segments.drop_nulls("task_id")
    assert (tasks.group_by("task_id").len()["len"] >= 2).all()
    assert tasks["task_confidence"].is_between(0, 1).all()
    assert segments["task_name"].is_null().equals(segments["task_id"].is_null())
    mixed = find_tasks(listed(*contents).sample(fraction=1, shuffle=True, seed=1)).sort("segment_id")
    assert mixed.equals(segments)


BENCH = Path(__file__).parents[2] / "shared" / "bench" / "logs"


@pytest.mark.skipif(not BENCH.exists(), reason="the labelled logs are not part of the project")
@pytest.mark.parametrize(("log", "least"), [("office50_shuffled", 0.45), ("mix_noise25", 1.0), ("cpn9", 1.0)])
def test_given_segments_are_grouped_as_well_as_was_measured(log: str, least: float) -> None:
    from benchmarks.grouping import read_labelled, regroup

    rows, _ = regroup(*read_labelled(BENCH / f"{log}.parquet"))
    assert tk.score_tasks(rows)["value"][0] >= least


def test_segments_without_tasks_cannot_be_counted() -> None:
    with pytest.raises(ContractError, match="find_tasks"):
        tk.count_variants(tk.list_segments(tk.segment(two_people(), method="gap")))


def test_variants_are_ways_and_their_shares_add_up() -> None:
    counted = tk.count_variants(sequences("abc", "abc", "acb"), rare=0, level="activity")
    assert counted["share"].to_list() == pytest.approx([2 / 3, 1 / 3])
    assert counted["cumulative_share"].to_list() == pytest.approx([2 / 3, 1.0])


def test_variants_keep_their_contract() -> None:
    assert check(tk.count_variants(found()), VARIANTS).is_empty()


def test_what_hardly_anyone_does_makes_no_variant() -> None:
    counted = tk.count_variants(sequences(*["abc"] * 19, "abzc"), rare=0.1, level="activity")
    assert counted["segments"].to_list() == [20]


def test_no_activity_is_left_out_with_rare_zero() -> None:
    counted = tk.count_variants(sequences(*["abc"] * 19, "abzc"), rare=0, level="activity")
    assert counted["segments"].to_list() == [19, 1]


def test_going_back_and_forth_between_screens_is_one_way() -> None:
    assert tk.count_variants(sequences("abc", "ababc", "abcbc"), level="screen", rare=0).height == 1


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(SettingError, match="Known: action, activity, app, screen"):
        tk.count_variants(sequences("ab"), level="window")


def test_every_segment_with_a_task_has_a_variant() -> None:
    segments = tk.find_variants(found())
    assert segments.filter(pl.col("task_id").is_null() != pl.col("variant_id").is_null()).is_empty()


def test_successions_count_starts_and_ends() -> None:
    counted = tk.count_successions(sequences("ab", "ab"), level="activity")
    ends = counted.filter(pl.col("after").is_null() | pl.col("before").is_null())
    assert ends["times"].to_list() == [2, 2]


def test_staying_on_a_screen_is_no_succession() -> None:
    segments = sequences("abc").with_columns(activities=pl.lit(["click x · S", "click y · S", "click z · T"]))
    assert tk.count_successions(segments, level="screen").select("before", "after").drop_nulls().rows() == [("S", "T")]


def test_another_cut_of_a_routine_is_not_listed() -> None:
    events = make_events([c * 2 for c in "abcdabcdabcdabc"])
    named = tk.segment(tk.name_activities(events), method="gap")
    assert tk.find_routines(named.with_columns(segment_id=(pl.col("seq") // 4).cast(pl.UInt32)))[
        "length"
    ].to_list() == [4]


def test_distances_are_edits_over_the_longer_length() -> None:
    distances = sequence_distances([["a", "b", "c"], ["a", "c"], []])
    assert distances.round(3).tolist() == [[0, 0.333, 1], [0.333, 0, 1], [1, 1, 0]]


def test_a_routine_may_have_other_steps_between() -> None:
    events = make_events([c * 2 for c in "abxcabycabzc"])
    named = tk.segment(tk.name_activities(events), method="anchor", end="^click cc")
    routines = tk.find_routines(named, gap=1)
    assert routines["activities"].to_list() == [["click aa · erp", "click bb · erp", "click cc · erp"]]
    assert routines["support"].to_list() == [3]


def test_a_routine_does_not_cross_segments() -> None:
    events = make_events([c * 2 for c in "abcabcabc"])
    named = tk.segment(tk.name_activities(events), method="anchor", end="^click cc")
    assert not any(r[0] != "click aa · erp" for r in tk.find_routines(named)["activities"])


def test_a_part_of_a_routine_with_the_same_support_is_not_listed() -> None:
    events = make_events([c * 2 for c in "abcdabcdabcd"])
    named = tk.segment(tk.name_activities(events), method="anchor", end="^click dd")
    assert tk.find_routines(named)["length"].to_list() == [4]


def test_routines_cover_at_most_everything() -> None:
    events = tk.segment(two_people(), method="gap", gap="30s")
    assert tk.find_routines(events)["coverage"].max() <= 1.0


def test_routine_settings_out_of_range_are_refused() -> None:
    events = tk.segment(two_people(), method="gap", gap="30s")
    with pytest.raises(SettingError, match="min_support"):
        tk.find_routines(events, min_support=0)

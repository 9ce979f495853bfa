"""The hand check: an unbiased draw, an honest interval, answers that stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.decisions import Decisions
from taskkit.errors import ContractError, SettingError, TaskkitError
from taskkit.overlay.hand_check import draw_hand_check, score_hand_check, wilson
from taskkit.widgets.hand_check import HandCheck
from tests.frames import START, make_events


def attributed(titles: Sequence[str], cases: Sequence[str | None]) -> pl.DataFrame:
    events = make_events([{"window_title": title} for title in titles])
    return events.with_columns(
        case_id=pl.Series(cases, dtype=pl.String),
        case_source=pl.Series([case and "carried" for case in cases], dtype=pl.String),
        case_confidence=pl.Series([0.45 if case else None for case in cases], dtype=pl.Float64),
    )


MANY = attributed([f"INV-{i // 3}" for i in range(60)], [f"INV-{i // 3}" if i % 2 else None for i in range(60)])


def test_only_rows_with_a_case_are_drawn_and_none_twice() -> None:
    drawn = draw_hand_check(MANY, n=20)
    assert drawn.height == 20
    assert drawn["seq"].n_unique() == 20
    assert all(seq % 2 for seq in drawn["seq"])


def test_all_are_drawn_if_there_are_fewer() -> None:
    assert sorted(draw_hand_check(MANY, n=500)["seq"].to_list()) == list(range(1, 60, 2))


def test_the_draw_is_the_same_whatever_the_order_of_the_rows() -> None:
    assert draw_hand_check(MANY, n=9).equals(draw_hand_check(MANY.sample(fraction=1, shuffle=True, seed=4), n=9))


def test_another_seed_draws_other_rows() -> None:
    assert draw_hand_check(MANY, n=9)["seq"].to_list() != draw_hand_check(MANY, n=9, seed=1)["seq"].to_list()


def test_every_row_is_as_likely_as_any_other() -> None:
    times = pl.concat([draw_hand_check(MANY, n=10, seed=seed, around=0).select("seq") for seed in range(60)])
    counts = times["seq"].value_counts()["count"]
    assert counts.len() == 30  # each of the thirty comes up in 600 draws
    assert counts.max() <= 20 + 5 * math.sqrt(20)  # type: ignore[operator]


def test_places_before_and_after_are_told_nearest_first() -> None:
    events = attributed(["A", "B", "B", "here", "C", "D"], [None, None, None, "c", None, None])
    row = draw_hand_check(events, n=1, around=2).row(0, named=True)
    assert [(p["window_title"], p["rows"], p["seconds"]) for p in row["before"]] == [("B", 2, 5.0), ("A", 1, 15.0)]
    assert [(p["window_title"], p["seconds"]) for p in row["after"]] == [("C", 5.0), ("D", 10.0)]


def test_places_of_another_person_or_session_are_not_shown() -> None:
    one, other = attributed(["here"], ["c"]), attributed(["theirs"], [None]).with_columns(user=pl.lit("p_2"))
    later = attributed(["another day"], [None]).with_columns(session_id=pl.lit("s2"))
    row = draw_hand_check(pl.concat([one, other, later]), n=1).row(0, named=True)
    assert (row["before"], row["after"]) == ([], [])


def test_the_persons_bookings_around_the_row_are_told() -> None:
    events = attributed(["x", "y"], [None, "c"])
    when = [START - timedelta(minutes=10), START + timedelta(minutes=3)]
    process = pl.DataFrame({"case_id": ["a", "b"], "activity": ["enter", "pay"], "timestamp": when, "resource": "p_1"})
    assert (
        draw_hand_check(events, n=1, process=process)["booked"].item()
        == "enter of a, 10 min before; pay of b, 3 min after"
    )


def test_bookings_are_told_by_the_clock_that_attribution_found() -> None:
    events = attributed(["x", "y"], [None, "c"]).with_columns(clock_offset_seconds=120.0)
    when = [START + timedelta(minutes=5)]
    process = pl.DataFrame({"case_id": ["b"], "activity": ["pay"], "timestamp": when, "resource": "p_1"})
    assert draw_hand_check(events, n=1, process=process)["booked"].item() == "pay of b, 3 min after"


def test_a_log_without_attribution_is_refused() -> None:
    with pytest.raises(ContractError, match="attribute_cases"):
        draw_hand_check(make_events(["a"]))


def test_nothing_to_draw_is_an_empty_frame() -> None:
    drawn = draw_hand_check(attributed(["a"], [None]))
    assert drawn.height == 0
    assert score_hand_check(drawn.with_columns(answer=pl.lit(None, pl.String)))["precision"].to_list() == [None]


@pytest.mark.parametrize("settings_", [{"n": 0}, {"around": -1}])
def test_a_wrong_setting_says_what_is_allowed(settings_: dict[str, int]) -> None:
    with pytest.raises(SettingError, match="allowed"):
        draw_hand_check(MANY, **settings_)


def test_precision_leaves_out_what_cannot_be_told() -> None:
    drawn = draw_hand_check(MANY, n=10).with_columns(
        answer=pl.Series(["right"] * 6 + ["wrong"] * 2 + ["cannot tell", None])
    )
    row = score_hand_check(drawn).row(0, named=True)
    assert (row["rule"], row["drawn"], row["answered"], row["right"], row["cannot_tell"]) == ("all rules", 10, 8, 6, 1)
    assert row["precision"] == 0.75
    assert "6 of 8" in row["sentence"]
    assert "1 more could not be told" in row["sentence"]


def test_rules_are_scored_apart_most_trusted_first() -> None:
    answers = pl.DataFrame({"case_source": ["low", "high", "high"], "case_confidence": [0.3, 0.9, 0.9],
                            "answer": ["wrong", "right", "right"]})  # fmt: skip
    assert score_hand_check(answers).select("rule", "precision").rows()[1:] == [("high", 1.0), ("low", 0.0)]


def test_an_unknown_answer_is_refused() -> None:
    answers = pl.DataFrame({"case_source": ["a"], "case_confidence": [0.3], "answer": ["yes"]})
    with pytest.raises(SettingError, match=r"'yes'.*right, wrong, cannot tell"):
        score_hand_check(answers)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"), [(45, 50, 0.7864, 0.9565), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_the_interval_is_wilsons(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right, n) == pytest.approx((low, high), abs=1e-4)  # as in the tables


@settings(max_examples=50)
@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(counts: tuple[int, int]) -> None:
    right, n = counts
    low, high = wilson(right, n)
    assert 0 <= low <= high <= 1
    if n:
        assert low - 1e-9 <= right / n <= high + 1e-9


def test_answers_stay_and_one_goes_on_where_one_stopped(tmp_path: Path) -> None:
    first = HandCheck(MANY, None, results=tmp_path / "results", n=4)
    first.answer("right")
    first.answer("wrong")
    again = HandCheck(MANY, None, results=tmp_path / "results", n=4)
    assert again.answers is not None
    assert again.answers["answer"].to_list() == ["right", "wrong", None, None]
    assert again.place == 2


def test_a_row_that_is_judged_again_counts_once(tmp_path: Path) -> None:
    check = HandCheck(MANY, None, results=tmp_path / "results", n=3)
    check.answer("right")
    check.back()
    check.answer("wrong")
    assert Decisions(tmp_path / "decisions.sqlite").list()["decision"].to_list() == ["wrong"]
    assert HandCheck(MANY, None, results=tmp_path / "results", n=3).answers["answer"].to_list() == ["wrong", None, None]  # type: ignore[index]


def test_an_answer_does_not_hold_for_another_case(tmp_path: Path) -> None:
    HandCheck(MANY, None, results=tmp_path / "results", n=1).answer("right")
    other = MANY.with_columns(case_id=pl.when(pl.col("case_id").is_not_null()).then(pl.lit("INV-99")))
    again = HandCheck(other, None, results=tmp_path / "results", n=1)
    assert again.answers is not None
    assert again.answers["answer"].to_list() == [None]


def test_the_journal_holds_neither_title_nor_case_nor_person(tmp_path: Path) -> None:
    HandCheck(MANY, None, results=tmp_path / "results", n=1).answer("right")
    stored = (tmp_path / "decisions.sqlite").read_bytes()
    assert b"INV-" not in stored
    assert b"p_1" not in stored


def test_without_results_answers_are_kept_in_memory_and_no_file_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check = HandCheck(MANY, None, n=2)
    check.answer("right")
    assert check.answers is not None
    assert check.answers["answer"].to_list() == ["right", None]
    assert list(tmp_path.iterdir()) == []


def test_when_all_are_answered_no_more_is_taken() -> None:
    check = HandCheck(MANY, None, n=1)
    check.answer("right")
    with pytest.raises(TaskkitError, match="another seed"):
        check.answer("right")


def test_the_twin_shows_the_result_and_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKKIT_STATIC", "1")
    check = HandCheck(MANY, None, n=2)
    check.answer("right")
    shown = check._repr_mimebundle_()
    assert "1 of 1 attribution" in shown["text/plain"]
    assert "INV-" not in shown["text/html"]


def test_events_without_cases_give_a_sentence() -> None:
    assert "nothing to check" in HandCheck(make_events(["a"]), None).static().words


def test_buttons_answer_move_on_and_keep_the_focus() -> None:
    box = HandCheck(MANY, None, n=2).live()
    progress, card, row = box.children[1], box.children[2], box.children[3]
    right, _, _, back = row.children
    assert "Row 1 of 2" in card.value
    assert back.disabled
    right.click()
    assert (progress.value, "Row 2 of 2" in card.value) == (1, True)
    right.click()
    assert right.disabled
    assert "Every drawn row has an answer" in card.value
    back.click()
    assert "so far" in card.value
    assert not right.disabled


def test_titles_are_escaped() -> None:
    events = attributed(["<script>alert(1)</script>", "<b>here</b>"], [None, "<i>c</i>"])
    card = HandCheck(events, None, n=1).live().children[2].value
    assert "<script>" not in card
    assert "<b>here" not in card
    assert "<i>c" not in card
    assert "&lt;script&gt;" in card


def test_a_journal_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "decisions.sqlite").write_text("this is no journal at all, but it lies in its place" * 40)
    check = HandCheck(MANY, None, n=1)
    check.path = tmp_path / "decisions.sqlite"
    box = check.live()
    box.children[3].children[0].click()
    assert "not a journal" in box.children[4].value


def test_an_answer_of_another_desk_is_not_taken_back_unseen(tmp_path: Path) -> None:
    results = tmp_path / "results"
    one, two = (HandCheck(MANY, None, results=results) for _ in range(2))
    one.answer("right")
    two.answer("wrong")
    journal = Decisions(tmp_path / "decisions.sqlite")
    assert journal.list()["decision"].to_list() == ["right", "wrong"]
    assert journal.conflicts().height == 1


def test_judging_again_is_one_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = HandCheck(MANY, None, results=tmp_path / "results")
    check.answer("right")
    check.back()
    add = Decisions._add

    def dies(self: Decisions, connection: object, entry: dict[str, object]) -> int:
        if entry["kind"] == "verdict":
            raise OSError("the disk is gone")
        return add(self, connection, entry)  # type: ignore[arg-type]

    monkeypatch.setattr(Decisions, "_add", dies)
    with pytest.raises(OSError, match="gone"):
        check.answer("wrong")
    monkeypatch.undo()
    assert Decisions(tmp_path / "decisions.sqlite").list()["decision"].to_list() == ["right"]

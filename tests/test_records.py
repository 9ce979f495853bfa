"""The record that a step shows: found where it changes with the work, and only there."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import polars as pl
import pytest

import taskkit as tk
from taskkit.segments.records import Records, find_records
from tests.frames import make_events


def steps_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return tk.name_activities(make_events(rows)).filter("step").sort("user", "session_id", "seq")


def invoices(source: str = "window_title", text: str = "Invoice {} - ERP", *, count: int = 20) -> pl.DataFrame:
    """Twenty invoices over two sessions, four steps each; the number of the invoice stands in one of the columns."""
    rows = []
    for piece in range(count):
        for name in ("open", "amount", "vendor", "post"):
            row = {"element_name": name, "session_id": f"s{2 * piece // count}"}
            rows.append(row | {source: text.format(4711 + 13 * piece)})
    return steps_of(rows)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("window_title", "Invoice {} - ERP"),
        ("url", "https://erp.example/invoices/{}/edit"),
        ("window_title", "scan_{}.pdf - Viewer"),
    ],
)
def test_a_number_in_a_text_is_the_record(source: str, text: str) -> None:
    found = find_records(invoices(source, text))
    assert (found.token.reshape(20, 4) == found.token.reshape(20, 4)[:, :1]).all()
    assert len(np.unique(found.token)) == 20
    assert (found.token >= 0).all()


def test_a_number_in_an_element_is_the_record() -> None:
    rows = [
        {"element_name": f"{verb} order {9000 + 7 * piece}"}
        for piece in range(12)
        for verb in ("open", "check", "send")
    ]
    found = find_records(steps_of(rows))
    assert found.token.reshape(12, 3).tolist() == [[token] * 3 for token in found.token[::3].tolist()]
    assert len(set(found.token.tolist())) == 12


def test_of_a_cell_the_row_is_the_record() -> None:
    rows = [{"element_name": f"{column}{row}", "app": "sheet"} for row in range(2, 14) for column in "ABCD"]
    found = find_records(steps_of(rows))
    assert (found.token.reshape(12, 4) == found.token.reshape(12, 4)[:, :1]).all()
    assert len(np.unique(found.token)) == 12


def test_a_number_points_to_the_step_that_showed_it_last() -> None:
    numbers = [11, 11, 12, 12, 13, 13, 11, 11, 14, 14, 15, 15, 16, 16]
    found = find_records(steps_of([{"element_name": "look" if i % 2 else "go", "window_title": f"Order {n}"}
                                   for i, n in enumerate(numbers)]))  # fmt: skip
    assert found.before.tolist() == [-1, *range(13)]
    assert found.earlier.tolist() == [-1, 0, -1, 2, -1, 4, 1, 6, -1, 8, -1, 10, -1, 12]
    assert found.changed.nonzero()[0].tolist() == [2, 4, 6, 8, 10, 12]


def test_a_record_is_not_looked_for_in_another_session() -> None:
    steps = invoices()
    found = find_records(steps)
    first = np.flatnonzero(steps["session_id"] == "s1")[0]
    assert found.before[first] == -1
    assert (found.before[first + 1 :] >= first).all()


def test_a_kind_with_few_values_is_no_record() -> None:
    rows = [{"element_name": name, "window_title": f"Screen {1 + piece % 3}"} for piece in range(20) for name in "abcd"]
    assert (find_records(steps_of(rows)).kind == -1).all()


def test_a_date_that_changes_between_sessions_is_no_record() -> None:
    rows = [{"element_name": name, "window_title": f"Journal {day:02d}.03.2026", "session_id": f"s{day}"}
            for day in range(10, 20) for name in "abcdefgh"]  # fmt: skip
    assert (find_records(steps_of(rows)).kind == -1).all()


def test_a_number_that_nearly_always_stands_there_is_no_record() -> None:
    rows = [{"element_name": name, "window_title": f"ERP release {7 if piece % 4 else 100 + piece}"}
            for piece in range(40) for name in "abcd"]  # fmt: skip
    assert (find_records(steps_of(rows)).kind == -1).all()


def test_a_number_that_changes_at_every_step_is_no_record() -> None:
    rows = [{"element_name": "abcd"[step % 4], "window_title": f"Clock {step}"} for step in range(60)]
    assert (find_records(steps_of(rows)).kind == -1).all()


def test_the_record_says_nothing_of_the_number_itself() -> None:
    one, other = invoices(text="Invoice {} - ERP"), invoices(text="Invoice 8{} - ERP")
    for a, b in zip(arrays(find_records(one)), arrays(find_records(other)), strict=True):
        assert (a == b).all()


def test_steps_without_numbers_have_no_records() -> None:
    found = find_records(steps_of([{"element_name": name} for name in "abcabc"]))
    assert (found.kind == -1).all()
    assert found.kinds == 1
    assert not found.changed.any()


def test_a_part_of_the_sessions_has_the_records_that_it_has_by_itself() -> None:
    steps = invoices(count=40)
    second = (steps["session_id"] == "s1").to_numpy()
    part, alone = find_records(steps).part(second), find_records(steps.filter(second))
    assert (part.kind == alone.kind).all()
    assert (part.before == alone.before).all()
    assert (part.earlier == alone.earlier).all()
    assert same_partition(part.token, alone.token)


def test_a_part_points_to_its_own_steps_only() -> None:
    steps = invoices(count=40)
    second = (steps["session_id"] == "s1").to_numpy()
    part = find_records(steps).part(second)
    assert part.before.max() < second.sum()
    assert (part.before < np.arange(len(part.before))).all()
    assert (part.earlier <= part.before).all()


def test_the_whole_is_a_part_of_itself() -> None:
    found = find_records(invoices())
    whole = found.part(np.ones(len(found.kind), bool))
    for a, b in zip(arrays(found), arrays(whole), strict=True):
        assert (a == b).all()


def test_renaming_the_sessions_in_order_changes_nothing() -> None:
    steps = invoices()
    renamed = steps.with_columns(session_id=pl.lit("day ") + pl.col("session_id"))
    for a, b in zip(arrays(find_records(steps)), arrays(find_records(renamed)), strict=True):
        assert (a == b).all()


def test_the_order_of_the_events_does_not_matter() -> None:
    numbers = random.Random(1).sample(range(900), 30)
    rows = [{"element_name": name, "window_title": f"Invoice {piece}", "url": f"https://a.example/{numbers[piece]}"}
            for piece in range(30) for name in "abcd"]  # fmt: skip
    events = make_events(rows)
    found = []
    for frame in (events, events.sample(fraction=1, shuffle=True, seed=3)):
        steps = tk.name_activities(frame).filter("step").sort("user", "session_id", "seq")
        found.append(arrays(find_records(steps)))
    for a, b in zip(*found, strict=True):
        assert (a == b).all()


def arrays(records: Records) -> list[Any]:
    return [records.kind, records.before, records.token, records.earlier]


def same_partition(one: Any, other: Any) -> bool:
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs == len(np.unique(one)) == len(np.unique(other))

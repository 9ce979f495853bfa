"""Rows as numbers: the numbers stand for what was there, whatever the size and the parts."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taskkit as tk
from taskkit.activities import coding
from taskkit.activities.coding import code_rows
from taskkit.activities.numbers import Numbers
from tests.frames import make_events


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63, 2**64 - 1]), max_size=60), max_size=5)
)
def test_equal_keys_get_equal_numbers_in_the_order_of_their_first_rows(parts: list[list[int]]) -> None:
    keys = [key for part in parts for key in part]
    numbers = Numbers(len(keys))
    offset = 0
    for part in parts:
        numbers.add(pl.Series(part, dtype=pl.UInt64), offset)
        offset += len(part)
    known = list(dict.fromkeys(keys))
    assert numbers.numbers.tolist() == [known.index(key) for key in keys]
    assert numbers.first.tolist() == [keys.index(key) for key in known]


def test_the_table_of_keys_grows() -> None:
    keys = np.random.default_rng(3).integers(0, 2**64, 300_000, dtype=np.uint64)
    both = pl.Series(np.concatenate([keys, keys[::-1]]))
    numbers = Numbers(len(both))
    numbers.add(both, 0)
    assert len(numbers.first) == len(set(keys.tolist()))
    assert np.array_equal(numbers.numbers[: len(keys)], numbers.numbers[len(keys) :][::-1])
    assert np.bincount(numbers.numbers).min() == 2


EVENTS = make_events(
    [{"window_title": f"Order {n} - Shop", "element_name": ["Pay", "Send", None][n % 3], "session_id": f"s{n % 4}",
      "event_type": ["click", "text_input"][n % 2], "url": [None, f"https://shop/{n}"][n % 2]} for n in range(60)]
)  # fmt: skip


def test_more_combinations_than_a_table_has_room_for_give_the_same_names(monkeypatch: pytest.MonkeyPatch) -> None:
    named = tk.name_activities(EVENTS)
    monkeypatch.setattr(coding, "_ROOM", 1)
    assert tk.name_activities(EVENTS).equals(named)


def test_parts_make_no_difference() -> None:
    ordered = EVENTS.sort("user", "session_id", "seq")
    whole, parts = (
        code_rows([ordered.lazy()], []),
        code_rows([ordered[:17].lazy(), ordered[17:17].lazy(), ordered[17:].lazy()], []),
    )
    for one, other in zip(whole.rows, parts.rows, strict=True):
        assert np.array_equal(one, other)
    assert whole.names.equals(parts.names)


def test_a_part_without_a_column_is_read_as_empty_there() -> None:
    ordered = EVENTS.sort("user", "session_id", "seq")
    parts = code_rows([ordered[:30].lazy(), ordered[30:].drop("url", "element_name").lazy()], [])
    filled = ordered[30:].with_columns(url=pl.lit(None, pl.String), element_name=pl.lit(None, pl.String))
    whole = code_rows([pl.concat([ordered[:30], filled]).lazy()], [])
    assert parts.names.equals(whole.names)


def test_a_rule_on_elements_names_as_one_on_titles_does() -> None:
    by_title = tk.name_activities(EVENTS, rules=[tk.Rule(title="Shop", screen="Till")])
    by_both = tk.name_activities(
        EVENTS, rules=[tk.Rule(title="Shop", screen="Till"), tk.Rule(element="nowhere", drop=True)]
    )
    assert by_both.equals(by_title)

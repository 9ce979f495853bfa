"""What compiled loops and numbers say of rows is what the plain rules say, row by row."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import taskkit as tk
from taskkit.schema import rises
from taskkit.segments import spread_labels
from taskkit.segments.kernels import NOTHING, _promise, adopt, look_back
from taskkit.segments.records import find_records, learn_records
from tests.frames import make_events

KEYS = ["user", "session_id", "seq"]
KINDS = ["click", "scroll", "window_focus", "idle_start", "text_input"]


def divided_rows(seed: int, count: int = 300) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows as name_activities leaves them, drawn at random, and labels of their steps."""
    draw = random.Random(seed)
    rows = []
    for i in range(count):
        kind = draw.choice(KINDS)
        step = kind in ("click", "text_input") and draw.random() < 0.6
        rows.append({
            "session_id": f"s{i * 5 // count}", "event_type": kind, "app": draw.choice(["erp", "mail", None]), "step": step,
            "activity": "do" if step or draw.random() < 0.3 else None, "active_seconds": 1.0,
            "dropped": None if step else draw.choice(["presence", "excluded", "scroll", None]),
        })  # fmt: skip
    added = ("step", "activity", "active_seconds", "dropped")
    plain = make_events([{name: value for name, value in row.items() if name not in added} for row in rows])
    events = plain.with_columns(pl.Series(name, [row[name] for row in rows]) for name in added)
    steps = events.filter("step").select(KEYS)
    found = [draw.choice([None, 7, 3, 900, 12]) for _ in range(steps.height)]
    sure = [draw.random() if label is not None and draw.random() < 0.3 else None for label in found]
    labels = {"segment": found, "segment_model": [label and label % 5 for label in found], "segment_confidence": sure}
    return events, steps.hstack(pl.DataFrame(labels | {"boundary_confidence": sure}, strict=False, schema_overrides={
        "segment": pl.Int64, "segment_model": pl.Int32}))  # fmt: skip


def followed(events: pl.DataFrame, labelled: pl.DataFrame) -> list[int | None]:
    """The segment of each row by the rules in words, numbered in order of the first row."""
    label = {tuple(row[:3]): row[3] for row in labelled.select(*KEYS, "segment").iter_rows()}
    rows = events.to_dicts()
    found: list[int | None] = []
    for i, row in enumerate(rows):
        own = [other for other in rows if other["session_id"] == row["session_id"] and other["step"]]
        before = [label[tuple(o[k] for k in KEYS)] for o in own if o["seq"] < row["seq"]]
        after = [label[tuple(o[k] for k in KEYS)] for o in own if o["seq"] > row["seq"]]
        left, right = before[-1] if before else None, after[0] if after else None
        same_app = row["app"] == (rows[i + 1]["app"] if i + 1 < len(rows) else None)
        if row["step"]:
            found.append(label[tuple(row[k] for k in KEYS)])
        elif row["dropped"] in ("presence", "excluded"):
            found.append(None)
        elif (left is not None and left == right) or row["activity"] is not None:
            found.append(left)
        elif row["event_type"] == "window_focus" and same_app:
            found.append(right)
        else:
            found.append(left if row["event_type"] == "scroll" else None)
    known = list(dict.fromkeys(label for label in found if label is not None))
    return [None if label is None else known.index(label) for label in found]


@pytest.mark.parametrize("seed", range(4))
def test_every_row_follows_the_step_that_the_rules_name(seed: int) -> None:
    events, labelled = divided_rows(seed)
    assert spread_labels(events, labelled)["segment_id"].to_list() == followed(events, labelled)


def test_labels_in_another_order_are_carried_to_the_same_rows() -> None:
    events, labelled = divided_rows(5)
    mixed = labelled.sample(fraction=1, shuffle=True, seed=2)
    assert spread_labels(events, mixed).equals(spread_labels(events, labelled))


def test_labels_of_some_steps_leave_the_others_without_a_segment() -> None:
    events, labelled = divided_rows(6)
    some, gone = labelled[::2], labelled[1::2]
    assert spread_labels(events, some).join(gone, on=KEYS, how="semi")["segment_id"].null_count() == gone.height


def test_the_surest_boundary_of_a_segment_stands_on_its_first_row() -> None:
    events, labelled = divided_rows(7)
    found = spread_labels(events, labelled)
    firsts = found.drop_nulls("segment_id").unique("segment_id", keep="first", maintain_order=True)
    of_steps = found.drop("boundary_confidence").join(labelled.select(*KEYS, "boundary_confidence"), on=KEYS)
    surest = of_steps.drop_nulls("segment_id").group_by("segment_id").agg(pl.col("boundary_confidence").max())
    assert firsts.select("segment_id", "boundary_confidence").equals(surest.sort("segment_id"))
    assert found["boundary_confidence"].is_not_null().sum() == surest["boundary_confidence"].is_not_null().sum()


def test_fragments_and_switches_are_counted_step_by_step() -> None:
    found = spread_labels(*divided_rows(8))
    counted: dict[int, list[int]] = {}
    last: dict[int, Any] = {}
    before: tuple[Any, Any] = (None, None)
    for row in found.filter(pl.col("step") & pl.col("segment_id").is_not_null()).iter_rows(named=True):
        number, app = row["segment_id"], row["app"]
        counts = counted.setdefault(number, [0, 0])
        counts[0] += before != (row["session_id"], number)
        counts[1] += number in last and last[number] != app
        last[number], before = app, (row["session_id"], number)
    listed = tk.list_segments(found)
    assert listed.select("fragments", "switches").rows() == [tuple(counted[number]) for number in sorted(counted)]


def test_the_applications_of_a_segment_stand_in_the_order_of_their_time() -> None:
    found = spread_labels(*divided_rows(9))
    for row in tk.list_segments(found).iter_rows(named=True):
        own = found.filter(pl.col("segment_id") == row["segment_id"])["app"].drop_nulls().to_list()
        assert row["apps"] == sorted(set(own), key=lambda app: (-own.count(app), app))


def test_rows_that_rise_are_known_without_sorting() -> None:
    draw = random.Random(3)
    for _ in range(200):
        rows = [
            {"user": draw.choice("ab"), "session_id": draw.choice("xy"), "seq": draw.randrange(4)} for _ in range(3)
        ]
        frame = make_events(rows)
        keys = frame.select(KEYS).rows()
        assert rises(frame, twice=True) == (keys == sorted(keys))
        assert rises(frame) == (keys == sorted(set(keys)))


def test_a_key_that_is_there_twice_is_refused_in_a_log_in_order() -> None:
    events = make_events([{"seq": seq} for seq in (1, 2, 2, 3)])
    with pytest.raises(tk.ContractError, match="the same key twice"):
        tk.name_activities(events)


def test_records_of_known_kinds_are_those_of_the_steps_they_were_learnt_from() -> None:
    titles = [f"{'INV-' if piece % 2 else 'PO_'}{4000 + piece} - ERP" for piece in (*range(40), 3, 3, 17)]
    rows = [{"element_name": name, "window_title": title, "session_id": f"s{number // 9}"}
            for number, title in enumerate(titles) for name in ("open", f"B{number % 6}", "post")]  # fmt: skip
    steps = tk.name_activities(make_events(rows)).filter("step").sort(KEYS)
    one, other = find_records(steps), find_records(steps, kinds=learn_records(steps)[1])
    assert one.kinds > 1
    for a, b in zip(*([r.kind, r.before, r.token, r.earlier] for r in (one, other)), strict=True):
        assert np.array_equal(a, b)


def test_looking_back_finds_the_latest_of_a_kind_and_of_a_record_in_the_session() -> None:
    draw = np.random.default_rng(4)
    session, kind = np.sort(draw.integers(0, 4, 200)), draw.integers(-1, 3, 200).astype(np.int32)
    token = np.where(kind >= 0, kind * 5 + draw.integers(0, 5, 200), -1).astype(np.int32)
    before, earlier = look_back(session, kind, token, 3, 15)
    for i in range(200):
        own = [j for j in range(i) if session[j] == session[i] and kind[i] >= 0]
        assert before[i] == max((j for j in own if kind[j] == kind[i]), default=-1)
        assert earlier[i] == max((j for j in own if token[j] == token[i]), default=-1)


def test_noise_before_an_execution_that_shows_its_record_is_taken_in() -> None:
    ids, token = np.array([-1, -1, -1, 0, 0, -1, 1, -1]), np.array([9, 4, -1, 8, 4, 4, 5, 4], np.int32)
    assert adopt(ids, np.zeros(8, bool), token, 3).tolist() == [-1, 0, 0, 0, 0, -1, 1, -1]
    opens = np.array([False, False, True, False, False, False, False, False])
    assert adopt(ids, opens, token, 3).tolist() == ids.tolist()


def test_no_way_of_going_on_says_more_than_is_promised() -> None:
    draw = np.random.default_rng(5)
    index = draw.integers(0, 4, (6, 6)).astype(np.int32)
    log_next, log_skip = (draw.normal(size=(4, 3)).astype(np.float32) for _ in range(2))
    log_any = draw.normal(size=(6, 3)).astype(np.float32)
    log_skip[0, 1] = 9.0  # pairs that are not known are one of the ways
    promised = _promise(index, log_next, log_skip, log_any)
    for b in range(6):
        pairs = [0, *index[b]]
        most = np.maximum.reduce([log_any[b], log_next[pairs].max(axis=0), log_skip[pairs].max(axis=0)])
        assert np.array_equal(promised[b], most)
    assert promised.min() > NOTHING


def test_actions_of_learnt_names_are_the_steps_of_the_named_log(tmp_path: Path) -> None:
    seen = make_events([{"window_title": f"Chat | {name} - Talk", "element_name": "Send"} for name in "ABCDEFGHIJKLM"])
    other = make_events([{"window_title": f"Chat | {name} - Talk", "element_name": "Send"} for name in ("Zoe", "Mia")])
    tk.write_log(other, tmp_path / "log.parquet")
    learnt = tk.learn_names(seen)
    read = tk.read_actions(tmp_path, learnt=learnt)
    named = tk.name_activities(other, learnt=learnt).filter("step")
    assert read["activity"].cast(pl.String).to_list() == named["activity"].to_list()
    assert read["screen"].cast(pl.String).to_list() == ["Chat | ‹…› - Talk"] * named.height


def test_files_of_different_forms_are_scanned_in_their_order(tmp_path: Path) -> None:
    days = [make_events([{"seq": seq, "session_id": f"s{day}"} for seq in (1, 2)]) for day in range(4)]
    days[1] = days[1].with_columns(url=pl.lit("https://a.example"))
    days[2] = days[2].with_columns(pl.col("timestamp").dt.replace_time_zone(None), pl.col("seq").cast(pl.Int32))
    for number, day in enumerate(days):
        day.write_parquet(tmp_path / f"{number}.parquet")
    found = tk.scan_log(tmp_path).collect()
    assert found["session_id"].to_list() == [f"s{day}" for day in range(4) for _ in range(2)]
    assert found["url"].is_not_null().to_list() == [False, False, True, True, False, False, False, False]
    assert found.schema["timestamp"] == tk.EVENTS.schema["timestamp"]

"""Discovered data transfers: which rule fills a field, held out, with values and with digests alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskkit as tk
from taskkit.automation.combinations import combine, read_combinations
from taskkit.automation.determinism import written_fields
from taskkit.automation.quotes import without_quotes
from taskkit.automation.transfers import find_data_transfers, list_violations
from taskkit.automation.transformations import describe, kind_of, read_programs, run
from taskkit.errors import ContractError, SettingError
from tests.frames import make_events

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "samples" / "accounts_payable"
BENCH = ROOT.parent / "shared" / "bench"
KEY = ["user", "session_id", "seq"]
FIRST = ["Anna", "Bo", "Cleo", "Dirk", "Edda", "Finn", "Gina", "Hugo", "Ines", "Jens"]
LAST = ["Ahrens", "Brandt", "Conrad", "Dietz", "Ebert", "Fuchs", "Graf", "Haas", "Imhof", "Jung"]


def make_runs(runs: list[list[tuple[str, str, str]]], people: int = 5) -> pl.DataFrame:
    """Events of one task: (kind of row, field, value) per row; run i is done by person i modulo `people`."""
    return make_events(
        [
            {"user": f"p_{n % people}", "session_id": f"s{n}", "seq": place, "segment_id": n, "task_id": "T01",
             "event_type": kind, "element_id": name, "value": value}
            for n, rows in enumerate(runs)
            for place, (kind, name, value) in enumerate(rows)
        ]
    )  # fmt: skip


def one_field(pairs: list[tuple[str, str]], second: list[str] | None = None) -> dict[str, Any]:
    """The transfer into `to` where each run shows the first text in `from` and writes the second."""
    runs = [
        [("click", "from", shown), *([("click", "other", second[n])] if second else []), ("text_input", "to", written)]
        for n, (shown, written) in enumerate(pairs)
    ]
    return find_data_transfers(make_runs(runs)).row(0, named=True)


def names(n: int = 10) -> list[str]:
    return [f"{FIRST[i % 10]} {LAST[(i * 3) % 10]}" for i in range(n)]


def numbers(n: int = 10) -> list[int]:
    return [104_000 + 37 * i * i for i in range(n)]


@pytest.mark.parametrize(
    ("kind", "pairs"),
    [
        ("constant", [(name, "KR") for name in names()]),
        ("copy", [(name, name) for name in names()]),
        ("part", [(name, name.split()[1]) for name in names()]),
        ("part", [(name, name[:3]) for name in names()]),
        ("part", [(f"INV-{n} of March", str(n)) for n in numbers()]),
        ("part", [(f"+61 0{n} {n % 97:02d}", f"0{n}-{n % 97:02d}") for n in numbers()]),
        ("part", [(f"{n:08d}", str(n)) for n in (7, 42, 311, 9_004, 12_345, 77, 8, 610, 25_000, 1_000)]),
        ("reformat", [(f"{n:,}.50".replace(",", " "), f"{n}.50") for n in numbers()]),
        ("reformat", [(f"{n / 100:,.2f}".translate(str.maketrans(",.", ".,")), f"{n / 100:.2f}") for n in numbers()]),
        ("reformat", [(f"{d:02d}/03/2026", f"2026-03-{d:02d}") for d in range(1, 11)]),
        ("reformat", [(name, name.upper()) for name in names()]),
        ("reformat", [(name, name.replace(" ", "")) for name in names()]),
        ("concatenation", [(f"{n}", f"INV-{n}") for n in numbers()]),
    ],
)
def test_a_fields_rule_is_of_its_kind(kind: str, pairs: list[tuple[str, str]]) -> None:
    row = one_field(pairs)
    assert (row["kind"], row["explained"], row["violations"]) == (kind, len(pairs), 0)
    assert row["sources"] == ([] if kind == "constant" else ["erp › from"])


@pytest.mark.parametrize(
    "make",
    [
        lambda first, last: f"{first} {last}",
        lambda first, last: f"{last}, {first}",
        lambda first, last: f"{first[0]}{last}@example.com".lower(),
        lambda first, last: f"{first}.{last}@example.com".lower(),
    ],
)
def test_two_fields_are_put_together(make: Any) -> None:
    second = [LAST[(3 * i) % 10] for i in range(10)]
    row = one_field([(first, make(first, last)) for first, last in zip(FIRST, second, strict=True)], second)
    assert (row["kind"], row["share"], sorted(row["sources"])) == ("concatenation", 1.0, ["erp › from", "erp › other"])


def test_a_look_up_is_learnt_from_other_executions() -> None:
    table = {"north": "K7", "south": "M2", "west": "Q9"}
    places = [list(table)[i * i % 3] for i in range(24)]
    row = one_field([(place, table[place]) for place in places])
    assert (row["kind"], row["explained"]) == ("look-up", 24)
    alone = one_field([(f"key {i}", f"W{i * 7919 % 1000}") for i in range(24)])
    assert (alone["kind"], alone["explained"]) == ("judgement", 0)


def test_a_look_up_may_need_two_fields() -> None:
    random = np.random.default_rng(4)
    land, size = random.integers(0, 2, 80), random.integers(0, 2, 80)
    codes = [["A1", "B2"], ["B2", "A1"]]  # neither field alone says anything
    row = one_field([(f"land {a}", codes[a][b]) for a, b in zip(land, size, strict=True)],
                    [f"size {b}" for b in size])  # fmt: skip
    assert row["kind"] in ("look-up", "judgement")
    three = [["A1", "B2"], ["C3", "D4"]]
    row = one_field([(f"land {a}", three[a][b]) for a, b in zip(land, size, strict=True)], [f"size {b}" for b in size])
    assert (row["kind"], row["share"], row["sources"]) == ("look-up", 1.0, ["erp › from", "erp › other"])


def test_free_text_is_judgement_and_has_no_violations() -> None:
    random = np.random.default_rng(1)
    row = one_field([(name, f"note {random.integers(10**9)}") for name in names(30)])
    assert (row["kind"], row["explained"], row["violations"], row["share"]) == ("judgement", 0, None, 0.0)


def test_equal_by_chance_is_no_copy() -> None:
    random = np.random.default_rng(2)
    pairs = [(str(a), str(b)) for a, b in random.integers(0, 2, (200, 2))]
    assert one_field(pairs)["kind"] == "judgement"


def test_too_few_executions_get_no_kind_but_a_sentence() -> None:
    row = one_field([(name, name) for name in names(4)])
    assert (row["kind"], row["share"], row["violations"]) == (None, None, None)
    assert row["rule"] == "too little data: written in 4 executions, at least 5 are needed"


def test_exceptions_are_violations_without_content() -> None:
    events = make_runs([
        [("click", "from", name), ("text_input", "to", "secret" if n == 7 else name.split()[0])]
        for n, name in enumerate(names(20))
    ])  # fmt: skip
    transfers = find_data_transfers(events)
    found = list_violations(events, transfers)
    assert (transfers["violations"].item(), found.height) == (1, 1)
    assert found.select("user", "session_id", "seq", "expected").row(0) == (
        "p_2",
        "s7",
        1,
        "a part of the value of erp › from",
    )
    assert "secret" not in str(found.rows())


def test_violations_do_not_quote_fixed_texts() -> None:
    events = make_runs([[("text_input", "code", "KR" if n else "XX")] for n in range(20)])
    transfers = find_data_transfers(events)
    assert transfers["rule"].item() == "always “KR”"
    assert "KR" not in str(list_violations(events, transfers).rows())


def test_what_is_pasted_and_edited_at_once_is_one_value() -> None:
    runs = [
        [("copy", "cell", name), ("paste", "last name", name), ("text_input", "last name", name.split()[1])]
        for name in names(12)
    ]
    row = find_data_transfers(make_runs(runs)).row(0, named=True)
    assert (row["writes"], row["kind"], row["explained"]) == (12, "part", 12)


def test_what_was_pasted_shows_the_source_even_if_the_rest_is_constant() -> None:
    runs = [
        [
            ("copy", "cell", f"{n} Main St, VIC {n}"),
            ("paste", "state", f"{n} Main St, VIC {n}"),
            ("text_input", "state", "VIC"),
        ]
        for n in numbers()
    ]
    assert find_data_transfers(make_runs(runs))["kind"].to_list() == ["part"]


def test_a_field_may_have_a_second_rule_for_the_rest() -> None:
    runs = [
        [
            ("click", "a", name),
            ("click", "b", f"{n}-{n % 7}"),
            ("text_input", "to", name if n % 2 else f"{n}-{n % 7}".split("-")[0]),
        ]
        for n, name in zip(numbers(40), names(40), strict=True)
    ]
    row = find_data_transfers(make_runs(runs)).row(0, named=True)
    assert (row["share"], "; else " in row["rule"], sorted(row["sources"])) == (1.0, True, ["erp › a", "erp › b"])


def test_a_ticked_box_is_a_written_value() -> None:
    runs = [[("click", "look", "x"), ("click", "agreed", "on")] for _ in range(8)]
    events = make_runs(runs).with_columns(
        element_role=pl.when(pl.col("element_id") == "agreed").then(pl.lit("check box")).otherwise(pl.lit("text"))
    )
    assert find_data_transfers(events).select("field", "kind").rows() == [("erp › agreed", "constant")]


def as_digests(events: pl.DataFrame) -> pl.DataFrame:
    return events.with_columns(value_digest=pl.col("value").hash(7).cast(pl.String)).drop("value")


def test_digests_give_the_same_constants_copies_and_look_ups() -> None:
    random = np.random.default_rng(5)
    table = {"north": "K7", "south": "M2", "west": "Q9"}
    runs = []
    for n, name in zip(numbers(60), names(60), strict=True):
        place = list(table)[random.integers(3)]
        runs.append([("click", "name", name), ("click", "place", place), ("text_input", "type", "KR"),
                     ("text_input", "copied", name if n % 11 else "slip"), ("text_input", "code", table[place]),
                     ("text_input", "part", f"{n}"), ("text_input", "note", f"{random.integers(10**9)}")])  # fmt: skip
    events = make_runs(runs)
    plain, blind = find_data_transfers(events), find_data_transfers(as_digests(events))
    equal = pl.col("kind").is_in(["constant", "copy", "look-up"])
    columns = ["field", "kind", "sources", "writes", "explained"]
    assert plain.filter(equal).height == 3
    assert plain.filter(equal).select(columns).equals(blind.filter(equal).select(columns))


def test_row_order_does_not_matter() -> None:
    events = make_runs([[("click", "from", name), ("text_input", "to", name.split()[0])] for name in names(30)])
    mixed = events.sample(fraction=1.0, shuffle=True, seed=3)
    assert find_data_transfers(mixed).equals(find_data_transfers(events))
    assert list_violations(mixed, find_data_transfers(mixed)).equals(
        list_violations(events, find_data_transfers(events))
    )


def test_what_is_missing_or_unknown_is_said() -> None:
    with pytest.raises(ContractError, match="segment_id"):
        find_data_transfers(make_events(["x"]))
    with pytest.raises(SettingError, match="T01"):
        find_data_transfers(make_runs([[("text_input", "to", "x")]]), task_id="T9")


def test_the_columns_of_two_sheets_are_two_fields() -> None:
    rows = [
        {"session_id": f"s{n}", "seq": place, "segment_id": n, "task_id": "T01", "event_type": kind, "element_id": cell,
         "value": value, "window_title": sheet}
        for n, name in enumerate(names())
        for place, (kind, cell, value, sheet) in enumerate([
            ("click", f"A{n}", name, "People"), ("click", f"A{n}", f"{n}", "Orders"), ("text_input", "to", name, "Form")])
    ]  # fmt: skip
    assert find_data_transfers(make_events(rows))["sources"].to_list() == [["erp › column A of People"]]
    files = [row | {"window_title": f"{row['window_title']} {row['segment_id']}"} for row in rows]
    assert find_data_transfers(make_events(files))["sources"].to_list() == [["erp › column A"]]


def test_people_of_each_source_are_counted() -> None:
    runs = [[("click", "mine" if n % 5 < 2 else "ours", f"{n}-x"), ("text_input", "to", f"{n}-x")] for n in range(40)]
    row = find_data_transfers(make_runs(runs)).row(0, named=True)
    assert dict(zip(row["sources"], row["source_people"], strict=True)) == {"erp › ours": 3, "erp › mine": 2}


def test_changing_parts_of_names_are_slots() -> None:
    rows = [
        {"session_id": f"s{n}", "seq": place, "segment_id": n, "task_id": "T01", "event_type": kind, "value": f"v{n}",
         "element_name": name, "screen": "Form", "activity": f"{verb} {slot} · Form"}
        for n in range(10)
        for place, (kind, name, verb, slot) in enumerate([
            ("click", f"Invoice {n} of Erika", "click", "Invoice # of ‹…›"), ("text_input", "to", "type into", "to")])
    ]  # fmt: skip
    row = find_data_transfers(make_events(rows)).row(0, named=True)
    assert (row["sources"], row["rule"]) == (["erp › Invoice # of ‹…›"], "the value of erp › Invoice # of ‹…›")


def test_a_value_with_quotes_does_not_end_its_quote() -> None:
    rule = find_data_transfers(make_runs([[("text_input", "to", "x” secret “y")]] * 8))["rule"].item()
    assert "secret" not in without_quotes(rule, set())
    assert rule.count("“") == rule.count("”") == 1


# ------------------------------------------------------------------------------------------------------ transformations
@given(st.text("ab19 ,-/.0é", min_size=1, max_size=14), st.text("ab19 ,-/.0é", min_size=1, max_size=8))
def test_every_program_gives_the_text_it_was_read_off(source: str, text: str) -> None:
    for program in read_programs(source, text):
        assert run(program, source) == text
        assert kind_of(program) in ("part", "reformat")
        assert "X" in describe(program, "X")


@given(
    st.lists(st.text("abC 1", min_size=1, max_size=5), min_size=1, max_size=3),
    st.text("abC 1-@", min_size=1, max_size=10),
)
def test_every_combination_gives_the_text_it_was_read_off(sources: list[str], text: str) -> None:
    found = read_combinations(sources, text)
    assert all(combine(pieces, sources) == text for pieces in found)


@pytest.mark.parametrize("text", ["", "x", "1", "12.5.2026", "-", "1,2,3,4", "٣", "²"])
def test_odd_texts_are_no_error(text: str) -> None:
    assert run((("number", "dot", "dot", "", 2, "", ""),), text) is None or text[:1].isdigit()
    assert isinstance(read_programs("a b-c 1.234,50", text), set)


# ----------------------------------------------------------------------------------------------------------- the sample
def test_determinism_of_the_sample_is_the_planted_one() -> None:
    events = pl.read_parquet(SAMPLE / "ui_log" / "*.parquet").unique(KEY, maintain_order=True)
    truth = pl.read_parquet(SAMPLE / "truth" / "events.parquet")
    events = events.join(truth.select(*KEY, segment_id="true_segment", task_id="true_task"), on=KEY, how="left")
    transfers = find_data_transfers(events)
    planted = json.loads((SAMPLE / "truth" / "engagement.json").read_text(encoding="utf-8"))["tasks"]
    shares = transfers.group_by("task_id").agg(share=pl.col("explained").sum() / pl.col("writes").sum())
    found = dict(shares.iter_rows())
    assert found == {task["task"]: pytest.approx(task["determinism"]["share"], abs=0.05) for task in planted}
    kinds = dict(transfers.filter(pl.col("task_id") == "enter invoice").select("element_id", "kind").iter_rows())
    assert (kinds["inv.company"], kinds["inv.number"], kinds["inv.tax"]) == ("constant", "copy", "look-up")
    assert kinds["inv.account"] == "judgement"
    one = written_fields(events.filter(pl.col("task_id") == "archive scans"))
    assert one["predictable"].mean() == pytest.approx(found["archive scans"])


# ------------------------------------------------------------------------------------------------------ labelled logs
def labelled(name: str) -> pl.DataFrame:
    log = pl.read_parquet(BENCH / "logs" / f"{name}.parquet")
    columns = {"seq": "seq", "timestamp": "timestamp", "user": "user", "app": "app", "window_title": "window",
               "event_name": "event_type", "element_name": "element", "value": "value", "url": "url"}  # fmt: skip
    events = tk.name_activities(tk.from_table(log.select(pl.exclude("^true_.*$")), columns=columns))
    truth = log.select("seq", segment_id=pl.col("true_segment").cast(pl.UInt32), task_id=pl.lit(name))
    return events.join(truth, on="seq", how="left")


needs_bench = pytest.mark.skipif(not (BENCH / "logs").exists(), reason="the labelled logs are not here")


@needs_bench
def test_the_text_fields_of_student_records_are_found_with_their_kinds() -> None:
    transfers = find_data_transfers(labelled("student_record")).filter(pl.col("element_name") != "DecisionBox")
    kinds = dict(transfers.select("element_name", "kind").iter_rows())
    part = ["countrycode", "Address_AddressLine1", "Address_City", "Address_Region", "Address_ZipCode"]
    assert kinds == {"SingleLine": "concatenation", "date": "reformat", "SingleLine1": "copy", "Email": "copy",
                     **dict.fromkeys(part, "part")}  # fmt: skip
    assert transfers["share"].min() > 0.9  # type: ignore[operator]


@needs_bench
def test_every_field_of_reimbursements_is_explained() -> None:
    transfers = find_data_transfers(labelled("reimbursement"))
    assert set(transfers["kind"]) <= {"copy", "part", "reformat"}
    assert transfers["share"].min() > 0.95  # type: ignore[operator]

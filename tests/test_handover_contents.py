"""What a hand-over holds: the way, its steps, where values come from, what is left open, what is never shown."""

from __future__ import annotations

from dataclasses import fields

import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from taskkit.handover import Handover, describe_work, document_session
from taskkit.handover.executions import choose_executions
from taskkit.handover.rules import find_rules
from tests.handover_frames import Row, button, enter_invoice, record, shown, write


@pytest.fixture(scope="module")
def log() -> tuple[pl.DataFrame, pl.DataFrame]:
    return record()


@pytest.fixture(scope="module")
def work(log: tuple[pl.DataFrame, pl.DataFrame]) -> Handover:
    return describe_work(*log, task_id="T01")


def all_texts(work: Handover) -> str:
    """Everything that a hand-over says."""
    return "\n".join(
        value.write_json() if isinstance(value, pl.DataFrame) else str(value)
        for value in (getattr(work, field.name) for field in fields(work))
    )


def test_the_steps_are_those_that_most_executions_do(work: Handover) -> None:
    assert work.steps["element"].to_list() == [
        "New invoice", "Company code", "Document type", "Invoice number", "Invoice number", "Vendor", "Vendor", "Gross amount",
        "Gross amount", "Country", "Tax code", "G/L account", "Text", "Post invoice",
    ]  # fmt: skip


def test_typing_and_pasting_are_one_step_told_with_their_shares(work: Handover) -> None:
    assert work.steps.row(4, named=True)["done"] == "type (67%) or paste (33%)"


def test_a_step_that_some_leave_out_has_its_share_and_a_block(work: Handover) -> None:
    step = work.steps.row(12, named=True)
    assert (round(step["share"], 3), step["block"]) == (0.619, 1)
    assert work.steps["block"].drop_nulls().len() == 1


def test_values_come_from_where_the_transfers_say(work: Handover) -> None:
    kinds = dict(work.steps.filter(pl.col("kind").is_not_null()).select("element_id", "kind").iter_rows())
    assert kinds == {
        "inv.company": "constant", "inv.type": "constant", "inv.number": "copy", "inv.vendor": "copy", "inv.amount": "copy",
        "inv.tax": "look-up", "inv.account": "judgement", None: "judgement",
    }  # fmt: skip


def test_figures_are_those_of_the_segments(work: Handover, log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    facts = dict(work.facts.select("fact", "value").iter_rows())
    assert facts["executions of this way"] == 42
    assert facts["median active time"] == pytest.approx(log[1]["active_seconds"].median())


def test_the_interval_of_the_median_holds_it(work: Handover) -> None:
    row = work.facts.row(by_predicate=pl.col("fact") == "median active time", named=True)
    assert row["low"] <= row["value"] <= row["high"]
    assert (row["n"], row["people"]) == (42, 7)


def test_what_a_person_decides_is_asked(work: Handover) -> None:
    assert any("how does the person decide what to write into G/L account" in question for question in work.questions)
    assert any("purpose" in question for question in work.questions)


def test_a_given_purpose_is_not_asked_for(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    work = describe_work(*log, task_id="T01", purpose="Invoices are booked.")
    assert not any("purpose" in question for question in work.questions)


def test_no_pseudonym_and_no_digest_is_in_it(work: Handover, log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    said = all_texts(work)
    secret = {*log[0]["user"].unique(), *(d for d in log[0]["value_digest"].drop_nulls().unique() if len(d) > 4)}
    assert not [text for text in secret if text in said]


def test_too_few_people_are_refused_with_the_cure() -> None:
    events, segments = record(executions=8, people=4)
    with pytest.raises(SettingError, match=r"done by 4 people; .* at least 5.*min_people=1"):
        describe_work(events, segments, task_id="T01")
    assert describe_work(events, segments, task_id="T01", min_people=1).steps.height > 10


def test_a_step_of_too_few_people_is_not_shown() -> None:
    def sometimes(number: int) -> list[Row]:
        rows = enter_invoice(number)
        return [*rows, button("Secret", "secret")] if number < 18 else rows  # three of the seven people

    work = describe_work(*record(make=sometimes), task_id="T01")
    assert "Secret" not in all_texts(work)


def test_a_step_that_few_people_do_often_is_not_in_the_way() -> None:
    def often(number: int) -> list[Row]:
        return [*enter_invoice(number), *([button("Secret", "secret")] if number < 24 else [])]

    events, segments = record(make=often)  # four of the seven people, 57 % of the executions
    assert "Secret" not in all_texts(describe_work(events, segments, task_id="T01"))
    assert "Secret" in all_texts(describe_work(events, segments, task_id="T01", min_people=4))


def test_given_decisions_do_not_name_steps_of_few_people() -> None:
    def sometimes(number: int) -> list[Row]:
        return [*enter_invoice(number), *([button("Secret")] if number < 18 else [])]

    secret, post = (f"click {name} · Invoice - Enter - Horizon ERP" for name in ("Secret", "Post invoice"))
    decisions = pl.DataFrame({
        "task_id": "T01", "after": "type into G/L account · Invoice - Enter - Horizon ERP", "branches": [[post, secret]],
        "shares": [[0.6, 0.4]], "rule": f"if x then {secret}", "segments": 42, "people": 7, "baseline": 0.6,
    })  # fmt: skip
    work = describe_work(*record(make=sometimes), task_id="T01", decisions=decisions)
    assert work.decisions["rule"].to_list() == ["if x then (a step of few people)"]
    assert "Secret" not in all_texts(work)


def test_the_order_of_rows_does_not_matter(log: tuple[pl.DataFrame, pl.DataFrame], work: Handover) -> None:
    events, segments = log
    again = describe_work(events.sample(fraction=1, shuffle=True, seed=1), segments.reverse(), task_id="T01")
    assert again.steps.equals(work.steps)
    assert again.exceptions.equals(work.exceptions)


def test_inputs_stay_as_they_are(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    before = [frame.clone() for frame in log]
    describe_work(*log, task_id="T01")
    assert all(a.equals(b) for a, b in zip(before, log, strict=True))


def test_loops_are_found() -> None:
    def twice(number: int) -> list[Row]:
        line = [shown("Line", f"a{number}"), write("Item", "item", f"a{number}")]
        return [button("Open", "open"), *line, *line, *line, button("Save", "save")]

    steps = describe_work(*record(make=twice), task_id="T01").steps
    assert steps.select("element", pl.col("loop").is_not_null()).rows() == [
        ("Open", False), ("Line", True), ("Item", True), ("Save", False)
    ]  # fmt: skip


def test_other_ways_say_what_they_do_otherwise() -> None:
    elsewhere = {"app": "excel", "window_title": "Rates - Excel"}

    def two_ways(number: int) -> list[Row]:
        rows = enter_invoice(number)
        return [rows[0], shown("Rate", "r", **elsewhere), *rows[1:]] if number % 3 == 0 else rows

    work = describe_work(*record(make=two_ways), task_id="T01")
    other = work.exceptions.filter(kind="other way").row(0, named=True)
    assert (other["segments"], other["differs"]) == (14, "also: Rates - Excel")


def test_unknown_tasks_and_ways_are_named(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    with pytest.raises(SettingError, match="T01"):
        describe_work(*log, task_id="T1")
    with pytest.raises(SettingError, match="T01-V01"):
        describe_work(*log, task_id="T01", variant_id="T01-V1")


def test_frames_of_an_earlier_step_are_refused(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    with pytest.raises(ContractError, match="find_tasks"):
        describe_work(log[0], log[1].drop("task_id"), task_id="T01")


def test_plain_values_are_not_in_it_unless_asked_for(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events = log[0].with_columns(value=pl.concat_str(pl.lit("content "), "value_digest"))
    assert "content " not in all_texts(describe_work(events, log[1], task_id="T01"))
    quoted = describe_work(events, log[1], task_id="T01", quote_values=True)
    assert "always “content 1000”" in quoted.transfers["rule"].to_list()


def test_a_recording_is_described_step_by_step(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    rows = log[0].filter(pl.col("segment_id") == 0)
    work = document_session(rows)
    assert work.steps.height == rows["step"].sum()
    assert work.steps["activity"].to_list() == rows.filter("step")["activity"].to_list()
    assert work.facts.filter(fact="active time")["value"][0] == pytest.approx(rows["active_seconds"].sum())


def test_a_recording_tells_which_step_a_value_came_from(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    steps = document_session(log[0].filter(pl.col("segment_id") == 3)).steps  # pasted
    number = steps.filter(element_id="inv.vendor").row(0, named=True)
    source = steps.row(int(number["value_from"].removeprefix("the value of step ")) - 1, named=True)
    assert (number["act"], source["act"], source["element"]) == ("paste", "copy", "Vendor")
    assert steps.filter(element_id="inv.account")["value_from"].to_list() == ["not known from the log"]


def test_one_of_several_sessions_must_be_chosen(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    with pytest.raises(SettingError, match="7 sessions"):
        document_session(log[0])
    assert document_session(log[0], session_id="s3").steps.height == log[0].filter(session_id="s3")["step"].sum()


def test_an_empty_recording_is_described_as_empty() -> None:
    events, _ = record(executions=2, people=1)
    nothing = {"action": pl.lit(None, pl.UInt32), "activity": pl.lit(None, pl.String)}
    work = document_session(events.with_columns(dropped=pl.lit("presence"), step=False, **nothing))
    assert work.steps.is_empty()
    assert tk.check(events).is_empty()


def test_the_page_of_one_person_is_not_the_address_of_a_step(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    own = "https://erp.example.com/customers/private"
    first = log[0]["user"] == log[0]["user"].sort()[0]
    events = log[0].with_columns(url=pl.when(first).then(pl.lit(own)))
    work = describe_work(events, log[1], task_id="T01")
    assert work.steps["address"].null_count() == work.steps.height
    assert log[0]["url"].n_unique() > 1
    assert describe_work(*log, task_id="T01").steps["address"].null_count() < work.steps.height


def noted(number: int) -> list[Row]:
    """One of seven people takes the vendor's number from a note of her own."""
    rows = enter_invoice(number)
    if number < 6:
        note = shown("Private notes of Erika", f"inv.vendor {number}", "copy", app="notes", window_title="Notes")
        rows = [note if row.get("element_name") == "Vendor" and row["element_role"] == "text" else row for row in rows]
    return rows


@pytest.mark.parametrize("known", [True, False])
def test_a_source_of_few_people_has_no_name(known: bool) -> None:
    events, segments = record(make=noted)
    rows = events.join(segments.select("segment_id", "task_id"), on="segment_id")
    found = tk.find_data_transfers(rows, task_id="T01")
    source = next(name for name in found["sources"].explode().drop_nulls() if "Erika" in name)
    assert source in found.filter(element_id="inv.vendor")["rule"][0]
    given = found if known else found.drop("source_people")
    work = describe_work(events, segments, task_id="T01", transfers=given)
    vendor = work.transfers.filter(element_id="inv.vendor").row(0, named=True)
    assert "Erika" not in all_texts(work)
    assert "a field of few people" in vendor["sources"]
    assert "a field of few people" in vendor["rule"]
    assert "acrobat › Vendor" in vendor["rule"]


def test_why_no_rule_was_found_names_no_field_of_few_people() -> None:
    events, segments = record(make=noted)
    after = events.filter("step")["activity"].mode().sort()[0]
    field = "notes › Private notes of Erika"
    given = pl.DataFrame({
        "task_id": ["T01"], "after": [after], "branches": [["(end)", after]], "shares": [[0.5, 0.5]], "rule": [None],
        "why": [f"no logged field predicts it: with {field} and acrobat › Vendor, learnt from others"],
        "fields": [[field, "acrobat › Vendor"]], "baseline": [0.5], "segments": [42], "people": [7],
    }, schema_overrides={"rule": pl.String})  # fmt: skip
    runs = choose_executions(events, segments, task_id="T01", variant_id=None, min_people=5)
    rules = find_rules(events, runs, transfers=None, decisions=given, quote_values=True, min_people=5)
    assert rules.decisions["why"][0].endswith("with a field of few people and acrobat › Vendor, learnt from others")
    assert rules.decisions["fields"][0].to_list() == ["a field of few people", "acrobat › Vendor"]


def test_a_branch_of_few_people_has_no_name_in_branches_rule_and_fields() -> None:
    events, segments = record()
    steps = events.filter("step")["activity"].value_counts().sort("count", "activity")["activity"].to_list()
    after, one, two = steps[-3:]
    given = pl.DataFrame({
        "task_id": ["T01"], "after": [after], "branches": [[one, two]], "shares": [[0.9, 0.1]], "why": [None],
        "rule": [f"if x then {one}, else {two}"], "fields": [["case › kind"]], "baseline": [0.5], "segments": [42],
        "people": [7], "people_of": [[7, 2]], "source_people": [[7]],
    }, schema_overrides={"why": pl.String})  # fmt: skip
    runs = choose_executions(events, segments, task_id="T01", variant_id=None, min_people=5)
    rules = find_rules(events, runs, transfers=None, decisions=given, quote_values=False, min_people=5)
    row = rules.decisions.row(0, named=True)
    assert row["branches"] == [one, "(a step of few people)"]
    assert row["rule"] == f"if x then {one}, else (a step of few people)"
    assert row["fields"] == ["case › kind"]


def test_a_most_frequent_name_that_few_people_had_is_not_kept() -> None:
    def own(number: int) -> list[Row]:
        return [*enter_invoice(number), write(f"Invoice of customer {'abcdefg'[number // 6]}", "note", "n")]

    events, segments = record(make=own)
    assert "Invoice of customer" not in describe_work(events, segments, task_id="T01").transfers.write_json()


@pytest.mark.parametrize("given", [True, False])
def test_a_value_that_holds_quotes_is_not_shown(log: tuple[pl.DataFrame, pl.DataFrame], given: bool) -> None:
    content = pl.when(element_id="inv.company").then(pl.lit("x” secret “y"))
    events = log[0].with_columns(value=content)
    rows = events.join(log[1].select("segment_id", "task_id"), on="segment_id")
    made = tk.find_data_transfers(rows, task_id="T01")
    if given:  # kept from a time when the marks were left as they are
        fixed = pl.when(element_id="inv.company").then(pl.lit("always “x” secret “y”")).otherwise("rule")
        made = made.with_columns(rule=fixed)
    work = describe_work(events, log[1], task_id="T01", transfers=made)
    assert "secret" not in all_texts(work)


def test_executions_a_week_are_those_of_the_criterion(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    # somebody else is recorded on four more days and never does the task
    other = log[0].head(4).with_columns(
        user=pl.lit("p_ffffffffffff"), session_id=pl.lit("other"), segment_id=pl.lit(None, pl.UInt32),
        timestamp=pl.col("timestamp") + pl.duration(days=pl.int_range(4) * 2 + 1),
    )  # fmt: skip
    events = pl.concat([log[0], other])
    work = describe_work(events, log[1], task_id="T01")
    row = work.facts.row(by_predicate=pl.col("fact") == "executions in five recorded days", named=True)
    measured = tk.measure_criteria(events, log[1]).filter(criterion="frequency_per_week")
    assert row["value"] == pytest.approx(measured["numerator"].sum() / measured["denominator"].sum())
    assert "person-days" in row["definition"]


def test_a_session_of_two_people_is_refused_until_one_is_chosen(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    both = log[0].with_columns(session_id=pl.lit("s"))
    with pytest.raises(SettingError, match=r"7 people have a session 's'.*user="):
        document_session(both, session_id="s")
    user = both["user"].sort()[0]
    assert document_session(both, user=user).steps.height == both.filter(pl.col("step"), user=user).height
    with pytest.raises(SettingError, match="p_nobody"):
        document_session(both, user="p_nobody")

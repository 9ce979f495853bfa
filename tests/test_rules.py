"""Rules: what people say about names goes before what was learnt, in order; the workbench's figures are true."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskkit as tk
from taskkit.activities import rules as rules_module
from taskkit.activities.rules import LONGEST, Rule, apply_rules, check_rules, read_rules, write_rules
from taskkit.activities.workbench import list_learnt, measure_rules, suggest_rule
from taskkit.errors import ContractError, SettingError
from tests.frames import make_events

COLUMNS = ("app", "window_title", "url", "element_name", "element_id")
texts = st.text(max_size=30)  # quotes, backslashes, control characters, everything that UTF-8 can hold


def said(rules: list[Rule], **row: str) -> dict[str, Any]:
    """What the rules say of one combination."""
    table = pl.DataFrame({name: [row.get(name)] for name in COLUMNS}, schema=dict.fromkeys(COLUMNS, pl.String))
    return apply_rules(table, rules).row(0, named=True)


def titles(*shown: str, **shared: Any) -> pl.DataFrame:
    """One click in each window."""
    return make_events([{"window_title": title, "element_name": "Save"} for title in shown], **shared)


# ------------------------------------------------------------------------------------------------------------ applying
def test_the_first_rule_that_says_a_thing_wins_and_later_ones_say_the_rest() -> None:
    rules = [Rule(app="erp", screen="first"), Rule(app="erp", screen="second", app_role="ERP")]
    found = said(rules, app="erp")
    assert (found["screen"], found["screen_rule"], found["app_role"], found["app_role_rule"]) == ("first", 0, "ERP", 1)


def test_all_patterns_of_a_rule_must_match_anywhere_in_upper_or_lower_case() -> None:
    rule = [Rule(app="erp", title="order", screen="Order")]
    assert said(rule, app="My ERP", window_title="An ORDER")["screen"] == "Order"
    assert said(rule, app="My ERP", window_title="Inbox")["screen"] is None
    assert said(rule, app="My ERP")["screen"] is None


def test_captures_of_several_fields_are_put_in() -> None:
    rule = [Rule(title=r"(?<kind>\w+) \d+", url=r"//(?P<site>[^/]+)", screen="{kind} at {site}!")]
    assert said(rule, window_title="Order 17", url="https://erp.example/x")["screen"] == "Order at erp.example!"


def test_a_rule_whose_captures_are_empty_says_nothing() -> None:
    rules = [Rule(title=r"Case (?<ref>\d+)?", case_ref="{ref}"), Rule(title="Case", case_ref="later")]
    assert said(rules, window_title="Case")["case_ref"] == "later"
    assert said(rules, window_title="Case 9")["case_ref"] == "9"


def test_a_group_that_is_only_written_in_brackets_is_no_capture() -> None:
    with pytest.raises(SettingError, match=r"uses \{n\}; captured: nothing"):
        check_rules([Rule(title=r"\(?<n>", screen="{n}")])


@pytest.mark.parametrize(("first", "second", "left_out"), [("drop", "activity", True), ("activity", "drop", False)])
def test_to_leave_out_and_to_name_an_activity_are_one_thing_to_be_said(first: str, second: str, left_out: bool) -> None:
    says: dict[str, Any] = {"drop": {"drop": True}, "activity": {"activity": "read"}}
    found = said([Rule(app="x", **says[first]), Rule(app="x", **says[second])], app="x")
    assert (found["drop"], found["activity"]) == (left_out, None if left_out else "read")


def test_an_element_is_looked_at_by_its_name_or_else_its_id() -> None:
    rule = [Rule(element="^save$", activity="save")]
    assert said(rule, element_name="Save", element_id="b17")["activity"] == "save"
    assert said(rule, element_id="SAVE")["activity"] == "save"
    assert said(rule, element_name="Other", element_id="save")["activity"] is None


def test_columns_without_any_value_match_nothing() -> None:
    table = pl.DataFrame({name: [None, None] for name in COLUMNS}, schema=dict.fromkeys(COLUMNS, pl.String))
    every = [Rule(**{name: ".*"}, screen="x") for name in ("app", "title", "url", "element")]
    assert apply_rules(table, every)["screen"].null_count() == 2


def test_rules_look_at_each_distinct_combination_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    whole = rules_module._hits

    def counting(table: pl.DataFrame, rule: Rule) -> pl.Series:
        seen.append(table.height)
        return whole(table, rule)

    monkeypatch.setattr(rules_module, "_hits", counting)
    tk.name_activities(titles(*["Inbox", "Note"] * 200), rules=[Rule(title="Inbox", screen="Mail")])
    assert 1 <= sum(seen) <= 4


# -------------------------------------------------------------------------------------------------------- what is wrong
def test_every_problem_of_every_rule_is_listed() -> None:
    wrong = [
        Rule(screen="x"), Rule(app="x"), Rule(app="x", activity="a", drop=True), Rule(title="(", screen="x"),
        Rule(title="(?<a>x)", screen="{b}"), Rule(title=5, screen="x"), Rule(app="x", screen="x", note="\ud800"),
    ]  # fmt: skip
    with pytest.raises(SettingError) as error:
        check_rules(wrong)
    message = str(error.value)
    for words in (
        "rule 1 looks at nothing", "rule 2 says nothing", "rule 3 names an activity and drops it",
        "rule 4: title = '(' is no pattern: unclosed group", "rule 5: screen = '{b}' uses {b}; captured: a",
        "rule 6: title = 5; allowed: a text", "rule 7: note",
    ):  # fmt: skip
        assert words in message


def test_naming_refuses_a_rule_that_cannot_be_used() -> None:
    with pytest.raises(SettingError, match="unclosed group"):
        tk.name_activities(titles("x"), rules=[Rule(title="(", screen="x")])


@pytest.mark.parametrize("pattern", ["a(?=b)", "(a{1000}){1000}", "x" * 10_000, "\\", "[z-a]", "(?<n>a)(?<n>b)"])
def test_a_pattern_that_the_engine_refuses_is_one_clear_line(pattern: str) -> None:
    with pytest.raises(SettingError, match="is no pattern: ") as error:
        check_rules([Rule(title=pattern, screen="x")])
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"(x*)*y", r"(\w+\s?)+$", "(.*)(.*)(.*)(.*)[^a]"])
def test_a_pattern_cannot_run_for_ever(pattern: str) -> None:
    found = said([Rule(title=pattern, screen="hit")], window_title="a" * 50_000 + "!")
    assert found["screen"] in ("hit", None)  # a backtracking engine would need longer than the universe is old


# -------------------------------------------------------------------------------------------------------------- on file
@given(
    st.lists(
        st.builds(
            Rule, app=st.just("x"), screen=texts, app_role=texts, note=st.none() | texts, drop=st.just(True)
        ),
        max_size=4,
    )
)  # fmt: skip
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, rules: list[Rule]) -> None:
    file = tmp_path_factory.mktemp("rules") / "rules.toml"
    rules = [rule for rule in rules if not any(c in f"{rule.screen}{rule.app_role}" for c in "{}")]
    write_rules(rules, file)
    assert read_rules(file) == rules


def test_odd_patterns_survive_the_file(tmp_path: Path) -> None:
    odd = [r"\\\bServer\\path", '"\'\'\'"""', "\x00\x7f\x1b\t\r\n", "ß‹…›\u2028🐴", r"\u0041\d{3}"]
    rules = [Rule(title=text, screen="x") for text in odd]
    write_rules(rules, tmp_path / "r.toml")
    assert read_rules(tmp_path / "r.toml") == rules


def test_the_file_is_for_its_owner_only_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("")
    file.chmod(0o644)
    write_rules([Rule(app="x", screen="y")], file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(SettingError):
        write_rules([Rule(app="x")], file)
    assert read_rules(file) == [Rule(app="x", screen="y")]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("this is no TOML", "is no TOML file"),
        ('[[rule]]\ntitle = "\\d"\nscreen = "x"', "is no TOML file.*backslash is doubled"),
        ('[rule]\ntitle = "x"', "two brackets"),
        ("rule = 3", "two brackets"),
        ('[[rules]]\ntitle = "x"', "'rules' is no part"),
        ('[[rule]]\ntilte = "x"\nscreen = 3\ndrop = "yes"', "(?s)tilte.*title.*screen = 3.*drop = 'yes'"),
    ],
)
def test_a_file_that_is_no_rule_file_is_one_clear_error(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(content)
    with pytest.raises(SettingError, match=words):
        read_rules(file)


def test_bytes_and_giants_are_no_rule_file(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match="is no TOML file"):
        read_rules(file)
    file.write_bytes(b"#" * 1_000_001)
    with pytest.raises(SettingError, match="Is it a rule file"):
        read_rules(file)
    assert read_rules(tmp_path / "none.toml") == []


# --------------------------------------------------------------------------------------------------------- on old logs
def test_an_old_log_is_renamed_and_only_in_what_the_rule_says() -> None:
    events = titles(*["Inbox - Mail", "Order 1 - ERP", "Inbox - Mail", "Order 2 - ERP"] * 3)
    before, after = tk.name_activities(events), tk.name_activities(events, rules=[Rule(title="^Order", app_role="ERP")])
    assert after.filter(pl.col("window_title").str.starts_with("Order"))["app_role"].unique().to_list() == ["ERP"]
    assert after.drop("app_role").equals(before.drop("app_role"))
    again = tk.name_activities(after, rules=[Rule(title="^Inbox", screen="Post")])
    assert again.equals(tk.name_activities(events, rules=[Rule(title="^Inbox", screen="Post")]))


def test_a_rule_that_drops_everything_leaves_the_rows_and_no_step() -> None:
    named = tk.name_activities(titles("a", "b", "a"), rules=[Rule(app=".*", drop=True)])
    assert named.height == 3
    assert not named["step"].any()
    assert named["dropped"].to_list() == ["rule"] * 3
    assert tk.measure_naming(named)["share"].sum() == 0
    assert tk.list_unnamed(named).is_empty()


def test_a_rule_fills_the_case_reference_only_where_it_is_empty() -> None:
    events = make_events([{"window_title": "INV-1", "case_ref": "given"}, {"window_title": "INV-2", "case_ref": None}])
    named = tk.name_activities(events, rules=[Rule(title=r"(?<n>INV-\d)", case_ref="{n}")])
    assert named["case_ref"].to_list() == ["given", "INV-2"]


def test_what_a_person_named_has_a_name_however_rare_it_is() -> None:
    events = titles("Yearly closing", "Inbox", "Note")
    assert tk.measure_naming(tk.name_activities(events)).row(-1, named=True)["share"] == pytest.approx(1.0)
    named = tk.name_activities(events, rules=[Rule(title="closing", screen="Closing")])
    assert named["named_by"].to_list() == ["rule", None, None]


# ------------------------------------------------------------------------------------------------------ what is unnamed
ODD = [
    "Report 12.5 / 3 of Ada",
    "Ticket #5 (new) - Tool",
    "C:\\x\\y - Notepad++",
    "a  b\tc",
    "+++",
    "Sheet_Ada_2026-02.xlsx - Excel",
    "[1] ^$ {x} | y",
    "7",
]


@pytest.fixture(scope="module")
def messy() -> pl.DataFrame:
    """A log with names, rare titles, applications without titles and rows that never count."""
    rows: list[Any] = [{"window_title": t, "after": 7.0} for t in ["Inbox", "Note"] * 4]
    rows += [
        {"window_title": f"{name} - Customer - CRM", "app": "crm", "after": 11.0} for name in ("Ada", "Bob", "Eve")
    ]
    rows += [{"window_title": title, "app": "notepad++"} for title in ODD]
    rows += [{"app": "terminal", "after": 30.0}, {"app": "web", "url": "https://shop.example/cart/17"}]
    rows += [{"app": None, "event_type": "idle_start"}, {"window_title": "secret", "redactions": ["excluded"]}]
    return tk.name_activities(make_events(rows))


def test_the_pieces_hold_all_the_unnamed_time_once(messy: pl.DataFrame) -> None:
    measured = {row["named_by"]: row for row in tk.measure_naming(messy).iter_rows(named=True)}
    pieces = tk.list_unnamed(messy, most=1000)
    assert pieces["active_hours"].sum() == pytest.approx(measured["unnamed"]["active_hours"])
    assert pieces["share"].sum() == pytest.approx(measured["unnamed"]["share"])
    assert sum(row["share"] for row in measured.values()) == pytest.approx(1.0)
    assert pieces["active_hours"].is_sorted(descending=True)


def test_the_pieces_do_not_depend_on_the_order_of_rows(messy: pl.DataFrame) -> None:
    assert tk.list_unnamed(messy.sample(fraction=1.0, shuffle=True, seed=3)).equals(tk.list_unnamed(messy))
    assert list_learnt(messy.reverse()).equals(list_learnt(messy))


def test_many_titles_are_divided_in_one_go_and_the_largest_chunks_are_the_same() -> None:
    letters = ["".join(chr(97 + n // 26**k % 26) for k in range(3)) for n in range(6_000)]
    rows = [f"{word} - {letters[n % 97]} about - {word}" for n, word in enumerate(letters)]
    named = tk.name_activities(titles(*rows)).with_columns(named_by=pl.lit(None, dtype=pl.String))
    top = tk.list_unnamed(named, most=3)
    assert top.height == 3
    assert top.equals(tk.list_unnamed(named, most=5).head(3))


def test_a_title_and_an_address_with_one_part_are_two_chunks() -> None:
    rows = [{"window_title": "cart"}, {"window_title": "cart - A"}, {"url": "https://x.example/cart"}, "end"]
    listed = tk.list_unnamed(tk.name_activities(make_events(rows)))
    assert {*listed.select("title", "url").rows()} == {("\\bcart\\b", None), (None, "\\bx\\.example/cart\\b")}


def test_every_suggestion_is_a_rule_that_names_its_piece(messy: pl.DataFrame) -> None:
    pieces = tk.list_unnamed(messy, most=1000)
    assert pieces.height >= 5
    for piece in pieces.iter_rows(named=True):
        caught = tk.preview_rule(messy, rule=suggest_rule(piece)).filter(named_by="unnamed", says="screen")
        assert float(caught["active_hours"].sum()) >= piece["active_hours"] - 1e-9, piece


def test_all_suggestions_together_leave_nothing_unnamed(messy: pl.DataFrame) -> None:
    rules = [suggest_rule(piece) for piece in tk.list_unnamed(messy, most=1000).iter_rows(named=True)]
    named = tk.name_activities(messy, rules=rules)
    assert tk.measure_naming(named).row(-1, named=True)["share"] == 0


def test_every_learnt_name_comes_with_a_pattern_of_all_its_titles() -> None:
    shown = ["Order 17 - ERP", "Order 4,711.50 - ERP", "Inbox (3)", "Order 18 - ERP", "Inbox (12)"] * 3
    named = tk.name_activities(titles(*shown))
    listed = list_learnt(named)
    assert {*listed["screen"]} == {"Order # - ERP", "Inbox (#)"}
    for row in listed.iter_rows(named=True):
        caught = tk.preview_rule(named, rule=suggest_rule(row))
        assert caught["now"].to_list() == [row["screen"]]
        assert caught["active_hours"].sum() == pytest.approx(row["active_hours"])


# ------------------------------------------------------------------------------------------------------------- previews
def test_what_is_caught_and_what_is_kept_is_what_matches(messy: pl.DataFrame) -> None:
    earlier = [Rule(app="crm", title="Ada", screen="Ada's"), Rule(app="notepad", app_role="editor")]
    named = tk.name_activities(messy, rules=earlier)
    rule = Rule(app="crm|note", screen="S", app_role="R")
    for place in range(3):
        found = tk.preview_rule(named, rule=rule, rules=earlier, place=place)
        matched = named.filter(pl.col("app").is_in(["crm", "notepad++"]))
        for (says,), part in found.group_by("says"):
            assert part["events"].sum() == matched.height, says
            assert part["active_hours"].sum() * 3600 == pytest.approx(matched["active_seconds"].sum())
        kept = {row[0] for row in found.filter(outcome="kept by an earlier rule").select("named_by").rows()}
        assert kept == {f"rule {n + 1}" for n in range(place)}


def test_the_preview_says_what_naming_then_does(messy: pl.DataFrame) -> None:
    earlier = [Rule(app="crm", title="Ada", screen="Ada's")]
    rule = Rule(title=r"^(?<who>\w+) - Customer", screen="Customer {who}")
    found = tk.preview_rule(tk.name_activities(messy, rules=earlier), rule=rule, rules=earlier, place=1)
    caught = {row["becomes"]: row["events"] for row in found.filter(outcome="caught").iter_rows(named=True)}
    after = tk.name_activities(messy, rules=[*earlier, rule])
    assert caught == dict(
        after.filter(pl.col("screen").str.starts_with("Customer")).group_by("screen").len().iter_rows()
    )


def test_titles_without_a_name_stand_together_in_the_preview(messy: pl.DataFrame) -> None:
    found = tk.preview_rule(messy, rule=Rule(app="crm", screen="Customer"))
    assert found.select("now", "named_by", "titles").rows() == [(None, "unnamed", 3)]


def test_the_preview_shows_what_is_taken_from_a_rule_that_leaves_out(messy: pl.DataFrame) -> None:
    earlier = [Rule(app="crm", drop=True)]
    named = tk.name_activities(messy, rules=earlier)
    rule = Rule(app="crm", activity="look a customer up")
    first = tk.preview_rule(named, rule=rule, rules=earlier, place=0)
    assert first.select("outcome", "now", "named_by", "events").rows() == [("caught", "left out", "rule 1", 3)]
    last = tk.preview_rule(named, rule=rule, rules=earlier, place=1)
    assert last["outcome"].to_list() == ["kept by an earlier rule"]


def test_a_reference_that_the_log_has_already_is_not_caught() -> None:
    named = tk.name_activities(make_events([{"window_title": "INV-1", "case_ref": "x"}, {"window_title": "INV-2"}]))
    found = tk.preview_rule(named, rule=Rule(title=r"(?<n>INV-\d)", case_ref="{n}"))
    assert {*found.select("outcome", "named_by", "events").rows()} == {
        ("in the log already", "log", 1), ("caught", "unnamed", 1)
    }  # fmt: skip


def test_a_preview_that_matches_nothing_is_empty_with_its_columns(messy: pl.DataFrame) -> None:
    found = tk.preview_rule(messy, rule=Rule(title="no such title", screen="x"))
    assert found.is_empty()
    assert found.columns == tk.preview_rule(messy, rule=Rule(app="crm", screen="x")).columns


def test_a_place_that_is_none_is_refused(messy: pl.DataFrame) -> None:
    with pytest.raises(SettingError, match="allowed: 0 to 0"):
        tk.preview_rule(messy, rule=Rule(app="x", screen="y"), place=1)


def test_each_rule_is_measured_by_what_it_is_first_to_say(messy: pl.DataFrame) -> None:
    rules = [
        Rule(app="crm", screen="Customer"), Rule(app="crm", screen="never"), Rule(app="terminal", drop=True),
        Rule(app="crm|terminal", app_role="both"),
    ]  # fmt: skip
    listed = measure_rules(tk.name_activities(messy, rules=rules), rules=rules)
    assert listed["rule"].to_list() == [1, 2, 3, 4]
    assert listed["events"].to_list() == [3, 0, 1, 4]
    assert listed["people"].to_list() == [1, 0, 1, 1]
    assert listed["says"].to_list()[2:] == ["left out", "app_role: both"]


@pytest.mark.parametrize("ask", [tk.measure_naming, tk.list_unnamed, list_learnt, tk.find_case_refs])
def test_a_log_without_names_is_refused_with_the_cure(ask: Any) -> None:
    with pytest.raises(ContractError, match="name_activities"):
        ask(make_events(["a"]))


@pytest.mark.parametrize("ask", [tk.measure_naming, tk.list_unnamed, list_learnt, tk.find_case_refs])
def test_an_empty_log_gives_an_empty_answer(ask: Any) -> None:
    found = ask(tk.name_activities(make_events(["a"]).head(0)))
    assert found.filter(pl.col("people") > 0).is_empty()


def test_the_longest_pattern_is_allowed_and_one_more_is_not() -> None:
    assert check_rules([Rule(title="x" * LONGEST, screen="x")])
    with pytest.raises(SettingError, match="1,001 characters; allowed: 1,000"):
        check_rules([Rule(title="x" * (LONGEST + 1), screen="x")])

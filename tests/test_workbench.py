"""The rule workbench and the column picker, driven without a browser: what is set and pressed is what holds and is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import taskkit as tk
from taskkit import charts, widgets
from taskkit.activities.rules import Rule, read_rules, write_rules
from taskkit.errors import ContractError, SettingError
from taskkit.widgets import ColumnMapper, RuleWorkbench
from tests.frames import make_events

CRM = [f"{name} - Customer - CRM" for name in ("Ada", "Bob", "Eve")]


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    """Six people; one screen with a name, one application whose titles have none, one without titles."""
    people = []
    for n in range(6):
        rows: list[Any] = [{"window_title": title} for title in ["Inbox", "Note"] * 4]
        rows += [{"window_title": CRM[n % 3], "app": "crm"}, {"app": "terminal", "after": 50.0}]
        people.append(make_events([*rows, {"window_title": "Inbox", "after": 20.0}], user=f"p_{n}", session_id=f"s{n}"))
    return pl.concat(people)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rules.toml"


@pytest.fixture
def bench(events: pl.DataFrame, file: Path) -> RuleWorkbench:
    return RuleWorkbench(events, path=file)


@pytest.fixture
def static(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKKIT_STATIC", "1")
    tk.start_notebook()


def words(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", markup, flags=re.DOTALL))


def html_of(shown: Any) -> str:
    bundle = shown._repr_mimebundle_()
    return str((bundle[0] if isinstance(bundle, tuple) else bundle).get("text/html", ""))


def unnamed(bench: RuleWorkbench) -> float:
    return float(bench.measured.filter(named_by="unnamed")["share"].item())


# ------------------------------------------------------------------------------------------------------------ the form
def test_the_largest_unnamed_piece_comes_first_with_its_rule_in_the_form(bench: RuleWorkbench) -> None:
    bench.live()
    desk = bench.desk
    assert (desk.texts["app"].value, desk.texts["title"].value) == ("^crm$", r"\bCustomer\b")
    assert desk.texts["screen"].value == "‹…› - Customer"
    assert "Piece 1 of 2 without a name" in desk.piece.value
    assert not desk.buttons["keep"].disabled
    assert "had no name" in words(desk.caught.value)


def test_next_and_previous_walk_over_the_pieces_and_stop_at_the_ends(bench: RuleWorkbench) -> None:
    bench.live()
    desk, last = bench.desk, bench.chunks.height - 1
    seen = [desk.rule()]
    for _ in range(last):
        desk.buttons["next"].click()
        seen.append(desk.rule())
    assert seen == [bench.suggest(n) for n in range(last + 1)]
    assert desk.buttons["next"].disabled
    desk.buttons["next"].click()
    assert desk.at == last
    desk.buttons["previous"].click()
    assert desk.rule() == seen[-2]
    assert "Learnt name" in desk.piece.value


def test_every_change_of_the_form_is_previewed(bench: RuleWorkbench) -> None:
    bench.live()
    desk = bench.desk
    desk.texts["screen"].value = "Customer card"
    assert "Customer card" in desk.caught.value
    desk.drop.value = True
    assert "left out" in desk.caught.value


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("title", "(", "title = '(' is no pattern: unclosed group"),
        ("title", "x" * 10_000, "10,000 characters; allowed: 1,000"),
        ("screen", "{who}", "uses {who}; captured: nothing"),
        ("title", "<b>nothing</b>", "This rule matches nothing in this log."),
        ("activity", "", "‹…› - Customer"),
    ],
)
def test_a_wrong_pattern_is_one_sentence(bench: RuleWorkbench, field: str, text: str, said: str) -> None:
    bench.live()
    bench.desk.texts[field].value = text
    shown = words(bench.desk.caught.value).replace("&#x27;", "'")
    assert said in shown
    assert "Traceback" not in shown
    assert bench.desk.buttons["keep"].disabled == ("no pattern" in shown or "captured" in shown)


def test_an_empty_form_asks_for_something(bench: RuleWorkbench) -> None:
    bench.live()
    bench.desk.fill(Rule())
    assert "Say in the form" in bench.desk.caught.value
    assert bench.desk.buttons["keep"].disabled


# ------------------------------------------------------------------------------------------------------ keep, undo, move
def test_keeping_a_rule_writes_names_moves_on_and_updates_the_bar(bench: RuleWorkbench, file: Path) -> None:
    bench.live()
    desk, before, bar = bench.desk, unnamed(bench), bench.desk.bar.outputs
    desk.texts["screen"].value, desk.texts["note"].value = "Customer", "agreed"
    desk.buttons["keep"].click()
    assert read_rules(file) == bench.rules == [
        Rule(app="^crm$", title=r"\bCustomer\b", screen="Customer", note="agreed")
    ]  # fmt: skip
    assert bench.events.filter(app="crm")["screen"].unique().to_list() == ["Customer"]
    assert unnamed(bench) < before / 2
    assert desk.bar.outputs != bar
    assert desk.texts["app"].value == "^terminal$"
    assert "Kept; 1 rule" in desk.said.value
    assert "screen: Customer" in desk.listed.value
    desk.buttons["keep"].click()
    assert unnamed(bench) == 0
    assert "Learnt name 1" in desk.piece.value


def test_a_rule_that_leaves_its_piece_unnamed_moves_on_to_the_next(bench: RuleWorkbench) -> None:
    bench.live()
    bench.desk.texts["screen"].value, bench.desk.texts["app_role"].value = "", "customers"
    bench.desk.buttons["keep"].click()
    assert bench.desk.at == 1


def test_a_kept_rule_can_be_taken_back(bench: RuleWorkbench, file: Path) -> None:
    before = bench.events
    bench.live()
    assert bench.desk.buttons["take_back"].disabled
    bench.desk.buttons["keep"].click()
    assert not bench.desk.buttons["take_back"].disabled
    bench.desk.buttons["take_back"].click()
    assert read_rules(file) == bench.rules == []
    assert bench.events.equals(before)
    with pytest.raises(SettingError, match="No rule was kept"):
        bench.take_back()


def test_a_rule_stands_where_it_was_put_and_moves_one_place(bench: RuleWorkbench, file: Path) -> None:
    a, b, c = (Rule(app="crm", screen=text) for text in "abc")
    bench.keep(a)
    bench.keep(b, place=0)
    bench.live()
    bench.desk.fill(c)
    assert bench.desk.place.label == "last"
    bench.desk.place.value = 1
    bench.desk.buttons["keep"].click()
    assert read_rules(file) == [b, c, a]
    bench.desk.chosen.value = 3
    bench.desk.buttons["up"].click()
    assert (read_rules(file), bench.desk.chosen.value) == ([b, a, c], 2)
    bench.desk.buttons["up"].click()
    bench.desk.buttons["up"].click()
    assert read_rules(file) == [a, b, c]
    bench.desk.buttons["remove"].click()
    assert bench.events.filter(app="crm")["screen"].unique().to_list() == ["b"]
    bench.desk.buttons["down"].click()
    assert read_rules(file) == bench.rules == [c, b]


@pytest.mark.parametrize("number", [0, 2, -1])
def test_a_rule_that_is_not_there_is_refused(bench: RuleWorkbench, number: int) -> None:
    bench.keep(Rule(app="x", screen="y"))
    for change in (bench.remove, lambda n: bench.move(n, 1)):
        with pytest.raises(SettingError, match="There is no rule"):
            change(number)
    with pytest.raises(SettingError, match="no place"):
        bench.keep(Rule(app="x", screen="z"), place=5)


def test_a_rule_that_cannot_be_used_is_not_written(bench: RuleWorkbench, file: Path) -> None:
    with pytest.raises(SettingError):
        bench.keep(Rule(app="(", screen="y"))
    assert not file.exists()
    assert bench.rules == []


# ---------------------------------------------------------------------------------------------------------- two people
def test_what_somebody_else_wrote_in_the_meantime_is_kept_and_said(events: pl.DataFrame, file: Path) -> None:
    one, other = RuleWorkbench(events, path=file), RuleWorkbench(events, path=file)
    one.keep(Rule(app="crm", screen="mine"))
    said = other.keep(Rule(app="terminal", screen="theirs"))
    assert [rule.screen for rule in read_rules(file)] == ["mine", "theirs"]
    assert "changed by somebody else" in said
    assert other.events.filter(app="crm")["screen"].unique().to_list() == ["mine"]
    assert "changed by somebody else" in one.take_back()
    assert [rule.screen for rule in read_rules(file)] == ["theirs"]


def test_a_rule_that_somebody_else_removed_cannot_be_moved(events: pl.DataFrame, file: Path) -> None:
    a, b = Rule(app="crm", screen="a"), Rule(app="crm", screen="b")
    write_rules([a, b], file)
    bench = RuleWorkbench(events, path=file)
    bench.live()
    write_rules([b], file)
    bench.desk.chosen.value = 1
    bench.desk.buttons["down"].click()
    assert "Somebody else changed or removed this rule" in bench.desk.said.value
    assert bench.rules == read_rules(file) == [b]
    assert len(bench.desk.chosen.options) == 1


def test_the_last_rule_can_be_gone_too(events: pl.DataFrame, file: Path) -> None:
    write_rules([Rule(app="crm", screen="a")], file)
    bench = RuleWorkbench(events, path=file)
    bench.live()
    write_rules([], file)
    bench.desk.buttons["up"].click()
    assert "Somebody else changed or removed this rule" in bench.desk.said.value
    assert bench.desk.chosen.options == ()
    bench.desk.buttons["up"].click()
    assert bench.desk.buttons["up"].disabled


def test_a_file_that_broke_in_the_meantime_is_left_as_it_is(bench: RuleWorkbench, file: Path) -> None:
    bench.live()
    file.write_text("[[rule]\nhalf")
    bench.desk.buttons["keep"].click()
    assert "is no TOML file" in bench.desk.said.value
    assert file.read_text() == "[[rule]\nhalf"


def test_a_folder_that_is_not_there_is_a_sentence(events: pl.DataFrame, tmp_path: Path) -> None:
    bench = RuleWorkbench(events, path=tmp_path / "none" / "rules.toml")
    bench.live()
    bench.desk.buttons["keep"].click()
    assert "No such file or directory" in bench.desk.said.value
    assert bench.rules == []
    assert bench.desk.buttons["take_back"].disabled


def test_rules_of_the_file_hold_from_the_start(events: pl.DataFrame, file: Path) -> None:
    write_rules([Rule(app="crm", screen="Customer")], file)
    bench = RuleWorkbench(events, path=file)
    assert bench.events.equals(tk.name_activities(events, rules=read_rules(file)))
    with pytest.raises(SettingError, match="holds 1 rules, and not those given"):
        RuleWorkbench(events, rules=[Rule(app="x", screen="y")], path=file)


def test_given_rules_are_written_with_the_first_that_is_kept(events: pl.DataFrame, file: Path) -> None:
    given = Rule(app="terminal", screen="Shell")
    bench = RuleWorkbench(events, rules=[given], path=file)
    assert not file.exists()
    bench.keep(Rule(app="crm", screen="Customer"))
    assert read_rules(file)[0] == given


# ----------------------------------------------------------------------------------------------------- case references
def test_references_are_offered_and_fill_the_form(file: Path) -> None:
    rows = [{"window_title": f"Invoice INV-10450{n % 6} - ERP"} for n in range(12)]
    bench = RuleWorkbench(make_events(rows), path=file)
    bench.live()
    desk = bench.desk
    assert "INV" in words(desk.found.value)
    assert len(desk.reference.options) == 1
    desk.buttons["refer"].click()
    assert desk.rule().case_ref == "{ref}"
    desk.buttons["keep"].click()
    assert bench.events["case_ref"].n_unique() == 6


def test_a_log_without_anything_to_name_is_said_to_be_so(file: Path) -> None:
    for log in (
        make_events(["a"]).head(0),
        tk.name_activities(make_events([{"event_type": "idle_start", "app": None}])),
    ):
        bench = RuleWorkbench(log, path=file)
        bench.live()
        assert "nothing left to name" in bench.desk.piece.value
        assert bench.desk.buttons["refer"].disabled
        assert bench.static().markup


# -------------------------------------------------------------------------------------------------------------- on pages
def test_the_static_twin_shows_bar_pieces_and_rules_and_no_examples(bench: RuleWorkbench, static: None) -> None:
    bench.keep(Rule(app="crm", title="Customer", screen="Customer"))
    bench.keep(Rule(app="crm", title="Eve", app_role="hers"))
    markup = html_of(widgets.show(bench))
    assert "tk-chart" in markup
    shown = words(markup)
    assert "Time without a name" in shown
    assert "title: Customer" in shown
    assert "Eve" not in shown  # a rule that catches few people's work could name them
    assert "Bob" not in markup
    assert all(f"p_{n}" not in markup for n in range(6))


def apart(events: pl.DataFrame) -> pl.DataFrame:
    """The same log, but one person works in an application of her own."""
    hers = (pl.col("user") == "p_1") & (pl.col("app") == "crm")
    return events.with_columns(
        window_title=pl.when(hers).then(pl.lit("Zoe Secret")).otherwise("window_title"),
        app=pl.when(hers).then(pl.lit("rareapp")).otherwise("app"),
    )


def test_pieces_of_few_people_are_hidden_on_pages_and_counted(events: pl.DataFrame, file: Path, static: None) -> None:
    markup = html_of(RuleWorkbench(apart(events), path=file))
    assert "Secret" not in markup
    assert "rareapp" not in markup
    assert "fewer than 5 people is hidden" in words(markup)
    two = apart(events).filter(pl.col("user").is_in(["p_1", "p_2"]))
    assert "Secret" in html_of(RuleWorkbench(two, path=file))  # two people hide nothing: the posture card says so


def test_the_live_form_shows_no_example_of_few_people(events: pl.DataFrame, file: Path) -> None:
    bench = RuleWorkbench(apart(events), path=file)
    shown = {row["app"]: bench.piece(n).markup for n, row in enumerate(bench.chunks.iter_rows(named=True))}
    assert "such as “Ada - Customer - CRM”" in shown["crm"]
    assert "such as" not in shown["rareapp"]


def test_titles_cannot_bring_markup_into_the_form(file: Path) -> None:
    rows = [{"window_title": f"<img src=x onerror=alert({n})> - <b>A</b>"} for n in range(3)]
    bench = RuleWorkbench(make_events(rows), path=file)
    bench.live()
    for shown in (bench.desk.piece.value, bench.desk.caught.value, bench.static().markup):
        assert "<img" not in shown
        assert "<b>A" not in shown


# ----------------------------------------------------------------------------------------------------------- the picture
def spec(chart: Any) -> dict[str, Any]:
    return dict(chart.to_dict())


def test_the_bar_shows_every_part_and_the_goal(bench: RuleWorkbench) -> None:
    drawn = spec(charts.naming_coverage(bench.measured))
    legend = drawn["layer"][0]["encoding"]["color"]["scale"]["domain"]
    assert [text.partition(":")[0] for text in legend] == ["the title as it stands", "no name yet"]
    assert "6 people" in legend[0]
    assert [{"goal": 0.9, "text": "goal: 90 % named"}] in drawn["datasets"].values()
    assert "has none yet" in drawn["title"]["text"]


def test_parts_of_few_people_are_one_grey_part_without_figures_of_people() -> None:
    measured = pl.DataFrame(
        {"named_by": ["rule", "template", "title", "unnamed"], "active_hours": [1.0, 6.0, 0.0, 3.0],
         "share": [0.1, 0.6, 0.0, 0.3], "screens": [1, 5, 0, 3], "people": [2, 7, 0, 3]}
    )  # fmt: skip
    legend = spec(charts.naming_coverage(measured))["layer"][0]["encoding"]["color"]["scale"]["domain"]
    assert [text.partition(":")[0] for text in legend] == ["a learnt template", "too few people to be shown"]
    assert "40.0 % · 4.0 h" in legend[1]
    assert "person" not in legend[1]
    everything = spec(charts.naming_coverage(measured, min_people=1))["layer"][0]["encoding"]["color"]["scale"][
        "domain"
    ]
    assert len(everything) == 3


def test_a_log_without_time_is_a_sentence() -> None:
    empty = tk.measure_naming(tk.name_activities(make_events(["a"]).head(0)))
    assert "no active time" in spec(charts.naming_coverage(empty))["description"]


# ------------------------------------------------------------------------------------------------------ the column picker
TABLE = pl.DataFrame({
    "When": ["2026-03-02T08:00:00Z", "2026-03-02T08:00:09Z"], "Who": ["Ada", "Ada"], "Program": ["erp", "mail"],
    "Title": ["Offer Smith", "Inbox"], "Typed": ["secret word", None],
})  # fmt: skip


def cells(box: Any) -> dict[str, Any]:
    return {control.description.rstrip(" *"): control for control in box.children[1].children}


def test_the_guess_fills_the_lists_with_the_time_first() -> None:
    mapper = ColumnMapper(TABLE)
    box = mapper.live()
    lists = cells(box)
    assert next(iter(lists)) == "timestamp"
    assert (lists["timestamp"].value, lists["app"].value, lists["window_title"].value) == ("When", "Program", "Title")
    assert mapper.events().select("app", "window_title").rows() == [("erp", "Offer Smith"), ("mail", "Inbox")]


def test_a_choice_changes_columns_rows_and_the_call(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    TABLE.write_csv(path)
    mapper = ColumnMapper(TABLE, path=path)
    box = mapper.live()
    cells(box)["user"].value = "Who"
    cells(box)["value"].value = "Typed"
    data = box.children[2].outputs[0]["data"]
    assert "Offer Smith" in data["text/html"]
    assert "secret word" not in data["text/html"]
    assert mapper.columns["value"] == "Typed"
    assert mapper.call() in data["text/plain"]
    read = eval(mapper.call(), {"tk": tk})
    assert read.select("timestamp", "app", "window_title").equals(
        mapper.events().select("timestamp", "app", "window_title")
    )


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    mapper = ColumnMapper(TABLE)
    box = mapper.live()
    cells(box)["timestamp"].value = "Program"
    shown = box.children[2].outputs[0]["data"]["text/plain"]
    assert "Program" in shown
    assert "Traceback" not in shown
    cells(box)["timestamp"].value = "–"
    assert "nothing can be put in time" in box.children[2].outputs[0]["data"]["text/plain"]
    with pytest.raises(ContractError):
        mapper.events()


def test_a_table_without_any_time_says_so_on_a_page(static: None) -> None:
    assert html_of(ColumnMapper(pl.DataFrame({"a": ["x"]})))
    assert "Program" in html_of(ColumnMapper(TABLE))


def test_a_page_shows_which_columns_are_filled_and_nothing_that_names_anybody(static: None) -> None:
    markup = html_of(ColumnMapper(TABLE.rename({"Typed": "value"})))
    assert "its name says so" in markup
    assert "filled" in markup
    for secret in ("Ada", "Smith", "secret word"):
        assert secret not in markup


def test_a_column_that_bears_its_contract_name_is_taken() -> None:
    mapper = ColumnMapper(TABLE.rename({"When": "timestamp"}))
    assert mapper.columns["timestamp"] == "timestamp"
    assert "–" not in cells(mapper.live())["timestamp"].options


def test_a_setting_that_is_no_column_is_refused() -> None:
    with pytest.raises(SettingError, match="Unknown events column 'wen'"):
        ColumnMapper(TABLE).draw(wen="When")

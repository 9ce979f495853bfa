"""Pages that leave the room: checked before anything is written, refused with reasons, or shared with a recorded word."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import taskkit as tk
from taskkit.decisions import JOURNAL, Decisions
from taskkit.errors import LogFileError, SettingError
from taskkit.project import create_project, open_project
from taskkit.report import write_report
from taskkit.report.handwritten import find_handwritten
from taskkit.report.linter import lint_pages
from taskkit.report.making import list_written
from taskkit.report.notebooks import find_notebooks
from taskkit.report.pages import data_digest, hidden_fact
from taskkit.report.sharing import LeakError, share_report
from tests.conftest import write_notebook
from tests.frames import make_events

MakeNotebook = Callable[..., Path]

READ = (
    "import taskkit as tk\nmined = tk.mine(LOG, process_log=PROCESS_LOG, rules=RULES, method=METHOD, results=RESULTS)"
)
SHOWN = (
    "import os, polars as pl\nfrom taskkit.report import start_notebook\nstart_notebook()\n"
    "print('shared', os.environ['TASKKIT_SHARED'], 'k', MIN_PEOPLE, 'executions', mined.segments.height)"
)
GOOD = "pl.DataFrame({'task': ['T01', 'T02'], 'people': [6, 6]})"
SMALL = "pl.DataFrame({'task': ['T01', 'T02'], 'people': [6, 3]})"
TITLE = "print(mined.events['window_title'].drop_nulls()[0])"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people who each look at an invoice of their own, and enter something."""
    rows: list[dict[str, Any]] = []
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    for person in range(6):
        for minute in range(6):
            own = minute % 3 == 0
            rows.append({
                "user": f"p_{person:012x}", "session_id": f"2026-03-02-desk{person}", "seq": minute,
                "timestamp": start + timedelta(minutes=minute), "app": "chrome", "event_type": "click", "team": "north",
                "window_title": f"Invoice INV-10415{person} - Horizon ERP" if own else "Invoice - Enter - Horizon ERP",
                "element_name": "Gross amount",
            })  # fmt: skip
    place = tmp_path_factory.mktemp("log") / "desks.parquet"
    tk.write_log(make_events(rows), place)
    return place


@pytest.fixture(scope="module")
def project(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three decisions, and notebooks of its own that show nothing small."""
    place = tmp_path_factory.mktemp("project")
    write_notebook(place / "notebooks" / "00_look.ipynb", READ, SHOWN, GOOD)
    create_project(place / "ap-discovery", log=log, notebooks=place / "notebooks", method="gap", min_people=6)
    journal = Decisions(place / "ap-discovery" / JOURNAL)
    journal.record("T01", "Enter invoice", kind="name")
    journal.record("T01", "automate", kind="verdict", role="process owner")
    journal.undo(journal.record("T01", "leave", kind="verdict"))
    return place / "ap-discovery"


@pytest.fixture(scope="module")
def shared(project: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    out = tmp_path_factory.mktemp("out") / "shared"
    before = (project / JOURNAL).read_bytes()
    index = share_report(project, out=out, progress=False)
    unchanged = (project / JOURNAL).read_bytes() == before
    pages = {path.name: path.read_text(encoding="utf-8") for path in out.iterdir()}
    return SimpleNamespace(index=index, out=out, pages=pages, unchanged=unchanged)


def share(log: Path, make_notebook: MakeNotebook, *cells: str, **more: Any) -> Path:
    notebook = make_notebook("00_look", READ, SHOWN, *cells)
    given = {"out": log.parent / "never", "method": "gap", "notebooks": [notebook], "progress": False} | more
    return share_report(log, **given)


def test_notebooks_are_told_that_their_pages_leave_the_room(shared: SimpleNamespace) -> None:
    assert "shared 1 k 6" in shared.pages["00_look.html"]


def test_a_report_that_stays_is_not_made_as_a_shared_one(
    log: Path, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    notebook = make_notebook("00_look", READ, SHOWN)
    write_report(log, out=tmp_path / "out", notebooks=[notebook], method="gap", progress=False)
    assert "shared 0 k 5" in (tmp_path / "out" / "00_look.html").read_text(encoding="utf-8")


def test_a_project_is_shared_with_its_own_notebooks_and_settings(shared: SimpleNamespace) -> None:
    assert sorted(shared.pages) == ["00_look.html", "index.html"]
    assert "<dd>gap</dd>" in shared.pages["index.html"]


def test_a_report_takes_a_project_too(project: Path, tmp_path: Path) -> None:
    write_report(project, out=tmp_path / "out", progress=False)
    assert "shared 0 k 6" in (tmp_path / "out" / "00_look.html").read_text(encoding="utf-8")


def test_the_index_states_data_versions_assumptions_and_decisions(shared: SimpleNamespace, project: Path) -> None:
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", shared.pages["index.html"]))
    found = open_project(project)
    assert facts["Data (SHA-256)"] == data_digest(found.log, None, found.rules if found.rules.exists() else None)[:16]
    assert facts["Decided by people"] == "1 name, 1 verdict."
    assert "hourly rate 40" in facts["Assumptions about value"]
    assert "polars" in facts["Versions"]
    assert facts["Hidden on these pages"] == "nothing: no group was too small."
    assert "nothing was found" in facts["Checked"]
    assert "No list of names was given" in facts["Checked"]


def test_the_journal_of_a_project_is_only_read(shared: SimpleNamespace) -> None:
    assert shared.unchanged


def test_shared_pages_are_readable_by_their_owner_only(shared: SimpleNamespace) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in shared.out.iterdir()} == {0o600}


def test_shared_pages_pass_the_check_once_more_on_the_disk(shared: SimpleNamespace) -> None:
    assert lint_pages(shared.out).to_dicts() == []


@pytest.fixture(scope="module")
def refused(log: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Pages with a small group, a raw title, a path and a listed name, in four cells."""
    place = tmp_path_factory.mktemp("refused")
    cells = (READ, SHOWN, SMALL, TITLE, "print('/home/ada/x')", "print('as Jane Doe said')")
    notebook = write_notebook(place / "00_look.ipynb", *cells)
    with pytest.raises(LeakError) as caught:
        share_report(log, out=place / "never", method="gap", notebooks=[notebook], names=["Jane Doe"], progress=False)
    return SimpleNamespace(leaks=caught.value.leaks, told=str(caught.value), written=(place / "never").exists())


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("small group", "row 2, column people"),
        ("raw window title", "pre"),
        ("path of this machine", "pre"),
        ("name on the list", "pre"),
    ],
)
def test_a_leak_is_refused_with_its_place(kind: str, where: str, refused: SimpleNamespace) -> None:
    assert where in refused.leaks.filter(kind=kind)["place"][0]
    assert f"00_look.html: {kind}" in refused.told


def test_nothing_is_written_where_pages_are_refused(refused: SimpleNamespace) -> None:
    assert not refused.written


def test_a_refusal_repeats_nothing_of_what_it_found(refused: SimpleNamespace) -> None:
    assert not re.search("INV-|jane|doe|ada/x", refused.told, re.IGNORECASE)


def test_leaks_are_a_frame_with_a_line_on_how_to_mend(refused: SimpleNamespace) -> None:
    assert refused.leaks.columns == ["page", "place", "kind", "what", "people", "how_to_mend"]
    assert all(len(line) > 20 for line in refused.leaks["how_to_mend"])


def test_an_override_is_recorded_and_stated_on_every_page(
    log: Path, make_notebook: MakeNotebook, tmp_path: Path
) -> None:  # fmt: skip
    place = tmp_path / JOURNAL
    share(
        log,
        make_notebook,
        SMALL,
        out=tmp_path / "out",
        override="The three agreed.",
        role="works council",
        journal=place,
    )
    entry = Decisions(place).list(kind="override").row(0, named=True)
    assert (entry["why"], entry["role"]) == ("The three agreed.", "works council")
    assert json.loads(entry["detail"])["leaks"] == {"small group": 1}
    for page in (tmp_path / "out").iterdir():
        text = page.read_text(encoding="utf-8")
        assert "small group (1). Reason: The three agreed. Decided by: works council" in text, page.name


def test_an_override_without_a_leak_is_neither_recorded_nor_stated(
    log: Path, make_notebook: MakeNotebook, tmp_path: Path
) -> None:  # fmt: skip
    place = tmp_path / JOURNAL
    index = share(log, make_notebook, GOOD, out=tmp_path / "out", override="in case", role="analyst", journal=place)
    assert not place.exists()
    assert "in case" not in index.read_text(encoding="utf-8")


def test_a_reason_that_names_somebody_is_refused(log: Path, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"reason or the role .* \(name on the list"):
        share(
            log,
            make_notebook,
            SMALL,
            names=["Jane Doe"],
            override="Jane Doe agreed",
            role="lead",
            journal=tmp_path / JOURNAL,
        )
    assert not (tmp_path / JOURNAL).exists()


def test_an_override_needs_reason_role_and_journal(log: Path) -> None:
    with pytest.raises(SettingError, match="needs a role"):
        share_report(log, override="agreed")
    with pytest.raises(SettingError, match="needs a reason"):
        share_report(log, override=" ", role="lead")
    with pytest.raises(SettingError, match="recorded in a journal, and a log has none"):
        share_report(log, override="agreed", role="lead")
    with pytest.raises(SettingError, match="without an override"):
        share_report(log, role="lead")


def test_a_smaller_k_is_stated_on_every_page_and_recorded(
    log: Path, make_notebook: MakeNotebook, tmp_path: Path
) -> None:  # fmt: skip
    more: dict[str, Any] = {"override": "The three agreed.", "role": "works council", "journal": tmp_path / JOURNAL}
    share(log, make_notebook, SMALL, out=tmp_path / "out", k=3, **more)
    for page in (tmp_path / "out").iterdir():
        assert "Groups from 3 people on are shown here" in page.read_text(encoding="utf-8"), page.name
    assert "groups from 3 people on" in Decisions(tmp_path / JOURNAL).list(kind="override")["decision"][0]


def test_a_smaller_k_needs_a_reason_and_has_an_end(log: Path) -> None:
    with pytest.raises(SettingError, match="need a reason and a role"):
        share_report(log, k=4)
    with pytest.raises(SettingError, match="at least 3 people"):
        share_report(log, k=2, override="agreed", role="lead")


def test_no_file_lowers_the_smallest_group(log: Path, tmp_path: Path) -> None:
    write_notebook(tmp_path / "notebooks" / "00_look.ipynb", READ, SHOWN, SMALL)
    create_project(tmp_path / "p", log=log, notebooks=tmp_path / "notebooks", method="gap", min_people=2)
    with pytest.raises(LeakError) as caught:
        share_report(tmp_path / "p", out=tmp_path / "out", progress=False)
    assert caught.value.leaks["kind"].to_list() == ["small group"]


@pytest.fixture
def written(log: Path, tmp_path: Path) -> Path:
    """A project on whose page stands a finding that somebody wrote."""
    said = "Everything waits for the lady in the corner. "
    write_notebook(tmp_path / "notebooks" / "00_look.ipynb", READ, f"print({said!r})")
    create_project(tmp_path / "p", log=log, notebooks=tmp_path / "notebooks", method="gap")
    journal = Decisions(tmp_path / "p" / JOURNAL)
    journal.record("02_tasks", said, why="It stands nowhere.", role="process owner")
    return tmp_path / "p"


def test_hand_written_text_is_refused_without_a_list_of_names(written: Path, tmp_path: Path) -> None:
    with pytest.raises(LeakError) as caught:
        share_report(written, out=tmp_path / "out", progress=False)
    leaks = caught.value.leaks
    assert leaks["kind"].to_list() == ["hand-written text"]
    assert "finding 1 of the journal, about 02_tasks" in leaks["place"][0]
    assert "lady" not in str(caught.value)


def test_a_list_of_names_lets_hand_written_text_through_and_is_stated(written: Path, tmp_path: Path) -> None:
    index = share_report(written, out=tmp_path / "out", names=["Jane Doe"], progress=False)
    assert "1 name of a list was looked for" in index.read_text(encoding="utf-8")


def test_a_log_of_few_people_is_refused(make_notebook: MakeNotebook, log: Path, tmp_path: Path) -> None:
    few = tk.read_log(log)
    few = few.filter(few["user"].is_in(sorted(few["user"].unique())[:3]))
    tk.write_log(few, tmp_path / "few.parquet")
    with pytest.raises(LeakError) as caught:
        share(tmp_path / "few.parquet", make_notebook)
    assert caught.value.leaks.row(-1, named=True)["kind"] == "log of few people"


def test_a_request_to_end_leaves_nothing_behind(log: Path, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    notebook = make_notebook("00_look", "open(RESULTS + '/started', 'w').close()\nimport time\ntime.sleep(300)")
    own = tmp_path / "tmp"
    own.mkdir()
    run = (
        f"from taskkit.report import share_report; share_report({str(log)!r}, notebooks=[{str(notebook)!r}], out='out')"
    )
    command = [sys.executable, "-c", run]
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"TMPDIR": str(own)}, stderr=subprocess.DEVNULL
    ) as process:
        while not [*own.glob("taskkit-*/results/started")]:
            assert process.poll() is None
            time.sleep(0.1)
        process.terminate()
        process.wait(60)
    assert [*own.glob("taskkit-*")] == []


def test_only_pages_that_were_written_are_listed_as_such(shared: SimpleNamespace) -> None:
    (shared.out / "notes.html").write_text("", encoding="utf-8")
    try:
        written, others = list_written(shared.index)
    finally:
        (shared.out / "notes.html").unlink()
    assert ([page.name for page in written], [page.name for page in others]) == (
        ["00_look.html", "index.html"],
        ["notes.html"],
    )


def test_hidden_rows_and_groups_are_counted_once() -> None:
    chart = '"2 tasks are hidden: seen with fewer than 5 people, or next to one that is."'
    pages = {
        "a": "<td>hidden (fewer than 5 people)</td>" * 3 + chart + chart,
        "b": "<p>1 step is hidden: seen with fewer</p>",
    }
    assert hidden_fact(pages) == {
        "Hidden on these pages": "rows of tables: 3; groups left out of charts and texts: 3, counted page by page."
    }


def test_a_source_that_is_not_there_is_told() -> None:
    with pytest.raises(LogFileError, match="no log at nowhere"):
        share_report("nowhere")


def test_names_in_rules_and_prose_of_ones_own_notebooks_are_hand_written_too(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        '[[rule]]\ntitle = "(?<n>x)"\nscreen = "Petra\'s list {n}"\n', encoding="utf-8"
    )
    cells = [{"cell_type": "markdown", "source": ["## What *Kim* told us\n", "See [Jo's notes](a.html)."]},
             {"cell_type": "code", "source": ["tk.widgets.question('Ask the tall one')"]}]  # fmt: skip
    (tmp_path / "07_own.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    page = "<p>Petra's list 7</p><p>What Kim told us</p><p>Jo's notes</p><p>Ask the tall one</p><p>invoice</p>"
    found = find_handwritten(
        {"a.html": page}, None, rules=tmp_path / "rules.toml", notebooks=[tmp_path / "07_own.ipynb"]
    )
    assert [place.partition(": ")[2] for place in found["place"]] == [
        "rule 1 of rules.toml", "07_own.ipynb, cell 1", "07_own.ipynb, cell 2"
    ]  # fmt: skip


def test_the_guided_notebooks_hold_no_hand_written_text() -> None:
    guided = find_notebooks()
    page = "".join(f"<p>{path.read_text(encoding='utf-8')}</p>" for path in guided)
    assert find_handwritten({"a.html": page}, None, notebooks=guided).is_empty()

"""Rules of the people who know the work: what an application is for, what a screen and a step are called, what to leave out."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import SettingError, check_choice

MATCHES = ("app", "title", "url", "element")  # what a rule can look at: patterns, all that are given must match
SAYS = ("app_role", "screen", "activity", "case_ref")  # what a rule can say: texts with {captures}
_COLUMNS = {"app": "app", "title": "window_title", "url": "url", "element": "_element"}
LONGEST = 1_000  # characters of a pattern
_LARGEST = 1_000_000  # bytes of a rule file
_CAPTURE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Rule:
    """One rule: the patterns it looks for, and what it says where all of them match.

    Patterns are regular expressions that may match anywhere in the text, in upper or lower case; `(?<name>…)` captures a
    part that `{name}` puts into what the rule says. `drop` says that the row carries no meaning.
    """

    app: str | None = None
    title: str | None = None
    url: str | None = None
    element: str | None = None
    app_role: str | None = None
    screen: str | None = None
    activity: str | None = None
    case_ref: str | None = None
    drop: bool = False
    note: str | None = None

    @property
    def patterns(self) -> dict[str, str]:
        """What it looks for: field → pattern."""
        return {name: text for name in MATCHES if (text := getattr(self, name))}

    @property
    def says(self) -> dict[str, str]:
        """What it says: column → text."""
        return {name: text for name in SAYS if (text := getattr(self, name))}

    def __str__(self) -> str:
        """The rule as it stands in the file."""
        given = [(f.name, getattr(self, f.name)) for f in fields(self)]
        lines = [f"{name} = {_toml(value)}" for name, value in given if value not in (None, False)]
        return "\n".join(["[[rule]]", *lines]) + "\n"


def read_rules(path: str | Path) -> list[Rule]:
    """Read the rules of an engagement from a TOML file.

    The file holds tables `[[rule]]` in order. Each looks at some of `app`, `title`, `url` and `element` (regular
    expressions, all that are given must match) and says some of `app_role`, `screen`, `activity`, `case_ref` or
    `drop = true`; `note` is for people. For each thing that can be said, the first rule that matches and says it wins.

    Parameters
    ----------
    path : the file, usually `rules.toml` in the project folder; a file that is not there holds no rules.

    Returns
    -------
    The rules in their order.

    Raises
    ------
    SettingError : the file or a rule in it cannot be understood; every problem is listed.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "rules.toml"
    >>> write_rules([Rule(app="^sap", app_role="ERP")], file)
    >>> read_rules(file)[0].app_role
    'ERP'
    """
    file = Path(path)
    if not file.exists():
        return []
    if not file.is_file():
        raise SettingError(f"{file} is a folder; allowed: a file such as {file / 'rules.toml'}.")
    if file.stat().st_size > _LARGEST:
        raise SettingError(f"{file} has {file.stat().st_size:,} bytes; allowed: {_LARGEST:,}. Is it a rule file?")
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(
            f"{file} is no TOML file: {error}. A backslash is doubled in \"…\" and stands alone in '…'."
        ) from None
    tables = content.pop("rule", [])
    problems = [f"{name!r} is no part of a rule file; allowed: tables [[rule]]" for name in content]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingError(f"{file}: 'rule' must be tables [[rule]], with two brackets.")
    known = {f.name: f.type for f in fields(Rule)}
    rules = []
    for number, table in enumerate(tables, start=1):
        wrong = []
        for name, value in table.items():
            try:
                check_choice(name, allowed=known, what=f"key of rule {number}")
            except SettingError as error:
                wrong.append(str(error))
            else:
                if not isinstance(value, bool if name == "drop" else str):
                    allowed = "true or false" if name == "drop" else "a text"
                    wrong.append(f"rule {number}: {name} = {value!r}; allowed: {allowed}")
        problems += wrong
        kept: dict[str, Any] = {k: v for k, v in table.items() if isinstance(v, bool if k == "drop" else str)}
        rules.append(Rule(**{name: value for name, value in kept.items() if name in known}))
        problems += [] if wrong else _problems(rules[-1], number)
    _refuse(problems, str(file))
    return rules


def write_rules(rules: Iterable[Rule], path: str | Path) -> None:
    """Write rules as a TOML file that people can read and edit; whole or not at all, for its owner only.

    Parameters
    ----------
    rules : in the order in which they are tried.
    path : the file; an older one is replaced.

    Raises
    ------
    SettingError : a rule says nothing, looks at nothing or holds a pattern that cannot be read.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "rules.toml"
    >>> write_rules([Rule(title="^Inbox", screen="Inbox")], file)
    >>> print(file.read_text().partition("\\n\\n")[2].strip())
    [[rule]]
    title = "^Inbox"
    screen = "Inbox"
    """
    checked = check_rules(list(rules))
    file = Path(path)
    head = (
        "# Names for applications, screens and activities. For each thing that a rule can say, the first rule that\n"
        "# matches and says it wins. It looks at: app, title, url, element (patterns).\n"
        "# It says: app_role, screen, activity, case_ref (texts with {captures}) or drop = true.\n"
        '# The rule workbench writes this file anew: what people should know stands in note = "…", not in comments.\n\n'
    )
    # a name of its own: two people may write at the same time; readable by its owner only from the first byte on
    handle, passing = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(head + "\n".join(map(str, checked)))
            out.flush()
            os.fsync(out.fileno())
        os.replace(passing, file)
    except BaseException:
        Path(passing).unlink(missing_ok=True)
        raise


def check_rules(rules: Sequence[Rule], *, where: str = "the rules") -> list[Rule]:
    """Return the rules if all can be applied, else raise a SettingError that lists every problem.

    >>> check_rules([Rule(app="x")])
    Traceback (most recent call last):
    ...
    taskkit.errors.SettingError: ...
    """
    _refuse([said for number, rule in enumerate(rules, start=1) for said in _problems(rule, number)], where)
    return list(rules)


def _problems(rule: Rule, number: int) -> list[str]:
    """Everything that keeps a rule from being applied."""
    if wrong := _no_text(rule):
        return [f"rule {number}: {said}" for said in wrong]
    problems = []
    if not rule.patterns:
        problems.append(f"rule {number} looks at nothing; give one of {', '.join(MATCHES)}")
    if not rule.says and not rule.drop:
        problems.append(f"rule {number} says nothing; give one of {', '.join(SAYS)}, or drop = true")
    if rule.drop and rule.activity:
        problems.append(f"rule {number} names an activity and drops it; choose one")
    captures = set()
    for name, pattern in rule.patterns.items():
        captures |= _captures(pattern)
        if fault := _fault(pattern):
            problems.append(f"rule {number}: {name} = {pattern!r} is no pattern: {fault}")
    for name, text in rule.says.items():
        unknown = [f"{{{found}}}" for found in _CAPTURE.findall(text) if found not in captures]
        if unknown:
            have = ", ".join(sorted(captures)) or "nothing"
            problems.append(f"rule {number}: {name} = {text!r} uses {', '.join(unknown)}; captured: {have}")
    return problems


def apply_rules(table: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """What the rules say of each row of a table of distinct (app, window_title, url, element).

    Returns
    -------
    One row per row of the table: `app_role`, `screen`, `activity`, `case_ref` (null where no rule says it), `drop`, and
    for each the number of the rule that said it (`app_role_rule`, …, from 0).

    Raises
    ------
    SettingError : a rule cannot be used; every problem is listed.
    """
    check_rules(rules)
    looked = table.with_columns(_element=pl.coalesce("element_name", "element_id"))
    number = pl.lit(None, dtype=pl.Int32)
    said = looked.with_columns(
        **{name: pl.lit(None, dtype=pl.String) for name in SAYS}, drop=pl.lit(False),
        **{f"{name}_rule": number for name in (*SAYS, "drop")},
    )  # fmt: skip
    for place, rule in enumerate(rules):
        said = said.with_columns(_hit=_hits(looked, rule))
        for name, text in (rule.says | ({"drop": ""} if rule.drop else {})).items():
            # an activity and its absence are one thing to be said: the first rule wins
            rivals = ("activity_rule", "drop_rule") if name in ("activity", "drop") else (f"{name}_rule",)
            free = pl.col("_hit") & pl.all_horizontal(pl.col(rival).is_null() for rival in rivals)
            new = pl.lit(True) if name == "drop" else _filled(text, rule)
            if name != "drop":  # where its captures are empty it has nothing to say
                free &= new.str.strip_chars() != ""
            said = said.with_columns(
                pl.when(free).then(new).otherwise(name).alias(name),
                pl.when(free).then(pl.lit(place, dtype=pl.Int32)).otherwise(f"{name}_rule").alias(f"{name}_rule"),
            )
    return said.select(*SAYS, "drop", *[f"{name}_rule" for name in (*SAYS, "drop")])


def _hits(table: pl.DataFrame, rule: Rule) -> pl.Series:
    """Rows that all patterns of a rule match; every distinct text is looked at once."""
    hit = pl.repeat(True, table.height, eager=True, dtype=pl.Boolean)
    for name, pattern in rule.patterns.items():
        texts = table[_COLUMNS[name]].unique().drop_nulls()
        found = texts.filter(texts.str.contains(_loose(pattern)))
        hit &= table[_COLUMNS[name]].is_in(found.implode()).fill_null(False)
    return hit


def _filled(text: str, rule: Rule) -> pl.Expr:
    """What a rule says, its captures put in."""
    pieces: list[pl.Expr] = []
    end = 0
    where = {capture: name for name, pattern in rule.patterns.items() for capture in _captures(pattern)}
    for match in _CAPTURE.finditer(text):
        name = where[match[1]]
        groups = pl.col(_COLUMNS[name]).str.extract_groups(_loose(rule.patterns[name]))
        pieces += [pl.lit(text[end : match.start()]), groups.struct.field(match[1]).fill_null("")]
        end = match.end()
    return pl.concat_str(*pieces, pl.lit(text[end:])) if pieces else pl.lit(text)


def _captures(pattern: str) -> set[str]:
    """Names of a pattern's groups, as the expression engine sees them; without a name they have a number."""
    try:
        groups = pl.Series([], dtype=pl.String).str.extract_groups(_loose(pattern))
    except pl.exceptions.PolarsError:
        return set()
    return {group.name for group in groups.dtype.fields} if isinstance(groups.dtype, pl.Struct) else set()


def _no_text(rule: Rule) -> list[str]:
    """What a rule holds that is no text, or no text that a file can hold."""
    wrong = []
    for name, value in ((f.name, getattr(rule, f.name)) for f in fields(rule) if f.name != "drop"):
        if value is not None and not isinstance(value, str):
            wrong.append(f"{name} = {value!r}; allowed: a text")
        elif value and any("\ud800" <= letter <= "\udfff" for letter in value):
            wrong.append(f"{name} = {value!r} holds half a character; write it anew")
    if not isinstance(rule.drop, bool):
        wrong.append(f"drop = {rule.drop!r}; allowed: true or false")
    return wrong


def _loose(pattern: str) -> str:
    return f"(?i){pattern}"


def _fault(pattern: str) -> str | None:
    """Why the expression engine refuses a pattern; it knows no look-around and cannot be made to run for ever."""
    if len(pattern) > LONGEST:
        return f"{len(pattern):,} characters; allowed: {LONGEST:,}"
    try:
        pl.Series(["x"]).str.contains(_loose(pattern))
    except pl.exceptions.PolarsError as error:
        said = " ".join(str(error).partition("This error occurred")[0].split())
        return said.rpartition("error: ")[2].rstrip(".")[:200]
    return None


def _refuse(problems: list[str], where: str) -> None:
    if problems:
        raise SettingError(f"{where} cannot be used:\n" + "\n".join(f"  {problem}" for problem in problems))


def _toml(value: object) -> str:
    return "true" if value is True else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

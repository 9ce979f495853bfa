"""Decision rules: what decides which way an execution goes, in words, and how well it tells what other people do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.automation.decision_points import END, PEOPLE, START, Point, find_points
from taskkit.automation.fields import list_values
from taskkit.automation.rare import unquoted
from taskkit.automation.trees import ANY, Node, learn_tree, predict
from taskkit.errors import check_choice
from taskkit.overlay.persons import names_persons
from taskkit.schema import PROCESS, require_columns

FOLDS = 5  # of people, or of executions where one person was recorded
LEAST_SKILL = 0.35  # a rule must be so far from always taking the most frequent way (0) to always right (1)
LEVELS = ("activity", "screen")
_SCHEMA = pl.Schema({
    "task_id": pl.String(), "after": pl.String(), "branches": pl.List(pl.String()), "shares": pl.List(pl.Float64()),
    "rule": pl.String(), "why": pl.String(), "fields": pl.List(pl.String()), "accuracy": pl.Float64(),
    "baseline": pl.Float64(), "exceptions": pl.UInt32(), "segments": pl.UInt32(), "people": pl.UInt32(),
    "people_of": pl.List(pl.UInt32()), "source_people": pl.List(pl.UInt32()),
})  # fmt: skip


def find_decision_rules(
    events: pl.DataFrame, segments: pl.DataFrame, *, task_id: str | None = None, cases: pl.DataFrame | None = None,
    level: str = "activity",
) -> pl.DataFrame:  # fmt: skip
    """Find where the executions of a task go different ways, and the rule over logged fields that tells which.

    A decision point is a step that at least ten executions reach and after which two or more steps follow, each in at
    least 5 % of them. What was known before is asked: the last value of each field (equal or not, plain numbers against
    a limit), what is known of the case, the step before, and which steps had been done. A rule has at most two
    questions on one way; a question must save more bits than it takes to state it. It is given only if, learnt from
    other people (other executions where one person was recorded), it tells at least a third of what always taking the
    most frequent way gets wrong. Who works is never asked: a personal habit comes out as not predicted.

    Parameters
    ----------
    events : one row per interaction, with `segment_id`, `activity`, `step`; `value_digest` or `value` if there are any.
    segments : one row per segment, with `task_id`.
    task_id : only this task; all tasks by default.
    cases : what is known of the cases: one row or more per `case_id` with columns of your own, such as the amount in a
        process log. Columns that differ inside a case, name people or belong to the process contract are left out. The
        events need `case_id` then.
    level : what a step is: "activity" or "screen".

    Returns
    -------
    One row per decision point, ordered by task and executions: `task_id`, `after` (null = the start), `branches` (most
    frequent first, "(end)" where the execution ends) with `shares` of the decisions, `rule` (null where no logged field
    predicts it, `why` says so), `fields` that the rule or the reason names, `accuracy` (held out; the baseline where there is no
    rule), `baseline` (always the most frequent branch), `exceptions` (decisions that go against the rule), `segments`
    (executions), `people`, `people_of` (people who took each branch), `source_people` (people who had each of the
    fields, or did the step that it is about).

    Raises
    ------
    ContractError : a column is missing. SettingError : an unknown `task_id` or `level`.

    References
    ----------
    Rozinat and van der Aalst (2006), Decision mining in ProM. Leno et al. (2020), Automated discovery of data
    transformations for robotic process automation.

    >>> import taskkit as tk
    >>> rows = [(f"{run}", what, value) for run in range(40) for what, value in
    ...         (("country", "AU" if run % 4 else "NZ"), ("tax" if run % 4 else "duty", None))]
    >>> log = pl.DataFrame(rows, schema=["run", "what", "value"], orient="row").with_columns(at=1_800_000_000 + pl.row_index())
    >>> events = tk.from_table(log, columns={"timestamp": "at", "element_name": "what", "value": "value"})
    >>> events = tk.name_activities(events.with_columns(app=pl.lit("x"))).with_columns(
    ...     segment_id=(pl.col("seq") // 2).cast(pl.UInt32), task_id=pl.lit("T01"), activity="element_name", step=pl.lit(True))
    >>> segments = events.select("segment_id", "task_id").unique()
    >>> find_decision_rules(events, segments)["rule"].to_list()
    ['if x › country is “AU” then tax, else duty']
    """
    check_choice(level, allowed=LEVELS, what="level")
    require_columns(events, "segment_id", "step", level, made_by="name_activities and segment")
    require_columns(segments, "segment_id", "task_id", made_by="find_tasks")
    of_task = segments.select("segment_id", "task_id").drop_nulls()
    if task_id is not None:
        check_choice(task_id, allowed=of_task["task_id"].unique().sort(), what="task")
        of_task = of_task.filter(pl.col("task_id") == task_id)
    rows = events.drop("task_id", strict=False).join(of_task, on="segment_id", how="inner")
    out: list[dict[str, Any]] = []
    for (task,), mine in sorted(rows.partition_by("task_id", as_dict=True).items()):
        mine = _numbered(mine)
        steps = mine.filter(pl.col("step") & pl.col(level).is_not_null())
        steps = steps.select("place", "segment_id", "user", step=level)
        attributes = _attributes(mine, cases)
        for point in find_points(steps, list_values(mine), attributes):
            row = _judge(str(task), point)
            if (
                row["rule"] or not point.passed_over
            ):  # the point itself is a row of its own: say it again only with a rule
                out.append(row)
    return pl.DataFrame(out, schema=_SCHEMA, orient="row")


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in the order of work with the places that `list_values` gives them."""
    begin = pl.col("timestamp").min().over("user", "session_id")
    return (
        rows.with_columns(_begin=begin)
        .sort("user", "_begin", "session_id", "seq")
        .drop("_begin")
        .with_row_index("place")
    )


def _attributes(rows: pl.DataFrame, cases: pl.DataFrame | None) -> pl.DataFrame | None:
    """What is known of the case that most rows of a segment belong to: one row per segment."""
    if cases is None:
        return None
    require_columns(rows, "case_id", made_by="attribute_cases")
    require_columns(cases, "case_id", made_by="read_process_log or list_cases")
    known = {column.name for column in PROCESS.columns} | set(PEOPLE) | names_persons(cases, users=rows["user"])
    own = [name for name, dtype in cases.schema.items()
           if name not in known and (dtype in (pl.String, pl.Boolean) or dtype.is_numeric())]  # fmt: skip
    steady = [
        name for name in own if cases.group_by("case_id").agg(pl.col(name).drop_nulls().n_unique())[name].max() == 1
    ]
    facts = cases.group_by("case_id").agg(pl.col(name).drop_nulls().first() for name in steady)
    most = rows.drop_nulls("case_id").group_by("segment_id", "case_id").len()
    most = most.sort("segment_id", "len", "case_id", descending=[False, True, False])
    most = most.unique("segment_id", keep="first", maintain_order=True)
    return most.join(facts, on="case_id", how="left", maintain_order="left").select("segment_id", *steady)


# -------------------------------------------------------------------------------------------------------------- judging
def _judge(task: str, point: Point) -> dict[str, Any]:
    size, ways = len(point.taken), len(point.branches)
    shares = np.bincount(point.taken, minlength=ways) / size
    baseline = float(shares.max())
    row: dict[str, Any] = {
        "task_id": task, "after": None if point.after == START else point.after, "branches": point.branches,
        "shares": shares.tolist(), "rule": None, "why": None, "fields": [], "accuracy": baseline, "baseline": baseline,
        "exceptions": None, "segments": len(set(point.segments)), "people": len(set(point.users)),
        "people_of": [len({user for user, way in zip(point.users, point.taken, strict=True) if way == number})
                      for number in range(ways)],
        "source_people": [],
    }  # fmt: skip
    tree = learn_tree(point.features, point.taken, branches=ways)
    if tree.feature < 0:
        return row | {"why": "no logged field predicts it: none tells the ways apart better than chance would"}
    asks = _asked(tree, point)
    row |= {"fields": list(asks), "source_people": [len(people) for people in asks.values()]}
    accuracy = _held_out(point)
    told = f"{accuracy:.0%} of the decisions are foretold, always the most frequent way gives {baseline:.0%}"
    if accuracy < baseline + LEAST_SKILL * (1 - baseline):
        asked = " and ".join(row["fields"])
        return row | {"why": f"no logged field predicts it: with {asked}, learnt from others, {told}"}
    wrong = int((predict(tree, point.features, size) != point.taken).sum())
    return row | {"rule": _say(tree, point), "accuracy": accuracy, "exceptions": wrong}


def _held_out(point: Point) -> float:
    """Share of the decisions that a tree learnt from the other people tells right."""
    groups: Sequence[Any] = point.users if len(set(point.users)) > 1 else point.segments
    names = {name: number for number, name in enumerate(sorted(set(groups)))}
    fold: npt.NDArray[np.int64] = np.array([names[name] for name in groups]) % FOLDS
    right = 0
    for number in np.unique(fold):
        test = fold == number
        tree = learn_tree(point.features, point.taken, branches=len(point.branches), rows=~test)
        right += int((predict(tree, point.features, len(test)) == point.taken)[test].sum())
    return right / len(point.taken)


# --------------------------------------------------------------------------------------------------------------- words
def _asked(node: Node, point: Point) -> dict[str, set[str]]:
    """What the tree asks about, in its order, with the people who had a value there or did the step."""
    if node.feature < 0 or node.yes is None or node.no is None:
        return {}
    feature, labels = point.features[node.feature], point.labels[node.feature]
    if feature.numbers is not None:
        had = ~np.isnan(feature.numbers)
    elif feature.name.startswith("done › "):
        had = np.isin(np.array(feature.codes), [code for code, label in enumerate(labels) if label == "true"])
    else:
        had = np.array(feature.codes) >= 0
    name = feature.name.removeprefix("done › ")
    own = {name: {user for user, has in zip(point.users, had, strict=True) if has}}
    for more in (_asked(node.yes, point), _asked(node.no, point)):
        own |= {field: people | own.get(field, set()) for field, people in more.items()}
    return own


def _say(node: Node, point: Point) -> str:
    if node.feature < 0 or node.yes is None or node.no is None:
        end = point.branches[node.branch]
        return "the execution ends" if end == END else end
    yes, no = _say(node.yes, point), _say(node.no, point)
    if yes == no:
        return yes
    return f"if {_condition(node, point)} then {f'({yes})' if yes.startswith('if ') else yes}, else {no}"


def _condition(node: Node, point: Point) -> str:
    feature, labels = point.features[node.feature], point.labels[node.feature]
    if feature.numbers is not None:
        return f"{feature.name} has a value" if node.over <= ANY else f"{feature.name} is over {node.over:.12g}"
    if node.named == (-1,):
        return f"{feature.name} has no value yet"
    named = [labels[code] if code >= 0 else "" for code in node.named]
    if feature.name.startswith("done › "):
        return f"“{feature.name.removeprefix('done › ')}” was {'' if 'true' in named else 'not '}done before"
    shown = [f"“{unquoted(label)}”" if label else "without a value" for label in named if label is not None]
    hidden = len(named) - len(shown)
    if hidden:
        codes = feature.codes
        seen = 0 if codes is None else int(np.isin(codes, [code for code in node.named if code >= 0]).sum())
        one = f"{'a certain value' if hidden == 1 else f'one of {hidden} certain values'} (known by digest, seen {seen} times)"
        return f"{feature.name} has {one}" + (" or no value yet" if shown else "")
    return f"{feature.name} is {shown[0]}" if len(shown) == 1 else f"{feature.name} is one of {', '.join(shown)}"

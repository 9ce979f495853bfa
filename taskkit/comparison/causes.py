"""Root causes: which circumstances go with the slow, the reworked, the deviating executions of a task.

Each person is compared with himself or herself: executions where a context holds against the same person's others. What
only tells people apart is no cause here, however slow a person is; groups of people are a question for `compare`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from taskkit.comparison.contexts import check_kinds, prepare, table_of_contexts
from taskkit.comparison.people import adjust, count_people, figure, spoken
from taskkit.comparison.targets import add_target
from taskkit.comparison.within_people import explained_by, half_width, judge_contexts, likeness, people_compared, scores
from taskkit.errors import SettingError
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.schema import require_columns

Array = np.ndarray[Any, Any]

MOST_RULES, FOLDS = 4, 5
ALPHA = 0.05
WORTH = 1.2  # a second condition must explain a fifth more
SAME = 0.8  # correlation from which two contexts are taken for one
# kinds of context that say what the target says: a rule would explain the target by itself
SAYS_THE_SAME = {
    "deviates": ("variant", "screen", "application", "copied from"), "interrupted": ("interrupted",),
    "fragments": ("interrupted",), "elapsed_seconds": ("interrupted",),
}  # fmt: skip
RESULT = pl.Schema({
    "task_id": pl.String(), "task_name": pl.String(), "target": pl.String(), "unit": pl.String(), "rank": pl.UInt32(),
    "rule": pl.String(), "also": pl.List(pl.String()), "segments": pl.UInt32(), "people": pl.UInt32(), "support": pl.Float64(),
    "coverage": pl.Float64(), "lift": pl.Float64(), "value_with": pl.Float64(), "value_without": pl.Float64(),
    "effect": pl.Float64(), "low": pl.Float64(), "high": pl.Float64(), "people_compared": pl.UInt32(), "explained": pl.Float64(),
    "p_value": pl.Float64(), "p_adjusted": pl.Float64(), "held_out_effect": pl.Float64(), "held_out_people": pl.UInt32(),
    "held_out_segments": pl.UInt32(), "contexts": pl.UInt32(), "sentence": pl.String(),
})  # fmt: skip


def explain(
    segments: pl.DataFrame,
    *,
    target: str = "active_seconds",
    task_id: str | None = None,
    contexts: Sequence[str] | None = None,
    events: pl.DataFrame | None = None,
    process: pl.DataFrame | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Find which circumstances go with the slow, the reworked or the deviating executions of a task, as a short rule list.

    Every person is compared with himself or herself: the figures of a person's executions are ranked, and a rule is
    judged by how the ranks of the executions it holds for differ from those of the same person's others. A t-statistic
    over people says how alike people are in that; contexts that change inside fewer than five people are not looked at.
    Of the rules that pass, the one that explains most of the variation inside people comes first; a second condition is
    added where it explains a fifth more. The next rule is sought with the earlier ones held fixed, up to four.

    `p_value` is corrected for the number of contexts looked at: it compares the rule's statistic with the best of all
    contexts after the figures were shuffled inside each person (999 times; at least 199 on tasks of many executions).
    Such shuffling keeps what makes a person slow or fast in the null hypothesis. Where several tasks are asked about,
    `p_adjusted` also holds the share of false discoveries among tasks (Benjamini and Hochberg). A rule is reported up to
    `p_adjusted` 0.05, if the interval of its effect lies above zero, and if people it was not found with agree: people
    are dealt into five folds and the rule is sought without one fold; it must be found again so for at least half of the
    people, and `held_out_effect`, its effect among them, must point the same way.

    A rule says what goes with the target, not what would happen if it were changed.

    Parameters
    ----------
    segments : one row per segment, with `task_id`.
    target : a numeric or Boolean column of `segments` (more is taken for worse); "rework" (steps of an execution that
        repeat one of its earlier activities, immediate repeats apart) and "deviates" (not the task's most frequent
        variant) are made where there is no such column; with `process`, an activity of the process: the hours that the
        case waited for it.
    task_id : one task; None looks at each by itself.
    contexts : kinds of context (`taskkit.comparison.contexts.KINDS`) or columns of `segments`; None takes all kinds that
        can be had.
    events : one row per interaction with `segment_id`; gives the local clock and, after `attribute_cases`, the case.
    process : one row per process event; gives attributes of the case and waiting times.
    seed : of the shuffles and folds. The result does not depend on the order of rows.

    Returns
    -------
    One row per task and rule, most explained first; one row with a null `rule` and a sentence for a task where nothing
    stable was found or that too few people do. `segments` and `people` the rule holds for, `support` (their part of the task's
    executions), `coverage` (part of the slow executions, those above the upper quartile, or of the true ones, that the
    rule holds for), `lift` (how many times as frequent these are under the rule), `effect` with its 95 % interval (mean
    over `people_compared` of the difference of a person's medians, or shares), `explained` (part of the variation of
    ranks inside people), `contexts` (how many were looked at), `also` (contexts that hold for nearly the same executions and
    cannot be told from the rule), `sentence`.

    Raises
    ------
    ContractError : no tasks yet. SettingError : an unknown target, task or context, or one that names people.

    References
    ----------
    Westfall and Young (1993), Resampling-based multiple testing. Benjamini and Hochberg (1995), Controlling the false
    discovery rate.

    >>> rows = [(i, f"p{i % 6}", "T01", ["erp", "excel"][: 1 + i // 6 % 2], 60.0 + 30 * (i // 6 % 2) + i % 7)
    ...         for i in range(120)]
    >>> names = ["segment_id", "user", "task_id", "apps", "active_seconds"]
    >>> explain(pl.DataFrame(rows, schema=names, orient="row"))["rule"].to_list()
    ['uses excel']
    """
    require_columns(segments, "task_id", made_by="find_tasks")
    require_columns(segments, "segment_id", "user", made_by="list_segments")
    frame = prepare(segments, events, process)
    tasks = sorted(frame["task_id"].drop_nulls().unique())
    if task_id is not None and task_id not in tasks:
        raise SettingError(f"No segment has the task {task_id!r}. Known: {', '.join(tasks) or 'none'}.")
    frame, unit = add_target(frame.filter(pl.col("task_id").is_not_null()), target, process)
    kinds = check_kinds(contexts, frame.drop("_target"), target=target, bars=SAYS_THE_SAME.get(target, ()))
    found = [
        _Search(task, mine["task_name"][0], mine.filter(pl.col("_target").is_finite()), kinds, unit, seed, target)
        for task in ([task_id] if task_id is not None else tasks)
        for mine in [frame.filter(pl.col("task_id") == task)]
    ]
    _adjust(found)
    rows = [row for search in found for row in _rows(search, target)]
    return pl.DataFrame(rows, schema=RESULT, orient="row")


# ------------------------------------------------------------------------------------------------------------- search
@dataclass
class _Rule:
    """A rule that was found, and what the search knows about it."""

    words: list[str]
    holds: Array  # executions, Boolean
    also: list[str]
    explained: float
    p_value: float
    held: Array  # people (numbers) it was found again without
    strata: Array  # executions that are compared with one another while it was sought


@dataclass
class _Search:
    """The search for rules in one task; everything is decided at once, the sentences come later."""

    task_id: str
    task_name: str
    task: pl.DataFrame
    kinds: Sequence[str]
    unit: str
    seed: int
    target: str
    rules: list[_Rule] = field(default_factory=list)
    p_value: float | None = None  # of the best context; None where nothing could be tested
    p_adjusted: float | None = None  # the same, adjusted for the number of tasks
    contexts: int = 0

    def adjusted(self, p_value: float) -> float:
        """A rule's p-value, made larger as that of the task's best context was."""
        return min(1.0, p_value * (self.p_adjusted or 1.0) / (self.p_value or 1.0))

    def __post_init__(self) -> None:
        if self.task.is_empty():
            return
        self.people = self.task["user"].rank("dense").to_numpy().astype(np.int64) - 1
        self.values = self.task["_target"].to_numpy()
        rank = pl.col("_target").rank("average") / pl.len()
        self.ranks = self.task.select(rank.over("user")).to_series().to_numpy()
        words, table = table_of_contexts(self.task, self.kinds)
        keep = people_compared(table, self.people) >= MIN_PEOPLE if words else np.zeros(0, bool)
        self.words, self.table = [w for w, k in zip(words, keep, strict=True) if k], table[:, keep]
        self.contexts = len(self.words)
        self.random = np.random.default_rng([self.seed, zlib.crc32(f"{self.task_id}/{self.target}".encode())])
        if self.words:
            self._find()

    def _find(self) -> None:
        strata = self.people
        for _ in range(MOST_RULES):
            p_values, explained = judge_contexts(self.table, self.ranks, self.people, strata, self.random)
            self.p_value = float(p_values.min()) if self.p_value is None else self.p_value
            passed = np.flatnonzero(p_values <= ALPHA)
            tried = passed[np.argsort(-np.abs(explained[passed]), kind="stable")]
            rules = (self._rule(int(i), explained[i], float(p_values[i]), strata) for i in tried)
            rule = next((rule for rule in rules if self._agrees(rule)), None)
            if rule is None:
                return
            self.rules.append(rule)
            strata = 2 * strata + rule.holds

    def _rule(self, best: int, explained: float, p_value: float, strata: Array) -> _Rule:
        up = explained > 0
        holds = self.table[:, best] > 0.5 if up else self.table[:, best] < 0.5
        same = likeness(self.table, holds)
        also = [
            self.words[i][int(same[i] < 0)] for i in np.argsort(-np.abs(same), kind="stable")
            if i != best and abs(same[i]) >= SAME
        ]  # fmt: skip
        held = _held_out(self.table, self.ranks, self.people, strata, holds, self.random)
        rule = _Rule([self.words[best][int(not up)]], holds, also, abs(float(explained)), p_value, held, strata)
        return self._refined(rule)

    def _refined(self, rule: _Rule) -> _Rule:
        """The rule with a second condition, where one explains clearly more and holds inside the rule."""
        inside = np.flatnonzero(rule.holds)
        table = self.table[inside]
        least = max(10, 0.05 * len(self.people))
        sizes = table.sum(axis=0)
        enough = (sizes >= least) & (len(inside) - sizes >= 0.1 * len(inside))
        enough &= people_compared(table, self.people[inside]) >= MIN_PEOPLE
        if not enough.any():
            return rule
        tried = np.flatnonzero(enough)
        p_values, signed = judge_contexts(
            table[:, tried], self.ranks[inside], self.people[inside], rule.strata[inside], self.random
        )
        both = np.where(signed > 0, table[:, tried], 1 - table[:, tried])
        pairs = np.zeros((len(self.people), len(tried)), np.float32)
        pairs[inside] = both
        explained = explained_by(pairs, self.ranks, rule.strata)
        fits = np.flatnonzero(
            (p_values <= ALPHA) & (explained >= WORTH * rule.explained) & (pairs.sum(axis=0) >= least)
        )
        if not fits.size:
            return rule
        best = int(fits[np.argmax(explained[fits])])
        second = self.words[tried[best]][0 if signed[best] > 0 else 1]
        holds = pairs[:, best] > 0.5
        p_value = max(rule.p_value, float(p_values[best]))
        return _Rule([*rule.words, second], holds, rule.also, float(explained[best]), p_value, rule.held, rule.strata)

    def _agrees(self, rule: _Rule) -> bool:
        """Clear in the figures' own unit, found again without at least half of the people, and with them the same way."""
        effects, held = self.effects(rule)[:, 2], self.effects(rule, rule.held)[:, 2]
        if len(effects) < MIN_PEOPLE or 2 * len(held) < len(effects):
            return False
        return bool(held.mean() > 0 and half_width(effects) < effects.mean())

    def effects(self, rule: _Rule, people: Array | None = None) -> Array:
        """One row per person with executions on both sides: figure with the rule, without, difference."""
        frame = pl.DataFrame({"person": self.people, "stratum": rule.strata, "holds": rule.holds, "value": self.values})
        if people is not None:
            frame = frame.filter(pl.col("person").is_in(people.tolist()))
        cells = frame.group_by("person", "stratum").agg(
            _middle(pl.col("holds"), self.unit).alias("with"), _middle(~pl.col("holds"), self.unit).alias("without"),
            weight=pl.col("holds").sum() * (~pl.col("holds")).sum() / pl.len(),
        ).filter(pl.col("weight") > 0).sort("person", "stratum")  # fmt: skip
        weighed = [(pl.col(name) * pl.col("weight")).sum() / pl.col("weight").sum() for name in ("with", "without")]
        figures = cells.group_by("person", maintain_order=True).agg(weighed)
        return figures.select("with", "without", difference=pl.col("with") - pl.col("without")).to_numpy()


def _middle(side: pl.Expr, unit: str) -> pl.Expr:
    chosen = pl.col("value").filter(side)
    return chosen.mean() if unit == "share" else chosen.median()


def _held_out(
    table: Array, ranks: Array, people: Array, strata: Array, holds: Array, random: np.random.Generator
) -> Array:
    """The people without whom the search finds the same rule again, each left out with a fifth of the others."""
    number = int(people.max()) + 1
    fold = random.permutation(number) % FOLDS
    agree = []
    for out in range(FOLDS):
        rows = fold[people] != out
        p_values, explained = scores(table[rows], ranks[rows, None], people[rows], strata[rows], least_people=3)
        explained = np.where(p_values[:, 0] <= ALPHA, explained, 0.0)
        best = int(np.argmax(np.abs(explained)))
        if abs(likeness(table[:, best : best + 1], holds)[0]) >= SAME and explained[best] != 0:
            agree.append(np.flatnonzero(fold == out))
    return np.sort(np.concatenate(agree)) if agree else np.zeros(0, np.int64)


# ---------------------------------------------------------------------------------------------------------- sentences
def _adjust(found: Sequence[_Search]) -> None:
    """Adjust for the number of tasks, and drop the rules that do not pass."""
    adjusted = adjust(pl.Series([search.p_value for search in found], dtype=pl.Float64))
    for search, p_value in zip(found, adjusted, strict=True):
        search.p_adjusted = p_value
        search.rules = [rule for rule in search.rules if search.adjusted(rule.p_value) <= ALPHA]


def _rows(search: _Search, target: str) -> list[tuple[Any, ...]]:
    task, head = search.task, (search.task_id, search.task_name, target, search.unit)
    people = task["user"].n_unique()
    if not search.rules:
        empty: list[Any] = [None] * len(RESULT)
        empty[:4] = head
        tail = {"segments": task.height, "people": people, "p_value": search.p_value, "p_adjusted": search.p_adjusted,
                "contexts": search.contexts, "sentence": _nothing(search, people)}  # fmt: skip
        for name, value in tail.items():
            empty[list(RESULT).index(name)] = value
        return [tuple(empty)]
    return [_row(search, rule, place, head) for place, rule in enumerate(search.rules, 1)]


def _row(search: _Search, rule: _Rule, place: int, head: tuple[Any, ...]) -> tuple[Any, ...]:
    effects, held = search.effects(rule), search.effects(rule, rule.held)
    value_with, value_without, effect = (float(x) for x in effects.mean(axis=0))
    k = len(effects)
    half = half_width(effects[:, 2])
    slow = search.values > np.quantile(search.values, 0.75) if search.unit != "share" else search.values > 0.5
    n, holds = int(rule.holds.sum()), rule.holds
    lift = float(slow[holds].mean() / slow.mean()) if slow.any() else None
    coverage = float((slow & holds).sum() / slow.sum()) if slow.any() else None
    said = {
        "rank": place, "rule": " and ".join(rule.words), "also": rule.also, "segments": n,
        "people": len(np.unique(search.people[holds])), "support": n / holds.size, "coverage": coverage, "lift": lift,
        "value_with": value_with, "value_without": value_without, "effect": effect, "low": effect - half,
        "high": effect + half, "people_compared": k, "explained": rule.explained, "p_value": rule.p_value,
        "p_adjusted": search.adjusted(rule.p_value), "held_out_effect": float(held[:, 2].mean()),
        "held_out_people": len(held), "held_out_segments": int((holds & np.isin(search.people, rule.held)).sum()),
        "contexts": search.contexts,
    }  # fmt: skip
    return (*head, *said.values(), _sentence(search, said))


def _sentence(search: _Search, said: dict[str, Any]) -> str:
    task, unit, n = search.task_name, search.unit, search.values.size
    more = f"{spoken(100 * said['effect'], 0)} percentage points" if unit == "share" else figure(said["effect"], unit)
    scale = 100 if unit == "share" else 1
    span = f"{spoken(scale * said['low'], 1)} to {spoken(scale * said['high'], 1)}"
    alike = "" if said["rank"] == 1 else " that are alike in the rules before"
    worse = "of those where it is so" if unit == "share" else "of the highest quarter"
    cover = f", {100 * said['coverage']:.0f} % {worse} ({said['lift']:.1f} times as frequent)" if said["lift"] else ""
    return (
        f"{task}: where an execution {said['rule']}, {_label(search)} is {more} more than in the same people’s others{alike} "
        f"({figure(said['value_with'], unit)} against {figure(said['value_without'], unit)}; 95 % interval of the "
        f"difference {span}; {count_people(said['people_compared'])}, each compared with themselves). It holds for "
        f"{said['segments']:,} of {n:,} executions by {count_people(said['people'])}{cover}. When people are "
        f"left out of the search it is found again for {said['held_out_people']} of them, with a difference of "
        f"{spoken(scale * said['held_out_effect'], 1)}; p = {said['p_adjusted']:.3f}, adjusted for the {said['contexts']} contexts "
        "and all tasks looked at."
    )


def _nothing(search: _Search, people: int) -> str:
    task = search.task_name
    if people < MIN_PEOPLE:
        seen = f"fewer than {MIN_PEOPLE}" if shares_pages() else people
        return f"{task}: too few people to look for causes ({seen} with a figure; at least {MIN_PEOPLE} are needed)."
    seen = f"{search.values.size:,} executions by {people} people"
    if not search.contexts:
        return f"{task}: nothing stable found: no context changes inside at least {MIN_PEOPLE} people ({seen})."
    smallest = f"smallest p = {search.p_adjusted:.2f}, adjusted for all contexts and tasks"
    if search.p_adjusted is not None and search.p_adjusted > ALPHA:
        return (
            f"{task}: nothing stable found. Of {search.contexts} contexts in {seen} none goes with {_label(search)} beyond "
            f"chance ({smallest})."
        )
    return (
        f"{task}: nothing stable found. Of {search.contexts} contexts in {seen} some go with {_label(search)} ({smallest}), "
        "but none by an amount that is clear and that others show when they are left out of the search."
    )


def _label(search: _Search) -> str:
    """The target in words."""
    if search.target not in search.task.columns and search.unit == "hours":
        return f"the wait for “{search.target}”"
    words = search.target.removesuffix(f"_{search.unit}").replace("_", " ")
    if search.unit == "share":
        return f"the share “{words}”"
    return f"{words} time" if search.unit in ("seconds", "minutes", "hours", "days") else f"“{words}”"

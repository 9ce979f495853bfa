"""Kinds of cases to compare: by an attribute, by bands of a number, by how the case ended, by a condition."""

from __future__ import annotations

from itertools import pairwise

import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.overlay.persons import names_persons

MOST_GROUPS = 8  # of many groups, those with most cases are compared with the others
HOLDS, HOLDS_NOT = "the condition holds", "the condition does not hold"
# what is not said of the case but of the booking, or names a person, tells no cases apart
NOT_OF_CASES = (
    "booking", "case_id", "activity", "before", "timestamp", "resource", "user", "people", "elapsed_seconds",
    "service_seconds", "waiting_seconds", "touch_seconds", "switches", "copy_pastes", "rekeyed", "excursion_seconds",
    "excursion_pastes", "apps", "tasks", "variants",
)  # fmt: skip


def add_groups(
    work: pl.DataFrame, by: str | pl.Expr, *, groups: tuple[str, str] | None, bands: int
) -> tuple[pl.DataFrame, list[tuple[str, str | None]]]:
    """The bookings with their `group`, and the pairs to compare: (second, first), where no first means all others.

    Parameters
    ----------
    work : one row per booking, with `case_id`.
    by, groups, bands : as in `compare_step_work`.

    Raises
    ------
    SettingError : an unknown column or group, one that names people, or fewer than two groups.

    >>> work = pl.DataFrame({"booking": [0, 1], "case_id": ["a", "b"], "activity": "Pay", "po": ["no", "yes"]})
    >>> add_groups(work, "po", groups=None, bands=2)[1]
    [('po = yes', 'po = no')]
    """
    column = _column(work, by)
    label = by if isinstance(by, str) else "figure"
    if column.dtype.is_numeric():
        group = _bands(work, column, label, bands)
    elif isinstance(by, str):
        group = label + " = " + column.cast(pl.String)
    elif column.dtype == pl.Boolean:
        group = column.cast(pl.String).replace_strict({"true": HOLDS, "false": HOLDS_NOT}, default=None)
    else:
        group = column.cast(pl.String)
    grouped = work.with_columns(group=group)
    sizes = grouped.drop_nulls("group").group_by("group").agg(cases=pl.col("case_id").n_unique())
    found = sizes.sort("cases", "group", descending=[True, False])["group"].to_list()
    return grouped, _pairs(found, label, groups)


def others_than(group: str) -> str:
    """All other cases than those of a group, in words.

    >>> others_than("vendor = Nordwind")
    'vendor ≠ Nordwind'
    """
    return group.replace(" = ", " ≠ ", 1) if " = " in group else f"not {group}"


def _column(work: pl.DataFrame, by: str | pl.Expr) -> pl.Series:
    users = work["user"].unique() if "user" in work.columns else None
    persons = {"user", "resource"} | (names_persons(work, users=users) - {*NOT_OF_CASES})
    roots = by.meta.root_names() if isinstance(by, pl.Expr) else [by]
    if telling := sorted(persons.intersection(roots)):
        raise SettingError(
            f"{', '.join(map(repr, telling))} tells people apart, not cases (by its name, or because it holds the same names as "
            "the people of the log); people are not compared one by one."
        )
    if isinstance(by, pl.Expr):
        names = [name for name in by.meta.root_names() if name not in work.columns]
        if names:
            raise SettingError(f"The condition uses columns that the work does not have: {', '.join(map(repr, names))}. "
                               f"Known: {', '.join(work.columns)}.")  # fmt: skip
        return work.select(by.alias("group")).to_series()
    if by == "outcome" and by not in work.columns:
        last = pl.col("activity").last().over("case_id", order_by="booking")
        return work.select(group=last).to_series()
    hidden = {*NOT_OF_CASES} | persons
    known = [name for name, dtype in work.schema.items() if name not in hidden and not dtype.is_nested()]
    check_choice(by, allowed=[*known, "outcome"], what="attribute of the case")
    return work[by]


def _bands(work: pl.DataFrame, column: pl.Series, label: str, bands: int) -> pl.Series:
    """Bands of equally many cases; a case counts with its first booking."""
    if bands < 2:
        raise SettingError(f"bands={bands}: a number must be cut into at least 2 parts.")
    firsts = work.select("booking", "case_id", value=column).sort("booking").unique("case_id", keep="first")["value"]
    cuts = [firsts.quantile(place / bands) for place in range(1, bands)]
    low, high = firsts.min(), firsts.max()
    edges = sorted({float(cut) for cut in cuts if cut is not None and low <= cut < high})  # type: ignore[operator]
    if not edges:
        return pl.Series("group", [label] * column.len(), dtype=pl.String)
    words = [f"{edge:,.6g}" for edge in edges]
    between = [f"{label} above {below} up to {above}" for below, above in pairwise(words)]
    names = [f"{label} up to {words[0]}", *between, f"{label} above {words[-1]}"]
    values = column.cast(pl.Float64).rename("value")
    place = pl.Series("edge", edges).search_sorted(values.fill_null(0.0), side="left")
    named = pl.DataFrame({"value": values, "name": pl.Series(names).gather(place)})
    return named.select(group=pl.when(pl.col("value").is_not_null()).then("name")).to_series()


def _pairs(found: list[str], label: str, groups: tuple[str, str] | None) -> list[tuple[str, str | None]]:
    # an error is copied into tickets and mails: how many groups there are, not what is written in the cells
    made = f"{label!r} makes {len(found):,} {'group' if len(found) == 1 else 'groups'} of cases"
    if groups is not None:
        if len(groups) != 2 or groups[0] == groups[1]:
            raise SettingError(f"groups={groups!r} are not two different groups. {made[0].upper()}{made[1:]}.")
        bare = {name.removeprefix(f"{label} = "): name for name in found} | {name: name for name in found}
        if strange := [group for group in groups if group not in bare]:
            raise SettingError(
                f"groups= names what is no group: {', '.join(map(repr, strange))}. {made[0].upper()}{made[1:]}."
            )
        return [(bare[groups[1]], bare[groups[0]])]
    if len(found) < 2:
        raise SettingError(f"{made}. Two are needed to compare.")
    if len(found) == 2:
        first, second = sorted(found, key=lambda name: (" above " in name, name == HOLDS, name))
        return [(second, first)]
    return [(name, None) for name in found[:MOST_GROUPS]]

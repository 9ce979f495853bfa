"""Standards: how a task should be done, how far each execution keeps to it, and where people leave it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns
from taskkit.variants import count_variants
from taskkit.variants.alignment import list_visits
from taskkit.variants.standards.files import read_standard, standard_of_pairs
from taskkit.variants.standards.leaving import measure_leaving
from taskkit.variants.standards.model import Gap, Standard
from taskkit.variants.ways import check_order

__all__ = [
    "Standard", "list_deviations", "measure_conformance", "measure_leaving", "read_standard", "standard_from_steps",
    "standard_from_successions", "standard_from_variant",
]  # fmt: skip
_TEXTS = pl.List(pl.String())
_KIND = ("kind", "left", "done", "skipped", "returned")
_RECORD: dict[str, pl.DataType] = {
    "_way": pl.UInt32(), "kind": pl.String(), "left": pl.String(), "done": _TEXTS, "skipped": _TEXTS, "returned": pl.String(),
    "_places": pl.List(pl.UInt32()),
}  # fmt: skip
_WAY = pl.Schema(
    {"_way": pl.UInt32, "cost": pl.UInt32, "fitness": pl.Float64, "inserted": pl.UInt32, "skipped": pl.UInt32}
)
_Record = tuple[str, str | None, list[str], list[str], str | None, list[int]]


def standard_from_steps(steps: Sequence[str], *, name: str = "standard", source: str = "list of steps") -> Standard:
    """Make a standard from steps in the one order that is allowed.

    >>> standard_from_steps(["open", "check", "save"]).shortest
    3
    """
    if isinstance(steps, str):
        raise SettingError(f"steps={steps!r} is one text. Give a list of steps.")
    pairs = tuple((place, place + 1) for place in range(len(steps) - 1))
    return Standard(name, source, tuple(steps), pairs, (0,) if steps else (), (len(steps) - 1,) if steps else ())


def standard_from_variant(
    segments: pl.DataFrame, variant_id: str, *, level: str = "screen", rare: float = 0.2
) -> Standard:
    """Make a standard from a variant: the order of its steps is the one that is allowed.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    variant_id : one of `count_variants(segments, level=level, rare=rare)`.
    level, rare : as in `count_variants`; measure at the same level.

    Raises
    ------
    ContractError : `find_tasks` has not been run. SettingError : there is no such variant.

    >>> import polars as pl
    >>> segments = pl.DataFrame({"user": "p", "task_id": "T01", "activities": [["a", "b"]], "active_seconds": 9.0})
    >>> standard_from_variant(segments, "T01-V01", level="activity").steps
    ('a', 'b')
    """
    require_columns(segments, "task_id", "activities", made_by="find_tasks")
    known = count_variants(segments, level=level, rare=rare)
    check_choice(variant_id, allowed=known["variant_id"].to_list(), what="variant")
    way = known.row(by_predicate=pl.col("variant_id") == variant_id, named=True)["activities"]
    return standard_from_steps(way, name=variant_id, source=f"variant at the level {level}")


def standard_from_successions(successions: pl.DataFrame, *, name: str = "standard") -> Standard:
    """Make a standard from allowed successions: every way along them from a start to an end is allowed.

    Parameters
    ----------
    successions : columns `before` and `after`; a null `before` is a start, a null `after` an end. A part of what
        `count_successions` lists for one task will do.

    Raises
    ------
    ContractError : a column is missing. SettingError : several tasks, or no way from a start to an end.

    >>> import polars as pl
    >>> standard_from_successions(pl.DataFrame({"before": [None, "a", "a"], "after": ["a", "a", None]})).repeats
    True
    """
    require_columns(successions, "before", "after", made_by="count_successions")
    if "task_id" in successions.columns and successions["task_id"].n_unique() > 1:
        tasks = ", ".join(map(str, successions["task_id"].unique().sort().to_list()))
        raise SettingError(
            f"The successions are of several tasks ({tasks}). A standard is for one: filter them by task_id."
        )
    pairs = successions.select("before", "after").rows()
    return standard_of_pairs(pairs, name=name, source="successions")


def measure_conformance(
    segments: pl.DataFrame, standard: Standard, *, task_id: str | None = None, level: str = "screen"
) -> pl.DataFrame:
    """Measure how far each segment keeps to a standard, by a cheapest alignment of the two.

    Every step that the standard does not have there costs 1 and every step of the standard that is left out costs 1.
    Fitness is 1 − cost / worst cost, where the worst is to leave out the shortest way through the standard and to do all
    steps outside of it: 1 keeps to the standard, 0 has nothing in common with it.

    At the level "screen" the steps are the screens in the order in which they are first reached, as in the variants; only
    if a step can come twice in the standard, every visit counts. At the level "activity" every activity counts, immediate
    repeats once; at the level "action" those too.

    Parameters
    ----------
    segments : segments frame.
    standard : from `standard_from_variant`, `standard_from_steps`, `standard_from_successions` or `read_standard`.
    task_id : only the segments of this task; without it all segments are measured.
    level : "screen", "activity" or "action": what the steps of the standard are.

    Returns
    -------
    One row per segment, in the given order: `segment_id`, `fitness`, `deviations` (places where the standard is left, see
    `list_deviations`), `inserted` and `skipped` (steps), `deviates` (any).

    Raises
    ------
    ContractError : `list_segments` has not been run. SettingError : there is no such task, or no step of the standard
    occurs.

    References
    ----------
    Adriansyah, Aligning Observed and Modeled Behavior (2014), chapter 4; van der Aalst, Adriansyah, van Dongen, Replaying
    history on process models, WIREs Data Mining and Knowledge Discovery 2 (2012).

    >>> import polars as pl
    >>> segments = pl.DataFrame({"segment_id": [0, 1], "user": "p", "activities": [["a", "b"], ["a", "x", "b"]]})
    >>> measured = measure_conformance(segments, standard_from_steps(["a", "b"]), level="activity")
    >>> measured.select("fitness", "deviations").rows()
    [(1.0, 0), (0.8, 1)]
    """
    own, visits = _visits(segments, standard, task_id, level, None)
    ways = _ways(own, visits)
    costs, records = _compare(ways, standard)
    deviations = records.group_by("_way").agg(deviations=pl.len())
    measured = ways.drop("_steps").join(costs, on="_way", how="left", maintain_order="left")
    measured = measured.join(deviations, on="_way", how="left", maintain_order="left").with_columns(
        pl.col("deviations").fill_null(0), deviates=pl.col("cost") > 0
    )
    return measured.select("segment_id", "fitness", "deviations", "inserted", "skipped", "deviates")


def list_deviations(
    segments: pl.DataFrame, standard: Standard, *, task_id: str | None = None, level: str = "screen",
    events: pl.DataFrame | None = None,
) -> pl.DataFrame:  # fmt: skip
    """List where the standard is left, what is done instead, and where people return to it.

    Kinds: "inserted" (something more is done), "skipped" (something is left out), "replaced" (both in one place), "swapped"
    (a step of the standard is done at another place: what is inserted here is left out there, told once, where it was done).

    Parameters
    ----------
    segments, standard, task_id, level : as in `measure_conformance`.
    events : the events that the segments were made of; with them the seconds are known.

    Returns
    -------
    One row per kind of deviation, most segments first: `kind`, `left` (last step of the standard before; null: the start),
    `done` (steps outside the standard), `skipped` (steps left out), `returned` (next step of the standard; null: the end),
    `times`, `segments`, `share` (part of the segments measured), `people`, `median_seconds` (spent outside in one
    deviation; null where nothing was done or without events), `measured` (segments measured). Hide rows of fewer than
    five people before sharing: `suppress_small_groups`.

    Raises
    ------
    ContractError, SettingError : as in `measure_conformance`.

    >>> import polars as pl
    >>> segments = pl.DataFrame({"segment_id": [0, 1], "user": "p", "activities": [["a", "b"], ["a", "x", "b"]]})
    >>> listed = list_deviations(segments, standard_from_steps(["a", "b"]), level="activity")
    >>> listed.select("kind", "left", "done", "returned").rows()
    [('inserted', 'a', ['x'], 'b')]
    """
    require_columns(segments, "user", made_by="list_segments")
    own, visits = _visits(segments, standard, task_id, level, events)
    ways = _ways(own, visits)
    _, records = _compare(ways, standard)
    records = records.with_row_index("_record")
    each = (
        ways.select("segment_id", "_way")
        .join(own.select("segment_id", "user"), on="segment_id")
        .join(records, on="_way")
    )
    placed = visits.select("segment_id", "seconds", _places=pl.int_range(pl.len(), dtype=pl.UInt32).over("segment_id"))
    spent = each.select("segment_id", "_record", "_places").explode("_places", empty_as_null=True).drop_nulls("_places")
    spent = spent.join(placed, on=["segment_id", "_places"]).drop_nulls("seconds")
    spent = spent.group_by("segment_id", "_record").agg(pl.col("seconds").sum())
    each = each.join(spent, on=["segment_id", "_record"], how="left")
    listed = each.group_by(_KIND).agg(
        times=pl.len(), segments=pl.col("segment_id").n_unique(), people=pl.col("user").n_unique(),
        median_seconds=pl.col("seconds").median(),
    ).with_columns(share=pl.col("segments") / own.height, measured=pl.lit(own.height, dtype=pl.UInt32))  # fmt: skip
    listed = listed.sort(
        pl.col("segments"), pl.col("times"), "kind", "left", pl.col("done").list.join("\0"),
        pl.col("skipped").list.join("\0"), "returned", descending=[True, True, *[False] * 5],
    )  # fmt: skip
    return listed.select(*_KIND, "times", "segments", "share", "people", "median_seconds", "measured")


def _visits(
    segments: pl.DataFrame, standard: Standard, task_id: str | None, level: str, events: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The segments to measure, and their steps as the standard counts them."""
    require_columns(segments, "segment_id", "activities", made_by="list_segments")
    check_order(level, what="level of a standard")
    if task_id is not None:
        require_columns(segments, "task_id", made_by="find_tasks")
        check_choice(task_id, allowed=segments["task_id"].drop_nulls().unique().to_list(), what="task")
        segments = segments.filter(pl.col("task_id") == task_id)
    visits = list_visits(segments, level=level, events=events)
    known = set(visits["step"].unique().to_list())
    if segments.height and not known & set(standard.steps):
        raise SettingError(
            f"No step of the standard {standard.name!r} ({', '.join(map(repr, standard.steps[:3]))}, …) is a step of the segments "
            f"at the level {level!r} ({', '.join(map(repr, sorted(known)[:3]))}, …). Choose another level, or name them alike."
        )
    if level == "screen" and not standard.repeats:
        seconds = pl.when(pl.col("seconds").is_not_null().any()).then(pl.col("seconds").sum())
        visits = visits.group_by("segment_id", "step", maintain_order=True).agg(seconds=seconds)
    return segments, visits


def _ways(segments: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """One row per segment: `_steps` and `_way`, the number of the distinct way."""
    steps = visits.group_by("segment_id").agg(_steps="step")
    nothing = pl.lit([], dtype=pl.List(pl.String))
    ways = segments.select("segment_id").join(steps, on="segment_id", how="left", maintain_order="left")
    ways = ways.with_columns(pl.col("_steps").fill_null(nothing))
    distinct = ways.select("_steps").unique(maintain_order=True).with_row_index("_way")
    return ways.join(distinct, on="_steps", how="left", maintain_order="left")


def _compare(ways: pl.DataFrame, standard: Standard) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Costs and deviations of every distinct way."""
    costs: list[tuple[int, int, float, int, int]] = []
    records: list[tuple[int, *_Record]] = []
    for number, steps in ways.select("_way", "_steps").unique(maintain_order=True).iter_rows():
        gaps = standard.align(steps)
        inserted, skipped = sum(len(gap.inserted) for gap in gaps), sum(len(gap.skipped) for gap in gaps)
        cost = inserted + skipped
        costs.append((number, cost, 1 - cost / (len(steps) + standard.shortest), inserted, skipped))
        records += [(number, *record) for record in _deviations(gaps, steps)]
    return pl.DataFrame(costs, schema=_WAY, orient="row"), pl.DataFrame(records, schema=_RECORD, orient="row")


def _deviations(gaps: list[Gap], way: Sequence[str]) -> list[_Record]:
    """What the gaps of one way are: steps that are inserted here and left out there are swapped."""
    left_out = Counter(step for gap in gaps for step in gap.skipped)
    moved: Counter[str] = Counter()
    records: list[_Record] = []
    rests: list[list[int]] = []
    for gap in gaps:
        rest: list[int] = []
        for place in gap.inserted:
            if moved[step := way[place]] < left_out[step]:
                moved[step] += 1
                records.append(("swapped", gap.left, [step], [], gap.returned, [place]))
            else:
                rest.append(place)
        rests.append(rest)
    for gap, rest in zip(gaps, rests, strict=True):
        skipped = []
        for step in gap.skipped:
            if moved[step]:
                moved[step] -= 1
            else:
                skipped.append(step)
        kind = "replaced" if rest and skipped else "inserted" if rest else "skipped"
        if rest or skipped:
            records.append((kind, gap.left, [way[place] for place in rest], skipped, gap.returned, rest))
    return records

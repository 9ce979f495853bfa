"""Explain what is written in one task: for each field the simplest rule that would have written most of its values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from taskkit.automation.fields import READS, UNNAMED
from taskkit.automation.programs import find_programs, last_values
from taskkit.automation.rare import unquoted

MIN_EXECUTIONS = 5  # a field written in fewer segments is not judged
MOST_SOURCES = 60  # fields that others may depend on: those found in most segments
MOST_PAIRED = 6  # of them, tried two at a time
LEAST_RIGHT = 0.5  # a rule for all values of a field must give at least so many of them …
LEAST_SKILL = 0.4  # … and be so far from guessing (0) to always right (1)
LEAST_PART = 0.2  # a second rule must give at least so many of the values
KINDS = ("constant", "copy", "part", "reformat", "concatenation", "look-up", "judgement")
# a plainer rule is taken unless the other is right more often by more than this
_PRICE = {"constant": 0.0, "copy": 0.0, "part": 0.02, "reformat": 0.02, "concatenation": 0.03, "look-up": 0.05}


@dataclass(frozen=True)
class Rule:
    """What explains a field's values: a kind, the fields it takes them from, and the words for it."""

    field: str
    kind: str | None  # null = too little data
    sources: tuple[str, ...] = ()
    words: str = ""


@dataclass
class _Found:
    """A candidate: the places of the values about which it is right."""

    rule: Rule
    right: pl.Series  # places
    price: float
    least: float = LEAST_RIGHT
    skill: float = 1.0  # of a look-up: from guessing (0) to always right (1)


def explain_values(values: pl.DataFrame) -> tuple[pl.DataFrame, list[Rule]]:
    """Find the rules of every field of one task and say of each written value which rule gives it.

    Rules are tried from the plainest to the richest: constant, copy, part, reformat, concatenation, look-up. A value
    counts as given only if the rule holds without its own segment: the constant or the look-up is learnt from the other
    segments, a transformation must hold in others too. A constant or a look-up must be clearly better than guessing
    among the field's values, a copy better than meeting the value by chance. A rule that leaves a fifth of
    the values or more may have a second one for the rest.

    Parameters
    ----------
    values : rows of one task from `list_values`.

    Returns
    -------
    The written values with `rule` (number in the list; null where no rule gives the value) and `judged` (false where the
    value is unknown or the field too rare); and the rules, one or two per field, the first one first.
    """
    writes = values.filter("writes")
    often = pl.col("segment_id").filter(pl.col("seen_as").is_not_null()).n_unique().over("field") >= MIN_EXECUTIONS
    writes = writes.with_columns(judged=often & pl.col("seen_as").is_not_null())
    known = writes.filter("judged")
    rules: list[Rule] = []
    given: list[pl.DataFrame] = []
    rest = known
    for turn in range(2):
        if rest.is_empty():
            break
        chosen = _choose(_candidates(values, rest), rest, known, turn)
        for found in chosen:
            given.append(pl.DataFrame({"place": found.right}).with_columns(rule=pl.lit(len(rules), pl.UInt32)))
            rules.append(found.rule)
        rest = _left_over(known, given, [found.rule.field for found in chosen])
    rules += _unexplained(writes, rules)
    by_place = pl.concat(given) if given else pl.DataFrame(schema={"place": pl.UInt32, "rule": pl.UInt32})
    return writes.join(by_place, on="place", how="left", maintain_order="left"), rules


def _left_over(known: pl.DataFrame, given: list[pl.DataFrame], fields: list[str]) -> pl.DataFrame:
    """Values that the first rule of their field does not give, where these are many enough for a second one."""
    if not given:
        return known.clear()
    rest = known.filter(pl.col("field").is_in(fields)).join(
        pl.concat(given), on="place", how="anti", maintain_order="left"
    )
    sizes = known.group_by("field").agg(size=pl.len())
    rest = rest.join(sizes, on="field", maintain_order="left")
    enough = (pl.len() >= LEAST_PART * pl.col("size")) & (pl.col("segment_id").n_unique() >= MIN_EXECUTIONS)
    return rest.filter(enough.over("field")).drop("size")


def _unexplained(writes: pl.DataFrame, rules: list[Rule]) -> list[Rule]:
    have = {rule.field for rule in rules}
    out = []
    counts = writes.group_by("field").agg(pl.col("judged").any(), n=pl.col("segment_id").n_unique(),
                                          known=pl.col("seen_as").count()).sort("field")  # fmt: skip
    for name, judged, n, known in counts.iter_rows():
        if name in have:
            continue
        if judged:
            out.append(Rule(name, "judgement", (), "no rule found: chosen or composed by the person"))
        elif not known:
            out.append(Rule(name, None, (), "not known: the log has no values of this field, or it has no name"))
        else:
            runs = f"{n} execution" + ("s" if n != 1 else "")
            out.append(
                Rule(name, None, (), f"too little data: written in {runs}, at least {MIN_EXECUTIONS} are needed")
            )
    return out


def _choose(candidates: Iterable[_Found], rest: pl.DataFrame, known: pl.DataFrame, turn: int) -> list[_Found]:
    """The best candidate of each field: most values given, less the price of what is not plain."""
    sizes = dict(rest.group_by("field").len().iter_rows())
    whole = dict(known.group_by("field").len().iter_rows())
    best: dict[str, tuple[float, _Found]] = {}
    for found in candidates:
        name = found.rule.field
        share = found.right.len() / sizes[name]
        # a second rule for the rest of a field must give enough of all its values to be worth a sentence
        if share < found.least or (turn and found.right.len() < LEAST_PART * whole[name]):
            continue
        score = share - found.price
        if name not in best or score > best[name][0] + 1e-9:
            best[name] = (score, found)
    return [best[name][1] for name in sorted(best)]


def _candidates(values: pl.DataFrame, rest: pl.DataFrame) -> list[_Found]:
    """Candidates in the order of plainness; the dear ones only for fields that the plain ones leave open."""
    found = [*_constants(rest), *_copies(values, rest)]
    shares = dict.fromkeys(rest["field"].unique(), 0.0)
    sizes = dict(rest.group_by("field").len().iter_rows())
    derived = set(rest.group_by("field").agg(pl.col("pasted").mean()).filter(pl.col("pasted") >= 0.5)["field"])
    for one in found:
        # what was pasted and then edited shows where it comes from, even if what is left is always the same
        if one.rule.kind == "constant" and one.rule.field in derived:
            one.price = 0.04
        if one.price:
            continue
        shares[one.rule.field] = max(shares[one.rule.field], one.right.len() / sizes[one.rule.field])
    open_fields = [name for name, share in shares.items() if share < 0.97]
    pending = rest.filter(pl.col("field").is_in(open_fields))
    if pending.is_empty():
        return found
    sources = _sources(values)
    for kind, name, used, words, right in find_programs(values, pending, sources):
        found.append(_Found(Rule(name, kind, used, words), right, _PRICE[kind] + 0.002 * (len(used) - 1), LEAST_PART))
        shares[name] = max(shares[name], right.len() / sizes[name])
    pending = pending.filter(pl.col("field").is_in([name for name, share in shares.items() if share < 0.95]))
    return found + _look_ups(values, pending, sources)


def _sources(values: pl.DataFrame) -> list[str]:
    """Fields that others may depend on: those with a value in most segments, at least in three."""
    shown = values.drop_nulls("seen_as").group_by("field").agg(n=pl.col("segment_id").n_unique())
    return (
        shown.filter(pl.col("n") >= 3)
        .sort("n", "field", descending=[True, False])["field"]
        .head(MOST_SOURCES)
        .to_list()
    )


# ----------------------------------------------------------------------------------------------------------- constants
def _constants(rest: pl.DataFrame) -> list[_Found]:
    right = rest.select("place", "field", "seen_as", "text", right=_held_out(rest, "field").fill_null(False))
    out = []
    by_field = right.group_by("field").agg(
        p=pl.col("right").mean(), k=pl.col("seen_as").n_unique(), places=pl.col("place").filter("right"),
        text=pl.col("text").filter("right").drop_nulls().mode().sort().first(),
    )  # fmt: skip
    for name, p, k, places, text in by_field.sort("field").iter_rows():
        if _skill(p, 1 / k) >= LEAST_SKILL:
            words = f"always “{unquoted(text)}”" if text else "always the same value"
            out.append(_Found(Rule(name, "constant", (), words), pl.Series(places, dtype=pl.UInt32), 0.0))
    return out


def _skill(p: float, guess: float) -> float:
    """How far from guessing (0) to always right (1); a single value needs no guess."""
    return 1.0 if p >= 1 else (p - guess) / (1 - guess) if guess < 1 else 0.0


def _held_out(frame: pl.DataFrame, *given: str) -> pl.Series:
    """Whether the value most frequent in the *other* segments, among rows alike in `given`, is the row's value.

    Null where no other segment is alike: nothing can be said there. A tie counts as wrong.
    """
    alike = frame.group_by([*given, "seen_as"]).agg(n=pl.col("segment_id").n_unique())
    ranked = alike.sort("n", descending=True).group_by(list(given)).agg(
        top=pl.col("n").first(), second=pl.col("n").get(1, null_on_oob=True).fill_null(0)
    )  # fmt: skip
    segments = frame.group_by(list(given)).agg(segments=pl.col("segment_id").n_unique())
    rows = frame.select(*given, "seen_as").join(alike, on=[*given, "seen_as"], how="left", maintain_order="left")
    rows = rows.join(ranked, on=list(given), how="left", maintain_order="left")
    rows = rows.join(segments, on=list(given), how="left", maintain_order="left")
    # without its own segment the row's value has one vote fewer; its rival is the best of the other values
    rival = pl.when(pl.col("n") == pl.col("top")).then("second").otherwise("top")
    told = pl.when(pl.col("segments") > 1).then(pl.col("n").cast(pl.Int64) - 1 > rival)
    return rows.select(told.alias("right"))["right"]


# -------------------------------------------------------------------------------------------------------------- copies
def _copies(values: pl.DataFrame, rest: pl.DataFrame) -> list[_Found]:
    """A value is a copy if another field of the segment showed or held it before, or the clipboard did."""
    shown = values.drop_nulls("seen_as").group_by("segment_id", "seen_as", "field").agg(
        first=pl.col("place").min(), taken=pl.col("place").filter(pl.col("kind").is_in(READS)).min()
    )  # fmt: skip
    pairs = rest.select("place", "segment_id", "field", "seen_as").join(
        shown, on=["segment_id", "seen_as"], suffix="_shown"
    )
    other = (pl.col("field") != pl.col("field_shown")) & (pl.col("first") < pl.col("place"))
    # a copy in the same-named field of another document is a copy too: the clipboard says so
    pairs = pairs.filter(other | (pl.col("taken") < pl.col("place")).fill_null(False))
    if pairs.is_empty():
        return []
    chance = _chance(values, rest)
    out, sizes = [], dict(rest.group_by("field").len().iter_rows())
    for (name,), mine in pairs.sort("field", "place").group_by("field", maintain_order=True):
        places = mine["place"].unique().sort()
        if _skill(places.len() / sizes[name], chance.get(str(name), 0.0)) >= LEAST_PART:
            sources = _cover(mine)
            words = f"the value of {' or '.join(sources)}"
            # a clipboard is on the way; where its text comes from says more
            price = 0.04 if sources[0].endswith(UNNAMED) else 0.0
            out.append(_Found(Rule(str(name), "copy", sources, words), places, price, LEAST_PART))
    return out


def _chance(values: pl.DataFrame, rest: pl.DataFrame) -> dict[str, float]:
    """How often a field's values would be met in another field of any segment: what a copy must be better than."""
    shown = values.drop_nulls("seen_as").select("segment_id", "field", "seen_as").unique()
    segments = max(values["segment_id"].n_unique(), 1)
    targets = rest.group_by("field", "seen_as").agg(n=pl.len())
    met = targets.join(shown, on="seen_as", suffix="_shown").filter(pl.col("field") != pl.col("field_shown"))
    met = met.group_by("field", "seen_as").agg(pl.col("segment_id").n_unique() / segments)
    joined = targets.join(met, on=["field", "seen_as"], how="left").with_columns(pl.col("segment_id").fill_null(0.0))
    means = joined.group_by("field").agg((pl.col("segment_id") * pl.col("n")).sum() / pl.col("n").sum())
    return dict(means.iter_rows())


def _cover(pairs: pl.DataFrame) -> tuple[str, ...]:
    """The few fields from which the values come: each gives a tenth or more that those before it do not."""
    left, size = pairs, pairs["place"].n_unique()
    out: list[str] = []
    while left.height and len(out) < 4:
        counts = left.group_by("field_shown").agg(
            pl.col("place").n_unique(), seen=(pl.col("place") - pl.col("first")).mean()
        ).sort("place", "seen", "field_shown", descending=[True, True, False])  # fmt: skip
        # a field with a name tells a reader more than a clipboard does, if it gives nearly as many
        named = counts.filter(
            ~pl.col("field_shown").str.ends_with(UNNAMED) & (pl.col("place") >= 0.9 * counts["place"][0])
        )
        name, n, _ = (named if named.height else counts).row(0)
        if out and n < 0.1 * size:
            break
        out.append(name)
        given = left.filter(pl.col("field_shown") == name).select("place").unique()
        left = left.join(given, on="place", how="anti")
    return tuple(out)


# ------------------------------------------------------------------------------------------------------------ look-ups
def _look_ups(values: pl.DataFrame, pending: pl.DataFrame, sources: list[str]) -> list[_Found]:
    """For every other field: the last value it had before the row, and whether that tells the row's value."""
    if pending.is_empty():
        return []
    base = _best_guess(pending)
    given = last_values(values, pending, sources, "seen_as")
    out: list[_Found] = []
    good: dict[str, list[tuple[float, str]]] = {}
    for number, source in enumerate(sources):
        for found in _told_by(given, [f"given_{number}"], (source,), base):
            good.setdefault(found.rule.field, []).append((-found.right.len(), source))
            out.append(found)
    # two fields together only where one alone tells something but not all
    sizes = dict(pending.group_by("field").len().iter_rows())
    for name, tops in good.items():
        best = sorted(tops)[:MOST_PAIRED]
        if -best[0][0] >= 0.9 * sizes[name]:
            continue
        mine = given.filter(pl.col("field") == name)
        for place, (_, one) in enumerate(best):
            for _, two in best[place + 1 :]:
                pair = [f"given_{sources.index(one)}", f"given_{sources.index(two)}"]
                out += _told_by(mine, pair, (one, two), base)
    return [found for found in out if found.skill >= LEAST_SKILL]


def _best_guess(pending: pl.DataFrame) -> dict[str, float]:
    """The share of the most frequent value, or of one among the field's values: what a look-up must be better than."""
    right = pending.select("field", "seen_as", right=_held_out(pending, "field").fill_null(False))
    by_field = right.group_by("field").agg(
        pl.max_horizontal(pl.col("right").mean(), 1 / pl.col("seen_as").n_unique().cast(pl.Float64)).first()
    )
    return dict(by_field.iter_rows())


def _told_by(given: pl.DataFrame, columns: list[str], sources: tuple[str, ...], base: dict[str, float]) -> list[_Found]:
    told = given.drop_nulls(columns).filter(~pl.col("field").is_in(list(sources)))
    if told.is_empty():
        return []
    told = told.select("place", "field", *columns, right=_held_out(told, "field", *columns).fill_null(False))
    sizes = dict(given.group_by("field").len().iter_rows())
    out = []
    by_field = told.group_by("field").agg(
        places=pl.col("place").filter("right"), known=pl.struct(columns).filter("right").n_unique()
    )
    for name, places, known in by_field.sort("field").iter_rows():
        share = len(places) / sizes[name]
        if share == 0:
            continue
        both = " and ".join(sources)
        words = f"follows from {both} ({known} known {'value' if known == 1 else 'values'})"
        price = _PRICE["look-up"] + 0.02 * (len(sources) - 1)
        found = _Found(Rule(name, "look-up", sources, words), pl.Series(places, dtype=pl.UInt32), price)
        found.skill = _skill(share, base.get(name, 0.0))
        out.append(found)
    return out

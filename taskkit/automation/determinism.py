"""Determinism: how much of what is written could a rule have written?

Only equality of values is used, so keyed digests suffice.
"""

from __future__ import annotations

import polars as pl

MOST_SOURCES = 60  # fields that others may depend on: those found in most segments
MARGIN = 0.02  # a dependency must beat the simpler explanation by more than this
_WRITES = ("text_input", "paste")
_READS = ("copy", "cut")
_CELL = r"^\$?([A-Z]{1,3})\$?[0-9]{1,7}$"


def written_fields(events: pl.DataFrame) -> pl.DataFrame:
    """Explain every written value of one task by the best rule for its field.

    A field (application and element id, or name) is explained by one of three rules, whichever is right most often:

    - "constant": the value that is most frequent in the other segments;
    - "copy": the value was copied, seen or written earlier in the same segment, in another field;
    - "depends on …": the value goes with the last value of another field earlier in the segment, learnt from the other
      segments only (each segment is predicted by all others; a tie counts as wrong).

    Only the 60 fields that most segments hold are tried as sources of a dependency, and none that fewer than three hold.
    Fields without an id and a name are left out: they cannot be told apart.

    Constants and dependencies count by how much better they are than guessing among the field's values: a code that is
    one of two in 65 % of the rows is worth 0.3, not 0.65. Copies are counted one by one. Cells of a sheet (C7, C8) are
    one field, their column.

    Parameters
    ----------
    events : rows of one task, in the order of work, with `segment_id` and `value_digest` or `value`. A row that
        writes is a text input or a paste, or any other row on an editable element that carries a value of its own.

    Returns
    -------
    One row per written value: `segment_id`, `user`, `field`, `rule`, `predictable` (0 no to 1 yes, null where the
    log has no value).
    """
    rows = _with_values(events)
    writes = rows.filter("writes")
    known = writes.drop_nulls("seen_as")
    if known.is_empty():
        return _label(writes, pl.DataFrame(schema={"field": pl.String, "rule": pl.String}))
    constant = known.select("place", "field", right=_held_out(known, "field"), rule=pl.lit("constant"))
    candidates = [constant, _copies(rows, known), *_dependencies(rows, known)]
    scores = _above_chance(pl.concat([c.select("place", "field", "right", "rule") for c in candidates]), known)
    simple = pl.col("rule").is_in(["constant", "copy"])
    best = (
        scores.group_by("field", "rule").agg(pl.col("credit").mean())
        .with_columns(rank=pl.col("credit") + pl.when(simple).then(MARGIN).otherwise(0.0))
        .sort("field", "rank", "rule", descending=[False, True, False])
        .unique("field", keep="first", maintain_order=True)
    )  # fmt: skip
    right = scores.join(best.select("field", "rule"), on=["field", "rule"]).select("place", predictable="credit")
    named = best.with_columns(rule=pl.when(pl.col("credit") > 0).then("rule").otherwise(pl.lit("none")))
    return _label(writes.join(right, on="place", how="left", maintain_order="left"), named.select("field", "rule"))


def _above_chance(scores: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """What a row's explanation is worth: guessing among the field's k values is right in 1/k, and worth nothing.

    A rule right in p of the rows about which it says anything is worth (p - 1/k) / (1 - 1/k), spread over its right rows.
    """
    values = known.group_by("field").agg(k=pl.col("seen_as").n_unique().cast(pl.Float64))
    p = pl.col("right").mean().over("field", "rule")
    worth = (p - 1 / pl.col("k")) / (1 - 1 / pl.col("k"))
    certain = (pl.col("k") == 1) | (pl.col("rule") == "copy")
    factor = pl.when(certain).then(1.0).when(p > 0).then((worth / p).clip(0.0, 1.0)).otherwise(0.0)
    return scores.join(values, on="field").with_columns(
        credit=pl.col("right").fill_null(False).cast(pl.Float64) * factor.fill_null(0.0)
    )


def _with_values(events: pl.DataFrame) -> pl.DataFrame:
    """Numbered rows with `field`, `seen_as` (what makes values equal) and whether they write."""
    kind = pl.col("event_type").cast(pl.String)
    names = [pl.col(name) for name in ("element_id", "element_name") if name in events.columns]
    values = [pl.col(name).str.strip_chars().str.to_lowercase() for name in ("value_digest", "value")
              if name in events.columns]  # fmt: skip
    element = pl.coalesce(*names) if names else pl.lit(None, pl.String)
    if "element_name" in events.columns:
        column = pl.col("element_name").str.extract(_CELL, 1)
        element = pl.when(column.is_not_null()).then(pl.format("column {}", column)).otherwise(element)
    field = pl.concat_str(pl.col("app").fill_null("?"), pl.lit(" · "), element.fill_null("(unnamed)"))
    seen_as = pl.coalesce(*values).replace("", None) if values else pl.lit(None, pl.String)
    unnamed = element.is_null() & kind.is_in(_WRITES)
    return events.with_row_index("place").select(
        "place", "segment_id", "user", field=field, kind=kind, writes=kind.is_in(_WRITES),
        seen_as=pl.when(~unnamed).then(seen_as),
    )  # fmt: skip


def _label(writes: pl.DataFrame, best: pl.DataFrame) -> pl.DataFrame:
    if "predictable" not in writes.columns:
        writes = writes.with_columns(predictable=pl.lit(None, pl.Float64))
    labelled = writes.join(best, on="field", how="left", maintain_order="left")
    return labelled.select("segment_id", "user", "field", "rule", "predictable")


def _held_out(frame: pl.DataFrame, *given: str) -> pl.Expr:
    """Whether the value most frequent in the *other* segments, among rows alike in `given`, is the row's value.

    Null where no other segment is alike: nothing can be said there.
    """
    together = pl.col("segment_id").n_unique().over([*given, "seen_as"])
    counts = frame.group_by([*given, "seen_as"]).agg(n=pl.col("segment_id").n_unique())
    ranked = counts.sort("n", descending=True).group_by(list(given)).agg(
        top=pl.col("n").first(), second=pl.col("n").get(1, null_on_oob=True).fill_null(0)
    )  # fmt: skip
    tops = frame.select(list(given)).join(ranked, on=list(given), how="left", maintain_order="left")
    top, second = tops["top"], tops["second"]
    # without its own segment the row's value has one vote fewer; its rival is the best of the other values
    rival = pl.when(together == top).then(second).otherwise(top)
    alike = pl.col("segment_id").n_unique().over(list(given))
    return pl.when(alike > 1).then(together - 1 > rival)


def _copies(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """A value is a copy if another field of the segment showed or held it before."""
    shown = rows.drop_nulls("seen_as").group_by("segment_id", "seen_as", "field").agg(first=pl.col("place").min())
    earlier = known.join(shown, on=["segment_id", "seen_as"], how="left", suffix="_shown")
    other = (pl.col("first") < pl.col("place")) & (pl.col("field_shown") != pl.col("field"))
    copied = earlier.group_by("place", "field").agg(right=other.fill_null(False).any())
    # a copy in the same-named field of another document is a copy too: the clipboard says so
    clipboard = rows.filter(pl.col("kind").is_in(_READS)).drop_nulls("seen_as").group_by("segment_id", "seen_as").agg(
        copied_at=pl.col("place").min()
    )  # fmt: skip
    by_clipboard = known.join(clipboard, on=["segment_id", "seen_as"], how="left").select(
        "place", taken=(pl.col("copied_at") < pl.col("place")).fill_null(False)
    )
    return copied.join(by_clipboard, on="place").select(
        "place", "field", right=pl.col("right") | pl.col("taken"), rule=pl.lit("copy")
    )


def _dependencies(rows: pl.DataFrame, known: pl.DataFrame) -> list[pl.DataFrame]:
    """For every other field: the last value it had before the row, and whether that tells the row's value."""
    out = []
    targets = known.select("place", "segment_id", "field", "seen_as")
    shared = (
        rows.drop_nulls("seen_as").group_by("field").agg(n=pl.col("segment_id").n_unique()).filter(pl.col("n") >= 3)
    )
    sources = shared.sort("n", "field", descending=[True, False])["field"].head(MOST_SOURCES)
    usable = rows.drop_nulls("seen_as").filter(pl.col("field").is_in(sources.implode()))
    for (source,), of_source in usable.group_by("field", maintain_order=True):
        before = of_source.select("segment_id", "place", given="seen_as").sort("place")
        pairs = targets.filter(pl.col("field") != source).sort("place").join_asof(
            before, on="place", by="segment_id", strategy="backward", allow_exact_matches=False, check_sortedness=False
        )  # fmt: skip
        if pairs["given"].null_count() == pairs.height:
            continue
        told = pairs.drop_nulls("given")
        told = told.with_columns(right=_held_out(told, "field", "given"))
        right = pairs.join(told.select("place", "right"), on="place", how="left")
        out.append(right.select("place", "field", "right", rule=pl.lit(f"depends on {source}")))
    return out

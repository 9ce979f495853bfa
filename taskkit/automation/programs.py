"""Learn for a field which transformation of other fields gives its values: read off some examples, tested on all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from taskkit.automation.combinations import Piece, combine, read_combinations
from taskkit.automation.rare import unquoted
from taskkit.automation.transformations import Program, describe, kind_of, read_programs, run

EXAMPLES = 24  # values of a field that programs are read off
TESTED = 8  # programs with most examples that are tested on all values
MIN_SUPPORT = 3  # executions with different values that a program must give: none of them stands for itself alone

Found = tuple[str, str, tuple[str, ...], str, pl.Series]


def find_programs(values: pl.DataFrame, pending: pl.DataFrame, sources: Sequence[str]) -> Iterator[Found]:
    """Find the transformations that give the values of each field from the last values of others before them.

    Parameters
    ----------
    values : rows of one task from `list_values`.
    pending : the written values to explain; those without `text` (digests only) are passed over.
    sources : fields to take from.

    Returns
    -------
    For each field and program: kind, field, sources, words, and the places of the values that it gives.
    """
    pending = pending.drop_nulls("text")
    if pending.is_empty():
        return
    given = last_values(values, pending, sources, "text")
    for (name,), mine in given.sort("field", "place").group_by("field", maintain_order=True):
        own = [number for number, source in enumerate(sources) if source != name]
        yield from _of_field(str(name), mine, sources, own)


def last_values(values: pl.DataFrame, rows: pl.DataFrame, sources: Sequence[str], column: str) -> pl.DataFrame:
    """The rows with the last value of each source before them in their segment, as columns `given_0`, `given_1`, …"""
    out = rows.sort("place")
    known = values.drop_nulls(column).filter(pl.col("field").is_in(list(sources)))
    by_source = known.sort("place").partition_by("field", as_dict=True)
    for number, source in enumerate(sources):
        before = by_source.get((source,), known.clear())
        before = before.select("segment_id", "place", pl.col(column).alias(f"given_{number}"))
        out = out.join_asof(
            before, on="place", by="segment_id", strategy="backward", allow_exact_matches=False, check_sortedness=False
        )
    return out


def _of_field(name: str, mine: pl.DataFrame, sources: Sequence[str], own: Sequence[int]) -> Iterator[Found]:
    columns = [f"given_{number}" for number in own]
    distinct = mine.unique("text", keep="first", maintain_order=True).sort("text")
    if distinct.height < EXAMPLES:  # few values, often with many sources: "VIC" out of every address
        distinct = mine.unique(["text", *columns], keep="first", maintain_order=True).sort("text", "place")
    examples = distinct.gather_every(max(1, distinct.height // EXAMPLES)).head(EXAMPLES)
    single: Counter[tuple[int, Program]] = Counter()
    joined: Counter[tuple[Piece, ...]] = Counter()
    for text, *given in examples.select("text", *columns).iter_rows():
        for place, source in zip(own, given, strict=True):
            if source is not None:
                single.update((place, program) for program in read_programs(source, text))
        by_number = [None] * len(sources)
        for place, source in zip(own, given, strict=True):
            by_number[place] = source
        joined.update(read_combinations(by_number, text))
    for place, program in _most(single):
        right = _test_program(mine, place, program)
        if right is not None and program:
            yield kind_of(program), name, (sources[place],), describe(program, sources[place]), right
    for pieces in _most(joined):
        right = _test_combination(mine, pieces, len(sources))
        if right is not None:
            used = dict.fromkeys(sources[piece[0]] for piece in pieces if not isinstance(piece, str))
            yield "concatenation", name, tuple(used), _say(pieces, sources), right


def _most(votes: Counter[tuple[int, Program]] | Counter[tuple[Piece, ...]]) -> list[tuple]:  # type: ignore[type-arg]
    """The programs with most examples; ties go to the shorter one, then to the earlier source."""
    ranked = sorted(votes.items(), key=lambda vote: (-vote[1], _length(vote[0]), str(vote[0])))
    return [program for program, count in ranked[:TESTED] if count >= 2]


def _length(program: tuple) -> int:  # type: ignore[type-arg]
    """How much there is to say of a program; fixed texts count by their length, they are the data's, not the rule's."""
    return sum(len(part) if isinstance(part, (str, tuple)) else 0 for part in program) + len(str(program)) // 40


def _test_program(mine: pl.DataFrame, place: int, program: Program) -> pl.Series | None:
    column = f"given_{place}"
    pairs = mine.select(column, "text").unique().drop_nulls()
    gives = pl.Series([run(program, given) == text for given, text in pairs.iter_rows()], dtype=pl.Boolean)
    return _right(mine, pairs.filter(gives), [column])


def _test_combination(mine: pl.DataFrame, pieces: Sequence[Piece], width: int) -> pl.Series | None:
    used = sorted({piece[0] for piece in pieces if not isinstance(piece, str)})
    columns = [f"given_{number}" for number in used]
    pairs = mine.select(*columns, "text").unique().drop_nulls()
    right = []
    for *given, text in pairs.iter_rows():
        by_number: list[str | None] = [None] * width
        for number, source in zip(used, given, strict=True):
            by_number[number] = source
        right.append(combine(pieces, by_number) == text)
    return _right(mine, pairs.filter(pl.Series(right, dtype=pl.Boolean)), columns)


def _right(mine: pl.DataFrame, pairs: pl.DataFrame, columns: list[str]) -> pl.Series | None:
    """Places of the values that the program gives; null where too few different ones support it."""
    right = mine.join(pairs, on=[*columns, "text"], how="semi", maintain_order="left")
    if right["segment_id"].n_unique() < MIN_SUPPORT or pairs.select(columns).n_unique() < MIN_SUPPORT:
        return None
    return right["place"]


def _say(pieces: Sequence[Piece], sources: Sequence[str]) -> str:
    said = []
    for piece in pieces:
        if isinstance(piece, str):
            said.append("a space" if piece == " " else f"“{unquoted(piece)}”")
        else:
            said.append(describe(piece[1], sources[piece[0]]))
    return ", then ".join(said)

"""What a segment touches and in which order, as vectors of words."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.activities import VERB
from taskkit.activities.numbers import number

Array = np.ndarray[Any, Any]

SEEN_ONCE = 0.5  # weight of a word that no other content has: it says what a segment is, not what it is like
ROWS_AT_ONCE = 2_000  # rows of a similarity table that are held in memory together
_WORD = re.compile(r"[^\W\d_]{2,}")
_HUMP = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])")


def list_contents(segments: pl.DataFrame) -> tuple[Any, Array]:
    """Vectors of the distinct contents, and the number of each segment's content.

    A content is the set of places (activities without their verb) that a segment touches, with the first and the last of
    them. Its vector has a column for each word of these places, each pair of words that stand together, and each word of
    the place where it begins and where it ends; what many segments have weighs less.

    Returns
    -------
    A sparse matrix with one unit row per content (a row of zeros for a segment without activities), and one number per
    segment. Neither depends on the order of the segments.
    """
    found = read_contents(segments)
    return found.vectors, found.number


class Vocabulary(NamedTuple):
    """The words that the columns of content vectors stand for, and what each column weighs."""

    known: dict[
        str, int
    ]  # word, or two that stand together → column of what is touched; then of the first and last place
    weight: Array


class Contents(NamedTuple):
    """The distinct contents of segments."""

    vectors: Any  # sparse, one unit row per content
    number: Array  # content of each segment
    vocabulary: Vocabulary
    keys: list[str]  # a digest of each content, the same in every log


def read_contents(segments: pl.DataFrame, vocabulary: Vocabulary | None = None) -> Contents:
    """The contents of segments; by the words and weights of other segments, where their `vocabulary` is given."""
    from scipy.sparse import csr_array, diags_array, hstack

    from taskkit.tasks.kernels import hash_contents

    of_step, begin, texts = _activities(segments)
    of = texts.to_frame("place").with_columns(text=pl.col("place").str.replace(VERB, ""))
    code = of["text"].rank("dense").fill_null(0).cast(pl.Int64).to_numpy() - 1
    places = of["text"].drop_nulls().unique().sort()  # at the position that is their code
    codes = code[of_step]
    same, first = number(pl.Series(hash_contents(codes, begin, len(places))))
    distinct = _bags(codes, begin, first)
    content = distinct["content"].to_numpy()
    numbers = content[same]
    distinct = distinct.unique("content", keep="first").sort("content")

    def touched(place: str) -> Any:
        rows = distinct.select("content", place=place)
        rows = (rows.explode("place", empty_as_null=True) if place == "all" else rows).drop_nulls()
        at = (rows["content"].to_numpy(), rows["place"].to_numpy())
        return csr_array((np.ones(rows.height), at), shape=(distinct.height, max(len(places), 1)))

    words, both, known = _words(places, vocabulary and vocabulary.known)
    matrix = csr_array(hstack([touched("all") @ both, touched("first") @ words, touched("last") @ words]))
    matrix.data[:] = 1.0
    matrix.sort_indices()
    if vocabulary is None:
        times = np.bincount(numbers).astype(float)
        seen = times @ matrix
        weight = np.log(3 + times.sum() / np.maximum(seen, 1)) * np.where(matrix.sum(axis=0) > 1, 1.0, SEEN_ONCE)
        vocabulary = Vocabulary(known, weight)
    vectors = to_unit_length(matrix @ diags_array(vocabulary.weight))
    return Contents(vectors, numbers, vocabulary, _digests(distinct, places))


def _activities(segments: pl.DataFrame) -> tuple[Array, Array, pl.Series]:
    """The number of each step's activity, where the steps of each segment begin, and the text of each number."""
    lists = segments["activities"]
    steps = lists.explode(empty_as_null=False, keep_nulls=False)
    numbers, first = number(steps.hash())
    begin = np.append(0, lists.list.len().fill_null(0).cast(pl.Int64).cum_sum().to_numpy())
    return numbers, begin, steps.gather(first)


def _bags(codes: Array, begin: Array, rows: Array) -> pl.DataFrame:
    """What some segments touch (codes without doubles, in order), first and last, and the place of this among theirs."""
    steps = pl.DataFrame({
        "row": np.repeat(np.arange(len(rows)), begin[rows + 1] - begin[rows]),
        "code": np.concatenate([codes[begin[row] : begin[row + 1]] for row in rows]) if len(rows) else codes,
    }).with_columns(code=pl.when(pl.col("code") >= 0).then("code"))  # fmt: skip
    bags = steps.group_by("row").agg(
        all=pl.col("code").drop_nulls().unique().sort(), first=pl.col("code").first(), last=pl.col("code").last()
    )
    bags = pl.DataFrame({"row": np.arange(len(rows))}).join(bags, on="row", how="left", maintain_order="left")
    bags = bags.with_columns(pl.col("all").fill_null(pl.lit([], pl.List(pl.Int64))))
    key = pl.concat_str(
        pl.col("all").cast(pl.List(pl.String)).list.join(" "), "first", "last", separator="|", ignore_nulls=True
    )
    return bags.with_columns(content=key.rank("dense").cast(pl.Int64) - 1)


def _digests(distinct: pl.DataFrame, places: pl.Series) -> list[str]:
    """A digest of what each content is: the places that are touched, the first and the last."""
    texts = places.to_list()
    return [
        hashlib.blake2b(
            "\n".join(
                [*(texts[code] for code in touched), "", *(texts[e] if e is not None else "" for e in ends)]
            ).encode(),
            digest_size=12,
        ).hexdigest()
        for touched, *ends in distinct.select("all", "first", "last").iter_rows()
    ]


def to_unit_length(vectors: Any) -> Any:
    """The sparse rows at length 1; rows of zeros stay."""
    from scipy.sparse import csr_array, diags_array

    length = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    return csr_array(diags_array(1 / np.maximum(length, 1e-12)) @ vectors)


def add_up(vectors: Any, group: Array, groups: int) -> Any:
    """Sum of the rows of each group; rows of group -1 belong to none."""
    from scipy.sparse import csr_array

    inside = np.flatnonzero(group >= 0)
    members = csr_array((np.ones(len(inside)), (group[inside], inside)), shape=(groups, vectors.shape[0]))
    return csr_array(members @ vectors)


def find_centres(vectors: Any, group: Array) -> Any:
    """The mean direction of each group, groups numbered from 0."""
    return to_unit_length(add_up(vectors, group, int(group.max(initial=-1)) + 1))


def _words(places: pl.Series, given: dict[str, int] | None) -> tuple[Any, Any, dict[str, int]]:
    """Tables place × word and place × (word or pair of words that stand together), and the words; given ones, or all."""
    from scipy.sparse import csr_array

    known: dict[str, int] = {} if given is None else given
    single: tuple[list[int], list[int]] = ([], [])
    both: tuple[list[int], list[int]] = ([], [])
    for row, place in enumerate(places):
        words = _WORD.findall(_HUMP.sub(" ", place).lower()) or [place.lower()]  # a place without a word is its own
        pairs = [f"{a} {b}" for a, b in pairwise(words)]
        for table, found in ((single, {*words}), (both, {*words, *pairs})):
            for text in sorted(found):
                if given is None or text in given:
                    table[0].append(row)
                    table[1].append(known.setdefault(text, len(known)))
    shape = (max(len(places), 1), max(len(known), 1))
    first, second = (csr_array((np.ones(len(rows)), (rows, columns)), shape=shape) for rows, columns in (single, both))
    return first, second, known

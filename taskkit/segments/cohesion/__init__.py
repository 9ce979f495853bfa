"""Segmentation of sparse logs, where hardly any activity repeats: by words, and by what opens and closes a piece of work.

A step is known by its words. A segment begins where the words before and after have little in common (Hearst 1997), where
the words at hand are those that stand at the other boundaries of the same log, and where the lengths come out alike. Which
words open and close is learnt without labels: boundaries are placed by change alone, a logistic model learns them on one
half of the log and judges the other half, boundaries are placed again by its judgement (co-training keeps it from learning
its own mistakes by heart). The granularity is the one whose boundaries the other half and the evenness of lengths foretell best.

References: M. A. Hearst, TextTiling, Computational Linguistics 23 (1997); M. Utiyama and H. Isahara, A statistical model
for domain-independent text segmentation, ACL 2001; A. Blum and T. Mitchell, Co-training, COLT 1998.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import lgamma, log
from typing import Any

import numpy as np
import polars as pl

Array = np.ndarray[Any, Any]

_SESSION = ["user", "session_id"]
_TEXTS = ("activity", "app", "screen")
LENGTHS = (8.0, 12.0, 18.0, 27.0, 40.0, 60.0, 90.0)  # mean lengths of a segment that are tried, in steps
SPREAD = 0.45  # standard deviation of the length as a part of its mean; longer than 4 × the mean does not occur
MEMORIES = (1.5, 3.0, 6.0, 12.0, 24.0)  # steps over which the words before and after fade
TOPICS = 64
LONGEST_PAUSE = 3600.0  # seconds; a longer one says no more
ROUNDS = 6
BLOCKS = (250, 170, 410)  # steps; the halves of the log alternate in blocks of that length, three ways for an average
ENOUGH = 15_000  # steps; the granularity is found on no more than these
TIE = 0.01  # difference in what is foretold that is no difference
PENALTY = 20.0  # of squared weights: what stands at three boundaries is no rule yet
SURE = 30.0  # log-odds where a session begins

# where learning starts from; what the log says overrules it. A closing word before a step speaks for a boundary; a value
# that was just copied, or is being pasted, is still on its way and speaks against it
CLOSING = frozenset(
    ("save", "send", "submit", "close", "done", "finish", "finished", "ok", "publish", "post", "confirm", "speichern",
     "senden", "absenden", "schließen", "fertig", "abschließen", "beenden", "bestätigen", "veröffentlichen", "buchen")
)  # fmt: skip
LEAVING, ARRIVING = frozenset(("copy", "cut", "kopieren", "ausschneiden")), frozenset(("paste", "einfügen"))


def segment_by_cohesion(steps: pl.DataFrame) -> pl.DataFrame:
    """Begin a segment where the words change and the log's own opening and closing words stand, and with every session.

    Meant for logs with a low `repetitiveness`; where activities repeat, the task models know more.
    """
    from taskkit.segments.cohesion.kernels import boundary_chances, place_boundaries

    if steps.is_empty():
        segment, sure = np.zeros(0, np.int64), np.zeros(0)
    else:
        evidence, mean = find_evidence(read_words(steps))
        lengths = log_lengths(mean)
        begins = place_boundaries(evidence, lengths)
        chance = boundary_chances(evidence, lengths)
        segment, starts = np.cumsum(begins), np.flatnonzero(begins)
        sure = np.sqrt(chance[starts] * np.append(chance[starts[1:]], 1.0))[segment - 1]  # both its ends must hold
    return pl.DataFrame({"segment": segment, "segment_confidence": sure}).select(
        pl.col("segment").cast(pl.Int64), segment_model=pl.lit(None, dtype=pl.Int32), segment_confidence="segment_confidence"
    )  # fmt: skip


def repetitiveness(steps: pl.DataFrame) -> float:
    """Share of the steps (0 to 1) that follow the step before as the same two activities do at least three times."""
    pairs = steps.select(before=pl.col("activity").shift(1).over(_SESSION), activity="activity").drop_nulls()
    if pairs.is_empty():
        return 0.0
    return float(pairs.select((pl.len().over("before", "activity") >= 3).mean()).item())


@dataclass(frozen=True)
class Worded:
    """A log as words: which text each step is, which words each text has, how much changes at each step."""

    code: Array  # distinct text of every step
    before: Array  # that of the step before
    first: Array  # the words of text i stand in column[first[i]:first[i + 1]]
    column: Array
    wish: Array  # weights that learning starts from: words of the step, of the step before, measures, constant
    measures: Array  # steps × measures of change, standardised; the last one is the pause
    opens: Array  # first step of a session


def find_evidence(worded: Worded) -> tuple[Array, float]:
    """Evidence for a boundary at every step, and the mean length of a segment (steps) that it goes with."""
    n = len(worded.code)
    grid = [mean for mean in LENGTHS if 8 * mean <= n - int(worded.opens.sum())]
    if not grid:  # too little to learn from: a session is a segment
        return np.where(worded.opens, SURE, -SURE), LENGTHS[-1]
    mean = _granularity(worded, grid)
    return np.mean([_train(worded, mean, block)[0] for block in BLOCKS], axis=0), mean


def _granularity(worded: Worded, grid: list[float]) -> float:
    """Mean length at which boundaries are foretold best, between the best one tried and its neighbours."""
    part = slice(0, ENOUGH)
    worded = replace(worded, code=worded.code[part], before=worded.before[part], measures=worded.measures[part],
                     opens=worded.opens[part])  # fmt: skip
    told = np.array([np.mean([_train(worded, mean, block)[1] for block in BLOCKS]) for mean in grid])
    best = int(np.argmax(told))
    near = slice(max(best - 1, 0), best + 2)
    weight = np.exp((told[near] - told[best]) / TIE)
    return float(np.exp((weight * np.log(grid[near])).sum() / weight.sum()))


def log_lengths(mean: float) -> Array:
    """Log-probability of a segment of 0, 1, … steps: a gamma density around `mean` (steps)."""
    shape, scale = SPREAD**-2, mean * SPREAD**2
    steps = np.arange(int(4 * mean) + 1, dtype=np.float64)
    steps[0] = 1.0
    density = (shape - 1) * np.log(steps) - steps / scale - lgamma(shape) - shape * log(scale)
    density[0] = -1e18
    return density


def _train(worded: Worded, mean: float, block: int) -> tuple[Array, float]:
    """Evidence at one granularity, and the share of the boundaries' description length that is saved.

    It is saved by what the other half of the log foretells, and by lengths that are alike instead of exponential.
    """
    from taskkit.segments.cohesion.kernels import log_odds, place_boundaries

    texts = (worded.first, worded.column, worded.code, worded.before, worded.measures)
    inside, lengths, share = ~worded.opens, log_lengths(mean), 0.0
    half = np.arange(len(inside)) // block % 2
    evidence = _first_guess(worded)
    weights = [worded.wish, worded.wish]
    for _ in range(ROUNDS):
        begins = place_boundaries(np.where(inside, evidence, SURE), lengths).astype(np.float64)
        rate = float(np.clip(begins[inside].mean(), 1e-6, 1 - 1e-6))
        values = np.zeros(len(begins))
        for side in (0, 1):
            weights[side] = _learn(worded, begins, inside & (half != side), weights[side])
            values = np.where(half == side, log_odds(weights[side], *texts), values)
        evidence = values - log(rate / (1 - rate))
        entropy = -(rate * log(rate) + (1 - rate) * log(1 - rate))
        surprise = float((np.logaddexp(0, values) - begins * values)[inside].mean())
        share = 1 - (surprise - rate * _alike(begins, lengths)) / entropy
    return np.where(inside, evidence, SURE), share


def _alike(begins: Array, lengths: Array) -> float:
    """Mean log-ratio of the segments' lengths under their prior to an exponential distribution of the same mean."""
    found = np.diff(np.append(np.flatnonzero(begins), len(begins)))
    mean = found.mean()
    return float((lengths[found] + np.log(mean) + found / mean).mean())


def _first_guess(worded: Worded) -> Array:
    """Evidence from change over a few steps, a little from pauses, and the words that learning starts from."""
    from taskkit.segments.cohesion.kernels import log_odds

    score = worded.measures[:, 1:4].mean(axis=1)
    score = 2 * score / max(float(score.std()), 1e-9) + 0.2 * worded.measures[:, -1]
    score += log_odds(worded.wish, worded.first, worded.column, worded.code, worded.before, worded.measures)
    return np.asarray(score - np.log(np.exp(score).mean()))


def _learn(worded: Worded, begins: Array, learn: Array, start: Array) -> Array:
    """Weights of a logistic model; those of change and pause cannot turn negative: a longer pause never speaks against."""
    from taskkit.segments.cohesion.kernels import fit_logistic

    m = worded.measures.shape[1]
    penalty = np.full(len(start), PENALTY)
    penalty[-m - 1 : -1] *= 2
    penalty[-1] = 0.0
    weights = np.asarray(
        fit_logistic(start, worded.wish, penalty, worded.first, worded.column, worded.code[learn], worded.before[learn],
                     worded.measures[learn], begins[learn], 50)
    )  # fmt: skip
    weights[-m - 1 : -1] = np.maximum(weights[-m - 1 : -1], 0.0)
    return weights


def read_words(steps: pl.DataFrame) -> Worded:
    """The words of every step: those of its activity, and the activity, application and screen as a whole.

    Words that stand at one step only, or at nearly all, say nothing and are left out; so are digits.
    """
    texts = [pl.col(name).fill_null("") for name in _TEXTS if name in steps.columns]
    frame = steps.select(texts)
    distinct = frame.unique().sort(frame.columns).with_row_index("code")
    code = frame.join(distinct, on=frame.columns, how="left", maintain_order="left").select("code")
    split = pl.col("activity").str.replace_all(r"(\p{Ll})(\p{Lu})", "$1 $2").str.to_lowercase()
    whole = [pl.concat_str(pl.lit(f"{name}="), name) for name in frame.columns]
    words = distinct.select("code", word=pl.concat_list(split.str.extract_all(r"\p{L}{2,}"), *whole)).explode(
        "word", empty_as_null=False
    ).unique()  # fmt: skip
    seen = words.join(code.group_by("code").agg(n=pl.len()), on="code").group_by("word").agg(pl.col("n").sum())
    kept = seen.filter((pl.col("n") >= 2) & (pl.col("n") < 0.9 * steps.height)).sort("word").with_row_index("column")
    cells = words.join(kept, on="word").sort("code", "column").select(pl.col("code", "column").cast(pl.Int64))
    first = np.searchsorted(cells["code"].to_numpy(), np.arange(distinct.height + 1))
    codes, column = code["code"].to_numpy().astype(np.int64), cells["column"].to_numpy()
    opens = steps.select(pl.int_range(pl.len()).over(_SESSION) == 0).to_series().to_numpy()
    measures = _measures(steps, _topics(codes, first, column, kept.height), codes, opens)
    names = kept["word"].to_list()
    wish = [-1.0 * (name in ARRIVING) for name in names]
    wish += [1.0 * (name in CLOSING) - 1.0 * (name in LEAVING) for name in names]
    wish += [0.0] * (measures.shape[1] + 1)
    return Worded(codes, np.append(codes[:1], codes[:-1]), first, column, np.array(wish), measures, opens)


def _topics(code: Array, first: Array, column: Array, words: int) -> Array:
    """Every distinct text as a point of at most 64 topics: latent semantic analysis of the log's own steps."""
    from scipy.sparse import csr_array, diags_array

    texts = len(first) - 1
    rank = min(TOPICS, texts, words - 1)
    if rank < 1:
        return np.zeros((texts, 1))
    table = csr_array((np.ones(len(column)), column, first), shape=(texts, words))
    often = np.bincount(code, minlength=texts).astype(np.float64)
    table = table @ diags_array(np.log(len(code) / (table.T @ often)))
    norm = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    table = diags_array(1 / np.maximum(norm, 1e-9)) @ table
    together = (table.T @ diags_array(often) @ table).tocsr()
    axes = np.random.default_rng(0).standard_normal((words, rank))
    for _ in range(6):  # subspace iteration: a handful of large products, where Lanczos needs thousands of small ones
        axes, _ = np.linalg.qr(together @ axes)
    return np.ascontiguousarray(table @ axes)


def _measures(steps: pl.DataFrame, points: Array, code: Array, opens: Array) -> Array:
    """How much changes at a step: words over five memories, the application, and the pause before. Standardised."""
    from taskkit.segments.cohesion.kernels import change

    seconds = pl.col("timestamp").diff().dt.total_microseconds().fill_null(0) / 1e6
    rest = steps.select(
        (pl.col("app").ne_missing(pl.col("app").shift(1))).cast(pl.Float64),
        seconds.clip(0.0, LONGEST_PAUSE).log1p().alias("pause"),
    ).to_numpy()
    table = np.column_stack([*(change(code, points, opens, memory) for memory in MEMORIES), rest])
    table[opens] = table[~opens].mean(axis=0) if not opens.all() else 0.0
    return np.ascontiguousarray((table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-9))

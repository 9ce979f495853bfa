"""Task models apart from the log they were fitted on: fitted once on a part, applied to the rest and to what comes later."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from taskkit.activities.fields import changes
from taskkit.errors import LogFileError
from taskkit.schema import require_columns
from taskkit.segments.confidence import Usual, find_usual
from taskkit.segments.mixture import find_crumbs, label_division, settle, tidy
from taskkit.segments.streams import Array, Division, Stream, encode_anew, encode_as
from taskkit.segments.threads import in_threads
from taskkit.segments.training import Evidence, Tables, decode_with, make_tables, weigh_evidence

ORDER = ("user", "session_id", "seq")
_BLOCK = 1 << 17  # steps at once: what is looked at again and again stays near the processor
_TABLES = 9  # the first arguments of a table are arrays, the others numbers
_KINDS = {"number": pl.UInt32, "kind": pl.String, "worth": pl.Float64}
_NO_PAUSES = (np.nan, np.nan)


@dataclass(frozen=True)
class TaskModels:
    """The task models of `segment(method="model")` with all that is needed to divide other streams by them."""

    words: list[str]  # what the activities' numbers stand for
    kinds: pl.DataFrame  # of records, see `learn_records`
    pairs: tuple[Array, Array]  # activities that stand near one another: the earlier and the later one
    tables: Tables
    evidence: Evidence
    usual: Usual
    crumbs: Array
    often: Array  # how often each activity was seen

    def label(self, steps: pl.DataFrame) -> pl.DataFrame:
        """Divide steps, in the order of user, session and seq, by these models: what the methods of `segment` return."""
        found = in_threads(self._label, _some_people_each(steps))
        many = [int(part.select(pl.col("segment").max().fill_null(-1)).item()) + 1 for part in found]
        before = np.cumsum([0, *many[:-1]])
        return pl.concat(part.with_columns(pl.col("segment") + n) for part, n in zip(found, before, strict=True))

    def _label(self, steps: pl.DataFrame) -> pl.DataFrame:
        return label_division(*self.divide(steps), self.usual)

    def divide(self, steps: pl.DataFrame) -> tuple[Stream, Division]:
        """The steps as numbers, and the most likely division of them."""
        stream = encode_as(steps, self.words, self.kinds)
        index = _index_of(self.pairs, len(self.words) + 1)
        division = decode_with(stream, index, self.tables, *self.evidence.of(stream))
        return stream, tidy(stream, division, crumbs=self.crumbs, often=self.often)

    def to_bytes(self) -> bytes:
        """Arrays and plain text, nothing that would be run when it is read; the same bytes for the same models."""
        said = {"words": self.words, "kinds": self.kinds.rows(), "models": self.tables.models}
        arrays = {
            "said": np.frombuffer(json.dumps(said, ensure_ascii=False).encode(), np.uint8),
            "crumbs": self.crumbs, "often": self.often, "size": self.usual.size, "executions": self.usual.executions,
            "numbers": np.array(self.tables.arguments[_TABLES:], np.float32),
            **_named("table", self.tables.arguments[:_TABLES]), **_named("usual", self.usual.tables),
            **_named("pair", self.pairs),
            **_evidence_arrays("evidence", self.evidence), **_evidence_arrays("usual_evidence", self.usual.evidence),
        }  # fmt: skip
        out = io.BytesIO()
        np.savez(out, allow_pickle=False, **arrays)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, given: bytes) -> TaskModels:
        """What `to_bytes` wrote."""
        with np.load(io.BytesIO(given), allow_pickle=False) as read:
            arrays = dict(read)
        said = json.loads(arrays["said"].tobytes().decode())
        kinds = pl.DataFrame([tuple(row) for row in said["kinds"]], schema=_KINDS, orient="row")
        pairs = (arrays["pair_0"], arrays["pair_1"])
        usual = Usual(
            _index_of(pairs, len(said["words"]) + 1), _numbered("usual", arrays),
            _evidence_of("usual_evidence", arrays), arrays["size"], arrays["executions"],
        )  # fmt: skip
        tables = Tables(said["models"], (*_numbered("table", arrays), *arrays["numbers"]))
        return cls(said["words"], kinds, pairs, tables, _evidence_of("evidence", arrays),
                   usual, arrays["crumbs"], arrays["often"])  # fmt: skip

    @classmethod
    def read(cls, path: str | Path) -> TaskModels:
        """The models of a file that holds `to_bytes`.

        Raises
        ------
        LogFileError : the file cannot be read or holds something else.
        """
        try:
            return cls.from_bytes(Path(path).read_bytes())
        except (OSError, ValueError, KeyError) as error:
            raise LogFileError(f"{path} holds no task models ({error}). Fit them anew with fit_models.") from None


def fit_models(events: pl.DataFrame, *, seed: int = 0) -> TaskModels:
    """Fit the task models of `segment` on a part of a log, to divide all of it, or another log, by them.

    Parameters
    ----------
    events : events frame with `activity`, `step` and `active_seconds`; sessions drawn by `seed` are enough where it is long.
    seed : of the sample and of the first divisions.

    Returns
    -------
    The models: `segment(other, models=…)` divides other events by them. An activity that did not occur is known by its
    application and event type, or else taken for noise. Divided by their own models, the events come out much as `segment`
    divides them, not quite: after its last training `segment` puts pieces together where the whole log is shorter so.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> steps = ["open mail", "reply", "send", "open sheet", "sum up", "save"] * 12
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_072), "what": steps})
    >>> events = tk.name_activities(tk.from_table(log, columns={"timestamp": "at", "event_name": "what"}))
    >>> models = TaskModels.from_bytes(fit_models(events).to_bytes())
    >>> tk.segment(events, models=models)["segment_id"].n_unique() > 1
    True
    """
    require_columns(events, "activity", "step", made_by="name_activities")
    return fit_steps(events.filter("step").sort(ORDER), seed=seed)[0]


def fit_steps(steps: pl.DataFrame, *, seed: int = 0) -> tuple[TaskModels, pl.DataFrame]:
    """The models, and what `segment` gives for these steps."""
    stream, words, kinds = encode_anew(steps)
    learnt, best, final = settle(stream, seed)
    # one number more: for activities that do not occur here
    known = replace(learnt, n_symbols=learnt.n_symbols + 1)
    tables, evidence = make_tables(known, best, keep=final), weigh_evidence(learnt, best)
    index, first, second = known.pairs
    division = best if final else decode_with(stream, index, tables, *evidence.of(stream))
    tidied = own = tidy(stream, division)
    if learnt is not stream:
        own = tidy(learnt, decode_with(learnt, index, tables, *evidence.of(learnt)))
    pairs, tables, usual = _of_work((first, second), tables, find_usual(known, own))
    often = np.bincount(stream.x, minlength=known.n_symbols)
    models = TaskModels(words, kinds.select(*_KINDS), pairs, tables, evidence, usual, find_crumbs(division), often)
    return models, label_division(stream, tidied, models.usual)


def _some_people_each(steps: pl.DataFrame) -> list[pl.DataFrame]:
    """The steps in blocks of whole people: executions never go from one person to another.

    Only the confidence of a person's first execution looks at what stands before it, which is nothing where a block begins.
    """
    heads = np.flatnonzero(steps.select(changes("user")).to_series().to_numpy())
    begins = heads[np.unique(heads // _BLOCK, return_index=True)[1]] if len(heads) else np.zeros(1, np.int64)
    return [steps.slice(a, b - a) for a, b in zip(begins, [*begins[1:], steps.height], strict=True)]


def _of_work(pairs: tuple[Array, Array], tables: Tables, usual: Usual) -> tuple[tuple[Array, Array], Tables, Usual]:
    """Pairs and tables without the pairs that no execution has: they say what a pair says that is not known."""
    of_pairs = [*tables.arguments[:2], usual.tables[0]]
    kept = np.any([(table != table[0]).any(axis=1) for table in of_pairs], axis=0)
    kept[0] = True
    first, second, *logs, follows = (np.ascontiguousarray(table[kept]) for table in (*pairs, *of_pairs))
    index = _index_of((first, second), usual.index.shape[0])
    usual = replace(usual, index=index, tables=(follows, *usual.tables[1:]))
    return (first, second), replace(tables, arguments=(*logs, *tables.arguments[2:])), usual


def _index_of(pairs: tuple[Array, Array], n_symbols: int) -> Array:
    index = np.zeros((n_symbols, n_symbols), np.int32)
    index[pairs[1][1:], pairs[0][1:]] = np.arange(1, len(pairs[0]))
    return index


def _named(name: str, arrays: tuple[Any, ...]) -> dict[str, Array]:
    return {f"{name}_{number}": array for number, array in enumerate(arrays)}


def _numbered(name: str, arrays: Mapping[str, Array]) -> tuple[Array, ...]:
    many = sum(key.rpartition("_")[0] == name for key in arrays)
    return tuple(arrays[f"{name}_{number}"] for number in range(many))


def _evidence_arrays(name: str, evidence: Evidence) -> dict[str, Array]:
    pauses = np.array([evidence.within or _NO_PAUSES, evidence.between or _NO_PAUSES])
    return _named(name, (pauses, evidence.same, evidence.other))


def _evidence_of(name: str, arrays: Mapping[str, Array]) -> Evidence:
    pauses, same, other = _numbered(name, arrays)
    within, between = (None if np.isnan(pair).any() else (float(pair[0]), float(pair[1])) for pair in pauses)
    return Evidence(within, between, same, other)

"""Directly-follows graph, variants and a filter of the true executions: taskkit, polars alone, pm4py, DuckDB."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.scale.clock import QUICK, Took, in_turn, median, memory
from taskkit.variants import count_successions, count_variants
from taskkit.variants.queries import match

GRAPH, VARIANTS, FILTER = "directly-follows graph", "variants", "filter by a succession"
NEEDED = {GRAPH: ["task_id", "user", "activities"],
          VARIANTS: ["task_id", "user", "activities", "active_seconds"]}  # fmt: skip
Counts = dict[str, Any]


def prepare(folder: str) -> dict[str, Any]:
    """Write the steps of the true executions, flat and as segments of one task."""
    place = Path(folder)
    if (place / "segments.parquet").exists():
        return {}
    parts = []
    for person in sorted((place / "log").iterdir()):
        keys = ["user", "session_id", "seq"]
        truth = pl.read_parquet(place / "truth" / person.name / "*.parquet").drop_nulls("true_segment")
        rows = pl.read_parquet(person / "*.parquet", columns=[*keys, "timestamp", "event_type", "app", "element_id"])
        parts.append(rows.join(truth.select(*keys, "true_segment"), on=keys, maintain_order="left").select(
            "user", "timestamp", segment_id="true_segment",
            activity=pl.format("{} {} · {}", pl.col("event_type").cast(pl.String), pl.col("element_id").fill_null(""), "app"),
        ).sort("segment_id", maintain_order=True))  # fmt: skip
    steps = pl.concat(parts)
    steps.write_parquet(place / "steps.parquet", compression="zstd", compression_level=1)
    steps.group_by("segment_id", maintain_order=True).agg(pl.col("user").first(), activities="activity").with_columns(
        task_id=pl.lit("T01"), active_seconds=pl.col("activities").list.len().cast(pl.Float64), apps=pl.lit(["erp"])
    ).write_parquet(place / "segments.parquet", compression="zstd", compression_level=1)  # fmt: skip
    return {}


def measure_taskkit(folder: str) -> dict[str, Any]:
    """Taskkit on segments in memory."""
    segments = pl.read_parquet(Path(folder, "segments.parquet"))
    count_variants(segments.head(99), level="action", rare=0), count_successions(segments.head(99), level="action")
    took_graph, pairs = median(lambda: count_successions(segments, level="action"), QUICK)
    took_ways, ways = median(lambda: count_variants(segments, level="action", rare=0), QUICK)
    graph = _graph(pairs.drop_nulls(["before", "after"]).select("before", "after", "times").rows())
    first, second = _asked(graph)
    took_filter, kept = median(lambda: match(segments, f'"{first}" -> "{second}"', level="action"))
    counts = {GRAPH: graph, VARIANTS: _sizes(ways["segments"].to_list()), FILTER: kept.height}
    return _found(segments["activities"].list.len().sum(),
                  {GRAPH: took_graph, VARIANTS: took_ways, FILTER: took_filter}, counts)  # fmt: skip


def measure_polars(folder: str) -> dict[str, Any]:
    """The graph as an analyst would write it in polars, on flat steps in memory."""
    steps = pl.read_parquet(Path(folder, "steps.parquet"))
    took, pairs = median(lambda: _flat_graph(steps.lazy()))
    return _found(steps.height, {GRAPH: took}, {GRAPH: _graph(pairs.rows())})


def measure_lazy(folder: str) -> dict[str, Any]:
    """pm4py on a LazyFrame of what is in memory."""
    steps = pl.read_parquet(Path(folder, "steps.parquet")).rename(_NAMES)
    steps = steps.with_columns(pl.col("case:concept:name").cast(pl.String))
    return _measure_pm4py(steps.lazy(), steps.height, 3)


def measure_pandas(folder: str) -> dict[str, Any]:
    """pm4py on pandas; preparing its frame is not counted."""
    import pandas as pd

    steps = pl.read_parquet(Path(folder, "steps.parquet")).rename(_NAMES)
    steps = steps.with_columns(pl.col("case:concept:name").cast(pl.String))
    log = pd.DataFrame({name: steps[name].to_numpy() for name in _NAMES.values()})
    log["time:timestamp"] = log["time:timestamp"].dt.tz_localize("UTC")
    rows = steps.height
    del steps
    return _measure_pm4py(log, rows, 1)


def measure_bare(folder: str) -> dict[str, Any]:
    """What nothing from disk can be faster than: one pass over the columns."""
    took, read = in_turn(_bare(Path(folder, "segments.parquet")), QUICK)
    return _found(read[GRAPH]["activities"].list.len().sum(), took, {})


def measure_taskkit_disk(folder: str) -> dict[str, Any]:
    """Taskkit from the file to the counts, in turn with one pass over the columns."""
    file = Path(folder, "segments.parquet")
    few = pl.read_parquet(file, n_rows=99)
    count_variants(few, level="action", rare=0), count_successions(few, level="action")
    whole: dict[str, Callable[[], pl.DataFrame]] = {
        GRAPH: lambda: count_successions(pl.scan_parquet(file), level="action"),
        VARIANTS: lambda: count_variants(pl.read_parquet(file, columns=NEEDED[VARIANTS]), level="action", rare=0),
    }
    bare = {f"bare {name}": read for name, read in _bare(file).items()}
    took, made = in_turn(whole | bare, QUICK)
    graph = _graph(made[GRAPH].drop_nulls(["before", "after"]).select("before", "after", "times").rows())
    counts = {GRAPH: graph, VARIANTS: _sizes(made[VARIANTS]["segments"].to_list())}
    steps = made[GRAPH].drop_nulls("after")["times"].sum()  # every step is entered once
    found = _found(steps, {name: took[name] for name in whole}, counts)
    return found | {"bare": {name: took[f"bare {name}"] for name in whole}}


def _bare(file: Path) -> dict[str, Callable[[], pl.DataFrame]]:
    return {name: lambda columns=columns: pl.read_parquet(file, columns=columns) for name, columns in NEEDED.items()}


def measure_lazy_disk(folder: str) -> dict[str, Any]:
    """pm4py on a LazyFrame of the file."""
    steps = pl.scan_parquet(Path(folder, "steps.parquet")).rename(_NAMES)
    steps = steps.with_columns(pl.col("case:concept:name").cast(pl.String))
    found = _measure_pm4py(steps, steps.select(pl.len()).collect().item(), 1)
    found["seconds"].pop(FILTER, None)
    return found


def measure_duckdb(folder: str) -> dict[str, Any]:
    """DuckDB from the file of flat steps."""
    try:
        import duckdb
    except ImportError:
        return {
            "absent": "DuckDB is not installed here; with it: `uv run --with duckdb python -m benchmarks.scale disk`."
        }
    file = str(Path(folder, "steps.parquet"))
    graph_query = f"""SELECT before, activity, count(*) FROM (SELECT activity, lag(activity) OVER (PARTITION BY segment_id
        ORDER BY timestamp, number) AS before FROM (SELECT *, file_row_number AS number FROM read_parquet('{file}',
        file_row_number = true))) WHERE before IS NOT NULL GROUP BY ALL"""
    ways_query = f"""SELECT count(*) FROM (SELECT string_agg(activity, '\\0' ORDER BY timestamp, file_row_number) AS way
        FROM read_parquet('{file}', file_row_number = true) GROUP BY segment_id) GROUP BY way"""
    took_graph, pairs = median(lambda: duckdb.sql(graph_query).fetchall())
    took_ways, ways = median(lambda: duckdb.sql(ways_query).fetchall())
    counts = {GRAPH: _graph(pairs), VARIANTS: _sizes([n for (n,) in ways])}
    steps = duckdb.sql(f"SELECT count(*) FROM read_parquet('{file}')").fetchall()[0][0]
    return _found(steps, {GRAPH: took_graph, VARIANTS: took_ways}, counts)


_NAMES = {"segment_id": "case:concept:name", "activity": "concept:name", "timestamp": "time:timestamp"}


def _measure_pm4py(log: Any, rows: int, runs: int) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    import pm4py

    took_graph, (pairs, _, _) = median(lambda: pm4py.discover_dfg(log), runs)
    took_ways, ways = median(lambda: pm4py.get_variants(log), runs)
    graph = _graph([(a, b, int(n)) for (a, b), n in pairs.items()])
    asked = _asked(graph)

    def keep() -> Any:
        kept = pm4py.filter_directly_follows_relation(log, [asked])
        return kept.collect() if isinstance(kept, pl.LazyFrame) else kept

    took_filter, kept = median(keep, runs)
    cases = kept["case:concept:name"]
    many = cases.n_unique() if isinstance(cases, pl.Series) else cases.nunique()
    counts = {GRAPH: graph, VARIANTS: _sizes([int(n) for n in ways.values()]), FILTER: int(many)}
    return _found(rows, {GRAPH: took_graph, VARIANTS: took_ways, FILTER: took_filter}, counts)


def _flat_graph(steps: pl.LazyFrame) -> pl.DataFrame:
    before = pl.when(pl.col("segment_id") == pl.col("segment_id").shift(1)).then(pl.col("activity").shift(1))
    pairs = steps.with_columns(before=before).drop_nulls("before")
    return pairs.group_by("before", "activity").agg(times=pl.len()).collect(engine="streaming")


def _graph(pairs: Any) -> list[list[Any]]:
    return sorted([str(a), str(b), int(n)] for a, b, n in pairs)


def _asked(graph: list[list[Any]]) -> tuple[str, str]:
    """A succession that is neither in all cases nor in hardly any: the tenth of the graph that has no sign of a query."""
    ranked = sorted((pair for pair in graph if '"' not in pair[0] + pair[1]), key=lambda pair: (-pair[2], pair))
    return ranked[min(9, len(ranked) - 1)][0], ranked[min(9, len(ranked) - 1)][1]


def _sizes(sizes: list[int]) -> list[int]:
    return [len(sizes), *sorted(sizes, reverse=True)[:500]]


def _found(steps: int, seconds: dict[str, Took], counts: Counts) -> dict[str, Any]:
    return {"steps": int(steps), "seconds": seconds, "counts": counts, "memory": memory(), "at": time.time()}


CONTENDERS: dict[str, Callable[..., dict[str, Any]]] = {
    "taskkit": measure_taskkit, "polars": measure_polars, "lazy": measure_lazy, "pandas": measure_pandas,
    "bare": measure_bare, "taskkit_disk": measure_taskkit_disk, "lazy_disk": measure_lazy_disk, "duckdb": measure_duckdb,
}  # fmt: skip

"""Writing logs and mining them in parts."""

from __future__ import annotations

import hashlib
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.scale.clock import Watch, memory, processor
from taskkit.activities import name_activities
from taskkit.pipeline.fitting import fit_sample, read_fitted, write_fitted
from taskkit.pipeline.partitioned import MinedLog, mine_partitions
from taskkit.pipeline.partitions import list_partitions, read_part, sample_files
from taskkit.pipeline.workers import start_workers
from taskkit.samples.scale import write_large_sample
from taskkit.samples.scale_blocks import make_blocks
from taskkit.segments import segment


def generate(folder: str, people: int, days: int) -> dict[str, Any]:
    """Write a log."""
    began = time.perf_counter()
    make_blocks(7)
    blocks = time.perf_counter() - began
    began, busy = time.perf_counter(), processor()
    write_large_sample(folder, people=people, days=days)
    took, cpu = time.perf_counter() - began, processor() - busy
    files = [*Path(folder, "log").rglob("*.parquet")]
    events = pl.scan_parquet(Path(folder, "log", "*", "*.parquet")).select(pl.len()).collect().item()
    return {"events": events, "people": people, "days": days, "s": took, "cpu": cpu, "blocks": blocks,
            "bytes": sum(file.stat().st_size for file in files), "memory": memory(resource.RUSAGE_CHILDREN)}  # fmt: skip


def name_and_divide(folder: str, workers: int) -> dict[str, Any]:
    """From the files to named activities and on to segments, a part at a time in each process, as mining does it; names and
    models are fitted on a sample before."""
    log = Path(folder, "log")
    parts = list_partitions(log)
    sample = read_part(sample_files(parts, log, seed=0, rows=200_000))
    fitted = fit_sample(sample, rules=[], method="model", seed=0, rows=sum(part.rows for part in parts) + 1)
    found: dict[str, Any] = {"parts": len(parts)}
    with tempfile.TemporaryDirectory(dir=folder) as place, start_workers(workers) as executor:
        write_fitted(fitted, Path(place, "fitted"), {})
        for name, function in (("names", _name_part), ("segments", _divide_part)):
            for _ in range(2):  # the first time loops and models are loaded, by whichever worker comes to a part
                began = time.perf_counter()
                with Watch() as held:
                    jobs = [part.files for part in parts], [str(Path(place, "fitted"))] * len(parts)
                    done = [*executor.map(function, *jobs)]
                    took = time.perf_counter() - began
            events, seconds, busy = (sum(column) for column in zip(*done, strict=True))
            found |= {"events": events, name: {"s": took, "own": seconds, "cpu": busy, "of_worker": held.worker}}
    return found


def _name_part(files: list[str], fitted: str) -> tuple[int, float, float]:
    """Events of a part, and seconds by the clock and of the processor from its files to named activities."""
    learnt, began, before = read_fitted(fitted).names, time.perf_counter(), time.process_time()
    named = name_activities(read_part(files, criteria=False), learnt=learnt)
    return named.height, time.perf_counter() - began, time.process_time() - before


def _divide_part(files: list[str], fitted: str) -> tuple[int, float, float]:
    """The same from named activities to segments."""
    known = read_fitted(fitted)
    named = name_activities(read_part(files, criteria=False), learnt=known.names)
    began, before = time.perf_counter(), time.process_time()
    divided = segment(named, models=known.models)
    return divided.height, time.perf_counter() - began, time.process_time() - before


def mine(folder: str, workers: int, criteria: bool = True, again: bool = False) -> dict[str, Any]:
    """Mine a log with processes; `again`: once more with the models that were fitted, which alone are kept."""
    with tempfile.TemporaryDirectory(dir=folder) as results:
        found, mined = _mine(folder, results, workers, criteria)
        if again:
            for kept in Path(results).glob("parts-*/*"):
                if kept.name != "fitted":
                    shutil.rmtree(kept)
            second, _ = _mine(folder, results, workers, criteria)
            found |= {f"fitted_{name}": value for name, value in second.items()}
    return {"events": mined.about["events"], "parts": mined.parts.height, **found}


def _mine(folder: str, results: str, workers: int, criteria: bool) -> tuple[dict[str, float], MinedLog]:
    began = time.perf_counter()
    with start_workers(workers) as executor, Watch() as held:
        mined = mine_partitions(Path(folder, "log"), results=results, executor=executor, criteria=criteria)
        took = time.perf_counter() - began
    return {"s": took, "cpu": held.busy, "memory": held.own, "of_worker": held.worker, "all": held.whole}, mined


def mine_on_dask(folder: str, workers: int) -> dict[str, Any]:
    """Mine a log on a cluster of this machine."""
    from dask import config
    from distributed import Client, LocalCluster

    # as on a real cluster: a worker is a process with one thread
    config.set({"distributed.nanny.pre-spawn-environ": {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}})
    with (
        tempfile.TemporaryDirectory(dir=folder) as results,
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        began = time.perf_counter()
        mined = mine_partitions(Path(folder, "log"), results=results, executor=client.get_executor())
        took = time.perf_counter() - began
        digest = _digest(mined)
    return {"events": mined.about["events"], "s": took, "cpu": processor(), "digest": digest}


def _digest(mined: MinedLog) -> str:
    """One number of all results."""
    frames = [mined.tasks, mined.variants, mined.successions, mined.criteria, mined.scan_segments().collect()]
    whole = hashlib.blake2b()
    for frame in frames:
        whole.update(frame.write_ipc(None).getvalue())
    return whole.hexdigest()

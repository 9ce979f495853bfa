"""Writing logs and mining them in parts."""

from __future__ import annotations

import hashlib
import resource
import shutil
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.scale.clock import Watch, memory, processor
from taskkit.activities import Learnt, learn_names, name_activities
from taskkit.pipeline.partitioned import MinedLog, mine_partitions
from taskkit.pipeline.partitions import list_partitions, read_part, sample_files
from taskkit.pipeline.workers import start_workers
from taskkit.samples.scale import write_large_sample
from taskkit.samples.scale_blocks import make_blocks


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


def name_all(folder: str, workers: int) -> dict[str, Any]:
    """From the files to named activities, a part at a time in each process; what names rest on is learnt from a sample."""
    log = Path(folder, "log")
    parts = list_partitions(log)
    learnt = learn_names(read_part(sample_files(parts, log, seed=0, rows=200_000))).to_json()
    with start_workers(workers) as executor:
        for _ in range(2):  # the first time loops and names are loaded, by whichever worker comes to a part
            began = time.perf_counter()
            with Watch() as held:
                done = [*executor.map(_name_part, [part.files for part in parts], [learnt] * len(parts))]
                took = time.perf_counter() - began
    busy = sum(seconds for _, seconds in done)
    return {"events": sum(events for events, _ in done), "s": took, "cpu": busy, "parts": len(parts),
            "of_worker": held.worker}  # fmt: skip


_known = lru_cache(Learnt.from_json)


def _name_part(files: list[str], learnt: str) -> tuple[int, float]:
    names, before = _known(learnt), time.process_time()
    named = name_activities(read_part(files, criteria=False), learnt=names)
    return named.height, time.process_time() - before


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

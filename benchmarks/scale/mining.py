"""Writing logs and mining them in parts."""

from __future__ import annotations

import hashlib
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.scale.clock import memory, processor
from taskkit.pipeline.partitioned import MinedLog, mine_partitions
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


def mine(folder: str, workers: int) -> dict[str, Any]:
    """Mine a log with processes."""
    with tempfile.TemporaryDirectory(dir=folder) as results:
        began, busy = time.perf_counter(), processor()
        with start_workers(workers) as executor:
            mined = mine_partitions(Path(folder, "log"), results=results, executor=executor)
        took = time.perf_counter() - began
    return {"events": mined.about["events"], "s": took, "cpu": processor() - busy, "memory": memory(),
            "of_worker": memory(resource.RUSAGE_CHILDREN), "parts": mined.parts.height}  # fmt: skip


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
        return {"events": mined.about["events"], "s": took, "digest": _digest(mined)}


def _digest(mined: MinedLog) -> str:
    """One number of all results."""
    frames = [mined.tasks, mined.variants, mined.successions, mined.criteria, mined.scan_segments().collect()]
    whole = hashlib.blake2b()
    for frame in frames:
        whole.update(frame.write_ipc(None).getvalue())
    return whole.hexdigest()

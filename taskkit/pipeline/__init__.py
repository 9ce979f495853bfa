"""The whole way in one call, its results kept so that every notebook of an engagement rests on the same frames."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from taskkit.activities import name_activities, read_rules
from taskkit.log import import_log, is_foreign, read_log, read_metadata
from taskkit.log.parquet_files import find_files
from taskkit.overlay import attribute_cases, read_process_log
from taskkit.quality import check_quality
from taskkit.segments import list_segments, segment
from taskkit.tasks import find_tasks
from taskkit.variants import find_variants

_NO_REPORT = {"column": pl.String, "rows": pl.UInt32, "mapped_to": pl.String, "outcome": pl.String, "reason": pl.String}


class Mined(NamedTuple):
    """The frames of one engagement; `process` is None without a process log."""

    events: pl.DataFrame
    segments: pl.DataFrame
    process: pl.DataFrame | None
    quality: pl.DataFrame
    import_report: pl.DataFrame
    metadata: dict[str, Any]


def mine(
    log: str | Path, *, process_log: str | Path | None = None, rules: str | Path | None = None, method: str = "model",
    results: str | Path | None = None, key: bytes | None = None,
) -> Mined:  # fmt: skip
    """Take a log the whole way: read, name, segment, group into tasks and variants, and lay over the process.

    Parameters
    ----------
    log : a file, folder or glob that `read_log` understands.
    process_log : a file that `read_process_log` understands, if there is one.
    rules : a rule file that `read_rules` understands; a file that is not there yet holds no rules.
    method : segmentation method.
    results : folder in which the frames are kept (Parquet, mode 0600); the next call with the same files and settings
        reads them from there. None keeps nothing. What is kept of an encrypted log is not encrypted.
    key : the key of an encrypted log (`taskkit.privacy.read_key`); of a foreign file, that of its pseudonyms and digests.

    Returns
    -------
    A named tuple of frames: `events` (with segment, task, variant and, with a process log, case), `segments`, `process`,
    `quality` (`check_quality` of the events), `import_report` (what an importer mapped and dropped; empty for taskkit's own
    logs) and the log's `metadata`.

    Raises
    ------
    LogFileError : a file cannot be read; the message names it.

    >>> import pathlib, tempfile, polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 9], "what": ["open", "save"]}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.parquet"
    >>> _ = tk.write_log(log, path)
    >>> tk.mine(path, method="gap").segments["steps"].to_list()
    [2]
    """
    folder = None
    if results is not None:
        given_files = (("process", process_log), ("rules", rules))
        roles = {"log": find_files(log)} | {
            name: [Path(file)] for name, file in given_files if file and Path(file).is_file()
        }
        folder = Path(results) / _digest(roles, method, key)
        if (kept := _read(folder)) is not None:
            return kept
    events, report = _load(log, key)
    given = read_rules(rules) if rules else []
    events = segment(name_activities(events, rules=given), method=method)
    segments = find_variants(find_tasks(list_segments(events)))
    events = events.join(segments.select("segment_id", "task_id", "variant_id"), on="segment_id", how="left",
                         maintain_order="left")  # fmt: skip
    process = read_process_log(process_log) if process_log else None
    if process is not None:
        events = attribute_cases(events, process, key=key)
    mined = Mined(events, segments, process, check_quality(events), report, read_metadata(log))
    if folder is not None:
        _write(mined, folder)
    return mined


def _load(log: str | Path, key: bytes | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The events, and what an importer reports of a foreign file."""
    files = find_files(log)
    if len(files) == 1 and is_foreign(files[0]):
        return import_log(files[0], key=key)
    return read_log(log, key=key), pl.DataFrame(schema=_NO_REPORT)


def _digest(roles: Mapping[str, Iterable[Path]], method: str, key: bytes | None) -> str:
    """Name of the folder that belongs to these files, settings and this code: a digest of their contents."""
    seen = hashlib.sha256(method.encode())
    logs = [*roles["log"]]
    if key is not None and len(logs) == 1 and is_foreign(logs[0]):  # another key gives other pseudonyms
        seen.update(hashlib.sha256(key).digest())
    # another version may give other results for the same log
    for role, files in {**roles, "code": Path(__file__).parents[1].rglob("*.py")}.items():
        for file in sorted(files):
            with file.open("rb") as stream:
                seen.update(role.encode() + hashlib.file_digest(stream, "sha256").digest())
    return seen.hexdigest()[:16]


def _write(mined: Mined, folder: Path) -> None:
    """Write the frames; the metadata come last, so that a folder that holds them is complete."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, frame in mined._asdict().items():
        if isinstance(frame, pl.DataFrame):
            with _private(folder / f"{name}.parquet") as file:
                frame.write_parquet(file)
    with _private(folder / "metadata.json") as file:
        file.write(json.dumps(mined.metadata, default=str).encode())


def _private(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _read(folder: Path) -> Mined | None:
    """The kept frames; None where they are not all there and whole, so that they are made anew."""
    try:
        frames: dict[str, Any] = {
            name: pl.read_parquet(folder / f"{name}.parquet")
            for name in Mined._fields
            if name != "metadata" and (name != "process" or (folder / "process.parquet").exists())
        }
        metadata = json.loads((folder / "metadata.json").read_text())
    except (OSError, ValueError, pl.exceptions.PolarsError):
        return None
    return Mined(**{"process": None, **frames, "metadata": metadata})

"""Frames that are kept in a folder of results, under a digest of everything that they rest on."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

# a change of the code may give other results for the same log; what draws them cannot
FINDING = (
    "errors", "schema", "redaction", "privacy", "log", "quality", "activities", "segments", "routines", "tasks", "pipeline",
)  # fmt: skip
REST = ("variants", "comparison", "overlay", "decisions")
DONE = "metadata.json"  # is written last: a folder that holds it is complete
LATEST = 4  # results of different decisions on one log that are kept
PACKAGE = Path(__file__).parents[1]


def digest(*texts: str, files: Mapping[str, Iterable[Path]], code: Iterable[str]) -> str:
    """Digest of texts, of the contents of files in their roles, and of the package's modules that make the frames."""
    seen = hashlib.sha256(json.dumps(texts).encode())
    modules = [path for name in code for path in _module(name)]
    for role, paths in {**files, "code": modules}.items():
        for file in sorted(paths):
            with file.open("rb") as stream:
                seen.update(role.encode() + hashlib.file_digest(stream, "sha256").digest())
    return seen.hexdigest()[:16]


def write_frames(folder: Path, frames: Mapping[str, pl.DataFrame | None], metadata: Mapping[str, Any]) -> None:
    """Write frames and metadata with mode 0600; each file appears whole or not at all."""
    make_folder(folder)
    for name, frame in frames.items():
        if frame is not None:
            _write(folder / f"{name}.parquet", frame)
    _write(folder / DONE, json.dumps(metadata, default=str))


def read_frames(folder: Path, needed: Iterable[str], may_lack: Iterable[str] = ()) -> tuple[dict[str, Any], Any] | None:
    """The kept frames and their metadata; None where they are not all there and whole, so that they are made anew."""
    try:
        metadata = json.loads((folder / DONE).read_text())
        frames: dict[str, Any] = {name: pl.read_parquet(folder / f"{name}.parquet") for name in needed}
        for name in may_lack:
            file = folder / f"{name}.parquet"
            frames[name] = pl.read_parquet(file) if file.exists() else None
    except (OSError, ValueError, pl.exceptions.PolarsError):
        return None
    return frames, metadata


def forget_older(folder: Path) -> None:
    """Remove all but the latest results on the same log: every decision in a workshop makes new ones."""
    base = folder.name.partition("-")[0]
    same = [place for place in folder.parent.glob(f"{base}-*") if place.is_dir() and place != folder]
    for place in sorted(same, key=lambda each: each.stat().st_mtime, reverse=True)[LATEST - 1 :]:
        shutil.rmtree(place, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above that are not there, with mode 0700."""
    for place in reversed([folder, *folder.parents]):
        if not place.exists():
            place.mkdir(exist_ok=True, mode=0o700)


def _module(name: str) -> list[Path]:
    place = PACKAGE / name
    return [*place.rglob("*.py")] if place.is_dir() else [place.with_suffix(".py")]


def _write(path: Path, content: pl.DataFrame | str) -> None:
    """Write beside the place and move it there: another notebook may be reading or writing the same."""
    waiting = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if isinstance(content, str):
                file.write(content.encode())
            else:
                # made anew and read whole: time counts for more than a third of the size
                content.write_parquet(file, compression="lz4", statistics=False)
        waiting.replace(path)
    finally:
        waiting.unlink(missing_ok=True)

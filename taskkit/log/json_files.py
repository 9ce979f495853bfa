"""ActivityWatch's JSON as a table of texts: one row per event, each beside the facts of its bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import LogFileError

_MOST_COLUMNS = 2000
_ALLOWED = (
    'Allowed: an export of ActivityWatch, {"buckets": {"name": {"type": …, "events": […]}}}, or one bucket of it. '
    'Any other JSON: pl.DataFrame(json.load(open(…))).write_parquet("table.parquet"), then '
    'read_log("table.parquet", columns={…}).'
)


def read_json_table(data: bytes, path: Path) -> pl.DataFrame:
    """Read the events of all buckets; texts stay texts, everything else is written as JSON writes it.

    Columns: `bucket.<fact>` (id, type, client, hostname …), the event's own (`timestamp`, `duration`, `id`), and
    `data.<name>` for what the watcher noted. A nested value is one text.

    Raises
    ------
    LogFileError : no JSON, cut off, too deep, a name twice in one object, or not of ActivityWatch's form.
    """
    records = list(_records(_parse(data, path), path))
    names = dict.fromkeys(name for record in records for name in record)
    if any(not _whole(name) == name for name in names):
        raise LogFileError(f"{path} has names that are no text (half characters). {_ALLOWED}")
    if len(names) > _MOST_COLUMNS:
        raise LogFileError(
            f"{path} has {len(names):,} different names in its events; allowed: up to {_MOST_COLUMNS:,}."
        )
    return pl.DataFrame({name: pl.Series([record.get(name) for record in records], dtype=pl.String) for name in names})


def _parse(data: bytes, path: Path) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LogFileError(f"{path} is not UTF-8 text: byte {error.start} cannot be read. Save it as UTF-8.") from None
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise LogFileError(f"{path} is nested too deeply to be a log. {_ALLOWED}") from None
    except json.JSONDecodeError as error:
        raise LogFileError(
            f"{path}, line {error.lineno}: this is no JSON ({error.msg}). Was the export cut off? {_ALLOWED}"
        ) from None
    except ValueError as error:  # a name twice, NaN, a number of thousands of digits
        raise LogFileError(f"{path} cannot be read as JSON: {str(error)[:200]}. {_ALLOWED}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"one object names {', '.join(map(repr, twice[:5]))} more than once")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _records(content: Any, path: Path) -> Iterator[dict[str, str | None]]:
    buckets = content.get("buckets", {content.get("id", ""): content}) if isinstance(content, dict) else None
    if isinstance(buckets, list):
        buckets = dict(enumerate(buckets))
    if not isinstance(buckets, dict) or not all(_is_bucket(bucket) for bucket in buckets.values()):
        raise LogFileError(f"{path} is JSON, but no log of a known form. {_ALLOWED}")
    for name, bucket in buckets.items():
        facts = {f"bucket.{fact}": _text(value) for fact, value in bucket.items() if fact != "events"}
        facts["bucket.id"] = _text(bucket.get("id") or str(name))
        for event in bucket["events"]:
            noted = event.get("data") if isinstance(event.get("data"), dict) else {}
            own = {_own(key): _text(value) for key, value in event.items() if key != "data"}
            yield facts | own | {f"data.{key}": _text(value) for key, value in noted.items()}


def _is_bucket(bucket: Any) -> bool:
    events = bucket.get("events") if isinstance(bucket, dict) else None
    return isinstance(events, list) and all(
        isinstance(event, dict) and isinstance(event.get("data", {}), dict) for event in events
    )


def _own(key: str) -> str:
    """An event's own name; it must not look like a fact of the bucket or of the watcher."""
    return f"event.{key}" if key.startswith(("bucket.", "data.", "event.")) else key


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return _whole(value) if isinstance(value, str) else json.dumps(value)


def _whole(text: str) -> str:
    """A text without half characters, which JSON can escape and no file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()

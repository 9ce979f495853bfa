"""How a log is divided for work on many of its parts at once: people stay whole, so no session is cut."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import polars as pl

from taskkit.errors import LogFileError
from taskkit.log import read_log
from taskkit.log.parquet_files import find_files
from taskkit.schema import EVENTS

ROWS = 200_000  # events of a part, about; people with half as many or more are a part of their own
SAMPLED_ROWS = 400_000  # events that models are fitted on, about
_AT_ONCE = 256  # files that are counted together for a draw
_FILE = "_taskkit_file"
# what no stage looks at is not read, nor what only criteria ask for where there are to be none
PASSED_OVER = ("x", "y", "input_count", "value_shape")
FOR_CRITERIA = ("value", "value_digest", "value_length", "utc_offset_minutes", "case_ref")


class Partition(NamedTuple):
    """A part of a log: all files of one person, or of several people who have little."""

    name: str
    files: tuple[str, ...]
    counts: tuple[int, ...]  # events in each file

    @property
    def rows(self) -> int:
        """Events in all of them."""
        return sum(self.counts)


def list_partitions(log: str | Path, *, rows: int = ROWS) -> list[Partition]:
    """Divide a log of Parquet files into parts that can be worked on apart from one another.

    Parameters
    ----------
    log : a folder, file or pattern that `read_log` understands; best one file for each person and day.
    rows : events of a part, about. The files of one person are never put apart, nor are people who share a file.

    Returns
    -------
    The parts in the order of their names, the same whatever the order of the files. Another file of one person changes the
    part of this person only, until there are twice as many events.

    Raises
    ------
    LogFileError : there is no file, or one of them is no Parquet log.

    >>> import tempfile, polars as pl, taskkit as tk
    >>> folder = Path(tempfile.mkdtemp())
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 9], "who": ["a", "b"]}),
    ...                     columns={"timestamp": "at", "user": "who"})
    >>> tk.write_log(log, folder / "log.parquet")
    >>> [(part.name, part.rows) for part in list_partitions(folder)]
    [('0000-of-0001', 2)]
    """
    counted = _count(find_files(log))
    groups = _together(counted)
    held = dict(counted.group_by(_FILE).agg(pl.col("rows").sum()).iter_rows())
    small = sum(group.rows for group in groups if 2 * group.rows < rows)
    many = 1
    while many * rows < small:
        many *= 2
    parts: dict[str, list[_Group]] = defaultdict(list)
    for group in groups:
        alone = 2 * group.rows >= rows
        name = _plain(group.user) if alone else f"{_number(group.user) % many:04d}-of-{many:04d}"
        parts[name].append(group)
    files = {name: tuple(sorted(file for group in parts[name] for file in group.files)) for name in sorted(parts)}
    return [Partition(name, own, tuple(held[file] for file in own)) for name, own in files.items()]


def sample_files(parts: Iterable[Partition], log: str | Path, *, seed: int, rows: int = SAMPLED_ROWS) -> list[str]:
    """Draw files by seed until they hold so many events; all of them where there are not many more.

    Which are drawn rests on their names in the log: what is added later changes the draw only where it is drawn itself.
    """
    counts = {file: n for part in parts for file, n in zip(part.files, part.counts, strict=True)}
    return _draw(counts, log, seed, rows, counts.__getitem__)[0]


def draw_sample(log: str | Path, *, seed: int, rows: int = SAMPLED_ROWS) -> tuple[list[str], bool]:
    """The files of `sample_files`, and whether they are the whole log, before all files are counted.

    Raises
    ------
    LogFileError : as for `list_partitions`.
    """
    files = [str(file) for file in find_files(log)]
    counts: dict[str, int] = {}

    def count(file: str) -> int:
        while file not in counts:  # some more of those that come next
            some = order[len(counts) : len(counts) + _AT_ONCE]
            held = dict(_count([Path(each) for each in some]).group_by(_FILE).agg(pl.col("rows").sum()).iter_rows())
            counts.update((each, held.get(each, 0)) for each in some)
        return counts[file]

    order = _order(files, log, seed)
    drawn, have = _draw(files, log, seed, rows, count)
    return drawn, have <= rows and len(drawn) == len(files)


def _draw(
    files: Iterable[str], log: str | Path, seed: int, rows: int, count: Callable[[str], int]
) -> tuple[list[str], int]:
    """Files until they hold so many events, and how many they hold."""
    drawn, have = [], 0
    for file in _order(files, log, seed):
        if have >= rows:
            break
        drawn.append(file)
        have += count(file)
    return sorted(drawn), have


def _order(files: Iterable[str], log: str | Path, seed: int) -> list[str]:
    """The files in an order that rests on the seed and their names in the log."""
    base = Path(log) if Path(log).is_dir() else Path()
    return sorted(files, key=lambda file: _number(f"{seed}:{_below(file, base)}"))


def read_part(files: Iterable[str], *, criteria: bool = True) -> pl.DataFrame:
    """The events of a part, with the columns that mining needs, in the order of the files.

    `criteria` set to false leaves out the columns that only they ask for.

    Raises
    ------
    LogFileError, ContractError : a file is no log of events.
    """
    given, left_out = sorted(files), PASSED_OVER if criteria else PASSED_OVER + FOR_CRITERIA
    try:
        # one scan for all files is ten times as fast as one for each, but wants the same columns in all of them
        scan = pl.scan_parquet(given, glob=False)
        names = scan.collect_schema()
        frame = scan.select(name for name in names if name not in left_out).collect()
    except pl.exceptions.PolarsError:
        frame = pl.concat([read_log(file) for file in given], how="diagonal").drop(left_out, strict=False)
    if dict(frame.schema) != {name: EVENTS.schema.get(name, kind) for name, kind in frame.schema.items()}:
        frame = pl.concat([read_log(file) for file in given], how="diagonal").drop(left_out, strict=False)
    return frame.rechunk()  # what else is wrong with it, name_activities tells


class _Group(NamedTuple):
    """People whose files belong together, known by the first of them."""

    user: str
    files: list[str]
    rows: int


def _count(files: list[Path]) -> pl.DataFrame:
    """Events of every person in every file: one look at one column."""
    paths = [str(file) for file in files]
    try:
        scan = pl.scan_parquet(paths, glob=False, include_file_paths=_FILE)
        return scan.group_by(_FILE, "user").agg(rows=pl.len()).collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LogFileError(
            f"The files below {files[0].parent} cannot be divided ({str(error).splitlines()[0][:200]}). Allowed: Parquet logs "
            "with a column user. Foreign files: read_log and write_log make one of them."
        ) from None


def _together(counted: pl.DataFrame) -> list[_Group]:
    """Files that share a person, and people who share a file, are one group."""
    leader: dict[str, str] = {}

    def first(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for file, user in counted.select(_FILE, "user").iter_rows():
        one, other = first(f"f{file}"), first(f"u{user}")
        leader[max(one, other)] = min(one, other)
    groups: dict[str, tuple[set[str], set[str], int]] = {}
    for file, user, rows in counted.select(_FILE, "user", "rows").iter_rows():
        users, files, have = groups.get(first(f"u{user}"), (set(), set(), 0))
        groups[first(f"u{user}")] = (users | {user}, files | {file}, have + rows)
    return sorted(_Group(min(users), sorted(files), rows) for users, files, rows in groups.values())


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _plain(user: str) -> str:
    """A name that a folder can have: pseudonyms can, names of other logs may not."""
    return user if re.fullmatch(r"\w[\w.-]{0,60}", user) else f"{_number(user):016x}"


def _below(file: str, base: Path) -> str:
    path = Path(file)
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name

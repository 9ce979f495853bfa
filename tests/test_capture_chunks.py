"""The files of a session: whole or not there, taken up after a crash, deleted when their time is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from taskkit_capture.chunks import ROWS, SECONDS, Chunks, expire, recover

from taskkit.log import read_log, read_metadata

NOTES = {"recorder": "taskkit-capture", "kept_until": "2026-12-31"}
SESSION = "20260302-080000-abcd"


def rows(count: int, first: int = 0, **values: Any) -> list[dict[str, Any]]:
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    return [
        {"user": "p_1", "session_id": SESSION, "seq": n, "timestamp": start + timedelta(seconds=n), "app": "editor",
         "event_type": "click", "window_title": f"Order {n}", **values} for n in range(first, first + count)
    ]  # fmt: skip


def test_a_full_chunk_is_written_and_acknowledged(tmp_path):
    chunks = Chunks(tmp_path, SESSION, lambda: NOTES)
    chunks.add(rows(ROWS + 5), 0.0)
    assert (chunks.acknowledged, chunks.waiting) == (ROWS, 5)
    assert read_log(tmp_path).height == ROWS
    chunks.close()


def test_an_old_chunk_is_written_though_it_is_small(tmp_path):
    chunks = Chunks(tmp_path, SESSION, lambda: NOTES)
    chunks.add(rows(3), 100.0)
    chunks.add([], 100.0 + SECONDS)
    assert chunks.acknowledged == 3
    chunks.close()


def test_a_finished_session_is_one_private_file(tmp_path):
    chunks = Chunks(tmp_path / "log", SESSION, lambda: NOTES)
    chunks.add(rows(450), 0.0)
    whole = chunks.finish({"ended_cleanly": "true"})
    assert [p.name for p in (tmp_path / "log").iterdir()] == [whole.name]
    assert read_log(whole)["seq"].to_list() == list(range(450))
    assert read_metadata(whole)["ended_cleanly"] == "yes"
    if os.name == "posix":
        assert (whole.stat().st_mode & 0o777, (tmp_path / "log").stat().st_mode & 0o777) == (0o600, 0o700)


def test_chunks_are_private_while_recording(tmp_path):
    chunks = Chunks(tmp_path / "log", SESSION, lambda: NOTES)
    chunks.add(rows(ROWS), 0.0)
    modes = {p.stat().st_mode & 0o077 for p in (tmp_path / "log").rglob("*")}
    assert modes == {0}
    chunks.close()


@pytest.mark.parametrize("key", [None, b"e" * 32])
def test_what_a_crash_leaves_is_taken_up_and_marked(tmp_path, key):
    chunks = Chunks(tmp_path, SESSION, lambda: NOTES, key=key)
    chunks.add(rows(ROWS), 0.0)
    chunks.add(rows(3, ROWS), 0.0)
    chunks.close()
    (tmp_path / f"{SESSION}.chunks" / ".000001.parquet.tmp").write_bytes(b"PAR1 torn")
    said: list[str] = []
    (whole,) = recover(tmp_path, tell=said.append, key=key)
    assert read_log(whole, key=key).height == ROWS
    assert not list(tmp_path.glob("*.chunks"))
    assert "not ended cleanly" in said[0]
    assert read_metadata(whole)["ended_cleanly"] == "no: the recording did not end"


def test_encrypted_titles_are_not_in_the_bytes_and_need_their_key(tmp_path):
    chunks = Chunks(tmp_path, SESSION, lambda: NOTES, key=b"e" * 32)
    chunks.add(rows(ROWS, window_title="Merger of Lindhof"), 0.0)
    chunks.close()
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"Lindhof" in p.read_bytes()]
    said: list[str] = []
    assert recover(tmp_path, tell=said.append) == []
    assert "encrypted" in said[0]
    assert list(tmp_path.glob("*.chunks/*.parquet"))


def test_a_crash_between_the_whole_file_and_the_removal_of_its_chunks_doubles_nothing(tmp_path):
    chunks = Chunks(tmp_path, SESSION, lambda: NOTES)
    chunks.add(rows(ROWS), 0.0)
    kept = {p.name: p.read_bytes() for p in (tmp_path / f"{SESSION}.chunks").iterdir()}
    chunks.finish({"ended_cleanly": "true"})
    (tmp_path / f"{SESSION}.chunks").mkdir()
    for name, data in kept.items():
        (tmp_path / f"{SESSION}.chunks" / name).write_bytes(data)
    assert read_log(tmp_path).height == ROWS
    assert recover(tmp_path, tell=print) == []
    assert not list(tmp_path.glob("*.chunks"))


def test_a_running_session_is_left_alone(tmp_path):
    code = f"""
import sys, time
from pathlib import Path
from tests.test_capture_chunks import NOTES, SESSION, rows
from taskkit_capture.chunks import Chunks
chunks = Chunks(Path({str(tmp_path)!r}), SESSION, lambda: NOTES)
chunks.add(rows(200), 0.0)
print("ready", flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        said: list[str] = []
        assert recover(tmp_path, tell=said.append) == []
        assert "is being recorded" in said[0]
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert len(recover(tmp_path, tell=print)) == 1  # the lock went with the process


def test_sessions_whose_time_is_over_are_deleted_and_it_is_said(tmp_path):
    for session, until in (("a", "2026-03-01"), ("b", "2026-03-02")):
        chunks = Chunks(tmp_path, session, lambda until=until: {**NOTES, "kept_until": until})
        chunks.add(rows(2), 0.0)
        chunks.finish({"ended_cleanly": "true"})
    said: list[str] = []
    assert expire(tmp_path, today=date(2026, 3, 2), tell=said.append) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["b.parquet"]
    assert "a.parquet" in said[0]


def test_a_folder_that_is_gone_is_an_error_and_what_was_acknowledged_is_said(tmp_path):
    chunks = Chunks(tmp_path, SESSION, lambda: NOTES)
    chunks.add(rows(ROWS), 0.0)
    for path in (tmp_path / f"{SESSION}.chunks").iterdir():
        path.unlink()
    (tmp_path / f"{SESSION}.chunks").rmdir()
    with pytest.raises(OSError, match="No such file"):
        chunks.add(rows(ROWS, ROWS), 0.0)
    assert (chunks.acknowledged, chunks.waiting) == (ROWS, ROWS)
    chunks.close()


def test_all_rows_of_the_contract_fit(tmp_path):
    chunks = Chunks(tmp_path, SESSION, lambda: NOTES)
    chunks.add(rows(1, x=0.5, redactions=["email"], input_count=3, team="a", utc_offset_minutes=60), 0.0)
    frame = pl.read_parquet(chunks.finish({"ended_cleanly": "true"}))
    assert frame.select("x", "redactions", "input_count", "utc_offset_minutes").row(0) == (0.5, ["email"], 3, 60)

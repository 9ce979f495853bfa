"""The journal under two writers at once, and under processes that are killed between any two clicks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from taskkit.decisions import Decisions

# records as often as it is told (-1: without end), undoes every third entry, and says what is done when it has returned
WRITER = """
import os, sys
from taskkit.decisions import Decisions

def write(path, writer, most, said):
    journal, done = Decisions(path, writer=writer), 0
    while done != most:
        number = journal.record("T01", f"{writer} {done}", detail={"count": done, "padding": "x" * 3000})
        if done % 3 == 2:
            journal.undo(number)
        os.write(said, f"{number}\\t{writer} {done}\\n".encode())
        done += 1
"""
ONE = (
    WRITER
    + """
write(sys.argv[1], sys.argv[2], int(sys.argv[3]), 1)
"""
)
# one writer after the other, each a process of its own: starting an interpreter for each would take most of the time
MANY = (
    WRITER
    + """
for line in sys.stdin:
    said = os.open(line.strip(), os.O_WRONLY | os.O_CREAT, 0o600)
    pid = os.fork()
    if not pid:
        write(sys.argv[1], line.strip(), -1, said)
    os.close(said)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
)


def acknowledged(said: Path) -> dict[int, str]:
    lines = said.read_text().split("\n")[:-1]  # what comes after the last line end was not said to the end
    return {int(number): text for number, text in (line.split("\t") for line in lines)}


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path, each = tmp_path / "d.sqlite", 60
    said, writers = [tmp_path / "one", tmp_path / "two"], []
    for file in said:
        with file.open("wb") as out:
            command = [sys.executable, "-c", ONE, str(path), file.name, str(each)]
            writers.append(subprocess.Popen(command, stdout=out))
    assert [writer.wait(120) for writer in writers] == [0, 0]
    history = Decisions(path).history()
    entries = history.filter(pl.col("kind") != "undo")
    told = acknowledged(said[0]) | acknowledged(said[1])
    assert dict(entries.select("number", "decision").iter_rows()) == told
    assert entries["undone_by"].drop_nulls().len() == 2 * each // 3
    assert history["number"].to_list() == [*range(1, history.height + 1)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is a signal of POSIX")
def test_what_was_acknowledged_survives_a_killed_process(tmp_path: Path) -> None:
    path, chance = tmp_path / "d.sqlite", random.Random(9)
    told: dict[int, str] = {}
    command = [sys.executable, "-c", MANY, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for life in range(20):
            said = tmp_path / f"said-{life}"
            print(said, file=nursery.stdin, flush=True)
            pid = int(nursery.stdout.readline())
            begun = time.monotonic()
            while not said.read_bytes() and time.monotonic() - begun < 60:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.05))
            os.kill(pid, signal.SIGKILL)
            assert int(nursery.stdout.readline()) == -signal.SIGKILL
            told |= acknowledged(said)
            entries = Decisions(path).history().filter(pl.col("kind") != "undo")
            there = dict(entries.select("number", "decision").iter_rows())
            assert told.items() <= there.items()
            # at most the one that was being written is there without having been acknowledged
            assert len(there) <= len(told) + life + 1
        nursery.stdin.close()
    assert len(told) >= 20

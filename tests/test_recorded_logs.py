"""Logs as the recorder leaves them: chunks of sessions that broke off, encrypted columns, what their metadata say."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from taskkit.errors import LogFileError, TaskkitError
from taskkit.log import read_log, read_metadata, scan_log, write_log
from taskkit.log.parquet_files import find_files
from taskkit.privacy import encryption_key_id, posture, write_private
from tests.frames import make_events

KEY = b"a key for tests only, 32 bytes!!"
OTHER = KEY[::-1]
SECRET = "Salary of Ada Lovelace"
NOTES = {"schema_version": "1", "recorder": "taskkit-capture 0.1.0", "profile": "standard"}


def session(name: str = "s1", *, rows: int = 6) -> pl.DataFrame:
    return make_events(
        [{"element_name": f"e{n}", "window_title": SECRET, "redactions": ["email"]} for n in range(rows)],
        session_id=name,
    )


def write_chunks(log: Path, events: pl.DataFrame, *, key: bytes | None = None, size: int = 2, **notes: str) -> Path:
    """The folder that a session leaves which did not end."""
    folder = log / f"{events['session_id'][0]}.chunks"
    folder.mkdir()
    (folder / "lock").touch()
    for number, start in enumerate(range(0, events.height, size)):
        said = NOTES | {"ended_cleanly": "false", "excluded": json.dumps({"denied_rows": number + 1})} | notes
        write_private(events[start : start + size], folder / f"{number:06}.parquet", key=key, metadata=said)
    return folder


def write_whole(log: Path, events: pl.DataFrame, *, key: bytes | None = None, **notes: str) -> Path:
    file = log / f"{events['session_id'][0]}.parquet"
    write_private(events, file, key=key, metadata=NOTES | {"ended_cleanly": "true"} | notes)
    return file


def same(left: pl.DataFrame, right: pl.DataFrame) -> None:
    assert_frame_equal(left, right, check_column_order=False)


# ------------------------------------------------------------------------------------------------------------- chunks
def test_a_session_that_broke_off_is_read_from_its_chunks(tmp_path: Path) -> None:
    write_whole(tmp_path, session("s1"))
    write_chunks(tmp_path, session("s2"))
    same(read_log(tmp_path), pl.concat([session("s1"), session("s2")]))
    same(scan_log(tmp_path).collect(), read_log(tmp_path))


def test_one_folder_of_chunks_is_a_log(tmp_path: Path) -> None:
    same(read_log(write_chunks(tmp_path, session())), session())


@pytest.mark.parametrize("path", ["", "**/*.parquet"])
def test_a_whole_file_wins_over_its_chunks(tmp_path: Path, path: str) -> None:
    write_chunks(tmp_path, session(), size=1)
    write_whole(tmp_path, session())
    found = tmp_path / path if path else tmp_path
    same(read_log(found), session())
    assert read_metadata(found)["ended_cleanly"] == "yes"


def test_chunks_that_are_asked_for_are_read_whatever_is_beside_them(tmp_path: Path) -> None:
    folder = write_chunks(tmp_path, session(rows=4))
    write_whole(tmp_path, session(rows=6))
    same(read_log(folder), session(rows=4))


def test_chunks_of_a_session_do_not_hide_behind_the_file_of_another(tmp_path: Path) -> None:
    write_chunks(tmp_path, session("s10"))
    write_whole(tmp_path, session("s1"))
    assert read_log(tmp_path)["session_id"].unique().sort().to_list() == ["s1", "s10"]


def test_files_that_are_not_finished_are_passed_over(tmp_path: Path) -> None:
    folder = write_chunks(tmp_path, session())
    (folder / ".000003.parquet.tmp").write_bytes(b"PAR1 half a chunk")
    (tmp_path / ".s1.parquet.tmp").write_bytes(b"PAR1 half a session")
    same(read_log(tmp_path), session())


@pytest.mark.parametrize("read", [read_log, lambda path: scan_log(path).collect()])
def test_a_torn_chunk_is_named(tmp_path: Path, read: Callable[[Path], pl.DataFrame]) -> None:
    torn = write_chunks(tmp_path, session()) / "000001.parquet"
    torn.write_bytes(torn.read_bytes()[:-40])
    with pytest.raises(LogFileError, match=r"000001\.parquet.*cut off"):
        read(tmp_path)


def test_a_chunk_that_cannot_be_read_is_named_among_the_others(tmp_path: Path) -> None:
    bad = write_chunks(tmp_path, session()) / "000001.parquet"
    bad.write_bytes(b"PAR1" + b"\7" * 400 + b"PAR1")
    with pytest.raises(LogFileError, match=r"000001\.parquet cannot be read as Parquet"):
        read_log(tmp_path)


def test_chunks_with_other_columns_are_put_together(tmp_path: Path) -> None:
    folder = write_chunks(tmp_path, session())
    late = make_events([{"seq": 90, "url": "https://erp.example.org"}])
    write_private(late, folder / "000003.parquet", key=None, metadata=NOTES)
    assert read_log(tmp_path)["url"].to_list() == [None] * 6 + ["https://erp.example.org"]


def test_a_recording_that_stored_nothing_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "s1.chunks").mkdir()
    (tmp_path / "s1.chunks" / "lock").touch()
    with pytest.raises(LogFileError, match=r"s1\.chunks ended before anything was stored"):
        read_log(tmp_path)


def test_a_chunk_that_goes_while_it_is_read_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_chunks(tmp_path, session())
    files = find_files(tmp_path)
    os.remove(folder / "000001.parquet")
    monkeypatch.setattr("taskkit.log.find_files", lambda path: files)
    with pytest.raises(LogFileError, match="being recorded right now"):
        read_log(tmp_path)


def test_a_folder_with_signs_of_a_pattern_in_its_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "log [1]").mkdir()
    write_chunks(tmp_path / "log [1]", session())
    same(read_log(tmp_path / "log [1]"), session())
    assert read_metadata(tmp_path / "log [1]")["profile"] == "standard"


# ------------------------------------------------------------------------------------------------- what the files say
def test_the_log_says_how_many_sessions_did_not_end(tmp_path: Path) -> None:
    for name in ("s1", "s2", "s3"):
        write_whole(tmp_path, session(name))
    write_chunks(tmp_path, session("s4"))
    write_whole(tmp_path, session("s5"), ended_cleanly="false")
    assert read_metadata(tmp_path)["ended_cleanly"] == "no: 2 of 5 recordings did not end"
    assert read_metadata(tmp_path / "s4.chunks")["ended_cleanly"] == "no: the recording did not end"


def test_the_last_chunk_speaks_for_its_session(tmp_path: Path) -> None:
    write_chunks(tmp_path, session("s1", rows=6))
    write_chunks(tmp_path, session("s2", rows=2))
    assert json.loads(read_metadata(tmp_path)["excluded"]) == {"denied_rows": 3 + 1}


def test_dates_of_many_sessions_are_said_as_a_span(tmp_path: Path) -> None:
    for number, name in enumerate(("s1", "s2", "s3"), start=1):
        write_whole(tmp_path, session(name), kept_until=f"2036-03-0{number}", signed_off=f"2026-03-0{number}T08:00:00Z")
    write_whole(tmp_path, session("s4"))
    notes = read_metadata(tmp_path)
    assert notes["kept_until"] == "2036-03-01 to 2036-03-03 (1 of 4 files do not say so)"
    assert notes["signed_off"] == "2026-03-01T08:00:00Z to 2026-03-03T08:00:00Z (1 of 4 files do not say so)"


def test_the_posture_tells_what_a_recorded_log_says_about_itself(tmp_path: Path) -> None:
    write_chunks(
        tmp_path, session("s1"), consent="Notice 0a1b of 2026-03-01 accepted at the start of the session",
        removed_spans='{"spans": 2, "rows": 35, "seconds": 840}', kept_until="2001-01-01",
    )  # fmt: skip
    write_whole(tmp_path, session("s2"), signed_off="2026-03-02T17:00:00Z", kept_until="9999-01-01")
    said = dict(posture(read_log(tmp_path), metadata=read_metadata(tmp_path)).iter_rows())
    assert said["recorded"].endswith("Profile: standard.")
    assert "list of exceptions: 3" in said["excluded"]
    assert "removed spans afterwards: 2 (14 minutes), 35 rows" in said["withdrawn"]
    assert said["consent"].startswith("Notice 0a1b of 2026-03-01 accepted")
    assert "The first of these dates has passed" in said["kept until"]
    assert "(1 of 2 files do not say so)" in said["signed off"]
    assert said["ended"].startswith("1 of 2 recordings did not end")


def test_a_recording_that_nobody_signed_off_is_said_to_be(tmp_path: Path) -> None:
    write_whole(tmp_path, session())
    said = dict(posture(session(), metadata=read_metadata(tmp_path)).iter_rows())
    assert said["signed off"] == "No recording was signed off by the recorded person."
    assert said["ended"].startswith("Every recording")


def test_what_no_metadata_say_is_no_statement() -> None:
    assert {"excluded", "withdrawn", "signed off", "ended"}.isdisjoint(posture(session())["topic"])


# --------------------------------------------------------------------------------------------------------- encryption
WRITERS = pytest.mark.parametrize("write", [write_whole, write_chunks], ids=["whole", "chunks"])


@WRITERS
def test_an_encrypted_log_is_read_with_its_key(tmp_path: Path, write: Callable[..., Path]) -> None:
    write(tmp_path, session(), key=KEY)
    same(read_log(tmp_path, key=KEY), session())
    same(scan_log(tmp_path, key=KEY).collect(), session())


@WRITERS
def test_what_is_encrypted_is_nowhere_in_the_bytes(tmp_path: Path, write: Callable[..., Path]) -> None:
    secret = "Salary-of-Ada-Lovelace"
    events = session().with_columns(
        window_title=pl.lit(secret), own_notes=pl.lit(secret + "!"), own_list=[[secret]] * 6
    )
    write(tmp_path, events, key=KEY)
    assert not [p for p in tmp_path.rglob("*.parquet") if secret.encode() in p.read_bytes()]
    same(read_log(tmp_path, key=KEY).select(events.columns), events)


@WRITERS
@pytest.mark.parametrize("read", [read_log, scan_log])
def test_without_its_key_the_encrypted_columns_are_named(
    tmp_path: Path, write: Callable[..., Path], read: Callable[..., object]
) -> None:
    write(tmp_path, session(), key=KEY)
    with pytest.raises(LogFileError, match=r"window_title, element_name.*key=taskkit\.privacy\.read_key"):
        read(tmp_path)


@WRITERS
@pytest.mark.parametrize("read", [read_log, scan_log])
def test_a_key_that_does_not_fit_is_said_not_to(
    tmp_path: Path, write: Callable[..., Path], read: Callable[..., object]
) -> None:
    write(tmp_path, session(), key=KEY)
    with pytest.raises(LogFileError, match=f"(?s)does not fit.*{encryption_key_id(KEY)}.*{encryption_key_id(OTHER)}"):
        read(tmp_path, key=OTHER)


def test_the_metadata_need_no_key(tmp_path: Path) -> None:
    write_whole(tmp_path, session("s1"), key=KEY)
    write_chunks(tmp_path, session("s2"), key=KEY)
    notes = read_metadata(tmp_path)
    assert notes["encryption_key_id"] == encryption_key_id(KEY)
    assert json.loads(notes["encrypted_columns"]) == ["window_title", "element_name"]


def test_what_is_harmless_stays_readable_to_everybody(tmp_path: Path) -> None:
    file = write_whole(tmp_path, session(), key=KEY)
    assert pl.read_parquet(file, columns=["app", "seq"])["seq"].to_list() == [0, 1, 2, 3, 4, 5]


def test_logs_with_and_without_encryption_are_read_together(tmp_path: Path) -> None:
    write_whole(tmp_path, session("s1"), key=KEY)
    write_whole(tmp_path, session("s2"))
    same(read_log(tmp_path, key=KEY), pl.concat([session("s1"), session("s2")]))


def test_a_changed_byte_in_an_encrypted_column_is_damage(tmp_path: Path) -> None:
    titles = [secrets.token_hex(500) for _ in range(200)]  # most of the file, so its middle is one of them
    file = write_whole(tmp_path, session(rows=200).with_columns(window_title=pl.Series(titles)), key=KEY)
    whole = file.read_bytes()
    place = len(whole) // 2
    file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(LogFileError, match=r"s1\.parquet.*damaged"):
        read_log(file, key=KEY)


def test_a_changed_statement_of_an_encrypted_file_is_damage(tmp_path: Path) -> None:
    file = write_whole(tmp_path, session(), key=KEY, kept_until="2026-12-31")
    file.write_bytes(file.read_bytes().replace(b"2026-12-31", b"2036-12-31"))
    with pytest.raises(LogFileError, match="damaged"):
        read_log(file, key=KEY)


def test_what_was_encrypted_and_is_written_again_needs_no_key(tmp_path: Path) -> None:
    write_whole(tmp_path, session(), key=KEY)
    (tmp_path / "again").mkdir()
    write_log(read_log(tmp_path, key=KEY), tmp_path / "again" / "log.parquet", metadata=read_metadata(tmp_path))
    same(read_log(tmp_path / "again"), session())
    assert read_metadata(tmp_path / "again")["ended_cleanly"] == "yes"


def test_an_encrypted_file_that_says_nonsense_is_refused(tmp_path: Path) -> None:
    session().write_parquet(tmp_path / "log.parquet", metadata={"encrypted_columns": "[window"})
    with pytest.raises(LogFileError, match=r"log\.parquet"):
        read_log(tmp_path)


def test_an_encrypted_file_that_does_not_say_so_is_refused(tmp_path: Path) -> None:
    secret = pl.ParquetEncryptionProperties(footer_key=KEY, column_keys={"app": KEY}, plaintext_footer=True)
    session().write_parquet(tmp_path / "log.parquet", encryption=secret)
    with pytest.raises(TaskkitError, match=r"log\.parquet"):
        read_log(tmp_path)


def test_polars_warning_of_its_unstable_encryption_is_silenced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_WARN_UNSTABLE", "1")
    write_whole(tmp_path, session(), key=KEY)
    same(read_log(tmp_path, key=KEY), session())

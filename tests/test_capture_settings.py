"""What may be set before a recording, and the door that a running one listens at."""

from __future__ import annotations

import os
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from taskkit_capture.cli import main
from taskkit_capture.control import Control, ask, control_folder
from taskkit_capture.settings import read_settings

from taskkit.errors import SettingError, TaskkitError

GIVEN = {"folder": '"log"', "key_file": '"k"', "purpose": '"p"', "seen_by": '"s"'}


def write(folder: Path, tables: str = "", **changes: str) -> Path:
    (folder / "k").write_bytes(b"k" * 32)
    (folder / "k").chmod(0o600)
    lines = [f"{name} = {value}" for name, value in {**GIVEN, **changes}.items() if value]
    (folder / "capture.toml").write_text("\n".join([*lines, tables]))
    return folder / "capture.toml"


# ---------------------------------------------------------------------------------------------------------- settings
def test_settings_are_read_and_paths_belong_to_their_file(tmp_path):
    found = read_settings(write(tmp_path, '[deny]\ntitles = ["*pay*"]', pauses='["12:00-13:00"]', keep_days="30"))
    assert (found.folder, found.key, found.profile) == (tmp_path / "log", b"k" * 32, "standard")
    assert found.deny == {"titles": ("*pay*",)}
    assert found.pauses == ((time(12), time(13)),)
    assert found.kept_until == date.today() + timedelta(days=30)


def test_the_command_line_wins(tmp_path):
    assert read_settings(write(tmp_path), profile="counts", keep_days=None).profile == "counts"


def test_every_mistake_is_named_at_once(tmp_path):
    bad = write(
        tmp_path,
        '[deny]\ntitel = ["x"]',
        profile='"standart"',
        purpose="",
        idle_second="5",
        mouse='"yes"',
        pauses='["noon"]',
    )
    with pytest.raises(SettingError) as told:
        read_settings(bad)
    for said in (
        "'standart'",
        "Did you mean 'standard'",
        "purpose is missing",
        "'idle_seconds'",
        "mouse",
        "noon",
        "'titles'",
    ):
        assert said in str(told.value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [('"Ctrl+Alt+P"', "ctrl+alt+p"), ('"alt+ctrl+F9"', "ctrl+alt+f9"), ('"ctrl+alt+pp"', None), ('""', None), ('"p"', None)],
)  # fmt: skip
def test_the_hot_key_is_one_that_can_be_pressed(tmp_path, given, kept):
    if kept is None:
        with pytest.raises(SettingError, match="pause_hotkey"):
            read_settings(write(tmp_path, pause_hotkey=given))
    else:
        assert read_settings(write(tmp_path, pause_hotkey=given)).pause_hotkey == kept


def test_a_key_that_others_can_read_is_refused(tmp_path):
    path = write(tmp_path)
    (tmp_path / "k").chmod(0o644)
    with pytest.raises(SettingError, match="read by others"):
        read_settings(path)


def test_names_to_take_out_are_added_to_those_that_are_known(tmp_path):
    assert "Anna Roth" in read_settings(write(tmp_path, names='["Anna Roth"]')).words


def test_categories_needs_labels(tmp_path):
    with pytest.raises(SettingError, match="labels"):
        read_settings(write(tmp_path, profile='"categories"'))


@pytest.mark.parametrize("text", ["folder = ", "\ufeff[[["])
def test_what_is_no_toml_is_said(tmp_path, text):
    (tmp_path / "capture.toml").write_text(text)
    with pytest.raises(SettingError, match="no TOML"):
        read_settings(tmp_path / "capture.toml")


def test_a_setting_never_shows_the_key_or_the_person(tmp_path):
    found = repr(read_settings(write(tmp_path)))
    assert "kkkk" not in found
    assert "person" not in found


# ----------------------------------------------------------------------------------------------------------- command
def test_init_writes_settings_that_can_be_read_and_a_private_key(tmp_path, capsys):
    assert main(["init", str(tmp_path / "e")]) == 0
    assert read_settings(tmp_path / "e/capture.toml").profile == "standard"
    if os.name == "posix":
        assert (tmp_path / "e/engagement.key").stat().st_mode & 0o777 == 0o600
    assert main(["init", str(tmp_path / "e")]) == 3
    assert "nothing is overwritten" in capsys.readouterr().err


def test_the_notice_of_the_settings_is_shown(tmp_path, capsys):
    main(["init", str(tmp_path / "e")])
    capsys.readouterr()
    assert main(["notice", str(tmp_path / "e/capture.toml"), "--profile", "counts"]) == 0
    assert "counts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["start", "nowhere.toml"], "cannot be read"), (["recover", "nowhere"], "no folder"),
     (["review", "nowhere.parquet"], "nowhere")],
)  # fmt: skip
def test_a_mistake_is_a_sentence_and_a_code(words, said, capsys):
    assert main(words) == 3
    assert said in capsys.readouterr().err


# -------------------------------------------------------------------------------------------------------------- door
@pytest.fixture
def door(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    heard: list[str] = []

    def answer(command: str) -> dict[str, str]:
        heard.append(command)
        return {"state": "recording"}

    control = Control(answer)
    yield heard
    control.close()


def test_a_command_arrives_and_is_answered(door):
    assert ask("pause") == {"state": "recording"}
    assert door == ["pause"]


def test_an_unknown_command_never_reaches_the_recorder(door):
    assert ask("rm") == {"error": "unknown command"}
    assert door == []


def test_a_caller_without_the_secret_is_turned_away_and_the_door_stays_open(door):
    secret = control_folder() / "secret"
    right = secret.read_bytes()
    secret.write_bytes(b"x" * 32)
    assert ask("stop", quiet=True) is None
    secret.write_bytes(right)
    assert ask("status") == {"state": "recording"}


def test_the_door_is_private(door):
    assert {path.stat().st_mode & 0o077 for path in [control_folder(), *control_folder().iterdir()]} == {0}


def test_a_folder_that_others_can_enter_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "taskkit-capture").mkdir(mode=0o755)
    (tmp_path / "taskkit-capture").chmod(0o755)
    with pytest.raises(SettingError, match="entered by others"):
        control_folder()


def test_without_a_recorder_a_command_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(TaskkitError, match="No recording is running"):
        ask("stop")

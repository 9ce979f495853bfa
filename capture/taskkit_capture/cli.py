"""taskkit-capture: the recorder's command."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "POLARS_MAX_THREADS", "1"
)  # a recorder has small tables: threads would only cost memory (read at import)

from taskkit.errors import TaskkitError
from taskkit.privacy import make_key, read_key
from taskkit_capture import VERSION

_SETTINGS = """# What a recording may see and keep. Read before each start; nothing in it can be changed while it runs.
folder = "log"                      # where the log is written, seen from this file
key_file = "engagement.key"         # pseudonyms and digests; destroy it after the engagement and none can be undone
purpose = "{purpose}"
seen_by = "{seen_by}"
contact = ""                        # whom to ask
profile = "standard"                # counts · categories · standard · full
keep_days = 90                      # then the log is deleted
team = ""                           # a group of at least five people, or nothing
names = []                          # names to take out of every text, beside those of the account and the machine
typed_digests = false               # keyed digests of typed values: shows re-keying, needs the people's agreement
pause_hotkey = "ctrl+alt+p"
pauses = ["12:00-13:00"]            # local times at which nothing is recorded; "22:00-06:00" goes over midnight
idle_seconds = 60                   # without an input for so long: idle
mouse = true                        # false records no mouse; keyboard = false also switches the hot-key off
keyboard = true
elements = true                     # accessible names of buttons and fields; false: password fields are not known either
# encryption_key_file = "log.key"   # encrypts titles, addresses, names: taskkit-capture key log.key

[deny]                              # * stands for anything; a denied window keeps its time and loses everything else
apps = []                           # for example "*term*": a terminal's title may show the command that runs
titles = ["*payroll*", "*private*", "*bank*"]
urls = ["https://mail.*"]

# [allow]                           # where given, nothing else is recorded; urls speak of browsers
# apps = ["chromium", "soffice*"]

# [labels]                          # for the profile categories: titles become labels, all other titles are dropped
# "*Invoice*" = "Invoice"
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.run is None:
        parser.print_help()
        return 0
    try:
        return int(given.run(given) or 0)
    except BrokenPipeError:  # | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"taskkit-capture: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return 3
    except TaskkitError as error:
        print(f"taskkit-capture: {error}", file=sys.stderr)
        return 3
    except ImportError as error:
        print(f"taskkit-capture: {error.name or error} is missing: pip install 'taskkit[capture]'.", file=sys.stderr)
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("taskkit-capture", description="Record a UI log with consent and without content.")
    parser.add_argument("--version", action="version", version=VERSION)
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="command")

    def command(name: str, run: Callable[[Any], int | None], said: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=said, description=said)
        added.set_defaults(run=run)
        return added

    init = command("init", _init, "write the settings and the key of an engagement into a folder")
    init.add_argument("folder", type=Path)
    for name, run, said in (("start", _start, "show the notice, ask, and record"),
                            ("preview", _preview, "show live what would be written; writes nothing"),
                            ("notice", _notice, "show the notice that the recorded person accepts")):  # fmt: skip
        added = command(name, run, said)
        added.add_argument("settings", type=Path, nargs="?", default=Path("capture.toml"),
                           help="settings file (default: capture.toml)")  # fmt: skip
        added.add_argument("--profile", choices=("counts", "categories", "standard", "full"),
                           help="how much is kept, least first; categories needs [labels] in the settings")  # fmt: skip
        added.add_argument("--keep-days", type=int, help="days until the log is deleted")
        added.add_argument("--team", help="a group of at least five people")
    for name in ("pause", "resume", "status", "stop"):
        said = f"{name} the running recording" if name != "status" else "what the running recording does"
        command(name, _ask, said).set_defaults(command=name)
    look = command("review", _review, "look at a session, delete spans of it, sign it off")
    look.add_argument("session", type=Path)
    look.add_argument(
        "--delete", action="append", default=[], metavar="10:05-10:20", help="delete a span of local time"
    )
    look.add_argument("--sign", action="store_true", help="sign the session off for hand-over")
    look.add_argument("--key", type=Path, help="key file of an encrypted session")
    again = command("recover", _recover, "make whole files of what a crash left")
    again.add_argument("folder", type=Path)
    again.add_argument("--key", type=Path, help="key file of an encrypted session")
    key = command("key", _key, "make a key file (mode 0600, never overwritten)")
    key.add_argument("file", type=Path)
    command("self-test", _self_test, "prove on this machine that nothing typed, copied or denied reaches the disk")
    return parser


def _init(given: Any) -> None:
    given.folder.mkdir(parents=True, exist_ok=True)
    settings, key = given.folder / "capture.toml", given.folder / "engagement.key"
    if settings.exists() or key.exists():
        raise TaskkitError(f"{given.folder} has settings or a key already: nothing is overwritten.")
    purpose = "Understanding how the work is done, to improve the process. Never to judge anybody."
    settings.write_text(_SETTINGS.format(purpose=purpose, seen_by="The project team; shared results show groups of five and more"),
                        encoding="utf-8")  # fmt: skip
    make_key(key)
    print(f"Written: {settings} (read and change it) and {key} (keep it with the engagement).\n"
          f"Then: taskkit-capture preview {settings}, taskkit-capture start {settings}")  # fmt: skip


def _read(given: Any) -> Any:
    from taskkit_capture.settings import read_settings

    return read_settings(given.settings, profile=given.profile, keep_days=given.keep_days, team=given.team)


def _notice_of(settings: Any) -> str:
    from taskkit_capture.notice import write_notice

    return write_notice(
        profile=settings.profile, purpose=settings.purpose, seen_by=settings.seen_by, kept_until=settings.kept_until,
        typed_digests=settings.typed_digests, encrypted=settings.encryption_key is not None,
        denied=sorted({p for patterns in settings.deny.values() for p in patterns}), contact=settings.contact,
        allowed=sorted({p for patterns in settings.allow.values() for p in patterns}), team=settings.team or "",
        hotkey=settings.pause_hotkey, pauses=[f"{begin:%H:%M} to {end:%H:%M}" for begin, end in settings.pauses],
        settings=settings.fingerprint,
    )  # fmt: skip


def _notice(given: Any) -> None:
    print(_notice_of(_read(given)))


def _start(given: Any) -> int:
    from taskkit_capture.control import ask
    from taskkit_capture.notice import accept
    from taskkit_capture.recording import Recording

    settings = _read(given)
    if ask("status", quiet=True) is not None:
        raise TaskkitError("A recording is running already: `taskkit-capture status` shows it.")
    recording = Recording(settings, tell=_tell)  # refuses before anybody is asked
    recording.notice_digest = accept(_notice_of(settings), twice=settings.profile == "full")
    return recording.run()


def _preview(given: Any) -> int:
    from taskkit_capture.recording import Recording

    _tell("Preview: this is what would be written; nothing is. Ctrl+C ends it.")
    return Recording(_read(given), tell=_tell, show=_show).run()


def _show(row: dict[str, Any]) -> None:
    """One row in one line."""
    hidden = ("user", "session_id", "seq", "timestamp", "utc_offset_minutes", "team", "app", "event_type", "x", "y")
    rest = "  ".join(f"{name}={value}" for name, value in row.items() if value is not None and name not in hidden)
    print(
        f"{row['timestamp'].astimezone():%H:%M:%S}  {row.get('app') or '–':<14} {row['event_type']:<13} {rest}",
        flush=True,
    )


def _ask(given: Any) -> None:
    from taskkit_capture.control import ask

    said = ask(given.command) or {}
    print("{state} since {since}, profile {profile}: {rows_on_disk} rows on the disk, {rows_waiting} on their way to {folder}"
          .format(**said))  # fmt: skip
    while given.command == "stop" and ask("status", quiet=True) is not None:
        time.sleep(0.1)  # until the file is written


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _review(given: Any) -> None:
    from taskkit_capture.review import review

    review(given.session, delete=given.delete, sign=given.sign, key=read_key(given.key) if given.key else None)


def _recover(given: Any) -> None:
    from taskkit_capture.chunks import recover

    if not given.folder.is_dir():
        raise TaskkitError(f"{given.folder} is no folder.")
    if not recover(given.folder, tell=print, key=read_key(given.key) if given.key else None):
        print(f"{given.folder}: nothing to take up.")


def _key(given: Any) -> None:
    try:
        make_key(given.file)
    except FileExistsError:
        raise TaskkitError(f"{given.file} is there already: a key is never overwritten.") from None
    print(f"{given.file}: keep it; without it nobody can read what it encrypts.")


def _self_test(given: Any) -> int:
    from taskkit_capture.selftest import self_test

    return self_test(tell=print)

"""What a recording may see and keep: profile, lists, times. Read from one TOML file, chosen before the start."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from taskkit.errors import SettingError, check_choice
from taskkit.privacy import read_key

# profile → the columns that it leaves empty, whatever was seen
PROFILES: dict[str, frozenset[str]] = {
    "counts": frozenset({"window_title", "url", "element_role", "element_id", "element_name", "x", "y", "value",
                         "value_digest", "value_length", "value_shape"}),
    "categories": frozenset({"url", "element_role", "element_id", "element_name", "x", "y", "value"}),
    "standard": frozenset({"value"}),
    "full": frozenset(),
}  # fmt: skip
# programs that hold other people's secrets or the person's own: never recorded, whatever the lists say
ALWAYS_DENIED = ("*keepass*", "*1password*", "*bitwarden*", "*lastpass*", "*enpass*", "seahorse", "*pinentry*", "*polkit*",
                 "lockapp", "consent", "credentialuibroker", "loginwindow", "*screensaver*", "*locker*")  # fmt: skip
LISTS = ("apps", "titles", "urls")


@dataclass(frozen=True)
class Settings:
    """Everything that is decided before a recording starts; a setting that is not here cannot be changed by anybody."""

    folder: Path
    key: bytes = field(repr=False)
    purpose: str
    seen_by: str
    contact: str = ""
    profile: str = "standard"
    keep_days: int = 90
    person: str = field(default_factory=getpass.getuser, repr=False)
    team: str | None = None
    typed_digests: bool = False
    encryption_key: bytes | None = field(default=None, repr=False)
    mouse: bool = True
    keyboard: bool = True
    elements: bool = True
    pause_hotkey: str = "ctrl+alt+p"
    pauses: tuple[tuple[time, time], ...] = ()
    idle_seconds: float = 60.0
    allow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deny: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()  # pattern of a title → label, for the profile `categories`
    words: tuple[str, ...] = field(default_factory=lambda: own_names(), repr=False)

    @property
    def left_empty(self) -> frozenset[str]:
        """The columns that the profile leaves empty."""
        return PROFILES[self.profile]

    @property
    def fingerprint(self) -> str:
        """Digest of all settings but the keys and names: who agrees to a notice that shows it agrees to them."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:8]

    @property
    def lists_addresses(self) -> bool:
        """Whether it matters which address a browser shows."""
        return bool(self.deny.get("urls") or self.allow.get("urls"))

    @property
    def kept_until(self) -> date:
        """The last day on which a log that starts today may be kept."""
        return date.today() + timedelta(days=self.keep_days)


def own_names() -> tuple[str, ...]:
    """Names of the person and of the machine, which are taken out of every text."""
    known = {getpass.getuser(), platform.node(), platform.node().split(".")[0]}
    if os.name == "posix":
        import pwd

        known |= set(pwd.getpwuid(os.getuid()).pw_gecos.split(",")[0].split())
    return tuple(sorted(name for name in known if len(name) > 2 and name not in ("root", "localhost", "user")))


def read_settings(path: Path, **given: Any) -> Settings:
    """Read the settings of a recording.

    Parameters
    ----------
    path : TOML file as `taskkit-capture init` writes it; paths in it are relative to its folder.
    given : settings of the command line, which win; None means not given.

    Raises
    ------
    SettingError : every key that is unknown and every value that is not allowed, with what is.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(
            f"The settings {path} cannot be read: {error.strerror}. `taskkit-capture init {path.parent}` writes them."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} is no TOML: {error}.") from error
    told |= {name: value for name, value in given.items() if value is not None}
    return _checked(told, path.absolute().parent, str(path))


def _checked(told: dict[str, Any], base: Path, where: str) -> Settings:
    known = [f.name for f in fields(Settings) if f.name not in ("key", "encryption_key", "words")]
    wrong: list[str] = []
    values: dict[str, Any] = {}
    for name, value in told.items():
        try:
            check_choice(name, allowed=[*known, "key_file", "encryption_key_file", "names"], what="setting")
            target, read = _READERS.get(name, (name, None))
            values[target] = read(value, base) if read else value
            if read is None and not isinstance(value, _KINDS.get(name, str)):
                raise SettingError(f"{name} is {value!r}; allowed: {_SAID[_KINDS.get(name, str)]}.")
        except SettingError as error:
            wrong.append(str(error))
    wrong += [f"{name} is missing." for name in ("folder", "key_file", "purpose", "seen_by") if name not in told]
    wrong += ["purpose and seen_by must say something."] * any(values.get(n) == "" for n in ("purpose", "seen_by"))
    if values.get("profile") == "categories" and not values.get("labels"):
        wrong.append('The profile categories needs labels: [labels] with lines such as "*Invoice*" = "Invoice".')
    if values.get("profile") == "counts" and values.get("typed_digests"):
        wrong.append("The profile counts keeps nothing of what is typed: remove typed_digests.")
    if wrong:
        raise SettingError(f"{where}: " + " ".join(wrong))
    return Settings(**values)


def _profile(value: Any, _: Path) -> str:
    return check_choice(value, allowed=PROFILES, what="profile")


def _hotkey(value: Any, _: Path) -> str:
    """A shortcut as the listeners call it: modifiers in their order, then one key."""
    *held, key = str(value).lower().split("+")
    known = [name for name in ("ctrl", "alt", "cmd", "shift") if name in held]
    if len(known) != len(held) or not {*held} & {"ctrl", "alt", "cmd"} or not key or len({*held}) != len(held):
        raise SettingError(
            f'pause_hotkey is {value!r}; allowed: ctrl, alt, cmd, shift and one key, such as "ctrl+alt+p".'
        )
    if len(key) > 1 and not re.fullmatch(r"f\d\d?|pause|insert|home|end|space|enter|esc|tab", key):
        raise SettingError(
            f"pause_hotkey ends with {key!r}; allowed: one letter or digit, f1 to f24, pause, insert, home, end."
        )
    return "+".join([*known, key])


def _names(value: Any, _: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(map(_is_text, value)):
        raise SettingError('names is a list of texts: names = ["Anna Roth", "Roth"].')
    return (*own_names(), *value)


def _path(value: Any, base: Path) -> Path:
    return base / Path(str(value)).expanduser()


def _key(value: Any, base: Path) -> bytes | None:
    if not value:
        return None
    path = _path(value, base)
    if not path.is_file():
        raise SettingError(f"There is no key file {path}. Make one: taskkit-capture key {path}")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise SettingError(f"The key file {path} can be read by others: chmod 600 {path}")
    return read_key(path)


def _number(value: Any, _: Path) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value <= 3650:
        raise SettingError(f"keep_days or idle_seconds is {value!r}; allowed: a number from 1 to 3650.")
    return value


def _spans(value: Any, _: Path) -> tuple[tuple[time, time], ...]:
    try:
        pairs = [re.fullmatch(r"(\d\d:\d\d)-(\d\d:\d\d)", text) for text in value]
        return tuple((time.fromisoformat(p[1]), time.fromisoformat(p[2])) for p in pairs)  # type: ignore[index]
    except (TypeError, ValueError):
        raise SettingError(f'pauses is {value!r}; allowed: local times such as ["12:00-13:00"].') from None


def _lists(value: Any, _: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not all(isinstance(v, list) and all(map(_is_text, v)) for v in value.values()):
        raise SettingError('allow and deny hold lists: [deny] with titles = ["*payroll*"].')
    for name in value:
        check_choice(name, allowed=LISTS, what="list of allow or deny")
    return {name: tuple(patterns) for name, patterns in value.items()}


def _labels(value: Any, _: Path) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(map(_is_text, value.values())):
        raise SettingError('labels maps patterns of titles to labels: [labels] with "*Invoice*" = "Invoice".')
    return tuple(value.items())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_READERS = {
    "profile": ("profile", _profile), "folder": ("folder", _path), "key_file": ("key", _key),
    "encryption_key_file": ("encryption_key", _key), "keep_days": ("keep_days", _number),
    "idle_seconds": ("idle_seconds", _number), "pauses": ("pauses", _spans), "allow": ("allow", _lists),
    "pause_hotkey": ("pause_hotkey", _hotkey), "names": ("words", _names), "deny": ("deny", _lists), "labels": ("labels", _labels),
}  # fmt: skip
_KINDS: dict[str, type] = {"typed_digests": bool, "mouse": bool, "keyboard": bool, "elements": bool}
_SAID = {bool: "true or false", str: "a text"}

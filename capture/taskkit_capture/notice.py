"""The notice: what is recorded, what is not, who sees it and until when, and the yes without which nothing is."""

from __future__ import annotations

import hashlib
import sys
import textwrap
from collections.abc import Callable, Sequence
from datetime import date

from taskkit.errors import SettingError, check_choice

_WORK = (
    "Which program is in front, and when that changes.",
    "When you click, drag, scroll, type, copy, cut or paste. Letters and digits are counted; keys such as Enter and "
    "shortcuts such as ctrl+s are named.",
    "When you are away, the screen is locked, you pause, or the recorder cannot see.",
)
_TITLES = (
    "Titles of windows, addresses without what follows a ?, names of the buttons and fields you use, and where in the "
    "window you click."
)
_LABELS = "Of a title only a label from a list that was agreed before; a title that is not on the list leaves nothing."
_FINGERPRINTS = (
    "Of a value that you {done}: its length, its shape (A-9 stands for INV-104) and a keyed fingerprint. It shows where the "
    "same value comes again; who has the key file can test a guess against it."
)
_VALUES = "THE TEXT ITSELF that you {done}, whatever it is, after the replacements below."
_REPLACED = (
    "Before anything is written, e-mail addresses, telephone, account, card and identity numbers, long numbers and keys, "
    "your own name and your computer's are replaced. Other people's names are not recognised: they stay."
)
# profile → sentences of what is recorded besides the work itself, and of what is not
_PROFILES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "counts": ((), ("Titles, addresses, names of buttons and fields, anything about what you copy or type.",)),
    "categories": (
        (_LABELS, _FINGERPRINTS),
        ("Titles themselves, addresses, names of buttons and fields, the text that you copy or type.",),
    ),
    "standard": (
        (_TITLES, _FINGERPRINTS, _REPLACED),
        ("The text that you copy or type in fields of its own; but a title or a name can show it.",),
    ),
    "full": (
        (_TITLES, _FINGERPRINTS, _VALUES, _REPLACED),
        ("The text that you type, in fields of its own; but a title or a name can show it.",),
    ),
}
_NEVER = (
    "Screenshots, sound, camera, the contents of files.",
    "Password fields, password managers and private browser windows, as far as programs tell that they are: only that time "
    "passed there. Terminals do not tell: the number of keys of a password typed there is counted.",
)
_CONTROL = (
    "Pause and go on: {hotkey}, or taskkit-capture pause and resume. Stop: taskkit-capture stop.",
    "Look before: taskkit-capture preview writes nothing. Look after, delete parts, sign: taskkit-capture review SESSION. "
    "Of a deleted part the gap stays visible.",
    "Nothing is sent anywhere: the log stays in its folder until somebody hands it over.",
    "Your name is replaced by a pseudonym; who has the key file can find out whose it is.",
)
_HELD = "Letters of a field that you type in are held in memory until you leave it, for the fingerprint."
_QUESTIONS = (
    "Do you agree? The word yes starts the recording, anything else does not: ",
    "This profile keeps the text that you copy. Do you really agree? yes: ",
)
_SHOWN = 8  # patterns of the deny list that are named


def write_notice(
    *, profile: str, purpose: str, seen_by: str, kept_until: date | str, typed_digests: bool = False,
    encrypted: bool = False, denied: Sequence[str] = (), contact: str = "", hotkey: str = "the hot-key",
    pauses: Sequence[str] = (), allowed: Sequence[str] = (), team: str = "", settings: str = "",
) -> str:  # fmt: skip
    """Write the notice of a recording: plain sentences, one screen.

    Parameters
    ----------
    profile : counts, categories, standard or full.
    purpose, seen_by, contact : what the log is for, who sees it, who answers questions.
    kept_until : last day on which the log is kept.
    typed_digests : values that are typed get a fingerprint too.
    encrypted : titles, addresses, names and values are encrypted on the disk.
    denied : patterns of programs, titles and addresses of which only the time is kept.
    allowed : patterns of which alone more than the time is kept, if there are any.
    hotkey, pauses, team : what was set, in words.
    settings : fingerprint of all settings, so that agreeing to the notice is agreeing to them.
    """
    check_choice(profile, allowed=_PROFILES, what="profile")
    if not purpose.strip() or not seen_by.strip():
        raise SettingError("A notice must say what the recording is for and who sees it: set purpose and seen_by.")
    typed = typed_digests and profile != "counts"
    more, left_out = _PROFILES[profile]
    recorded = [said.format(done="copy, cut, paste or type" if typed else "copy, cut or paste") for said in more]
    if typed:
        recorded.append(_HELD)
        left_out = () if profile == "full" else left_out
    exceptions = ", ".join(denied[:_SHOWN]) + (f" and {len(denied) - _SHOWN} more" if len(denied) > _SHOWN else "")
    unseen = [f"What is on the list of exceptions, but for the time: {exceptions}."] if denied else []
    if allowed:
        unseen.append(f"Everything that is not on this list, but for the time: {', '.join(allowed)}.")
    if pauses:
        unseen.append(f"Nothing at all from {' and from '.join(pauses)}.")
    disk = (
        "Titles, addresses, names and texts are encrypted, shapes and fingerprints are not."
        if encrypted
        else "The log is not encrypted."
    )
    head = [f"For: {purpose}", f"Seen by: {seen_by}", f"Kept until: {kept_until}. {disk}"]
    head += [
        f"Questions: {contact}" if contact.strip() else "Questions: nobody is named here. Ask who before you agree."
    ]
    head += [f"Your group in the log: {team}"] if team else []
    head += [f"Settings: {settings}"] if settings else []
    lines = [
        f"RECORDING OF YOUR WORK AT THIS COMPUTER (profile: {profile})",
        *_wrap(head),
        "Recorded",
        *_wrap([*_WORK, *recorded], "- "),
        "Not recorded",
        *_wrap([*left_out, *_NEVER, *unseen], "- "),
        "What you can do",
        *_wrap([said.format(hotkey=hotkey) for said in _CONTROL], "- "),
    ]
    return "\n".join(lines)


def accept(
    text: str, *, twice: bool = False, ask: Callable[[str], str] | None = None, tell: Callable[[str], None] = print
) -> str:
    """Show the notice and ask for the word yes.

    Parameters
    ----------
    text : the notice, by `write_notice`.
    twice : ask a second time, because the text of what is copied is kept.
    ask : puts a question; by default to the person at the terminal, and to nobody else.

    Returns
    -------
    Digest of the text, 16 hexadecimal digits, for the log.

    Raises
    ------
    SettingError : the answer is another one, or there is nobody to answer.
    """
    if ask is None and not sys.stdin.isatty():
        raise SettingError(
            "A recording is agreed to by a person at a terminal; nothing was recorded. Start it from one."
        )
    tell(text)
    for question in _QUESTIONS if twice else _QUESTIONS[:1]:
        try:
            agreed = (ask or input)(question).strip().casefold() == "yes"
        except (EOFError, KeyboardInterrupt):
            agreed = False
        if not agreed:
            raise SettingError("The notice was not accepted; nothing was recorded. To agree, start again and say yes.")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _wrap(sentences: Sequence[str], mark: str = "") -> list[str]:
    """Lines that fit on a screen."""
    wrap = textwrap.TextWrapper(118, initial_indent=mark, subsequent_indent=" " * len(mark)).wrap
    return [line for sentence in sentences for line in wrap(" ".join(sentence.split()))]

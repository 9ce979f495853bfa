"""Foreign event names, English or German, to event types, where a word tells."""

from __future__ import annotations

import re
import unicodedata

from taskkit.schema import EVENT_TYPES

_START = {"start", "started", "begin", "began", "beginn", "begonnen", "gestartet"}
_END = {"end", "ended", "stop", "stopped", "finish", "finished", "off", "ende", "beendet", "gestoppt"}
_RECORDER = {"recorder", "recording", "session", "mining", "capture", "tracking", "aufzeichnung", "aufnahme", "sitzung"}
_IDLE = {"idle", "afk", "away", "leerlauf", "inaktiv", "inaktivitaet", "abwesend", "abwesenheit", "untaetig"}
_STATION = {
    "session",
    "screen",
    "workstation",
    "computer",
    "desktop",
    "sitzung",
    "bildschirm",
    "rechner",
    "arbeitsplatz",
}
_CLICK = {"click", "clicks", "clicked", "tap", "tapped", "klick", "klicks", "klicken", "geklickt", "klickt", "anklicken",
          "angeklickt", "maustaste"}  # fmt: skip
_CONTROL = {"button", "checkbox", "radio", "check", "menu", "option", "tree", "link", "list", "combobox", "dropdown",
            "schaltflaeche", "knopf", "kontrollkaestchen", "optionsfeld", "auswahlliste", "liste", "menue",
            "menuepunkt", "menueeintrag"}  # fmt: skip
_ACT = {"press", "pressed", "set", "select", "selected", "toggle", "check", "uncheck", "expand", "collapse", "choose",
        "druecken", "gedrueckt", "betaetigen", "betaetigt", "waehlen", "gewaehlt", "auswaehlen", "ausgewaehlt",
        "aktivieren", "aktiviert", "deaktiviert", "setzen", "gesetzt"}  # fmt: skip
_WRITE = {"edit", "edited", "input", "type", "typed", "typing", "enter", "entered", "insert", "inserted", "populate",
          "fill", "filled", "write", "keystrokes", "eingabe", "eingeben", "eingegeben", "texteingabe", "feldeingabe",
          "tastatureingabe", "tippen", "getippt", "schreiben", "geschrieben", "bearbeiten", "bearbeitet", "ausfuellen",
          "ausgefuellt"}  # fmt: skip
_PLACE = {"tab", "window", "worksheet", "sheet", "app", "application", "program", "fenster", "programm", "anwendung",
          "registerkarte", "reiter", "blatt", "tabellenblatt", "arbeitsblatt"}  # fmt: skip
_TURN = {"select", "selected", "activate", "activated", "active", "focus", "focused", "switch", "switched", "change",
         "changed", "open", "opened", "new", "create", "created", "aktivieren", "aktiviert", "aktiv", "fokus",
         "fokussiert", "wechsel", "wechseln", "gewechselt", "oeffnen", "geoeffnet", "neu", "neues"}  # fmt: skip
_KEY = {"key", "keys", "keypress", "keydown", "keyup", "keyboard", "taste", "tasten", "tastendruck", "eingabetaste",
        "tastatur"}  # fmt: skip
_OPEN = {"open", "load", "goto", "oeffnen", "geoeffnet", "laden", "geladen", "aufrufen", "aufgerufen"}
_PAGE = {"page", "website", "link", "seite", "webseite", "internetseite", "adresse"}

# every set needs one of its words in the name; the first rule that holds decides
_RULES: tuple[tuple[str, tuple[set[str], ...]], ...] = (
    ("idle_end", (_IDLE, _END | {"not", "nicht"})),
    ("idle_start", (_IDLE,)),
    ("unlock", ({"unlock", "unlocked"},)),
    ("unlock", ({"entsperren", "entsperrt", "entsperrung"}, _STATION)),
    ("lock", ({"lock", "locked", "sperren", "gesperrt", "sperre", "sperrung"}, _STATION)),
    ("session_start", (_RECORDER, _START)),
    ("session_end", (_RECORDER, _END - {"finish", "off"})),
    ("pause", (_RECORDER, {"pause", "paused", "pausiert", "unterbrochen"})),
    ("resume", (_RECORDER, {"resume", "resumed", "fortgesetzt", "fortsetzen"})),
    ("paste", ({"paste", "pasted", "pasting", "einfuegen", "eingefuegt"},)),
    ("cut", ({"cut", "ausschneiden", "ausgeschnitten"},)),
    ("copy", ({"copy", "copied", "copying", "clipboard", "kopieren", "kopiert", "zwischenablage"},)),
    ("double_click", ({"double", "doppelt", "doppelter"}, _CLICK)),
    ("double_click", ({"doubleclick", "dblclick", "doubleclicked", "doppelklick", "doppelklicken"},)),
    ("right_click", ({"right", "context", "rechts", "rechte", "rechter"}, _CLICK)),
    ("right_click", ({"rightclick", "contextmenu", "rechtsklick", "rechtsklicken", "kontextmenue"},)),
    ("drag", ({"drag", "dragged", "dragging", "ziehen", "gezogen"},)),
    ("scroll", ({"scroll", "scrolled", "scrolling", "wheel", "scrollen", "gescrollt", "bildlauf", "mausrad"},)),
    ("shortcut", ({"hotkey", "hotkeys", "shortcut", "shortcuts", "tastenkombination", "tastenkuerzel"},)),
    ("shortcut", ({"keyboard"}, {"command"})),
    ("click", (_CLICK | {"leftclick", "mouseclick", "linksklick", "mausklick", "einfachklick"},)),
    ("navigate", ({"navigate", "navigated", "navigation", "navigates", "url", "visit", "visited", "browse", "navigieren",
                   "navigiert", "seitenaufruf", "seitenwechsel"},)),
    ("navigate", (_OPEN, _PAGE)),
    ("key", ({"press", "pressed", "send", "sent", "down", "up", "druecken", "gedrueckt"}, _KEY)),
    ("click", (_ACT, _CONTROL)),
    ("text_input", (_WRITE,)),
    ("text_input", ({"change", "changed", "set", "aendern", "geaendert", "aenderung"},
                    {"value", "field", "cell", "text", "wert", "feld", "zelle", "inhalt"})),
    ("window_title", ({"title", "titel", "fenstertitel"},)),
    ("window_focus", (_TURN, _PLACE)),
    ("window_focus", ({"fensterwechsel", "programmwechsel", "anwendungswechsel", "fensterfokus", "registerwechsel"},)),
    ("key", (_KEY,)),
    ("comment", ({"comment", "note", "annotation", "kommentar", "notiz", "anmerkung"},)),
    ("alive", ({"alive", "heartbeat"},)),
)  # fmt: skip
_ALONE = {"focus": "window_focus", "lock": "lock", "locked": "lock", "press": "click", "goto": "navigate",
          "fokus": "window_focus", "sperren": "lock", "gesperrt": "lock", "sperre": "lock", "entsperren": "unlock",
          "entsperrt": "unlock", "oeffnen": "navigate", "geoeffnet": "navigate", "bildschirmsperre": "lock"}  # fmt: skip
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def event_type_of(name: str | None) -> str:
    """Event type that the English or German words of a foreign event name tell; "other" where none does.

    >>> [event_type_of(name) for name in ("pasteIntoCell", "Left double click", "Text eingefügt", "getCell")]
    ['paste', 'double_click', 'paste', 'other']
    """
    words = split_words(fold(name or ""))
    if "_".join(words) in EVENT_TYPES:
        return "_".join(words)
    found = {*words}
    if len(found) == 1 and words[0] in _ALONE:
        return _ALONE[words[0]]
    return next((kind for kind, needs in _RULES if all(found & need for need in needs)), "other")


def split_words(name: str) -> list[str]:
    """Words of a name in lower case: camelCase, snake_case, digits and punctuation divide it.

    >>> split_words("goToURL_now")
    ['go', 'to', 'url', 'now']
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W\d_]+", " ", name)
    return spaced.lower().split()


def fold(text: str) -> str:
    """A text with German letters as they are written without them: one word, whatever the keyboard or the encoding.

    >>> fold("Schaltfläche gedrückt")
    'Schaltflaeche gedrueckt'
    """
    composed = unicodedata.normalize("NFC", text)
    shouted = re.sub(
        r"[ÄÖÜ](?=[A-ZÄÖÜ])|(?<=[A-ZÄÖÜ])[ÄÖÜ]", lambda letter: letter[0].lower().translate(_LETTERS).upper(), composed
    )
    return shouted.translate(_LETTERS)

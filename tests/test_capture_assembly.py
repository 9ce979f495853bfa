"""Signals to rows, without a display: bursts, clicks, copies, windows, and what may not be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskkit_capture.assembly import Assembly
from taskkit_capture.cleaning import Cleaning, strip_address
from taskkit_capture.settings import Settings
from taskkit_capture.sources import Element, Signal, Window, page_address

from taskkit.privacy import digest

KEY = b"k" * 32
EDITOR = Window(1, "editor", "Invoice 17 - Editor", (0, 0, 100, 100))
SHEET = Window(2, "sheet", "Amounts - Sheet", (100, 0, 100, 100))
BANK = Window(3, "browser", "My Bank account - Browser", (0, 100, 100, 100))


class Screen:
    """A desktop whose clipboard and windows the test sets."""

    def __init__(self) -> None:
        self.clipboard: str | None = None
        self.looked = 0
        self.asked: list[int] = []

    def window_at(self, x: int, y: int) -> Window | None:
        return next(
            (w for w in (EDITOR, SHEET, BANK) if w.box[0] <= x < w.box[0] + 100 and w.box[1] <= y < w.box[1] + 100),
            None,
        )

    def read_clipboard(self, **_: Any) -> str | None:
        self.looked += 1
        return self.clipboard

    def ask_element(self, ticket: int, x: int, y: int) -> None:
        self.asked.append(ticket)


class Room:
    """Feeds signals and collects what would be written."""

    def __init__(self, **changes: Any) -> None:
        given = {
            "folder": Path("log"),
            "key": KEY,
            "purpose": "p",
            "seen_by": "s",
            "deny": {"titles": ("*bank*",), "urls": ("*payroll.example*",)},
            "words": (),
        }
        self.settings = Settings(**{**given, **changes})
        self.cleaning = Cleaning(self.settings)
        self.screen = Screen()
        self.assembly = Assembly(self.settings, self.screen, self.cleaning.why_excluded)  # type: ignore[arg-type]

    def feed(self, *signals: tuple[float, str, Any]) -> Room:
        for at, kind, data in signals:
            self.assembly.feed(Signal(at, kind, data))
        return self

    def rows(self) -> list[dict[str, Any]]:
        drafts = self.assembly.take(1e9, everything=True)
        cleaned = [self.cleaning.clean(d.row, at=d.at, window=d.window, element=d.element) for d in drafts]
        return [row for row in cleaned if row is not None]

    def kinds(self) -> list[str]:
        return [row["event_type"] for row in self.rows()]


def click(at: float, x: int = 10, y: int = 10, button: str = "left") -> list[tuple[float, str, Any]]:
    return [(at, "press", (button, x, y)), (at + 0.05, "release", (button, x, y))]


def typed(at: float, text: str, step: float = 0.1) -> list[tuple[float, str, Any]]:
    return [(at + i * step, "type", char) for i, char in enumerate(text)]


# ------------------------------------------------------------------------------------------------------------- typing
def test_keys_in_a_row_are_one_burst_with_their_number_and_length():
    (_, row) = Room().feed((0, "window", EDITOR), *typed(1, "hello")).rows()
    assert (row["event_type"], row["input_count"], row["duration_ms"], row["app"]) == ("text_input", 5, 400, "editor")


def test_a_rest_begins_another_burst():
    assert Room().feed((0, "window", EDITOR), *typed(1, "ab"), *typed(9, "cd")).kinds() == [
        "window_focus",
        "text_input",
        "text_input",
    ]


def test_a_correction_belongs_to_the_burst_and_enter_ends_it():
    rows = Room().feed((0, "window", EDITOR), *typed(1, "ab"), (1.3, "key", "backspace"), (1.5, "key", "enter")).rows()
    assert [(r["event_type"], r.get("event_name"), r["input_count"]) for r in rows[1:]] == [
        ("text_input", None, 3), ("key", "enter", 1)]  # fmt: skip


def test_no_character_is_in_a_row_by_default():
    rows = Room().feed((0, "window", EDITOR), (0, "focus", Element("entry")), *typed(1, "zq")).rows()
    assert rows[1].get("value_digest") is None
    assert "zq" not in str(rows)


def test_typed_values_have_a_digest_where_the_profile_allows_and_the_field_is_known():
    room = Room(typed_digests=True).feed(
        (0, "window", EDITOR), (0, "focus", Element("entry")), *typed(1, "4711"), (5, "key", "tab")
    )
    assert room.rows()[1]["value_digest"] == digest("4711", key=KEY)


@pytest.mark.parametrize(
    "focus", [None, Element("password text", secret=True), Element("terminal"), Element("document web")]
)
def test_typed_values_have_none_in_a_password_field_or_where_nobody_knows(focus):
    rows = (
        Room(typed_digests=True)
        .feed((0, "window", EDITOR), (0, "focus", focus), *typed(1, "4711"), (5, "key", "tab"))
        .rows()
    )
    assert not [row for row in rows if row.get("value_digest")]


def test_a_password_field_that_is_told_late_still_excludes_its_burst():
    room = Room(typed_digests=True).feed((0, "window", EDITOR), (0, "focus", Element("entry")), *typed(1, "s3c"))
    rows = room.feed((1.5, "focus", Element("password text", secret=True)), (2, "key", "enter")).rows()
    assert [row["app"] for row in rows] == ["editor", "excluded"]
    assert "input_count" not in rows[1]


def test_typing_without_a_rest_is_cut_after_a_minute_and_no_key_is_lost():
    room, rows = Room().feed((0, "window", EDITOR)), []
    for n in range(1500):
        rows += room.feed((n / 10, "type", None)).assembly.take(n / 10)
    rows += room.assembly.take(150, everything=True)
    counts = [draft.row["input_count"] for draft in rows if draft.row["event_type"] == "text_input"]
    assert (sum(counts), len(counts)) == (1500, 3)


def test_what_is_typed_before_anybody_can_tell_the_field_has_no_digest():
    room = Room(typed_digests=True).feed((0, "window", EDITOR), (0, "focus", Element("entry")))
    room.feed(
        *typed(1, "s3cret", step=0.01), (1.1, "key", "enter"), (1.2, "focus", Element("password text", secret=True))
    )
    assert [row.get("value_digest") for row in room.rows()] == [None] * 3


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("window", EDITOR._replace(title="My Bank account")),
        ("focus", Element("entry", url="https://payroll.example/a")),
    ],
)
def test_typing_that_turns_out_to_be_in_a_denied_page_is_excluded(kind, data):
    room = Room(typed_digests=True).feed((0, "window", EDITOR), (0, "focus", Element("entry")), *typed(1, "4711"))
    rows = room.feed((1.5, kind, data), (2, "key", "enter")).rows()
    assert "text_input" not in [row["event_type"] for row in rows]
    assert "excluded" in [row["app"] for row in rows]
    assert not [row for row in rows if row.get("value_digest")]


def test_a_key_is_in_the_field_that_had_the_focus_even_if_that_is_told_late():
    secret = Element("password text", secret=True)
    rows = Room().feed((0, "window", EDITOR), (1, "key", "tab"), (1.1, "key", "enter"), (1.05, "focus", secret)).rows()
    assert [row["app"] for row in rows] == ["editor", "editor", "excluded"]


def test_a_repeated_key_is_one_row():
    rows = Room().feed((0, "window", EDITOR), *((1 + i / 10, "key", "down") for i in range(7))).rows()
    assert [(r["event_type"], r["input_count"]) for r in rows[1:]] == [("key", 7)]


# -------------------------------------------------------------------------------------------------------------- mouse
def test_a_click_is_in_the_window_under_it_and_says_where():
    row = Room().feed((0, "window", EDITOR), *click(1, 150, 25)).rows()[1]
    assert (row["event_type"], row["app"], row["x"], row["y"]) == ("click", "sheet", 0.5, 0.25)


def test_two_quick_clicks_are_a_double_click_and_two_slow_ones_are_not():
    assert Room().feed((0, "window", EDITOR), *click(1), *click(1.2)).kinds()[1:] == ["double_click"]
    assert Room().feed((0, "window", EDITOR), *click(1), *click(2)).kinds()[1:] == ["click", "click"]
    assert Room().feed((0, "window", EDITOR), *click(1), *click(1.2, 60)).kinds()[1:] == ["click", "click"]


def test_a_drag_has_its_length():
    rows = Room().feed((0, "window", EDITOR), (1, "press", ("left", 10, 10)), (1.5, "release", ("left", 60, 10))).rows()
    assert (rows[1]["event_type"], rows[1]["duration_ms"]) == ("drag", 500)


def test_a_lost_release_does_not_hold_up_what_follows():
    room = Room().feed((0, "window", EDITOR), (1, "press", ("left", 10, 10)), *click(5), (6, "key", "enter"))
    assert len(room.assembly.take(7.0)) == 4


def test_an_element_that_answers_in_time_is_in_the_row():
    room = Room().feed((0, "window", EDITOR), *click(1))
    row = room.feed((1.1, "element", (room.screen.asked[0], Element("push button", "Book", "b1")))).rows()[1]
    assert (row["element_role"], row["element_name"], row["element_id"]) == ("push button", "Book", "b1")


def test_scrolling_one_way_is_one_row():
    rows = (
        Room()
        .feed(
            (0, "window", EDITOR),
            *((1 + i / 10, "scroll", (5, 5, 0, -1)) for i in range(4)),
            (1.6, "scroll", (5, 5, 0, 1)),
        )
        .rows()
    )
    assert [(r["event_name"], r["input_count"]) for r in rows[1:]] == [("down", 4), ("up", 1)]


# ---------------------------------------------------------------------------------------------------------- clipboard
def test_a_copied_value_and_its_paste_have_the_same_digest_and_not_the_value():
    room = Room().feed((0, "window", EDITOR))
    room.screen.clipboard = "INV-104233"
    room.feed((1, "shortcut", "ctrl+c"), (1.01, "clipboard", None), (2, "window", SHEET), (3, "shortcut", "ctrl+v"))
    copy, paste = (row for row in room.rows() if row["event_type"] in ("copy", "paste"))
    assert copy["value_digest"] == paste["value_digest"] == digest("INV-104233", key=KEY)
    assert (copy["value_length"], copy["value_shape"], copy["value"], copy["app"]) == (10, "A-9", None, "editor")


def test_a_copy_without_anything_selected_is_only_a_shortcut():
    assert Room().feed((0, "window", EDITOR), (1, "shortcut", "ctrl+c"), (5, "key", "enter")).kinds()[1:] == [
        "shortcut",
        "key",
    ]


def test_a_copy_by_the_menu_is_seen():
    room = Room().feed((0, "window", EDITOR), *click(1))
    room.screen.clipboard = "x1"
    assert room.feed((1.3, "clipboard", None)).kinds()[1:] == ["click", "copy"]


def test_what_is_copied_in_a_denied_window_is_never_looked_at():
    room = Room().feed((0, "window", BANK))
    room.screen.clipboard = "secret"
    room.feed((1, "shortcut", "ctrl+c"), (1.01, "clipboard", None), (2, "window", EDITOR), (3, "shortcut", "ctrl+v"))
    rows = room.rows()
    assert room.screen.looked == 0
    assert rows[-1]["event_type"] == "paste"
    assert rows[-1].get("value_digest") is None


def test_what_is_copied_at_a_denied_address_is_never_looked_at():
    page = Element("document web", url="https://payroll.example/ada")
    room = Room().feed((0, "window", EDITOR), (0.5, "focus", page))
    room.feed((1, "shortcut", "ctrl+c"), (1.01, "clipboard", None), (2, "window", SHEET), (3, "shortcut", "ctrl+v"))
    assert room.screen.looked == 0


@pytest.mark.parametrize(
    "after",
    [
        [(2, "window", EDITOR), (2.1, "shortcut", "ctrl+s"), (2.2, "clipboard", None)],  # by a clipboard manager
        [(1.02, "window", EDITOR), (1.3, "clipboard", None)],  # late
    ],
)
def test_what_was_copied_in_a_denied_window_is_not_looked_at_in_the_next_either(after):
    room = Room().feed((0, "window", BANK), (1, "shortcut", "ctrl+c"))
    room.feed(*([(1.01, "clipboard", None)] if after[0][0] == 2 else []), *after, (3, "shortcut", "ctrl+v"))
    assert room.screen.looked == 0


def test_what_was_copied_in_a_denied_window_is_not_looked_at_after_a_pause_either():
    room = Room().feed((0, "window", BANK), (1, "shortcut", "ctrl+c"), (1.01, "clipboard", None), (2, "window", EDITOR))
    room.assembly.forget()
    room.assembly.show_window(5)
    room.feed((6, "shortcut", "ctrl+v"))
    assert room.screen.looked == 0


def test_what_was_copied_before_the_start_or_where_nobody_could_see_is_not_looked_at():
    room = Room().feed(
        (0, "window", EDITOR), (1, "shortcut", "ctrl+v"), (2, "window", "an elevated window is in front")
    )
    room.feed((3, "clipboard", None), (4, "window", EDITOR), (5, "shortcut", "ctrl+v"))
    assert room.screen.looked == 0


def test_a_new_copy_where_one_may_look_counts_again():
    room = Room().feed((0, "window", BANK), (1, "shortcut", "ctrl+c"), (1.01, "clipboard", None), (2, "window", EDITOR))
    room.screen.clipboard = "INV-1"
    rows = room.feed((3, "shortcut", "ctrl+c"), (3.01, "clipboard", None)).rows()
    assert rows[-1]["value_digest"] == digest("INV-1", key=KEY)


def test_no_element_is_asked_for_in_a_denied_window():
    assert Room().feed((0, "window", EDITOR), *click(1, 10, 110)).screen.asked == []


def test_full_keeps_values_after_redaction():
    room = Room(profile="full").feed((0, "window", EDITOR))
    room.screen.clipboard = "mail ada@example.org"
    assert room.feed((1, "shortcut", "ctrl+c"), (1.01, "clipboard", None)).rows()[1]["value"] == "mail [email]"


# ------------------------------------------------------------------------------------------------------------ windows
def test_a_new_title_is_a_row_and_running_titles_are_one():
    room = Room().feed(
        (0, "window", EDITOR), *((1 + i / 20, "window", EDITOR._replace(title=f"{i} %")) for i in range(6))
    )
    rows = room.rows()
    assert [(r["event_type"], r["window_title"]) for r in rows] == [
        ("window_focus", "Invoice 17 - Editor"),
        ("window_title", "5 %"),
    ]


def test_the_moment_between_two_windows_is_no_visit_of_the_desktop():
    quick = Room().feed((0, "window", EDITOR), (1, "window", None), (1.01, "window", SHEET)).rows()
    back = Room().feed((0, "window", EDITOR), (1, "window", None), (1.01, "window", EDITOR)).rows()
    slow = Room().feed((0, "window", EDITOR), (1, "window", None), (3, "key", "f5")).rows()
    assert [[row["app"] for row in rows] for rows in (quick, back, slow)] == [
        ["editor", "sheet"], ["editor"], ["editor", "desktop", "desktop"]]  # fmt: skip


def test_an_address_makes_a_new_title_a_navigation():
    page = Element("document web", url="https://erp.example.com/invoice/17?token=abc#x")
    room = Room().feed((0, "window", EDITOR), (1, "window", EDITOR._replace(title="Invoice")), (1.1, "focus", page))
    assert (room.rows()[1]["event_type"], page.url) == ("navigate", page.url)


def test_what_cannot_be_seen_is_a_blind_span_and_inputs_in_it_are_nobodys():
    room = Room().feed(
        (0, "window", EDITOR), (1, "window", "an elevated window is in front"), *typed(2, "abc"), (5, "window", SHEET)
    )
    assert room.kinds() == ["window_focus", "blind_start", "blind_end", "window_focus"]


@pytest.mark.parametrize(
    ("before", "during", "kinds"),
    [
        (EDITOR, "an elevated window is in front", ["window_focus", "blind_start"]),
        ("an elevated window is in front", EDITOR, ["blind_start", "blind_end", "window_focus", "key"]),
        (EDITOR, SHEET, ["window_focus", "window_focus", "key"]),
    ],
)
def test_what_came_in_front_during_a_pause_is_known_after_it(before, during, kinds):
    room = Room().feed((0, "window", before))
    room.assembly.follow(Signal(1, "window", during))
    room.assembly.show_window(2)
    assert room.feed((3, "key", "enter")).kinds() == kinds


def test_a_password_field_that_was_entered_during_a_pause_is_known_after_it():
    room = Room().feed((0, "window", EDITOR))
    room.assembly.follow(Signal(1, "focus", Element("password text", secret=True)))
    room.assembly.show_window(2)
    assert room.feed(*typed(3, "ab")).rows()[-1]["app"] == "excluded"


def test_a_browser_counts_as_private_until_the_platform_tells():
    page = Window(4, "browser", "Orders", (0, 0, 100, 100), private=True)
    told = Room().feed((0, "window", page), *typed(0.1, "ab"), (0.4, "window", page._replace(private=False))).rows()
    assert [(row["event_type"], row["app"]) for row in told] == [("window_focus", "browser"), ("text_input", "browser")]
    assert [row["app"] for row in Room().feed((0, "window", page), *typed(0.1, "ab")).rows()] == ["excluded"]


# ----------------------------------------------------------------------------------------------------------- cleaning
def test_a_denied_window_keeps_its_time_and_nothing_else():
    room = Room().feed((0, "window", BANK), *click(1, 10, 110), *typed(15, "ab"), (30, "window", EDITOR))
    rows = room.rows()
    assert [(r["event_type"], r["app"]) for r in rows] == [
        ("window_focus", "excluded"), ("other", "excluded"), ("window_focus", "editor")]  # fmt: skip
    assert "Bank" not in str(rows)
    assert {*rows[0]} == {"event_type", "app"}
    assert room.cleaning.counts["denied_rows"] == 3


def test_only_what_is_allowed_is_recorded_where_a_list_says_so():
    rows = Room(allow={"apps": ("editor",)}).feed((0, "window", EDITOR), (1, "window", SHEET)).rows()
    assert [r["app"] for r in rows] == ["editor", "excluded"]


@pytest.mark.parametrize("app", ["keepassxc", "1password", "lockapp"])
def test_programs_that_hold_secrets_are_always_excluded(app):
    assert Room().feed((0, "window", EDITOR._replace(app=app))).rows()[0]["app"] == "excluded"


def test_the_profile_counts_has_no_text_but_programs():
    rows = Room(profile="counts").feed((0, "window", EDITOR), *click(1)).rows()
    assert {name for row in rows for name, value in row.items() if value is not None} == {
        "event_type",
        "app",
        "input_count",
    }


def test_the_profile_categories_has_labels_or_nothing():
    room = Room(profile="categories", labels=(("invoice*", "Invoice"),)).feed(
        (0, "window", EDITOR), (1, "window", SHEET)
    )
    assert [row["window_title"] for row in room.rows()] == ["Invoice", None]


def test_titles_and_names_are_redacted_and_say_so():
    row = (
        Room(words=("adalove",))
        .feed((0, "window", EDITOR._replace(title="Mail to ada@example.org by AdaLove")))
        .rows()[0]
    )
    assert row["window_title"] == "Mail to [email] by [name]"
    assert row["redactions"] == ["email", "name"]


@pytest.mark.parametrize("lists", [{"deny": {"urls": ("https://mail.*",)}}, {"allow": {"urls": ("https://erp.*",)}}])
def test_where_addresses_matter_a_browser_without_one_is_excluded(lists):
    page = Window(5, "chromium", "Inbox of Jane - Chromium")
    before = Room(**{"deny": {}, **lists}).feed((0, "window", page)).rows()
    assert [row["app"] for row in before] == ["excluded"]
    erp = Element("document web", url="https://erp.example.com/x")
    known = Room(**{"deny": {}, **lists}).feed((0, "window", page), (0.1, "focus", erp))
    assert [row["app"] for row in known.rows()] == ["chromium"]
    known.feed((5, "window", page._replace(title="Secret mail")))
    assert [row["app"] for row in known.rows()] == ["excluded"]


def test_what_a_browser_draws_over_a_denied_page_does_not_hide_its_address():
    room = Room(deny={"urls": ("https://mail.*",)}).feed((0, "window", EDITOR._replace(app="chromium")))
    room.feed((0.1, "focus", Element("document web", url="https://mail.example.com/inbox")), *click(2))
    popup = Element("page tab", "Orders", url=page_address("chrome://tab-search.top-chrome/"))
    room.feed((2.1, "element", (room.screen.asked[0], popup))) if room.screen.asked else None
    room.feed((3, "focus", popup), *typed(4, "ab"))
    assert {row["app"] for row in room.rows()} == {"excluded"}
    assert page_address("https://erp.example.com") == "https://erp.example.com"


def test_what_is_only_allowed_by_address_excludes_other_programs():
    assert [r["app"] for r in Room(deny={}, allow={"urls": ("https://erp.*",)}).feed((0, "window", EDITOR)).rows()] == [
        "excluded"
    ]
    both = Room(deny={}, allow={"urls": ("https://erp.*",), "apps": ("editor", "chromium")}).feed((0, "window", EDITOR))
    assert [row["app"] for row in both.rows()] == ["editor"]


@pytest.mark.parametrize(
    ("role", "name", "kept"),
    [("push button", "Save", "Save"), ("static", "Dear Mr Huber, your diagnosis", None), ("table cell", "Huber", None),
     ("push button", "7", None), ("page tab", "My bank account", None)],
)  # fmt: skip
def test_names_of_what_is_operated_are_kept_and_content_is_not(role, name, kept):
    room = Room().feed((0, "window", EDITOR), *click(1))
    row = room.feed((1.1, "element", (room.screen.asked[0], Element(role, name, "id")))).rows()[1]
    assert (row["element_role"], row["element_name"]) == (role, kept)


@pytest.mark.parametrize(
    ("url", "kept"),
    [("https://u:p@erp.example.com/a/b?q=1#f", "https://erp.example.com/a/b"), ("file:///tmp/x.html?y", "file:"),
     ("data:text/html,secret", "data:"), ("about:blank", "about:blank"), (None, None)],
)  # fmt: skip
def test_addresses_lose_what_may_be_content(url, kept):
    assert strip_address(url) == kept


# ------------------------------------------------------------------------------------------------------------- always
def test_nothing_that_is_held_or_half_done_keeps_a_row_for_longer_than_a_minute():
    room = Room(typed_digests=True).feed(
        (0, "window", EDITOR), (1, "press", ("left", 10, 10)), *typed(2, "ab"), (3, "focus", None)
    )
    assert (room.assembly.next_due(), len(room.assembly.take(63)), room.assembly.next_due()) == (0, 3, None)


def test_what_a_source_tells_late_does_not_turn_the_time_back():
    rows = Room().feed((0, "window", EDITOR), (1, "key", "enter"), (0.9, "window", SHEET)).assembly.take(9)
    assert [(draft.row["event_type"], draft.at) for draft in rows] == [
        ("window_focus", 0),
        ("key", 1),
        ("window_focus", 1),
    ]


SIGNALS = st.one_of(
    st.tuples(st.just("press"), st.tuples(st.sampled_from(["left", "right"]), st.integers(0, 199), st.integers(0, 99))),
    st.tuples(
        st.just("release"), st.tuples(st.sampled_from(["left", "right"]), st.integers(0, 199), st.integers(0, 99))
    ),
    st.tuples(st.just("scroll"), st.tuples(st.just(5), st.just(5), st.just(0), st.sampled_from([-1, 1]))),
    st.tuples(st.just("type"), st.sampled_from(["a", None])),
    st.tuples(st.just("key"), st.sampled_from(["enter", "backspace", "down"])),
    st.tuples(st.just("shortcut"), st.sampled_from(["ctrl+c", "ctrl+v", "ctrl+s"])),
    st.tuples(st.just("window"), st.sampled_from([EDITOR, SHEET])),
    st.tuples(st.just("focus"), st.sampled_from([None, Element("entry"), Element("list")])),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0.001, 9), SIGNALS), max_size=40), st.booleans())
def test_every_input_is_counted_once_and_in_order(steps, in_parts):
    room, at, rows = Room(typed_digests=True), 0.0, []
    room.feed((0, "window", EDITOR))
    for wait, (kind, data) in steps:
        at += wait
        room.feed((at - 0.3 if kind in ("window", "focus") else at, kind, data))
        if in_parts:
            rows += room.assembly.take(at)
            assert room.assembly.next_due() is None or room.assembly.next_due() <= at + 60
    rows += room.assembly.take(at, everything=True)
    inputs = sum(kind in ("press", "scroll", "type", "key", "shortcut") for _, (kind, _) in steps)
    assert sum(d.row.get("input_count", 0) for d in rows) == inputs
    assert [d.at for d in rows] == sorted(d.at for d in rows)

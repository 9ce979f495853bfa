"""Keyboard and mouse of every platform, through pynput: callbacks only stamp and enqueue."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from taskkit_capture.sources import Put, Signal, now

_HELD = {
    "ctrl": "ctrl", "ctrl_l": "ctrl", "ctrl_r": "ctrl", "alt": "alt", "alt_l": "alt", "alt_r": "alt", "alt_gr": "alt_gr",
    "cmd": "cmd", "cmd_l": "cmd", "cmd_r": "cmd", "shift": "shift", "shift_l": "shift", "shift_r": "shift",
}  # fmt: skip
_SILENT = {"caps_lock", "num_lock", "scroll_lock"}
_STUCK = 10.0  # seconds after which a modifier counts as released: its release got lost (lock screen)
X11_PRESS, X11_RELEASE = 4, 5  # the X protocol's numbers of button events
_X11_KEYS = {0xFE20: "tab"}  # shift+tab has a symbol of its own that pynput does not name
_COPYING = {"insert", "delete"}  # shift with one of these pastes or cuts


class Inputs:
    """The listeners of mouse and keyboard. Characters leave this class only if they are asked for or part of a shortcut."""

    def __init__(self, put: Put, *, mouse: bool = True, keyboard: bool = True, characters: bool = False) -> None:
        self._put, self._characters = put, characters
        self._held: dict[str, float] = {}
        self._listeners: list[Any] = []
        self._mouse, self._keyboard = mouse, keyboard

    def start(self, *, timeout: float = 5.0) -> None:
        """Begin to listen; returns when both listeners do, or have died."""
        from pynput import keyboard, mouse  # needs a display: not at import

        if self._mouse:
            listen = mouse.Listener
            if (
                sys.platform == "linux"
            ):  # pynput asks for the numbers of masks, and so for every move of the mouse as well
                listen = type("Buttons", (mouse.Listener,), {"_EVENTS": (X11_PRESS, X11_RELEASE)})
            self._listeners.append(listen(on_click=self._safely(self._click), on_scroll=self._safely(self._scroll)))
        if self._keyboard:
            self._listeners.append(
                keyboard.Listener(on_press=self._safely(self._press), on_release=self._safely(self._release))
            )
        for listener in self._listeners:
            listener.daemon = True  # on X11 a listener ends only with one more event: never wait for it
            listener.start()
        end = now() + timeout
        while now() < end and self.alive() and not all(listener.running for listener in self._listeners):
            threading.Event().wait(0.01)
        threading.Event().wait(0.1)  # `running` is set a moment before the X server reports the first event

    def stop(self) -> None:
        """Stop listening, without waiting for the event that X11 listeners need to notice it."""
        for listener in self._listeners:
            if listener.is_alive():
                with suppress(Exception):  # a display that is gone cannot be told to stop
                    listener.stop()

    def alive(self) -> bool:
        """Whether every listener still runs; `running` alone stays true after the X server died."""
        return all(listener.is_alive() for listener in self._listeners)

    def forget_modifiers(self) -> None:
        """Take every modifier as released: after a lock its release was not seen."""
        self._held.clear()

    def _safely(self, handle: Callable[..., None]) -> Callable[..., None]:
        """An exception in a callback would end the listener in silence: it becomes a trouble that ends the session loudly."""

        def callback(*given: Any) -> None:
            try:
                handle(*given)
            except Exception as error:  # noqa: BLE001 (the boundary to pynput)
                self._put(Signal(now(), "trouble", f"A {type(error).__name__} while reading an input: {error}"))

        return callback

    def _click(self, x: float, y: float, button: Any, pressed: bool, *_: Any) -> None:
        self._put(Signal(now(), "press" if pressed else "release", (button.name, int(x), int(y))))

    def _scroll(self, x: float, y: float, dx: float, dy: float, *_: Any) -> None:
        self._put(Signal(now(), "scroll", (int(x), int(y), dx, dy)))

    def _release(self, key: Any, *_: Any) -> None:
        self._held.pop(_HELD.get(getattr(key, "name", ""), ""), None)

    def _press(self, key: Any, *_: Any) -> None:
        at, name = now(), getattr(key, "name", None)  # only special keys have a name
        if name in _HELD:
            self._held[_HELD[name]] = at
            return
        if name in _SILENT:
            return
        held = [m for m in ("ctrl", "alt", "cmd", "shift") if at - self._held.get(m, -_STUCK) < _STUCK]
        strong = [m for m in held if m != "shift"]
        if "alt_gr" in self._held or (sys.platform == "darwin" and strong == ["alt"]):
            strong = []  # these type a character; AltGr is reported as ctrl and alt on Windows
        char = getattr(key, "char", None)
        if char is None and sys.platform == "linux":
            name = name or _X11_KEYS.get(getattr(key, "vk", 0))
        if strong or (held == ["shift"] and name in _COPYING):
            self._put(Signal(at, "shortcut", "+".join([*held, name or _letter(char)])))
        elif name is None or name == "space":
            said = " " if name == "space" else None if getattr(key, "is_dead", False) else char
            self._put(Signal(at, "type", said if self._characters else None))
        else:
            self._put(Signal(at, "key", "shift+tab" if held and name == "tab" else name))


def _letter(char: str | None) -> str:
    """The letter of a shortcut: Windows reports ctrl+c as a control character."""
    if not char:
        return "key"
    return chr(ord(char) + 96) if ord(char) < 27 else char.lower()

"""What a running notebook shows while it works and when something is wrong: a bar that goes away, one readable box."""

from __future__ import annotations

import html
import os
import threading
import traceback
from typing import Any

from taskkit.errors import TaskkitError
from taskkit.widgets.displays import STYLE, is_static

PATIENCE_SECONDS = 1.0  # what is done sooner needs no bar
_BAR = """<style>
.tk-working { font:14px/1.5 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif; max-width:32rem; margin:.3rem 0 }
.tk-working progress { width:100%; height:.6rem; accent-color:#0072b2 }
</style>"""


def explain_errors() -> None:
    """Show taskkit's errors as one readable box in place of a traceback; any other error keeps its own.

    In a room without code every error is such a box. While pages are made nothing is changed: the run stops and says where.
    """
    shell = _shell()
    if shell is None or is_static():
        return
    kinds = (Exception,) if in_room() else (TaskkitError,)
    shell.set_custom_exc(kinds, _show_error)


def show_working() -> None:
    """Show a bar under every cell that takes longer than a second; it goes when the cell is done."""
    shell = _shell()
    if shell is None or is_static() or any(isinstance(f, _Bar) for f in _hooked(shell)):
        return
    bar = _Bar(shell)
    shell.events.register("pre_run_cell", bar.start)
    shell.events.register("post_run_cell", bar.stop)
    bar.start()  # for the cell that calls this


def show_progress(stage: str, done: float, total: float) -> None:
    """Say in the bar of the running cell how far a long computation is: `tk.mine(..., progress=show_progress)`.

    Parameters
    ----------
    stage : what is being done, in words.
    done, total : how much of it; nothing is shown outside a running notebook.
    """
    if _Bar.current is not None:
        _Bar.current.say(stage, done, total)


def in_room() -> bool:
    """Whether this kernel stands behind a room without code (Voilà)."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def error_box(error: BaseException) -> str:
    """An error as one box: the message, and each further line of it as a line of its own.

    >>> "There is no log" in error_box(TaskkitError("There is no log at no/such/log."))
    True
    """
    known = isinstance(error, TaskkitError)
    text = str(error) if known else f"{type(error).__name__}: {error}"
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [type(error).__name__]
    further = "".join(f"<li>{html.escape(line)}</li>" for line in lines[1:])
    ask = "" if known else "<p>Open the notebook in JupyterLab (taskkit lab) to see where it happened.</p>"
    return (
        f'<div class="tk-card tk-problem" role="alert"><p><b>This cell stopped.</b> {html.escape(lines[0])}</p>'
        f"{f'<ul>{further}</ul>' if further else ''}{ask}</div>"
    )


def _show_error(shell: Any, kind: type[BaseException], error: BaseException, trace: Any, **_: Any) -> list[str]:
    from IPython.display import display

    global _stopped
    if in_room() and _stopped:
        return []
    _stopped = True
    display({"text/html": STYLE + error_box(error), "text/plain": str(error)}, raw=True)  # type: ignore[no-untyped-call]
    # `%tb` shows it to who wants to know more
    return traceback.format_exception(kind, error, trace)


_stopped = False


class _Bar:
    """The bar of the running cell. It is sent from a thread, because the kernel itself is busy."""

    current: _Bar | None = None

    def __init__(self, shell: Any) -> None:
        self.shell, self.lock = shell, threading.Lock()
        self.timer: threading.Timer | None = None
        self.parent: dict[str, Any] = {}
        self.shown, self.number = False, 0
        _Bar.current = self

    def start(self, _: Any = None) -> None:
        """A cell begins: a bar comes if it takes long."""
        with self.lock:
            self.number, self.shown = self.number + 1, False
            self.parent = dict(self.shell.display_pub.parent_header)
            self.timer = threading.Timer(PATIENCE_SECONDS, self._appear, (self.number,))
            self.timer.daemon = True
            self.timer.start()

    def stop(self, _: Any = None) -> None:
        """The cell is done: the bar goes."""
        with self.lock:
            if self.timer is not None:
                self.timer.cancel()
            if self.shown:
                self._send("")
            self.number, self.shown = self.number + 1, False

    def say(self, stage: str, done: float, total: float) -> None:
        """Show how far it is."""
        with self.lock:
            part = f' value="{done}" max="{total}"' if total else ""
            self._send(_markup(stage, part))

    def _appear(self, number: int) -> None:
        with self.lock:
            if number == self.number and not self.shown:
                self._send(_markup("Working …", ""))

    def _send(self, markup: str) -> None:
        publisher = self.shell.display_pub
        content = {
            "data": {"text/html": markup, "text/plain": ""}, "metadata": {},
            "transient": {"display_id": f"taskkit-bar-{os.getpid()}-{self.number}"},
        }  # fmt: skip
        kind = "update_display_data" if self.shown else "display_data"
        publisher.session.send(publisher.pub_socket, kind, content, parent=self.parent, ident=publisher.topic)
        self.shown = True


def _markup(words: str, part: str) -> str:
    said = html.escape(words)
    return f'{_BAR}<div class="tk-working" role="status">{said}<progress aria-label="{said}"{part}></progress></div>'


def _shell() -> Any:
    """The shell of a running kernel, if this is one."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return shell if shell is not None and getattr(shell, "kernel", None) is not None else None


def _hooked(shell: Any) -> list[Any]:
    return [getattr(hook, "__self__", None) for hook in shell.events.callbacks["pre_run_cell"]]

"""Every notebook in the room without code: opened in Voilà, every control operated with mouse and keyboard, as in JupyterLab."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.browser_lab import make_project, open_room, serve_room
from tests.test_browser_widgets import GUIDED, operate_all


@pytest.fixture(scope="module")
def room(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The room on a project of the sample with kept results; `room.project` is the project."""
    root = tmp_path_factory.mktemp("room") / "ap"
    project = make_project(root, tmp_path_factory)
    with serve_room(root) as room:
        room.project = project
        yield room


@pytest.mark.parametrize("name", GUIDED)
def test_every_control_of_a_notebook_changes_what_is_seen(
    window: SimpleNamespace, room: SimpleNamespace, name: str
) -> None:
    open_room(window, room, name)
    operate_all(window, room.project)
    window.page.goto(room.address)  # a page that is left ends its kernel
    assert [url for url in window.requests if not re.match(rf"(data|blob):|{room.address}/", url)] == []
    assert window.errors == []

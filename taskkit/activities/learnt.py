"""What the names of a log rest on, apart from the log: learnt once from a part of it, applied to the rest and to others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from taskkit.activities.templates import Templates


class Learnt(NamedTuple):
    """Templates of each application's objects and screens, and the forms of short codes that are numbers.

    Two logs that are named by the same templates have the same names for the same work, whichever texts occur in them.
    """

    objects: Mapping[str | None, Templates]
    screens: Mapping[str | None, Templates]
    counted: tuple[frozenset[str], frozenset[str]]  # in titles and in names of elements

    def to_json(self) -> str:
        """The same text for the same templates.

        >>> Learnt({}, {}, (frozenset("T"), frozenset())).to_json()
        '{"counted": [["T"], []], "objects": [], "screens": []}'
        """
        said: dict[str, Any] = {"counted": [sorted(forms) for forms in self.counted]}
        for name in ("objects", "screens"):
            templates: Mapping[str | None, Templates] = getattr(self, name)
            said[name] = [[app, templates[app].as_lists()] for app in sorted(templates, key=lambda app: app or "")]
        return json.dumps(said, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Learnt:
        """What `to_json` wrote."""
        said = json.loads(text)
        objects, screens = (
            {app: Templates.from_lists(given) for app, given in said[name]} for name in ("objects", "screens")
        )
        return cls(objects, screens, (frozenset(said["counted"][0]), frozenset(said["counted"][1])))

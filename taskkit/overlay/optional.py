"""pm4py is optional: one place that imports it, quietly, or says how to get it."""

from __future__ import annotations

import os
import warnings
from types import ModuleType

from taskkit.errors import MissingExtraError


def import_pm4py(*, needed_for: str = "This") -> ModuleType:
    """Import pm4py without its progress bars and the warnings of the packages that it imports.

    Only process discovery and replay need it. Reading process logs, attribution, the effort inside steps, their pictures
    and the exports do not.

    Parameters
    ----------
    needed_for : what cannot be done without it, as the beginning of a sentence ("A BPMN model").

    Returns
    -------
    The module.

    Raises
    ------
    MissingExtraError : pm4py, or a package that it needs, is not installed.

    >>> import_pm4py().__name__
    'pm4py'
    """
    os.environ.setdefault("PM4PY_SHOW_PROGRESS_BAR", "False")  # read once, when it is imported
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pm4py
            from pm4py.util import constants
    except ImportError as error:
        absent = "pm4py" if error.name in (None, "pm4py") else f"pm4py, which needs {error.name}"
        raise MissingExtraError(
            f"{needed_for} needs {absent}: it is not installed. Install it with: pip install 'taskkit[lab]'. Everything "
            "else about cases and steps works without it."
        ) from error
    constants.SHOW_PROGRESS_BAR = False
    module: ModuleType = pm4py
    return module

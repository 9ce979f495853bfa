"""Feasibility: one number from several criteria, by a weighted geometric mean in which one zero kills it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from taskkit.automation.criteria import CRITERIA
from taskkit.errors import SettingError, check_choice

Numbers = npt.NDArray[np.float64]

# shares whose zero (or one, where low is good) really stops a robot; exceptions are part of standardisation already
WEIGHTS: dict[str, float] = {
    "standardisation": 1.0,
    "determinism": 1.0,
    "decisions_foretold": 1.0,
    "stable_element_share": 1.0,
    "structured_input_share": 0.5,
    "judgement_share": 1.0,
}


def combine_criteria(values: Mapping[str, Numbers], weights: Mapping[str, float]) -> Numbers:
    """Weighted geometric mean Π s^(w / Σ w) of what is known; NaN if nothing is.

    >>> values = {"standardisation": np.array([0.25, 0.25, 0.0]), "judgement_share": np.array([0.0, np.nan, 0.5])}
    >>> combine_criteria(values, {"standardisation": 1.0, "judgement_share": 1.0}).tolist()
    [0.5, 0.25, 0.0]
    """
    used = [name for name in weights if weights[name] > 0 and name in values]
    parts = np.stack([suitability(name, values[name]) for name in used])
    weight = np.array([weights[name] for name in used])[:, None] * ~np.isnan(parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(weight > 0, np.log(np.nan_to_num(parts)) * weight, 0.0).sum(axis=0)
        mean: Numbers = np.exp(logs / weight.sum(axis=0))
    mean[weight.sum(axis=0) == 0] = np.nan
    return mean


def suitability(name: str, value: Numbers) -> Numbers:
    """A share turned so that 1 suits automation, kept within 0 and 1."""
    turned: Numbers = np.clip(1 - value if CRITERIA[name].better == "low" else value, 0.0, 1.0)
    return turned


def read_weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    """The usual weights with those that are given; any criterion that is a share and has a good end may be weighed.

    >>> read_weights({"determinism": 3})["determinism"]
    3.0
    """
    given = dict(weights or {})
    allowed = [name for name, one in CRITERIA.items() if one.unit == "share" and one.better]
    for name in given:
        check_choice(name, allowed=allowed, what="criterion to weigh")
    out = WEIGHTS | {name: float(value) for name, value in given.items()}
    wrong = {name: value for name, value in out.items() if not 0 <= value < float("inf")}
    if wrong or not any(out.values()):
        said = ", ".join(f"{name}={value}" for name, value in wrong.items()) or "every weight is 0"
        raise SettingError(f"These weights cannot be: {said}. Allowed: 0 or more for each, and at least one above 0.")
    return out

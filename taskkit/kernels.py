"""Importing this readies compiled loops: what the first of them brings with it takes most of a second, and no thread is begun."""

from __future__ import annotations

import numba


@numba.njit(cache=True)
def _nothing():
    return 0


_nothing()

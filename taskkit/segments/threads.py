"""What does not wait for one another, side by side: the compiled loops let go of the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import polars as pl

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The result for each item, in their order; as many at once as polars may use threads.

    >>> in_threads(abs, [-1, 2])
    [1, 2]
    """
    listed = list(items)
    threads = min(pl.thread_pool_size(), len(listed))  # a worker beside others has one
    if threads < 2:
        return [function(item) for item in listed]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, listed))


def in_turn(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Each item with its result, in their order; some are worked on ahead, in vain where the loop is left.

    >>> next(in_turn(abs, [-1, 2]))
    (-1, 1)
    """
    rest = iter(items)
    while some := list(islice(rest, pl.thread_pool_size())):
        yield from zip(some, in_threads(function, some), strict=True)

"""Long walks in short steps, so that a question over a whole ledger delays nobody else."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from heapq import merge
from typing import Final, TypeVar

STEP_S: Final = 0.005
_RUN: Final = 10_000  # names sorted at a time; about 3 ms
T = TypeVar("T")


async def slowly(items: Iterable[T]) -> AsyncIterator[T]:
    """The items, and a turn for everybody else whenever the work on them took long enough."""
    since = time.perf_counter()
    for item in items:
        if time.perf_counter() - since > STEP_S:
            await asyncio.sleep(0)
            since = time.perf_counter()
        yield item


async def in_order(names: Iterable[str], start: str) -> Iterator[str]:
    """The names in their order, from `start` on."""
    found = list(names)
    runs = []
    for index in range(0, len(found), _RUN):
        runs.append(sorted(name for name in found[index : index + _RUN] if name >= start))
        await asyncio.sleep(0)
    return merge(*runs)

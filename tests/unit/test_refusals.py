"""Whoever reads what was refused keeps nobody waiting."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from fleetmon.model.topics import Topics
from fleetmon.readout import Readout, slices
from fleetmon.store import QuarantineRow

ROWS = [
    QuarantineRow(number, 1, "pos/v1/terminal/t/device", "field", "at: must be", 10, '{"at":"x"}')
    for number in range(100, 0, -1)
]


async def asked() -> tuple[int, int]:
    """How many rows were answered, and how often others had a turn."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def ask(question: Any) -> Any:
        return question()

    daemon: Any = SimpleNamespace(
        engine=SimpleNamespace(fleet=SimpleNamespace(census=SimpleNamespace(counts={}))),
        store=SimpleNamespace(quarantine=lambda most, before: ROWS[:most] if before is None else []),
        topics=Topics(),
        _ask=ask,
    )
    beside = asyncio.create_task(others())
    with patch.object(slices, "STEP_S", 0):
        found = await Readout.quarantine(daemon, None, None, None, 100)
    beside.cancel()
    return len(found), turns


def test_a_page_of_refused_messages_is_made_in_short_steps() -> None:
    rows, turns = asyncio.run(asked())
    assert rows == len(ROWS)
    assert turns >= rows / 2

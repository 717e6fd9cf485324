"""Fleets whose nights are reported."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .night import Make, Night, fleet


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Make]:
    """A fleet whose reports can be read."""
    made: list[Night] = []

    def make(hours: tuple[str, ...] = (), merchant: str = "Noodle {number}") -> Night:
        made.append(Night(tmp_path, fleet(hours=hours, merchant=merchant)))
        made[-1].accustom()
        return made[-1]

    yield make
    for one in made:
        assert one.store.close()

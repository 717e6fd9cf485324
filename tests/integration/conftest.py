"""The databases, each with a real server: whatever asks for `settings`, `store` or `sql` is tried on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetmon.store import Store, StoreSettings

from .databases import Ask, asking


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    """A database that nobody has used yet."""
    if request.param == "sqlite":
        return StoreSettings(f"sqlite:///{tmp_path}/fleetmon.db")
    return StoreSettings(request.getfixturevalue("postgresql").database())


@pytest.fixture
def store(settings: StoreSettings) -> Iterator[Store]:
    """Open, and closed at the end without anything left to write."""
    opened = Store(settings)
    yield opened
    assert opened.close()


@pytest.fixture
def sql(settings: StoreSettings, store: Store) -> Iterator[Ask]:
    """Ask or change the database from beside."""
    assert store.failing is None
    yield from asking(settings)

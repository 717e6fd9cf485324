"""The databases, each with a real server: whatever asks for `settings`, `store` or `sql` is tried on both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.registry import Registry
from fleetmon.store import Store, StoreSettings

from .databases import Ask, asking
from .site import Site, of_two


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


@pytest.fixture
async def site(settings: StoreSettings, sample_registry: Registry, mosquitto: Any, running_daemon: Any) -> Site:
    """A daemon on the sample's fleet, on which two providers plan."""
    made = Site(of_two(sample_registry), settings, mosquitto.port, running_daemon)
    await made.start()
    return made


@pytest.fixture
async def running(start: Any, mosquitto: Any) -> Any:
    """A daemon on the sample's fleet."""
    one = start(mqtt=MqttSettings(port=mosquitto.port))
    await one.until_ready()
    return one

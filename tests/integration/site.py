"""Where work is planned: a daemon with people who may and people who may not, over restarts."""

import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from msgspec.structs import replace

from fleetmon.app import Daemon
from fleetmon.config import Config, Loaded
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.registry import Provider, Registry
from fleetmon.planning import zones
from fleetmon.planning.settings import GuardSettings, PlanningSettings
from fleetmon.store import StoreSettings
from fleetmon.web.access import Role, Token, Tokens
from fleetmon.web.settings import WebSettings

OPEN = GuardSettings(cutoff_before_s=0, cutoff_after_s=0)
SECRET = "s" * 40
NAMES: dict[str, tuple[Role, str | None]] = {
    "viewer": ("viewer", None), "li": ("operator", None), "wang": ("operator", None), "second": ("operator", "field-2"),
}  # fmt: skip
TOKENS = Tokens(
    [
        Token(name, hashlib.sha256(f"{name}.secret".encode()).hexdigest(), role, provider)
        for name, (role, provider) in NAMES.items()
    ]
)
Call = Callable[..., Awaitable[tuple[int, Any, Any]]]


def of_two(registry: Registry) -> Registry:
    """The sample's fleet, but the two terminals of the books shop are another provider's."""
    terminals = [replace(row, provider="field-2") if row.merchant == "books" else row for row in registry.terminals]
    return replace(registry, terminals=terminals, providers=[*registry.providers, Provider("field-2")])


class Site:
    """Daemons on one store, one after the other."""

    def __init__(self, registry: Registry, store: StoreSettings, port: int, begin: Callable[[Daemon], Any]) -> None:
        self.registry = registry
        self.store = store
        self.port = port
        self.planning = PlanningSettings(guards=OPEN)
        self.urls: dict[str, str] = {}
        self.begin = begin
        self.running: Any = None

    def loaded(self) -> Loaded:
        config = Config(
            registry="", mqtt=MqttSettings(port=self.port), store=self.store, web=WebSettings(port=0),
            planning=self.planning,
        )  # fmt: skip
        return Loaded(config, self.registry, None, tokens=TOKENS, feed_secret=SECRET.encode(), calendar_urls=self.urls)

    async def start(self) -> None:
        self.running = self.begin(Daemon(self.loaded(), reread=self.loaded))
        await self.running.until_ready()

    async def restart(self) -> None:
        await self.running.stop()
        await self.start()

    async def call(self, method: str, path: str, body: Any = None, who: str | None = "li", **headers: str) -> Any:
        """Status, JSON or text, headers."""
        if who is not None:
            headers["Authorization"] = f"Bearer {who}.secret"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.running.daemon.port}{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url, json=body, headers=headers) as got:
            text = await got.text()
            kind = got.headers.get("content-type", "")
            return got.status, json.loads(text) if "json" in kind else text, got.headers

    async def windows(self, path: str = "", who: str = "li") -> list[Any]:
        status, body, _ = await self.call("GET", f"/api/v1/windows{path}", who=who)
        assert status == 200, body
        found: list[Any] = body["windows"]
        return found

    def covered(self, terminal: str) -> str | None:
        """The window in force for a terminal, in the core."""
        engine = self.running.daemon.engine
        cover = engine.correlator.works.windows.cover(engine.fleet.terminals[terminal], time.time_ns() // 1_000_000)
        return None if cover is None else str(cover.window)


def local(minutes: float, zone: str = "UTC") -> str:
    """A time on the wall, so many minutes from now."""
    found = zones.find(zone)
    assert found is not None
    return zones.written(round(time.time() * 1000 + minutes * 60_000) // 1000 * 1000, found)


def schedule(begin: float, end: float, **fields: Any) -> dict[str, Any]:
    return {
        "starts": local(begin), "ends": local(end), "zone": "UTC", "selector": {"site": "noodle-shop"},
        "reason": "Umbau", **fields,
    }  # fmt: skip


async def planned(site: Site, *times: float, who: str = "li", **fields: Any) -> dict[str, Any]:
    status, body, _ = await site.call("POST", "/api/v1/windows", schedule(*times, **fields), who=who)
    assert status == 201, body
    found: dict[str, Any] = body
    return found


def event(uid: str, begin: float, end: float, *lines: str) -> str:
    times = [f"{name}:{_utc(minutes)}" for name, minutes in (("DTSTART", begin), ("DTEND", end))]
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", *times, *lines, "END:VEVENT"])


def _utc(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M00Z")


def calendar(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//", *events, "END:VCALENDAR", ""])

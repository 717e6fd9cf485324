"""Direct notices from the daemon to a receiver on a real socket: once each, whatever dies or is away meanwhile."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp.web
import pytest

from fleetmon.ingest.settings import MqttSettings
from fleetmon.sinks.notices import RouteSettings

Say = Callable[..., Awaitable[None]]
TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
CLEAR = {**TAMPER, "seq": 2, "action": "clear"}


class Receiver:
    """A webhook: what it was told, in order. While it is `away` it refuses everything."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.refused = 0
        self.away = False

    async def hear(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        said = await request.json()
        if self.away:
            self.refused += 1
            return aiohttp.web.Response(status=503)
        self.heard.append(said)
        return aiohttp.web.Response()

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.heard]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    application = aiohttp.web.Application()
    application.router.add_post("/{key}", found.hear)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"json://127.0.0.1:{runner.addresses[0][1]}/s3cr3t-k3y"
    yield found
    await runner.cleanup()


async def test_one_message_a_page_and_one_at_its_end(start: Any, mosquitto: Any, say: Say, receiver: Receiver) -> None:
    running = start(
        mqtt=MqttSettings(port=mosquitto.port),
        notices=[RouteSettings("hook", language="en")],
        notice_urls={"hook": receiver.url},
    )
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await running.until(lambda: receiver.heard, "the page")
    await say(mosquitto.port, "terminal/noodle-1/device", CLEAR)
    print(receiver.heard, running.transitions)

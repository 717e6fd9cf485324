"""The demo's composition: a private broker, a simulated fleet and the daemon, in one process.

Without mosquitto the fleet hands its messages straight to the daemon's batch entry. Everything lives in
a temporary folder and ends with the demo.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from fleetmon.app import Daemon
from fleetmon.config import Config, Loaded
from fleetmon.demo import servers
from fleetmon.demo.story import Story
from fleetmon.ingest.intake import Publication
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.registry import Registry
from fleetmon.sim import scenario
from fleetmon.sim.link import DirectLink, LinkFactory, MqttLink
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.simulator import Simulator
from fleetmon.sim.synthesis import synthesise
from fleetmon.sinks.alertmanager import AlertmanagerSettings
from fleetmon.store import StoreSettings
from fleetmon.web.settings import WebSettings

TERMINALS: Final = 100
INTERVAL_S: Final = 2
A_DAY_S: Final = 86_400.0


async def demo(deploy: Path | None, say: Callable[[str], None], *, once: bool) -> None:
    """Run until cancelled; with `once`, until the story is told. Raises ConfigError for what is missing.

    `deploy` is the folder with the configurations of Prometheus and Alertmanager; None leaves them out.
    """
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleetmon-demo-")))
        broker = await stack.enter_async_context(servers.broker(folder))
        web_port = servers.free_port(9877)
        more = {}
        if deploy is not None:
            more = await stack.enter_async_context(servers.monitoring(deploy, web_port, folder))
        registry, story = synthesise(TERMINALS, interval_s=INTERVAL_S), Story(say)
        loaded = Loaded(_config(folder, broker, web_port, more), registry, None)
        daemon = Daemon(loaded, subscribe=broker is not None, on_transition=story.on_transition)
        simulator = _simulator(registry, daemon, broker, story)
        story.open(broker, f"http://127.0.0.1:{web_port}", more)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(daemon.run()), tasks.create_task(simulator.run())]
            if once:
                await story.over.wait()
                for task in reversed(running):
                    task.cancel()


def _config(folder: Path, broker: int | None, web_port: int, more: dict[str, str]) -> Config:
    urls = [url for name, url in more.items() if name == "Alertmanager"]
    return Config(
        registry="",
        mqtt=MqttSettings(host="127.0.0.1", port=broker or 1883),
        store=StoreSettings(f"sqlite:///{folder}/fleetmon.db"),
        web=WebSettings(port=web_port),
        alertmanager=AlertmanagerSettings(urls=urls, resend_s=15.0),
    )


def _simulator(registry: Registry, daemon: Daemon, broker: int | None, story: Story) -> Simulator:
    settings = SimSettings(host="127.0.0.1", port=broker or 1883, sales_per_hour=120)
    tale = replace(scenario.shipped("carrier-outage"), duration_s=A_DAY_S)  # the fleet lives on after the story

    def direct(_client: str, _lost: Callable[[], None]) -> DirectLink:
        return DirectLink(lambda batch: daemon.accept([Publication(*one) for one in batch]))

    links: LinkFactory = direct if broker is None else partial(MqttLink, settings)
    return Simulator(registry, tale, settings, links, on_progress=story.on_progress)

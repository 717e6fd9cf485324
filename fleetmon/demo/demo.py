"""The demo's composition: a private broker, a simulated fleet and the daemon, in one process.

Without mosquitto the fleet hands its messages straight to the daemon's batch entry. Everything lives in
a temporary folder and ends with the demo.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from fleetmon.app import Daemon
from fleetmon.config import Config, Loaded
from fleetmon.demo import servers
from fleetmon.demo.payday import paid_today
from fleetmon.demo.story import Story
from fleetmon.engine import Engine
from fleetmon.ingest.intake import Publication
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.registry import Registry
from fleetmon.model.standing import Wait
from fleetmon.readout.enquiry.telling import Telling
from fleetmon.readout.situations import Situations
from fleetmon.sim import scenario
from fleetmon.sim.link import DirectLink, LinkFactory, MqttLink
from fleetmon.sim.scenario import Scenario
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.simulator import Simulator
from fleetmon.sim.synthesis import synthesise
from fleetmon.sinks.alertmanager import AlertmanagerSettings
from fleetmon.store import StoreSettings
from fleetmon.web.explanations import ToldExplanationView
from fleetmon.web.settings import WebSettings
from fleetmon.working_days import working_days

TERMINALS: Final = 100
INTERVAL_S: Final = 2
A_DAY_S: Final = 86_400.0
OUTAGE_S: Final = 75.0
PAID_AFTER_S: Final = 60.0  # from the beginning of the outage: what waits until its end has waited a minute then


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
        tale = the_tale()
        registry = the_fleet(tale, time.time_ns() // 1_000_000)
        story = Story(say, lambda: held_up(daemon.engine), lambda incident: Situations(daemon.engine).of(incident))
        loaded = Loaded(_config(folder, broker, web_port, more), registry, None, days=working_days(registry.calendar))
        daemon = Daemon(loaded, subscribe=broker is not None, on_transition=story.on_transition)
        settings = SimSettings(host="127.0.0.1", port=broker or 1883, sales_per_hour=120)
        links = _links(daemon, broker, settings)
        simulator = Simulator(registry, tale, settings, links, on_progress=story.on_progress)
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


def the_tale() -> Scenario:
    """The carrier's outage, long enough for a sale to miss the payout; the fleet lives on after it."""
    tale = scenario.shipped("carrier-outage")
    return replace(tale, duration_s=A_DAY_S, steps=tuple(replace(step, for_s=OUTAGE_S) for step in tale.steps))


def _links(daemon: Daemon, broker: int | None, settings: SimSettings) -> LinkFactory:
    def direct(_client: str, _lost: Callable[[], None]) -> DirectLink:
        return DirectLink(lambda batch: daemon.accept([Publication(*one) for one in batch]))

    return direct if broker is None else partial(MqttLink, settings)


def the_fleet(tale: Scenario, start: int) -> Registry:
    """Those whom it strikes are paid while it lasts; `start` in ms since 1970."""
    outage = tale.steps[0]
    payday = start + round((outage.at_s + PAID_AFTER_S) * 1000)
    return paid_today(synthesise(TERMINALS, interval_s=INTERVAL_S), outage, payday)


def held_up(engine: Engine) -> ToldExplanationView | None:
    """The explanation of the greatest sale that was in a terminal at the time of the payout."""
    explainer, now = engine.explainer, engine.now
    found = [
        sale for sale, standing in explainer.ledger.unpaid(now)
        if sale.stored and sale.accepted and standing.wait is Wait.UPLOAD
    ]  # fmt: skip
    if not found:
        return None
    greatest = max(found, key=lambda sale: (sale.amount, sale.terminal, sale.id))
    return Telling(explainer.ledger.directory).view(explainer.explanation(greatest, now), now)

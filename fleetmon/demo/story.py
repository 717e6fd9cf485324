"""What the demo says on the terminal: what happens in the world, and what fleetmon makes of it.

The world is the simulator's truth, which no operator has; fleetmon's lines come only from what it heard.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

from fleetmon.locale import Situation, describe, fill, texts
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.sim.scenario import NetworkOutage
from fleetmon.sim.simulator import Progress
from fleetmon.web.explanations import ToldExplanationView

SALES_EVERY_S = 10.0


class Story:
    """Narrates; `over` is set when the outage was seen to come and go, and what it did to the money is told."""

    def __init__(
        self,
        say: Callable[[str], None],
        explain: Callable[[], ToldExplanationView | None],
        situation: Callable[[Incident], Situation],
    ) -> None:
        """`explain` tells of a sale that the outage has held up, `situation` how things stand with an incident."""
        self.over = asyncio.Event()
        self._say = say
        self._explain = explain
        self._situation = situation
        self._started = time.monotonic()
        self._up = False
        self._outage = False
        self._stuck = 0
        self._said_at = 0.0
        self._resolved = False

    def open(self, broker: int | None, page: str, more: Mapping[str, str]) -> None:
        """Where everything is."""
        if broker is None:
            self._say("No mosquitto found: the fleet hands its messages to the daemon within this process.")
        else:
            self._say(f"A private MQTT broker      127.0.0.1:{broker}  (mosquitto; topics below pos/v1)")
        self._say(f"fleetmon                   {page}  (/metrics, /-/ready, /api/v1/incidents, /api/v1/settlements)")
        for name, url in more.items():
            self._say(f"{name:<26} {url}")
        self._say("Ctrl-C stops everything.\n")

    def on_progress(self, now: Progress) -> None:
        """The simulator tells how its world stands."""
        if not self._up and now.connected == now.terminals:
            self._up = True
            self._line("world", f"fleet up: {now.terminals} terminals connected, heartbeats and sales flow")
        self._tell_outage(now)
        self._tell_sales(now)
        if self._resolved and not now.stored and not self.over.is_set():
            self.over.set()
            self._tell_money()
            self._say("\nThat was the story; the fleet lives on until Ctrl-C. Look around at the addresses above.")

    def on_transition(self, change: Transition) -> None:
        """The daemon's incident table changed, and the change is stored."""
        incident = change.incident
        summary, description = describe(
            incident.kind, dict(incident.scope), incident.terminals, incident.began, "en", self._situation(incident)
        )
        if change.before is None and incident.pages and incident.terminals:
            self._line("fleetmon", f"suspects: {summary} ({incident.terminals} terminals silent together)")
        elif change.before is Status.PENDING and incident.status is Status.FIRING:
            loud = "PAGE" if incident.paged_at is not None else "ticket"
            self._line("fleetmon", f"{loud}: {summary}. {description}")
        elif incident.status is Status.FIRING and change.calls:
            self._line("fleetmon", f"PAGE: {summary}. {description}")
        elif incident.status is Status.RESOLVED:
            self._line("fleetmon", f"resolved: {summary}")
            self._resolved = self._resolved or incident.paged_at is not None

    def _tell_outage(self, now: Progress) -> None:
        outages = [one for one in now.underway if isinstance(one.step, NetworkOutage)]
        if outages and not self._outage:
            who = ", ".join(f"{name} {value}" for name, value in outages[0].step.who.items())
            self._line("world", f"the network is cut: {who}, {outages[0].terminals} terminals")
        elif self._outage and not outages:
            self._line("world", "the network is back")
        self._outage = bool(outages)

    def _tell_sales(self, now: Progress) -> None:
        clock = time.monotonic()
        if now.stored != self._stuck and (clock - self._said_at >= SALES_EVERY_S or not now.stored):
            self._stuck, self._said_at = now.stored, clock
            money = f"¥{now.stored_amount / 100:,.2f}"
            told = f"{now.stored} sale{'s' * (now.stored > 1)}, {money}, stuck in terminals"
            self._line("world", told if now.stored else "every stored sale is uploaded")

    def _tell_money(self) -> None:
        found = self._explain()
        if found is None:
            return
        self._say("\nA merchant calls: why has the money of this sale not come?")
        for language in ("en", "zh"):
            told, book = found.texts[language], texts(language)
            said = [told.headline, told.sentence, told.evidence]
            said += [
                fill(book[f"desk.{label}"], {"text": text})
                for label, text in (("next", told.next_step), ("who", told.who), ("again", told.call_again))
            ]
            self._say("".join(f"\n  {line}" for line in said))

    def _line(self, who: str, text: str) -> None:
        elapsed = int(time.monotonic() - self._started)
        self._say(f"[{elapsed // 60:02}:{elapsed % 60:02}] {who:<9} {text}")

"""A simulation in virtual time, written down as a recording: what a listener would have heard, and when.

The terminals are the same as against a broker; their lines end here. Between them and the file
messages take their time, and those of QoS 1 may come twice or late, as the habits say. The same
arguments give the same bytes. The recording ends with the scenario, without farewells: at its end the
fleet just goes on.
Where it can be wrong: it begins with an empty broker, so nothing is retained from the day before; and a
late message is late by itself, not because its line was down.
"""

import contextlib
import gzip
import heapq
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import zstandard

from fleetmon.model.errors import ConfigError
from fleetmon.model.registry import Registry
from fleetmon.sim.chance import Chance, log_uniform, seeded
from fleetmon.sim.fate import Span
from fleetmon.sim.habits import Habits
from fleetmon.sim.journal import Journal
from fleetmon.sim.leap import leap, virtual_clock
from fleetmon.sim.link import DirectLink
from fleetmon.sim.scenario import Scenario
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.simulator import Progress, Simulator

START: Final = 1_795_399_200_000  # Monday 2026-11-23, 10:00 in Shanghai
LEVEL: Final = 6


class Recorded(NamedTuple):
    """What was written: how many messages, when the last one came, who told of which device trouble."""

    started_at: int
    until: int
    messages: int
    complaints: dict[str, set[str]]  # component -> topics
    lived: list[Span]
    journal: Journal
    progress: Progress


def record(registry: Registry, scenario: Scenario, settings: SimSettings, started_at: int, file: Path) -> Recorded:
    """Play the scenario from `started_at` (ms since 1970) on and write what is heard; raises ConfigError."""
    if settings.speed != 1:
        raise ConfigError(["a recording passes in virtual time: speed has no meaning"])
    try:
        with writing(file) as output:
            clock = virtual_clock(started_at)
            ends_at = started_at + round(scenario.duration_s * 1000)
            tape = Tape(output, settings.habits, seeded(settings.seed, "delivery"), clock, ends_at)
            simulator = Simulator(registry, scenario, settings, tape.link, clock)
            progress = leap(simulator.run())
            tape.finish()
    except OSError as error:
        raise ConfigError([f"{file}: cannot be written: {error}"]) from None
    return Recorded(started_at, tape.until, tape.messages, tape.complaints, simulator.lived, tape.journal, progress)


class Tape:
    """The far end of every line: puts what arrives in order of arrival and writes it."""

    def __init__(
        self, output: BinaryIO, habits: Habits, chance: Chance, clock: Callable[[], int], ends_at: int
    ) -> None:
        self.messages = 0
        self.until = 0
        self.complaints: dict[str, set[str]] = {}
        self.journal = Journal()
        self._output = output
        self._delivery = habits.delivery
        self._will_after_s = habits.line.will_after_s
        self._chance = chance
        self._clock = clock
        self._ends_at = ends_at
        self._number = 0
        self._coming: list[tuple[int, int, str, bytes]] = []

    def link(self, _client_id: str, _lost: Callable[[], None]) -> DirectLink:
        """A line that ends here."""
        latency = round(log_uniform(self._chance, self._delivery.latency_ms))
        return DirectLink(partial(self._arrive, latency), partial(self._chance.uniform, *self._will_after_s))

    def finish(self) -> None:
        """Write what arrives before the end."""
        self._write(self._ends_at - 1)

    def _arrive(self, latency: int, batch: list[tuple[str, bytes]]) -> None:
        now = self._clock()
        for topic, payload in batch:
            at = now + latency
            if not topic.endswith("/heartbeat"):  # of QoS 1
                at += self._delay(self._delivery.late)
                if repeated := self._delay(self._delivery.repeated):
                    self._put(at + repeated, topic, payload)
            self._put(at, topic, payload)
        self._write(min(now, self._ends_at - 1))

    def _delay(self, share: float) -> int:
        happens = share > 0 and self._chance.random() < share
        return round(self._chance.uniform(1, self._delivery.late_s * 1000)) if happens else 0

    def _put(self, at: int, topic: str, payload: bytes) -> None:
        self._number += 1
        heapq.heappush(self._coming, (at, self._number, topic, payload))

    def _write(self, until: int) -> None:
        while self._coming and self._coming[0][0] <= until:
            at, _, topic, payload = heapq.heappop(self._coming)
            self._output.write(b'{"t":%d,"topic":"%s","payload":%s}\n' % (at, topic.encode(), payload))
            self.messages += 1
            self.until = at
            self.journal.take(topic, payload, at)
            if topic.endswith("/device"):
                component = payload.partition(b'"component":"')[2].partition(b'"')[0].decode()
                self.complaints.setdefault(component, set()).add(topic)


@contextlib.contextmanager
def writing(file: Path) -> Iterator[BinaryIO]:
    """The file, compressed as its suffix says; it is there whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as raw:
            if file.suffix == ".gz":
                with gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as output:  # neither name nor time: same bytes
                    yield output  # type: ignore[misc] # it writes bytes as any file
            elif file.suffix == ".zst":
                with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as output:
                    yield output
            else:
                yield raw
        part.replace(file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()

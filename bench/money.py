"""Sales through the engine alone, through the whole daemon with its store, and back into it after a restart.

Each is one stage of one sale, approved, which nobody has paid yet. The daemon's rate counts until the last one is
acknowledged, which is after it was stored. The recall is what the log says of it: reading, decoding
and booking beside everything else, with the longest block of the event loop meanwhile.
"""

import re
import time
from pathlib import Path
from typing import Final

from bench.load import Publisher, sale, sales
from bench.report import Report, say
from bench.servers import Child, Home, broker, cpu_s, settle
from fleetmon.engine import Engine
from fleetmon.ingest.intake import Intake, Publication
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.model.topics import Topics
from fleetmon.sim.synthesis import synthesise
from fleetmon.working_days import working_days

_PORTION: Final = 100  # messages of one read
_RECALLED: Final = re.compile(r'msg="ledger recalled" facts=(\d+) unreadable=0 seconds=([0-9.]+)')


def money(report: Report, folder: Path, terminals: int, stages: int) -> None:
    """So many stages of sales by so many terminals."""
    registry = synthesise(terminals, interval_s=3_600)
    fleet = [row.id for row in registry.terminals]
    _engine(report, Engine(registry, working_days(registry.calendar)), fleet, stages)
    with broker(folder / "broker") as port:
        home = Home(folder / "daemon", port, registry)
        with home.daemon() as process:
            _through(report, process, port, sales(fleet, 0, stages))
            process.stop()
        say(f"money: a restart with {stages:,} open sales")
        with home.daemon() as process:
            process.until(lambda: home.metrics()["fleetmon_ledger_recalled"], "the ledger is not recalled", 600)
            seconds = _recalled(folder / "daemon" / "fleetmon.log", stages)
            lag = home.metrics()["fleetmon_event_loop_lag_seconds"]
            process.stop()
    report.add("recall_rate", [stages / seconds], "facts recalled after a restart", "/s")
    report.add("recall_lag_ms", [lag * 1e3], "event loop blocked meanwhile (worst)", "ms", most=50)


def _engine(report: Report, engine: Engine, fleet: list[str], stages: int) -> None:
    at = time.time_ns() // 1_000_000
    engine.link_up(at)
    intake = Intake(Topics(), Quarantine())
    packets = [_packet(fleet[number % len(fleet)], number, number // len(fleet), at) for number in range(stages)]
    started = time.perf_counter()
    for start in range(0, stages, _PORTION):
        engine.observe(intake.take(packets[start : start + _PORTION], at))
    rate = stages / (time.perf_counter() - started)
    say(f"money: {rate:,.0f} stages a second decoded and booked by the engine alone")
    report.add("stages_engine", [rate], "transaction stages, engine alone", "/s")


def _packet(terminal: str, number: int, seq: int, at: int) -> Publication:
    topic = f"pos/v1/terminal/{terminal}/transaction"
    return Publication(topic, sale(terminal, number, seq, at))


def _through(report: Report, process: Child, port: int, packets: list[bytes]) -> None:
    settle(process.pid)
    used, started = cpu_s(process.pid), time.time()
    with Publisher(port) as publisher:
        publisher.send_acknowledged(packets)
    ended, spent = settle(process.pid)
    rate = len(packets) / (ended - started)
    say(f"money: {rate:,.0f} stages a second through the whole daemon")
    report.add("stages_stored", [rate], "transaction stages, whole daemon with store", "/s")
    report.add("cpu_us_per_stage", [(spent - used) / len(packets) * 1e6], "CPU per stage, whole daemon", "µs")


def _recalled(log: Path, stages: int) -> float:
    facts, seconds = _RECALLED.findall(log.read_text())[-1]
    if int(facts) != stages:
        raise ValueError(f"{facts} facts were recalled of {stages}")
    return float(seconds)

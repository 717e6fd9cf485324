"""Side by side: the same heartbeats through a broker into each contender, in turn, several times.

CPU is what /proc says of the process, from before the first message until it is idle again; the rate
counts from the first byte sent to the last message taken in. Every message is counted at the receiver;
a missing one ends the benchmark. The machine is shared: read ratios, which are of neighbouring runs.
"""

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench import contenders
from bench.contenders import Contender
from bench.load import Publisher, beats, sales
from bench.report import Report, say
from bench.servers import cpu_s, settle
from fleetmon.sim.synthesis import synthesise

INTERVAL_S = 3_600  # long, so that nobody is late while the others have their turn
_PATIENCE_S = 300.0
_SLOWER = {"prometheus-mqtt-exporter": 2, "mqtt-exporter": 5}  # they get so many times fewer, to be done as soon


class Run(NamedTuple):
    """What one run cost one contender."""

    cpu_us: float
    rate: float


def drain(report: Report, folder: Path, terminals: int, rounds: int, runs: int, events: int) -> None:
    """Heartbeats into all, then QoS 1 events into fleetmon and the null subscriber."""
    registry = synthesise(terminals, interval_s=INTERVAL_S)
    fleet = [row.id for row in registry.terminals]
    with contextlib.ExitStack() as stack:
        say("starting four brokers, the null subscriber, fleetmon and the two exporters")
        null = stack.enter_context(contenders.null(folder / "null"))
        ours = stack.enter_context(contenders.fleetmon(folder / "fleetmon", registry))
        debian = stack.enter_context(contenders.prometheus_mqtt_exporter(folder / "debian"))
        pypi = stack.enter_context(contenders.mqtt_exporter(folder / "pypi"))
        everybody = [null, ours, debian, pypi]
        for one in everybody:  # so that every series exists and every page is touched
            _measure(one, _stream(beats(fleet, range(2), INTERVAL_S)), 2 * terminals)
        found: dict[str, list[Run]] = {one.name: [] for one in everybody}
        for number in range(runs):
            for one in everybody:
                mine = max(1, rounds // _SLOWER.get(one.name, 1))
                stream = beats(fleet, range(2 + number * mine, 2 + (number + 1) * mine), INTERVAL_S)
                found[one.name].append(_measure(one, _stream(stream), mine * terminals))
                _progress(f"heartbeats {number + 1}/{runs}", one, found[one.name][-1])
        _heartbeats(report, [found[one.name] for one in everybody], rounds * terminals)
        pairs: tuple[list[Run], list[Run]] = [], []
        for number in range(runs + 1):  # the first is a warm-up
            packets = sales(fleet, number * events, events)
            for one, kept in zip((null, ours), pairs, strict=True):
                kept.append(_measure(one, lambda to, p=packets: to.send_acknowledged(p), events))  # type: ignore[misc]
                _progress(f"QoS 1 events {number}/{runs}", one, kept[-1])
        _events(report, pairs[0][1:], pairs[1][1:])


def _stream(stream: bytes) -> Callable[[Publisher], None]:
    return lambda publisher: publisher.send(stream)


def _progress(what: str, one: Contender, run: Run) -> None:
    say(f"{what}: {one.name}: {run.cpu_us:.2f} µs CPU a message, {run.rate:,.0f} messages a second")


def _measure(one: Contender, send: Callable[[Publisher], None], count: int) -> Run:
    before = one.received()
    settle(one.pid)
    cpu, started = cpu_s(one.pid), time.time()
    with Publisher(one.broker) as publisher:
        send(publisher)
    while True:
        ended, used = settle(one.pid)
        got = one.received() - before
        if got == count:
            break
        if got > count or time.time() - started > _PATIENCE_S:
            sys.exit(f"bench: {one.name} took in {got} messages of {count}")
    return Run((used - cpu) / count * 1e6, count / ((one.last() or ended) - started))


def _heartbeats(report: Report, runs: list[list[Run]], count: int) -> None:
    null, ours, debian, pypi = runs
    report.facts["heartbeats_per_run"] = count
    for name, found in zip(("null", "fleetmon", "prometheus_mqtt_exporter", "mqtt_exporter"), runs, strict=True):
        if name != "fleetmon":
            report.add(f"cpu_us_{name}", [run.cpu_us for run in found], f"CPU per heartbeat, {name}", "µs")
        report.add(f"rate_{name}", [run.rate for run in found], f"drain rate, {name}", "/s")
    report.add("cpu_us_per_heartbeat", [run.cpu_us for run in ours], "CPU per heartbeat, fleetmon", "µs", most=8)
    report.add("drain_ratio_null", _ratios(ours, null, 1), "drain rate, fleetmon / null", "", least=0.9)
    text = "CPU per heartbeat, fleetmon / {}"
    peer = "prometheus-mqtt-exporter"
    report.add("ratio_prometheus_mqtt_exporter", _ratios(ours, debian, 0), text.format(peer), "", most=1 / 6)
    report.add("ratio_mqtt_exporter", _ratios(ours, pypi, 0), text.format("mqtt-exporter"), "", most=1 / 12)


def _events(report: Report, null: list[Run], ours: list[Run]) -> None:
    report.add("cpu_us_per_event", [run.cpu_us for run in ours], "CPU per QoS 1 event, fleetmon (stored)", "µs")
    report.add("cpu_us_per_event_null", [run.cpu_us for run in null], "CPU per QoS 1 event, null", "µs")
    report.add("rate_events", [run.rate for run in ours], "QoS 1 events drained, fleetmon", "/s")
    report.add("rate_events_null", [run.rate for run in null], "QoS 1 events drained, null", "/s")


def _ratios(ours: list[Run], others: list[Run], field: int) -> list[float]:
    return [mine[field] / other[field] for mine, other in zip(ours, others, strict=True)]

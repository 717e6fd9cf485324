"""A terminal's days as messages: births, wills and farewells, heartbeats, numbers and its own clock.

Each line is (arrival, topic, payload). What was made without a connection arrives after the next one;
heartbeats of QoS 0 are then lost. What arrives after the end of the recording was never heard.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from fleetmon.sim.corpus.dates import HOUR, SECOND
from fleetmon.sim.corpus.device import Device, Fields, Said
from fleetmon.sim.corpus.gauges import Gauges

KEEP_ALIVE_MS: Final = 60 * SECOND
PREFIX: Final = "pos/v1"
NEVER: Final = -1


class Line(NamedTuple):
    """One message as the listener heard it; `order` keeps those of the same millisecond apart."""

    t: int
    order: int
    topic: str
    payload: Fields
    retain: bool = False


class Session(NamedTuple):
    """One connection."""

    start: int
    end: int
    boot: int
    name: str
    why: str  # of its end


def lines(device: Device) -> Iterator[Line]:
    """Everything that is heard of the terminal until the end of the recording."""
    sessions = list(_sessions(device))
    yield from _states(device, sessions)
    latency = device.chance.randint(40, 400)
    said = sorted([*device.said, *_beats(device, sessions)], key=_made_at)
    topics = {kind: f"{PREFIX}/terminal/{device.id}/{kind}" for kind in {item.kind for item in said}}
    current, boot, seq = -1, sessions[0].boot if sessions else 1, 100
    for item in said:
        while current + 1 < len(sessions) and sessions[current + 1].start <= item.at:
            current += 1
            if sessions[current].boot != boot:
                boot, seq = sessions[current].boot, 0
        seq += 1
        beat = item.kind == "heartbeat"
        heard = _beat_heard(device, item, latency) if beat else _heard(device, item, latency)
        if heard == NEVER:
            continue
        at = item.at + device.skew_at(item.at) if device.skews else item.at
        payload = {"at": at, "boot": boot, "seq": seq, **item.fields}
        yield Line(heard, seq, topics[item.kind], payload)
        if not beat and device.chance.random() < 0.012:
            yield Line(heard + device.chance.randint(20, 29_000), seq, topics[item.kind], payload)


def _made_at(item: Said) -> int:
    return item.at


def _beat_heard(device: Device, item: Said, latency: int) -> int:
    """A heartbeat arrives at once or never."""
    luck = device.chance.random()
    return NEVER if luck < device.loss else item.at + latency + int(250 * luck)


def _heard(device: Device, item: Said, latency: int) -> int:
    """When a message of QoS 1 arrives: at once, late, or after the next connection."""
    took = latency + device.chance.randint(0, 250)
    gap = device.gap_at(item.at)
    if gap:
        return gap.end + 2 * SECOND + took + (item.at - gap.start) % 19_000
    return item.at + took + (device.chance.randint(0, 28_000) if device.chance.random() < 0.006 else 0)


def _sessions(device: Device) -> Iterator[Session]:
    """The connections between the gaps; a gap in which it was switched off counts the boots up."""
    boot = device.chance.randint(2, 60)
    begin = device.scene.start - device.chance.randint(1, 30) * HOUR
    for gap in device.gaps():
        if gap.start > max(begin, device.scene.start):
            yield Session(begin, gap.start, boot, _name(device), gap.why)
        boot += device.booted_in(gap)
        begin = gap.end
    if begin < device.scene.until:
        yield Session(begin, device.scene.until + HOUR, boot, _name(device), "")


def _name(device: Device) -> str:
    return f"s{device.chance.getrandbits(32):08x}"


def _states(device: Device, sessions: list[Session]) -> Iterator[Line]:
    topic = f"{PREFIX}/terminal/{device.id}/state"
    start = device.scene.start
    night = device.gap_at(start)
    if night is not None:
        asleep = {"state": "offline", "at": night.start, "boot": max(sessions[0].boot - 1, 0), "session": _name(device)}
        yield Line(start + device.chance.randint(20, 900), 0, topic, {**asleep, "reason": "shutdown"}, retain=True)
    for session in sessions:
        born = session.start + device.skew_at(session.start)
        retained = session.start < start
        arrived = (start if retained else session.start) + device.chance.randint(20, 900)
        yield Line(arrived, 0, topic, _birth(device, session, born), retained)
        if session.why:
            yield _end(device, session, topic, born)


def _birth(device: Device, session: Session, born: int) -> Fields:
    row = device.row
    birth = {
        "state": "online", "at": born, "boot": session.boot, "session": session.name,
        "interval_s": row.interval_s or 60, "model": row.model, "firmware": device.firmware, "app": device.app,
        "serial": row.serial, "carrier": row.carrier,
    }  # fmt: skip
    for since, fields in device.updates:
        if session.start >= since:
            birth |= fields
    return birth


def _end(device: Device, session: Session, topic: str, born: int) -> Line:
    """A farewell where it was switched off in good order, else the will, which dates from the birth."""
    end: Fields = {"state": "offline", "at": born, "boot": session.boot, "session": session.name, "reason": "lost"}
    if session.why in ("night", "maintenance"):
        end["reason"] = "shutdown" if session.why == "night" else "maintenance"
        end["at"] = session.end + device.skew_at(session.end)
        return Line(session.end + device.chance.randint(50, 600), 0, topic, end)
    return Line(session.end + round(KEEP_ALIVE_MS * device.chance.uniform(0.6, 1.5)), 0, topic, end)


def _beats(device: Device, sessions: list[Session]) -> Iterator[Said]:
    gauges = Gauges(device)
    step = (device.row.interval_s or 60) * SECOND
    for session in sessions:
        begin = max(session.start, device.scene.start)
        at = begin + (device.chance.randint(1, step) if begin > session.start else SECOND)
        while at < min(session.end, device.scene.until):
            yield Said(at, "heartbeat", gauges.read(at, session.start))
            at += step

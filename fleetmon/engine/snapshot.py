"""The soft state of terminals as records that outlive the process, written by partition."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from fleetmon.engine.shard import Shard
from fleetmon.engine.terminal.faults import Words
from fleetmon.model.terminal import Cohort, Liveness, Terminal

_LIVENESS: Final = tuple(Liveness)


class TerminalRecord(Struct, array_like=True, gc=False):
    """One terminal's state; an array on the disk, so fields are only ever added at the end."""

    id: str
    liveness: int
    since: int
    last_seen: int
    will_at: int
    interval_ms: int
    epoch: int
    boot: int
    seq: int
    window: int
    session: str
    ended: str
    serial: str
    carrier: str
    model: str
    firmware: str
    faults: Words
    former: int = -1
    session_at: int = 0
    born: int = -1
    overslept: bool = False
    runs: bytes = b""  # these two are longer than any integer of msgpack's
    watched_from: int = 0
    nights: bytes = b""
    usage: bytes = b""
    beat_at: int = 0
    registered: bool = False
    promised: bool = True  # records from before it was known: what is in force stays so


def record(shard: Shard, terminal: Terminal) -> TerminalRecord:
    """What is to be remembered of a terminal."""
    cohort, faults = terminal.cohort, shard.faults.words.get(terminal.id)
    return TerminalRecord(  # in order of the fields, for a large partition must not hold up the loop
        terminal.id, terminal.liveness.value, terminal.since, terminal.last_seen, terminal.will_at,
        terminal.interval_ms, terminal.epoch, terminal.boot, terminal.seq, terminal.window, terminal.session,
        terminal.ended, terminal.serial, cohort.carrier, cohort.model, cohort.firmware,
        {kind: dict(codes) for kind, codes in faults.items()} if faults else {},
        terminal.former, terminal.session_at, terminal.born, terminal.overslept,
        _packed(terminal.runs), terminal.watched_from, _packed(terminal.nights), terminal.usage, terminal.beat_at,
        terminal.registered, terminal.promised,
    )  # fmt: skip


def restore(shard: Shard, records: Iterable[TerminalRecord]) -> list[Terminal]:
    """Put records back. Returns who left the registry.

    Left out is who never was more than a row of it, and whom there is no room for any more.
    """
    fleet, left = shard.fleet, list[Terminal]()
    terminals, find, promise, watch = fleet.terminals, fleet.find, fleet.promise, shard.watch
    recall = shard.habits.patience.recall
    cohorts: dict[tuple[Cohort, str, str, str], Cohort] = {}
    for found in records:
        terminal = terminals.get(found.id)
        if terminal is None and (found.session or found.last_seen or found.faults):
            terminal = find(found.id)
        if terminal is None:
            continue
        said = terminal.cohort, found.model, found.firmware, found.carrier
        terminal.cohort = cohorts.get(said) or cohorts.setdefault(said, fleet.believed(*said))
        terminal.liveness, terminal.since = _LIVENESS[found.liveness], found.since
        terminal.last_seen, terminal.will_at, terminal.epoch = found.last_seen, found.will_at, found.epoch
        terminal.boot, terminal.seq, terminal.window = found.boot, found.seq, found.window
        terminal.session, terminal.ended, terminal.serial = found.session, found.ended, found.serial or terminal.serial
        terminal.former, terminal.session_at, terminal.born = found.former, found.session_at, found.born
        terminal.overslept, terminal.usage, terminal.beat_at = found.overslept, found.usage, found.beat_at
        terminal.watched_from = found.watched_from
        if found.nights:
            terminal.nights = int.from_bytes(found.nights, "big")
        if found.runs:
            terminal.runs = int.from_bytes(found.runs, "big")
            recall(terminal)
        terminal.promised = found.promised
        if found.promised and found.interval_ms != terminal.interval_ms:
            terminal.interval_ms, terminal.wait_ms = promise(found.interval_ms // 1000)
        if found.faults:
            shard.faults.words[terminal.id] = found.faults
        if found.registered and not terminal.registered:
            left.append(terminal)
        watch(terminal)
    fleet.sort()
    return left


def _packed(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")

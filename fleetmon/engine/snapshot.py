"""The soft state of terminals as records that outlive the process, written by partition."""

from msgspec import Struct

from fleetmon.engine.shard import Faults, Shard
from fleetmon.model.terminal import Liveness, Terminal


class TerminalRecord(Struct, array_like=True):
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
    faults: Faults
    former: int = -1
    session_at: int = 0
    born: int = -1
    overslept: bool = False


_SAME = (
    *("since", "last_seen", "will_at", "interval_ms", "epoch", "boot", "seq", "window"),
    *("session", "ended", "serial", "former", "session_at", "born", "overslept"),
)


def record(shard: Shard, terminal: Terminal) -> TerminalRecord:
    """What is to be remembered of a terminal."""
    cohort = terminal.cohort
    return TerminalRecord(
        id=terminal.id,
        liveness=int(terminal.liveness),
        carrier=cohort.carrier,
        model=cohort.model,
        firmware=cohort.firmware,
        faults={kind: dict(codes) for kind, codes in shard.faults.get(terminal.id, {}).items()},
        **{name: getattr(terminal, name) for name in _SAME},
    )


def restore(shard: Shard, found: TerminalRecord) -> None:
    """Put a record back. A terminal that there is no room for any more is left out."""
    terminal = shard.fleet.find(found.id)
    if terminal is None:
        return
    shard.fleet.identify(terminal, found.model, found.firmware, found.carrier)
    for name in _SAME:
        setattr(terminal, name, getattr(found, name))
    terminal.interval_ms, terminal.wait_ms = shard.fleet.promise(found.interval_ms // 1000)
    if found.faults:
        shard.faults[terminal.id] = found.faults
    shard.believe(terminal, Liveness(found.liveness), found.since)

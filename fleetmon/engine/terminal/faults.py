"""What terminals say of their own parts by device events: the newest word about each code.

Arrival order is never trusted: the numbers of the messages say which word is the newest.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from fleetmon.detect import DEVICE_DETECTORS
from fleetmon.model.detector import DeviceDetector
from fleetmon.model.events import DeviceEvent
from fleetmon.model.terminal import Terminal

MOST_CODES: Final = 32  # fault codes of one kind remembered of one terminal
REPLACED: Final = "replaced"  # the code with which all faults of a device go
_NO_WORD: Final = (-1, -1, False)

Words = dict[str, dict[str, tuple[int, int, bool]]]  # kind -> code -> (boot, seq, whether it is set)


class FaultChange(NamedTuple):
    """The device faults of one kind appeared at a terminal, or the last of them went."""

    at: int
    terminal: Terminal
    detector: DeviceDetector
    present: bool
    code: str
    until: int | None = None  # it happened once, and counts until then
    wait_ms: int = 0  # how long somebody may take to see to it
    shown: bool = False  # whether its heartbeats, too, show what the detector looks for


class Faults:
    """The words of all terminals."""

    def __init__(self) -> None:
        self.words: dict[str, Words] = {}  # by terminal
        # Whether a terminal's last heartbeat showed any of these signs; the checkup knows.
        self.shows: Callable[[str, Mapping[str, int]], bool] = lambda _key, _signs: False

    def take(self, terminal: Terminal, event: DeviceEvent, now: int) -> Iterator[FaultChange]:
        """Take in an event."""
        for detector in DEVICE_DETECTORS:
            if not detector.concerns(event):
                continue
            codes = self.words.setdefault(terminal.id, {}).setdefault(detector.kind, {})
            if (event.boot, event.seq) <= codes.get(event.code, _NO_WORD)[:2]:
                continue
            before, urgent = _present(codes), _is_urgent(codes, detector)
            if len(codes) >= MOST_CODES and event.code not in codes:
                del codes[min(codes, key=lambda code: (codes[code][2], codes[code]))]  # the oldest, cleared ones first
            once = event.action == "oneshot" and detector.oneshot_ms is not None
            codes[event.code] = (event.boot, event.seq, event.action != "clear" and not once)
            if once:
                until = now + (detector.oneshot_ms or 0)
                yield FaultChange(now, terminal, detector, present=True, code=event.code, until=until)
            elif _present(codes) != before or _is_urgent(codes, detector) > urgent:
                wait = 0 if _is_urgent(codes, detector) else detector.slow.get(event.code, 0)
                shown = self.shows(terminal.id, detector.signs)
                yield FaultChange(now, terminal, detector, _present(codes), event.code, None, wait, shown)

    def present(self, terminal_id: str, kind: str) -> bool:
        """Whether a fault of this kind is set at the terminal."""
        return _present(self.words.get(terminal_id, {}).get(kind, {}))

    def kinds(self, terminal_id: str) -> frozenset[str]:
        """The kinds of which a fault is set at the terminal."""
        return frozenset(kind for kind, codes in self.words.get(terminal_id, {}).items() if _present(codes))

    def replaced(self, terminal: Terminal, now: int) -> Iterator[FaultChange]:
        """Another device is in its place: what was wrong with the old one is gone with it, whoever told of it."""
        self.words.pop(terminal.id, None)
        for detector in DEVICE_DETECTORS:
            yield FaultChange(now, terminal, detector, present=False, code=REPLACED)


def _is_urgent(codes: dict[str, tuple[int, int, bool]], detector: DeviceDetector) -> bool:
    """Whether a fault is set that nobody will see to within minutes."""
    return any(active for code, (_, _, active) in codes.items() if code not in detector.slow)


def _present(codes: dict[str, tuple[int, int, bool]]) -> bool:
    return any(active for _, _, active in codes.values())

"""How hosts answered terminals of late, and how they do as a rule.

Held is a sample of the last ten minutes for each acquirer: of each quarter of a minute the first requests that
ended, one of a terminal, so a busy terminal counts no more than others and a busy host costs no more. What is
older teaches what is usual of its acquirer and its issuer, unless one of them had trouble then.
Where it can be wrong: of a busy acquirer's many issuers a small one may hardly be in the sample.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct, field

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.hosts.usual import Usual
from fleetmon.model.detector import Reply
from fleetmon.model.terminal import Terminal

SLOT: Final = 15_000
SLOTS: Final = 40
TOGETHER: Final = 8  # slots that are learned at once
MOST: Final = 32  # requests of a slot
STRANGERS, HABITS = 64, 256  # acquirers, and hosts with their habits, that nobody knows: terminals may make them up
_TRUST: Final = 30  # requests that make what is seen count more than what is supposed
_HISTORY: Final = 100  # requests after which it is known what else is usual
_REFUSING: Final = 6  # refusals beyond two of three that are looked at


class Request(Struct, gc=False):
    """A request of a terminal that ended; `issuer` is empty where nobody named one."""

    slot: int
    terminal: Terminal
    reply: Reply
    acquirer: str
    issuer: str
    refused: bool = False  # it was answered, and declined
    late: bool = False  # it was answered when nobody waits any more


class Known(NamedTuple):
    """What is usual of a host."""

    usual: float  # the share that fails
    odd: float | None  # the share that fails or ends oddly; None as long as that is not known
    refused: float | None = None  # the share that is declined, or what anybody may; None as long as that is not known
    slow: bool = False  # it is slower than usual now


class _Slot(Struct):
    number: int
    requests: dict[str, Request] = field(default_factory=dict)  # by terminal


class Answers:
    """Requests by acquirer, the newest last. Times in ms, by arrival."""

    def __init__(self, is_unusual: Callable[[str, int], bool]) -> None:
        """`is_unusual` tells whether a host had trouble, or planned work, at a time."""
        self.registered: Container[str] = ()
        self._is_unusual = is_unusual
        self._slots: dict[str, deque[_Slot]] = {}
        self._failing: dict[str, Usual] = {}
        self._odd: dict[str, Usual] = {}
        self._refused: dict[str, Usual] = {}
        self._refusals: dict[str, int] = {}  # of late, by host: those beyond two of three
        self._recalled: dict[str, int] = {}  # terminals that failed, by the time of which it was read back

    def note(
        self, at: int, terminal: Terminal, reply: Reply, acquirer: str, issuer: str, *, late: bool = False
    ) -> bool:
        """Take in a request that ended; whether it counts."""
        slots = self._slots.get(acquirer)
        if slots is None:
            slots = self._enter(acquirer, at)
        number = at // SLOT
        if slots and slots[-1].number == number:
            requests = slots[-1].requests
            if terminal.id in requests or len(requests) >= MOST:
                return False
        else:
            requests = self._turn(slots, number)
        refused = reply is Reply.REFUSED
        if refused or self._refusals:
            self._count(refused, acquirer, issuer)
        kept = Reply.WELL if refused else reply
        requests[terminal.id] = Request(number, terminal, kept, acquirer, issuer, refused, late)
        return True

    def refuses(self, *hosts: str) -> bool:
        """Whether one of these hosts declines so much that it is worth a look."""
        return any(self._refusals.get(host, 0) >= _REFUSING for host in hosts)

    @property
    def refusing(self) -> bool:
        """Whether any host does."""
        return self.refuses(*self._refusals)

    def recall(self, at: int, terminal: str, reply: Reply, acquirer: str, issuer: str) -> None:
        """Learn from a request of the past, in any order; of a terminal that goes on failing once in ten minutes."""
        if reply not in _ANSWERED:
            if self._recalled.get(terminal) == at // (SLOT * SLOTS):
                return
            if len(self._recalled) >= _HISTORY * MOST:
                self._recalled.clear()
            self._recalled[terminal] = at // (SLOT * SLOTS)
        if reply is Reply.WELL or not any(self._is_unusual(host, at) for host in (acquirer, issuer) if host):
            for host in dict.fromkeys(filter(None, (acquirer, issuer))):
                self._learn(host, at, [int(reply is kind) for kind in Reply])

    def recent(self, now: int) -> dict[str, list[Request]]:
        """The requests of the last ten minutes by acquirer, the newest first."""
        oldest = now // SLOT - SLOTS
        return {
            acquirer: [
                one
                for slot in reversed(self._slots[acquirer])
                if slot.number > oldest
                for one in slot.requests.values()
            ]
            for acquirer in sorted(self._slots)
        }

    def known(self, host: str) -> Known:
        """What is usual of a host by what terminals saw."""
        failing, odd = self._failing.get(host, _NOTHING), self._odd.get(host, _NOTHING)
        usual = failing.mean(HOST_OUTAGE.unknown, _TRUST)
        refused = self._refused.get(host, _NOTHING)
        return Known(
            usual,
            odd.mean() if odd.weight >= _HISTORY else None,
            max(refused.mean(), HOST_OUTAGE.refused) if refused.weight >= _HISTORY else None,
        )

    def forgive(self, host: str | None) -> None:
        """What failed at a host is explained, and over; None is every host."""
        for slots in self._slots.values():
            for slot in slots:
                slot.requests = {
                    key: one
                    for key, one in slot.requests.items()
                    if (one.reply is Reply.WELL and not one.refused)
                    or (host is not None and host not in (one.acquirer, one.issuer))
                }

    def _count(self, refused: bool, *hosts: str) -> None:
        """Count what is refused beyond two of three, by host."""
        for host in dict.fromkeys(filter(None, hosts)):
            count = self._refusals.get(host, 0) + (1 if refused else -2)
            if count > 0 and (host in self._refusals or len(self._refusals) < HABITS):
                self._refusals[host] = min(count, 2 * _REFUSING)
            else:
                self._refusals.pop(host, None)

    def _enter(self, acquirer: str, at: int) -> deque[_Slot]:
        """Room for an acquirer; beyond so many that nobody knows, one for all of them."""
        if acquirer not in self.registered and len(self._slots) >= STRANGERS:
            for idle in [key for key, slots in self._slots.items() if slots[-1].number < at // SLOT - SLOTS]:
                del self._slots[idle]
            if len(self._slots) >= STRANGERS:
                acquirer = ""
        return self._slots.setdefault(acquirer, deque())

    def _turn(self, slots: deque[_Slot], number: int) -> dict[str, Request]:
        """Begin a slot; what is too old is learned, some slots at a time."""
        slots.append(_Slot(number))
        if slots[0].number <= number - SLOTS - TOGETHER:
            old = []
            while slots[0].number <= number - SLOTS:
                old.append(slots.popleft())
            self._leave(old, slots)
        return slots[-1].requests

    def _leave(self, old: Sequence[_Slot], later: Iterable[_Slot]) -> None:
        """Learn what is usual; who failed again since counts then, so a broken terminal is nobody's habit."""
        at = old[-1].number * SLOT
        failing = {key for slot in old for key, one in slot.requests.items() if one.reply is not Reply.WELL}
        again = {
            key for key in failing for one in later if (then := one.requests.get(key)) and then.reply is not Reply.WELL
        }
        counts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(Reply))
        for slot in old:
            for key, one in slot.requests.items():
                if one.reply is Reply.WELL or key not in again:
                    counts[one.acquirer, one.issuer][Reply.REFUSED if one.refused else one.reply] += 1
        usual = {host: not self._is_unusual(host, at) for pair in counts for host in pair if host}
        for pair, count in counts.items():
            if all(usual.get(host, True) for host in pair):
                for host in dict.fromkeys(filter(None, pair)):
                    self._learn(host, at, count)

    def _learn(self, host: str, at: int, counts: Sequence[int]) -> None:
        """Learn from requests that ended, counted by how."""
        failing, odd = self._failing.get(host), self._odd.get(host)
        if failing is None or odd is None:
            if host not in self.registered and len(self._odd) >= HABITS:
                return
            failing, odd = self._failing[host], self._odd[host] = Usual(), Usual()
            self._refused[host] = Usual()
        failed = counts[Reply.FAILED] + counts[Reply.LOST]
        wells = sum(counts[kind] for kind in _ANSWERED)
        self._refused[host].learn(at, counts[Reply.REFUSED], wells)
        failing.learn(at, failed, wells + failed)
        odd.learn(at, failed + counts[Reply.ODD], wells + failed + counts[Reply.ODD])


_ANSWERED: Final = (Reply.WELL, Reply.REFUSED)
_NOTHING: Final = Usual()

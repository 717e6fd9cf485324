"""The table of planned work, and which of it is in force for a terminal.

Asked only when an incident opens or is to page, never by a heartbeat. Each window lies under the narrowest
attribute that it names, so of ten thousand windows a question looks at the few of that terminal. Windows
that overlap, or follow each other within the settle time, are one stretch of planned work.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from msgspec.structs import asdict, replace

from fleetmon.engine.fleet import Fleet
from fleetmon.model.terminal import NO_DEADLINE, Terminal
from fleetmon.model.window import Begun, Occurrence, State, Window, values

_NARROWEST: Final = (
    "terminal", "site", "merchant", "provider", "acquirer", "carrier", "firmware", "model", "region", "network",
)  # fmt: skip
_ROLES: Final = ("acquirer", "provider", "carrier")
_Key = tuple[str, str]
_EVERYBODY: Final[_Key] = "", ""


class Cover(NamedTuple):
    """One stretch of planned work as a terminal sees it. `until` is the end and the settle time."""

    window: str  # the one in force that ends last
    start: int
    end: int
    until: int


class Windows:
    """Windows by id. What is put again with other times is changed, shortened or prolonged by that."""

    def __init__(self) -> None:
        self.changes = 0  # counted, so that others notice
        self._windows: dict[str, Window] = {}
        self._under: dict[_Key, dict[str, Window]] = {}
        self._of_host: dict[str, dict[str, Window]] = {}  # whose own work it is
        self._tangled: set[str] = set()  # whose times run into each other
        self._begun: dict[str, dict[int, Begun]] = {}  # flexible work, by the start of each occurrence that has begun

    def __iter__(self) -> Iterator[Window]:
        return iter(self._windows.values())

    def find(self, window_id: str) -> Window | None:
        """A window by its id."""
        return self._windows.get(window_id)

    def put(self, window: Window) -> None:
        """Take in a window, new or changed."""
        self.drop(window.id)
        self.changes += 1
        self._windows[window.id] = window
        if any(after.start < before.end for before, after in pairwise(window.occurrences)):
            self._tangled.add(window.id)
        for one in window.begun:
            known = self._begun.setdefault(window.id, {})
            other = known.get(one.start, one)
            known[one.start] = Begun(one.start, min(one.at, other.at), min(one.until, other.until))
        for key in _keys(window):
            self._under.setdefault(key, {})[window.id] = window
        if window.host:
            self._of_host.setdefault(window.host, {})[window.id] = window

    def drop(self, window_id: str) -> None:
        """Nothing is known of it any longer."""
        window = self._windows.pop(window_id, None)
        if window is None:
            return
        self.changes += 1
        self._tangled.discard(window_id)
        for key in _keys(window):
            del self._under[key][window_id]
            if not self._under[key]:
                del self._under[key]
        if window.host:
            del self._of_host[window.host][window_id]
            if not self._of_host[window.host]:
                del self._of_host[window.host]

    def of_marks(self, terminal: str) -> set[str]:
        """The ids of the windows that a terminal's own marks made."""
        found = self._under.get(("terminal", terminal), {}).values()
        return {window.id for window in found if window.provenance == "mark"}

    def about(self, terminal: Terminal) -> list[Window]:
        """The operator's windows that cover a terminal, whenever they are."""
        return [window for window in self._over(terminal) if window.provenance == "operator"]

    def forget(self, before: int) -> None:
        """Drop what was over by then."""
        for window in list(self):
            if all(span.end < before for span in (*window.occurrences, *self.spans(window))):
                self.drop(window.id)
        self._begun = {key: times for key, times in self._begun.items() if key in self._windows}

    def begin(self, terminal: Terminal, at: int) -> list[Window]:
        """A fault or a technician's mark: flexible work that waits for one begins, or began then."""
        begun = []
        for window in self._over(terminal):
            for span in window.occurrences if window.flexible_ms is not None else ():
                known = self._begun.setdefault(window.id, {})
                first = known.get(span.start, Begun(span.start, span.end))
                if span.start <= at < min(span.end, first.at):
                    known[span.start] = first._replace(at=at)
                    self.changes += 1
                    begun.append(window)
        return begun

    def told(self, window: Window) -> Window:
        """The window, and when it has begun if it is flexible: what has to be known again after a restart."""
        begun = self._begun.get(window.id)
        return replace(window, begun=tuple(sorted(begun.values()))) if begun else window

    def spans(self, window: Window) -> list[Occurrence]:
        """When the work is in force; of a flexible one only what has begun."""
        if window.flexible_ms is None:
            return list(window.occurrences)
        known = self._begun.get(window.id, {})
        begun = [known[span.start] for span in window.occurrences if span.start in known]
        spans = [Occurrence(one.at, min(one.at + window.flexible_ms, one.until)) for one in begun]
        return [span for span in spans if span.start < span.end]

    def cover(self, terminal: Terminal, at: int) -> Cover | None:
        """The planned work in force for a terminal at that moment."""
        over = [(span, window) for window in self._over(terminal) for span in self.spans(window)]
        inside = [(span.end, window.id) for span, window in over if span.start <= at < span.end]
        if not inside:
            return None
        start, end, until = at, at, at + 1
        while grown := [
            (span, window.settle_ms)
            for span, window in over
            if span.start <= until
            and span.end + window.settle_ms >= start
            and (span.start < start or span.end > end or span.end + window.settle_ms > until)
        ]:
            start = min(start, *[span.start for span, _ in grown])
            end = max(end, *[span.end for span, _ in grown])
            until = max(until, *[span.end + settle for span, settle in grown])
        return Cover(max(inside)[1], start, end, until)

    def between(self, terminal: Terminal, since: int, until: int) -> list[tuple[Occurrence, Window]]:
        """All planned work for a terminal in that time, each with the last time of it; the one that ends last first."""
        found: dict[str, tuple[Occurrence, Window]] = {}
        for window in self._over(terminal):
            inside = [span for span in self.spans(window) if span.start <= until and since < span.end]
            if inside:
                found[window.id] = max(inside, key=lambda span: span.end), window
        return sorted(found.values(), key=lambda one: (-one[0].end, one[1].id))

    def is_planned(self, host: str, at: int) -> bool:
        """Whether the host itself is under planned work, which is not only behind it."""
        found = self._of_host.get(host, {}).values()
        return any(span.start <= at < span.end for window in found if not window.behind for span in self.spans(window))

    def state(self, window: Window, now: int) -> State:
        """Where a window stands."""
        if window.cancelled:
            return "cancelled"
        if self._is_plain(window):
            current, coming = _around(window.occurrences, now)
            return "active" if current else "scheduled" if coming else "ended"
        spans = self.spans(window)
        if any(span.start <= now < span.end for span in spans):
            return "active"
        waits = any(now < span.end for span in window.occurrences if window.flexible_ms is not None)
        return "scheduled" if waits or any(now < span.start for span in spans) else "ended"

    def edge(self, window: Window, now: int) -> int:
        """When its work begins or ends next; NO_DEADLINE: never, as far as is known."""
        if self._is_plain(window):
            current, coming = _around(window.occurrences, now)
            return current.end if current else coming.start if coming else NO_DEADLINE
        edges = (edge for span in self.spans(window) for edge in span)
        return min((edge for edge in edges if edge > now), default=NO_DEADLINE)

    def in_force(self, now: int) -> list[Window]:
        """The windows that are active."""
        return [window for window in self if self.state(window, now) == "active"]

    def by_state(self, now: int) -> Counter[State]:
        """How many windows stand where."""
        return Counter(self.state(window, now) for window in self)

    def _is_plain(self, window: Window) -> bool:
        """Whether its times follow each other, each as it stands there: then few of them need be looked at."""
        return window.flexible_ms is None and window.id not in self._tangled

    def _over(self, terminal: Terminal) -> Iterator[Window]:
        """The windows that cover a terminal, whenever they are."""
        if not self._windows:
            return
        keys = [_EVERYBODY, ("terminal", terminal.id), ("site", terminal.site), ("merchant", terminal.merchant)]
        keys += asdict(terminal.cohort).items()
        seen = set()
        for key in keys:
            for window in self._under.get(key, {}).values():
                if window.id not in seen and window.covers(terminal):
                    seen.add(window.id)
                    yield window


def candidates(fleet: Fleet, window: Window) -> Iterable[Terminal]:
    """Whom a window may cover: all whom it covers, and others of these shops or merchants."""
    if "terminal" in window.selector:
        found = (fleet.terminals.get(key) for key in values(window.selector["terminal"]))
        return [terminal for terminal in found if terminal is not None]
    if "site" in window.selector:
        return [one for site in values(window.selector["site"]) for one in fleet.groups.shop(site)]
    if "merchant" in window.selector:
        merchants = set(values(window.selector["merchant"]))
        return [one for one in fleet.terminals.values() if one.merchant in merchants]
    return fleet.groups.like(lambda cohort: window.covers(Terminal("", "", "", cohort, 0, 0)))


def _around(spans: Sequence[Occurrence], now: int) -> tuple[Occurrence | None, Occurrence | None]:
    """The one in force and the next one, of spans that follow each other."""
    after = bisect_right(spans, (now, NO_DEADLINE))
    current = spans[after - 1] if after and now < spans[after - 1].end else None
    return current, spans[after] if after < len(spans) else None


def _keys(window: Window) -> list[_Key]:
    """What a window lies under: one of these is told by each terminal that it covers."""
    if window.behind:
        return []
    if window.host and not window.selector:
        return [(role, window.host) for role in _ROLES]
    name = next((name for name in _NARROWEST if name in window.selector), None)
    return [(name, value) for value in set(values(window.selector[name]))] if name else [_EVERYBODY]

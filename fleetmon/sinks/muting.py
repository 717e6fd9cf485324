"""Which silences planned work asks of an Alertmanager, so that alerts of *rules* keep quiet as well (docs/adr/027).

Windows, a time and the alerts that are active give the silences: no I/O. A silence covers what carries every label of
the window's selector, and nothing else: labels are those of our own metrics, for rules have no others. It leaves
out what would be lost in it, as a silence swallows "resolved" too: incidents of fleetmon's own, whose pages
the engine holds back itself (they alone carry `kind`), and the rules of which people had been told before it began.
Where it can be wrong: a rule that gives its alerts a label `kind` is never silenced; an alert that is told by its
name, for one value of the scope, is told for all of them.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Final, NamedTuple

from fleetmon.engine.census import Census
from fleetmon.engine.work.windows import Windows
from fleetmon.model.events import Attribute
from fleetmon.model.window import Window, values
from fleetmon.sinks.metrics import DIMENSIONS

LABELS: Final[Mapping[str, str]] = {attribute: label for attribute, (_, label) in DIMENSIONS.items()}
AHEAD_MS: Final = 3_600_000  # so long before it begins a silence is made: we may be away then
MOST: Final = 200  # silences of one Alertmanager; those that begin first
_TEXT: Final = 200  # characters of a reason
_ROLES: Final[tuple[Attribute, ...]] = ("acquirer", "provider", "carrier")
Scope = tuple[tuple[str, frozenset[str]], ...]  # labels and the values that they may have


class Matcher(NamedTuple):
    """One condition of a silence; `equal` is whether it asks for the value or for any other."""

    name: str
    value: str
    regex: bool = False
    equal: bool = True


_NOT_OURS: Final = Matcher("kind", "")
_NOT_MONEY: Final = Matcher("alertname", "FleetmonSettlement.*", regex=True, equal=False)  # which is never excused


class Alert(NamedTuple):
    """An active alert of a rule."""

    labels: Mapping[str, str]
    start: int


class Stretch(NamedTuple):
    """One stretch of quiet for one scope, `[start, until)` in ms; the settle time belongs to it."""

    key: str  # the same as long as it is the same work
    window: Window
    scope: Scope
    start: int
    until: int

    @property
    def comment(self) -> str:
        """Who answers for it, and why."""
        window = self.window
        reference = f" ({window.reference})" if window.reference else ""
        return f"{window.owner}: {window.reason}{reference}"[:_TEXT].replace("\n", " ")

    def matchers(self, left_out: Iterable[str]) -> frozenset[Matcher]:
        """The conditions, without the alerts of these names."""
        scope = {_matcher(label, wanted) for label, wanted in self.scope}
        others = {Matcher("alertname", name, equal=False) for name in left_out}
        return frozenset({_NOT_OURS, _NOT_MONEY, *scope, *others})

    def covers(self, alert: Alert) -> bool:
        """Whether an alert is of this scope."""
        return all(alert.labels.get(label) in wanted for label, wanted in self.scope)


class Muting:
    """Planned work as an Alertmanager is to know it. Times in ms."""

    def __init__(self, windows: Windows, census: Census) -> None:
        self._windows = windows
        self._census = census

    def wanted(self, now: int) -> tuple[list[Stretch], int]:
        """The silences that ought to be, one a window and scope, and how many cannot be.

        Each is for the stretch in force, or the one that begins soon. It cannot be for want of a label, or for there
        are too many.
        """
        taken = self._taken()
        found: list[Stretch] = []
        impossible = 0
        for window in self._between(now, now + AHEAD_MS):
            times = [one for one in self._times(window) if now < one[1] and one[0] <= now + AHEAD_MS]
            impossible += bool(times) and not scopes(window, taken)
            found += _stretches(window, times[:1], taken)
        found.sort(key=lambda one: (one.start, one.key))
        return found[:MOST], impossible + len(found[MOST:])

    def told_before(self, wanted: Iterable[Stretch], alerts: Collection[Alert]) -> dict[str, set[str]]:
        """By silence, the names of alerts that began before it, outside planned work: people wait for their end."""
        early = [(one, alert) for one in wanted for alert in alerts if alert.start < one.start and one.covers(alert)]
        since = min((alert.start for _, alert in early), default=0)
        until = max((one.start for one, _ in early), default=0)
        taken = self._taken()
        before = [
            one
            for window in (self._between(since, until) if early else ())
            for one in _stretches(window, list(self._times(window)), taken)
        ]
        before.sort(key=lambda one: one.start)
        told: dict[str, set[str]] = {}
        for one, alert in early:
            if _quiet_until(alert, before) < one.start:
                told.setdefault(one.key, set()).add(alert.labels["alertname"])
        return told

    def _between(self, since: int, until: int) -> Iterator[Window]:
        """Work on terminals that may be in force then; there may be many thousands, and few of them are."""
        for window in self._windows:
            times = window.occurrences
            begun = bisect_right(times, until, key=itemgetter(0))
            late = since - window.settle_ms - (window.flexible_ms or 0)
            if begun and not window.behind and any(times[at].end >= late for at in range(begun - 1, -1, -1)):
                yield window

    def _times(self, window: Window) -> Iterator[tuple[int, int]]:
        """When it is in force or settles; times that touch are one."""
        begun: tuple[int, int] | None = None
        for start, end in sorted(self._windows.spans(window)):
            if begun is not None and start <= begun[1]:
                begun = begun[0], max(begun[1], end + window.settle_ms)
                continue
            if begun is not None:
                yield begun
            begun = start, end + window.settle_ms
        if begun is not None:
            yield begun

    def _taken(self) -> set[tuple[str, str]]:
        """The roles that somebody has in the fleet."""
        return {(role, getattr(cohort, role)) for cohort, _ in self._census.counts for role in _ROLES}


def scopes(window: Window, taken: Collection[tuple[str, str]]) -> list[Scope]:
    """The labels by which alerts of rules are of this work; `taken` are the roles that somebody has in the fleet.

    None where a part of the selector is in no label, and never an empty value: that would match what lacks the label.
    """
    if window.host and not window.selector:
        return [((LABELS[role], frozenset({window.host})),) for role in _ROLES if (role, window.host) in taken]
    if not window.selector or window.selector.keys() - LABELS.keys():
        return []
    scope = tuple((LABELS[name], frozenset(values(wanted)) - {""}) for name, wanted in window.selector.items())
    return [scope] if all(wanted for _, wanted in scope) else []


def _stretches(
    window: Window, times: Collection[tuple[int, int]], taken: Collection[tuple[str, str]]
) -> Iterator[Stretch]:
    found = scopes(window, taken)
    for scope in found:
        key = re.sub(r"\s+", "_", f"{window.id} {scope[0][0]}" if len(found) > 1 else window.id)
        for start, until in times:
            yield Stretch(key, window, scope, start, until)


def _quiet_until(alert: Alert, around: Iterable[Stretch]) -> int:
    """The end of the planned work, stretch after stretch, that has covered an alert since it began."""
    until = alert.start
    for one in around:
        if one.start <= until and one.covers(alert):
            until = max(until, one.until)
    return until


def _matcher(label: str, wanted: frozenset[str]) -> Matcher:
    if len(wanted) == 1:
        return Matcher(label, min(wanted))
    return Matcher(label, "|".join(re.escape(value) for value in sorted(wanted)), regex=True)

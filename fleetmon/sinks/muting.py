"""Which silences planned work asks of an Alertmanager, so that alerts of *rules* keep quiet as well (docs/adr/027).

Pure: windows, a time and the alerts that are active give the silences. A silence covers what carries every label of
the window's selector, and nothing else: labels are those of our own metrics, for rules have no others. It leaves
out what would be lost in it, as a silence swallows "resolved" too: incidents of fleetmon's own, whose pages
the engine holds back itself (they alone carry `kind`), and the rules of which people had been told before it began.
Where it can be wrong: a rule that gives its alerts a label `kind` is never silenced; an alert that is told by its
name, for one value of the scope, is told for all of them.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from fleetmon.engine.census import Census
from fleetmon.engine.windows import Windows
from fleetmon.model.events import Attribute
from fleetmon.model.window import Occurrence, Window, values
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

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert is of this scope."""
        return all(labels.get(label) in wanted for label, wanted in self.scope)


class Alert(NamedTuple):
    """An active alert of a rule."""

    labels: Mapping[str, str]
    start: int


class Asked(Struct, frozen=True):
    """What planned work asks for now."""

    wanted: list[Stretch]
    around: list[Stretch]  # and what was before, or comes later
    impossible: int  # windows in force or soon that no label names, or that are too many


def asked(windows: Windows, census: Census, now: int) -> Asked:
    """The silences that ought to be, one a window and scope: the stretch in force, or the one that begins soon."""
    taken = {(role, getattr(cohort, role)) for cohort, _ in census.counts for role in _ROLES}
    wanted: dict[str, Stretch] = {}
    around: list[Stretch] = []
    impossible = 0
    for window in windows:
        if window.behind:
            continue
        times = list(_joined(windows.spans(window), window.settle_ms))
        soon = any(now < until and start <= now + AHEAD_MS for start, until in times)
        found = scopes(window, taken) if times else []
        impossible += soon and not found
        for scope in found:
            key = re.sub(r"\s+", "_", f"{window.id} {scope[0][0]}" if len(found) > 1 else window.id)
            for start, until in times:
                around.append(Stretch(key, window, scope, start, until))
                if now < until and start <= now + AHEAD_MS:
                    wanted.setdefault(key, around[-1])
    first = sorted(wanted.values(), key=lambda one: (one.start, one.key))
    return Asked(first[:MOST], sorted(around, key=lambda one: one.start), impossible + len(first[MOST:]))


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


def told_before(stretch: Stretch, alerts: Iterable[Alert], around: Iterable[Stretch]) -> set[str]:
    """The names of alerts that had begun before it, outside planned work: people know of them and wait for the end."""
    covered = [alert for alert in alerts if alert.start < stretch.start and stretch.covers(alert.labels)]
    return {alert.labels["alertname"] for alert in covered if _quiet_until(alert, around) < stretch.start}


def _quiet_until(alert: Alert, around: Iterable[Stretch]) -> int:
    """The end of the planned work, stretch after stretch, that has covered an alert since it began."""
    until = alert.start
    for one in around:
        if one.start <= until and one.covers(alert.labels):
            until = max(until, one.until)
    return until


def _joined(spans: Iterable[Occurrence], settle: int) -> Iterator[tuple[int, int]]:
    """Times that follow each other within the settle time are one."""
    begun: tuple[int, int] | None = None
    for span in sorted(spans):
        until = span.end + settle
        if begun is not None and span.start <= begun[1]:
            begun = begun[0], max(begun[1], until)
        else:
            if begun is not None:
                yield begun
            begun = span.start, until
    if begun is not None:
        yield begun


def _matcher(label: str, wanted: frozenset[str]) -> Matcher:
    if len(wanted) == 1:
        return Matcher(label, min(wanted))
    return Matcher(label, "|".join(re.escape(value) for value in sorted(wanted)), regex=True)

"""Time that says nothing about the fleet: when we did not hear or watch, and when work was planned."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from fleetmon.detect import INGEST_IMPAIRED
from fleetmon.model.window import Window, values
from fleetmon.readout.report.costs import terminal_of
from fleetmon.readout.report.spans import Span, merged, within
from fleetmon.store import Night, TerminalRow

UNWATCHED: Final = 90_000  # we note that we watch every half minute
_NARROW: Final = ("terminal", "site", "merchant")


class Gaps:
    """When we did not know."""

    def __init__(self, night: Night, span: Span, deaf_since: int | None, heard: Mapping[str, int]) -> None:
        """`deaf_since`: we hear nothing now, since then; `heard`: incidents that stay a while after we hear again."""
        self._span = span
        deaf: dict[str, list[Span]] = {"": [] if deaf_since is None else [(deaf_since, span[1])]}
        for one in night.incidents:
            if one.kind == INGEST_IMPAIRED.kind:
                provider = dict(one.scope).get("provider", "")
                end = one.resolved_at or heard.get(one.id, span[1])
                deaf.setdefault(provider, []).append((one.opened_at, end))
        self.deaf = {provider: within(span, merged(spans)) for provider, spans in deaf.items()}
        watched = merged(night.watched)
        # Where there is no time before the first one, that is when fleetmon first ran.
        first = [(span[0], span[0])] if watched and watched[0][0] > span[0] else []
        pauses = [(end, begin) for (_, end), (begin, _) in pairwise([*first, *watched]) if begin - end > UNWATCHED]
        self.unwatched = within(span, pauses)
        self._known: dict[str, list[Span]] = {}

    def blind(self, provider: str) -> Sequence[Span]:
        """When terminals of a provider were not heard; "": those of nobody."""
        found = self._known.get(provider)
        if found is None:
            found = self._known[provider] = merged(
                [*self.deaf[""], *(self.deaf.get(provider, ()) if provider else ()), *self.unwatched]
            )
        return found


class PlannedTimes:
    """Planned work that touches a span, found by whom it names."""

    def __init__(self, windows: Sequence[tuple[Window, list[Span]]]) -> None:
        self._wide = [one for one in windows if not one[0].selector.keys() & set(_NARROW)]
        self._named: dict[tuple[str, str], list[tuple[Window, list[Span]]]] = {}
        for one in windows:
            name = next((name for name in _NARROW if name in one[0].selector), None)
            for value in values(one[0].selector[name]) if name else ():
                self._named.setdefault((name or "", value), []).append(one)

    def of(self, row: TerminalRow, span: Span) -> list[Span]:
        """When of a span planned work covered this terminal."""
        if not (self._wide or self._named):
            return []
        terminal = terminal_of(row)
        keys = (("terminal", row.id), ("site", row.site), ("merchant", row.merchant))
        asked = [*self._wide, *(one for key in keys for one in self._named.get(key, ()))]
        return within(span, merged(span for window, spans in asked if window.covers(terminal) for span in spans))

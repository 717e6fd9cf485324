"""Who could go: of one provider so many technicians at most are out in one region at the same time.

Where it can be wrong: the way from shop to shop takes no time here, and nobody says who is on leave.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from fleetmon.model.window import Occurrence


class Team(NamedTuple):
    """Those who share the shops of a region."""

    provider: str
    region: str


class Rota:
    """Times at which somebody is out, by team and shop."""

    def __init__(self, technicians: int) -> None:
        self._most = technicians
        self._out: dict[Team, list[tuple[Occurrence, str]]] = defaultdict(list)

    def take(self, team: Team, site: str, spans: Iterable[Occurrence]) -> None:
        """Somebody will be at this shop then."""
        self._out[team] += [(span, site) for span in spans]

    def is_free(self, team: Team, site: str, span: Occurrence) -> bool:
        """Whether somebody could be at this shop all that time; who is to come there anyway could come then instead."""
        others = [
            one for one, where in self._out[team] if where != site and one.start < span.end and span.start < one.end
        ]
        if len(others) < self._most:
            return True
        moments = [span.start, *[one.start for one in others if one.start > span.start]]
        return all(sum(one.start <= at < one.end for one in others) < self._most for at in moments)

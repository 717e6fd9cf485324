"""We do not hear: our link to the broker is gone, or it stands and nothing comes, so no silence means anything.

A broker that restarts within the hold calls nobody, unless it does so again and again; it is over when we have
heard for ten minutes: what comes and goes, a link or a provider's bridge, is one page and not one each time.

A silence of nearly all at the same moment is ours if it follows nothing: if no carrier, network, region, shop,
acquirer, model or firmware was spared. Then what they share is the way to us: a subscription that is dead at the
broker, a bridge, an access list; or a broker that lost all connections at once. One provider's is ours only if others
where its terminals are were heard; where nobody else is, it must be in several regions and on several carriers or
networks. They come back one after the other, and as long as they do the rest is waited for.
A will says by when it comes who ended the connection. Of a terminal without power or network a broker learns when
one and a half keep-alives have passed without a word; a connection that was closed is told of at once. Terminals that
were heard seconds before their wills had power and network, so if nearly all leave wills within a minute and some of
those came so soon, the broker dropped them, whatever they share, and connecting again takes its time.
Where it can be wrong: a power cut of all that a fleet of one region has looks like our fault, and our fault with a
provider of one region, where nobody else is, like a power cut. A gateway that carries less than four fifths of what
can be named is not noticed here. Fewer than ten terminals prove nothing.
"""

import math
from collections.abc import Mapping, Sequence

from fleetmon.model.detector import Arrivals, Count, IngestDetector
from fleetmon.model.incident import Policy

NEARLY_ALL = 0.8  # share of silent ones
FEWEST = 10  # silent ones
FEW = 4  # silent ones that would make an outage
TELLING = 5  # so few that are all silent, or all heard, are no chance
WELL = 0.2  # share of silent ones, at most
CLEARLY = 4.0  # standard deviations
SOON = 5_000  # ms from a terminal's last word to its will; keep-alives are longer
SOME, ONE_IN = 3, 100  # wills that came so soon; with a beat every five minutes one in sixty does
WHOLE = 8  # wills, at least, in which nearly all lose their connections
_EVERYWHERE = ("way", "site")
_OF_PROVIDER = (*_EVERYWHERE, "region")


def breached(arrivals: Arrivals) -> bool:
    """Nearly all fell silent together, nothing was spared, and nothing but us can be to blame."""
    total, by, beside = arrivals.total, arrivals.by, arrivals.beside
    if total.silent < FEWEST or not _is_common(arrivals) or _is_early(arrivals):
        return False
    if beside is None and _are_closed(arrivals.closed + arrivals.lost, arrivals.closed):
        return True
    others = _others(beside or ())
    if sum(others) >= TELLING:
        return _share(others) <= WELL and _is_broad(by["site"], total)
    return all(_is_broad(by[name], total) for name in (_EVERYWHERE if beside is None else _OF_PROVIDER))


def undecided(arrivals: Arrivals) -> bool:
    """Nobody was heard since some fell silent, of so many that more of them will tell, and it can be ours."""
    total = arrivals.total
    few = FEW <= total.silent < FEWEST <= sum(total) + arrivals.waiting and _can_be_ours(arrivals)
    return _is_common(arrivals) and (few or (total.silent >= FEWEST and _is_early(arrivals)))


def recovered(arrivals: Arrivals, steady: bool) -> bool:
    """They are heard again: nearly all, or all of some kind, or as many as will for now (`steady`)."""
    share = _share(arrivals.total)
    spread = CLEARLY * math.sqrt(share * (1 - share))
    spared = any(
        sum(count) >= TELLING and (share - _share(count)) * math.sqrt(sum(count)) > spread
        for counts in arrivals.by.values()
        for count in _told(counts)
        if _share(count) <= WELL
    )
    return arrivals.total.heard > 0 and (share <= WELL or spared or (steady and share < NEARLY_ALL))


def soon(before: int) -> bool:
    """Whether a will came too soon after the terminal's last word for a keep-alive to have run out."""
    return before <= SOON


def dropped(wills: int, soon: int, awake: int) -> bool:
    """Whether the broker closed nearly all connections within a minute."""
    return wills >= max(WHOLE, NEARLY_ALL * awake) and _are_closed(wills, soon)


def _are_closed(wills: int, soon: int) -> bool:
    return soon >= SOME and soon * ONE_IN >= wills


def _is_common(arrivals: Arrivals) -> bool:
    """Whether nearly all are silent, and of no value clearly fewer."""
    if _share(arrivals.total) < NEARLY_ALL:
        return False
    told = [count for counts in arrivals.by.values() for count in _told(counts)]
    return not any(sum(count) >= TELLING and _share(count) < NEARLY_ALL / 2 for count in told)


def _is_early(arrivals: Arrivals) -> bool:
    """Whether many say nothing yet, and could not have.

    Then wills prove nothing: they are there at once, and who is well beside them takes a beat to say so.
    """
    silent, heard = arrivals.total
    by_beats = Count(silent - arrivals.willed, heard)
    return arrivals.waiting > WELL * (silent + heard + arrivals.waiting) and (
        arrivals.owed < TELLING or by_beats.silent < FEWEST or _share(by_beats) < NEARLY_ALL
    )


def _can_be_ours(arrivals: Arrivals) -> bool:
    """Whether the few that are silent are of more than one shop and way, or the broker closed their connections."""
    spread = [sum(count.silent > 0 for count in arrivals.by[name].values()) > 1 for name in _EVERYWHERE]
    return all(spread) or arrivals.closed > 0


def _told(counts: Mapping[str, Count]) -> list[Count]:
    """The values; those that are too small to tell count as one."""
    few = [count for count in counts.values() if sum(count) < TELLING]
    return [_sum(few), *(count for count in counts.values() if sum(count) >= TELLING)]


def _is_broad(counts: Mapping[str, Count], total: Count) -> bool:
    """Whether the value with most silent ones cannot be to blame alone."""
    return total.silent - max(count.silent for count in counts.values()) >= TELLING


def _others(beside: Sequence[tuple[Count, Count]]) -> Count:
    """The neighbours of other providers, without providers of whom nobody is heard anywhere: they may be as we are."""
    return _sum([there for there, anywhere in beside if _share(anywhere) < NEARLY_ALL])


def _sum(counts: Sequence[Count]) -> Count:
    return Count(sum([count.silent for count in counts]), sum([count.heard for count in counts]))


def _share(count: Count) -> float:
    return count.silent / sum(count) if count.silent else 0.0


INGEST_IMPAIRED = IngestDetector(
    kind="ingest_impaired",
    policy=Policy(severity="critical", pages=True, hold_ms=30_000, keep_ms=600_000),
    breached=breached,
    undecided=undecided,
    recovered=recovered,
    soon=soon,
    dropped=dropped,
)

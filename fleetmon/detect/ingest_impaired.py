"""We do not hear: our link to the broker is gone, or it stands and nothing comes, so no silence means anything.

A broker that restarts within the hold calls nobody, unless it does so again and again; it is over when we have
heard for some minutes.

A silence of nearly all at the same moment is ours if it follows nothing: if no carrier, network, region, shop,
acquirer, model or firmware was spared. Then what they share is the way to us: a subscription that is dead at the
broker, a bridge, an access list. One provider's is ours only if others where its terminals are were heard; where
nobody else is, it must be in several regions and on several carriers or networks.
Where it can be wrong: a power cut of all that a fleet of one region has looks like our fault, and our fault with a
provider of one region, where nobody else is, like a power cut. A gateway that carries less than four fifths of what
can be named is not noticed here. Fewer than ten terminals prove nothing.
"""

from collections.abc import Mapping, Sequence

from fleetmon.model.detector import Arrivals, Count, IngestDetector
from fleetmon.model.incident import Policy

NEARLY_ALL = 0.8  # share of silent ones
FEWEST = 10  # silent ones
FEW = 4  # silent ones of which others would make an outage
TELLING = 5  # so few that are all silent, or all heard, are no chance
WELL = 0.2  # share of silent ones, at most
_EVERYWHERE = ("way", "site")
_OF_PROVIDER = (*_EVERYWHERE, "region")


def breached(arrivals: Arrivals) -> bool:
    """Nearly all fell silent together, nothing was spared, and nothing but us can be to blame."""
    total, by, beside = arrivals
    if total.silent < FEWEST or _is_spared(arrivals):
        return False
    others = _others(beside or ())
    if sum(others) >= TELLING:
        return _share(others) <= WELL and _is_broad(by["site"], total)
    return all(_is_broad(by[name], total) for name in (_EVERYWHERE if beside is None else _OF_PROVIDER))


def undecided(arrivals: Arrivals, awake: int) -> bool:
    """Nobody was heard since some fell silent, of so many that are awake: more of them will tell."""
    total = arrivals.total
    return FEW <= total.silent < FEWEST <= awake and not _is_spared(arrivals)


def _is_spared(arrivals: Arrivals) -> bool:
    return _share(arrivals.total) < NEARLY_ALL or any(_spares(counts) for counts in arrivals.by.values())


def _share(count: Count) -> float:
    return count.silent / sum(count) if count.silent else 0.0


def _sum(counts: Sequence[Count]) -> Count:
    return Count(sum([count.silent for count in counts]), sum([count.heard for count in counts]))


def _spares(counts: Mapping[str, Count]) -> bool:
    """Whether a value has clearly less than its share of the silent ones; values too small to tell count as one."""
    few = [count for count in counts.values() if sum(count) < TELLING]
    told = [_sum(few), *(count for count in counts.values() if sum(count) >= TELLING)]
    return any(sum(count) >= TELLING and _share(count) < NEARLY_ALL / 2 for count in told)


def _is_broad(counts: Mapping[str, Count], total: Count) -> bool:
    """Whether the value with most silent ones cannot be to blame alone."""
    return total.silent - max(count.silent for count in counts.values()) >= TELLING


def _others(beside: Sequence[tuple[Count, Count]]) -> Count:
    """The neighbours of other providers, without providers of whom nobody is heard anywhere: they may be as we are."""
    return _sum([there for there, anywhere in beside if _share(anywhere) < NEARLY_ALL])


INGEST_IMPAIRED = IngestDetector(
    kind="ingest_impaired",
    policy=Policy(severity="critical", pages=True, hold_ms=30_000, keep_ms=180_000),
    breached=breached,
    undecided=undecided,
)

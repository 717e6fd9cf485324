"""Which host is to blame for requests that fail: the switch, an acquirer or an issuer, or none of them.

A host is asked about the stretch of time, up to now, in which most speaks against it. It is not to blame where the
trouble is confined to a part (an issuer, a shop, a network, a make of terminal) and the rest of its requests
go well meanwhile. The widest is asked first, and what it explains is not asked of those behind it: an issuer
fails if the other issuers of its acquirers do not.
Where it can be wrong: when nobody else asks, a part cannot be told from the whole.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from msgspec.structs import replace

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.hosts.answers import Known, Request
from fleetmon.model.detector import Replies, Reply
from fleetmon.model.incident import DECLINES, FAILS, SLOW
from fleetmon.model.registry import CELLULAR

TWICE: Final = 2  # failures of one terminal that count
FEW: Final = 3  # parts that may have a trouble of their own at the same time, of three times as many
DOUBTFUL: Final = (Reply.LOST, Reply.ODD)  # what a terminal without a way to the host would tell as well
_Part = Callable[[Request], str]


class Blame(NamedTuple):
    """Why a host is to blame, and the terminals that saw it."""

    replies: Replies
    terminals: list[str]
    odd: bool  # what ends oddly counts as well
    doubtful: bool  # most of it is what terminals without a network would tell as well
    sign: str  # what is wrong

    @property
    def share(self) -> float:
        """The share of the requests that failed."""
        return self.replies.failed / self.replies.requests


def blamed(
    recent: Mapping[str, Sequence[Request]],
    known: Callable[[str], Known],
    aside: Container[str],
    switch: str = "",
    parts: Sequence[_Part] = (),
) -> dict[str, Blame]:
    """The hosts to blame, by requests by acquirer, the newest first; of those `aside` it is known already."""
    parts = (*parts, *_PARTS)
    if switch in aside:
        return {}
    found: dict[str, Blame] = {}
    left: defaultdict[str, list[Request]] = defaultdict(list)  # by issuer
    for acquirer, requests in recent.items():
        own = [one for one in requests if one.issuer not in aside]
        blame, rest = _weigh(own, known(acquirer), (_issuer, *parts))
        if blame is not None and acquirer:
            found[acquirer] = blame
        elif acquirer not in aside:
            for one in rest:
                left[one.issuer].append(one)
    if switch and len(found) > 1:
        blame, _ = _weigh(_merged(recent), known(switch), (_acquirer, _issuer, *parts))
        if blame is not None:
            return {switch: blame}
    for issuer in sorted(left.keys() - {""}):
        blame, _ = _weigh(sorted(left[issuer], key=_newest), known(issuer), parts)
        if blame is not None:
            found[issuer] = blame
    return found


def refusing(
    recent: Mapping[str, Sequence[Request]],
    known: Callable[[str], Known],
    aside: Container[str],
    switch: str = "",
) -> dict[str, Blame]:
    """The hosts that decline nearly everything: the same question, of what was answered, in three shops at least.

    One merchant's customers, or somebody who tries out cards there, are a part to which it is confined.
    """

    def refused(host: str) -> Known:
        share = known(host).refused
        return Known(1.0 if share is None else share, None)

    answered = {
        acquirer: [
            replace(one, reply=Reply.FAILED) if one.refused else one for one in requests if one.reply is Reply.WELL
        ]
        for acquirer, requests in recent.items()
    }
    sites = {one.terminal.id: _site(one) for requests in answered.values() for one in requests}
    return {
        host: blame._replace(sign=DECLINES)
        for host, blame in blamed(answered, refused, aside, switch, (_merchant,)).items()
        if len({sites[key] for key in blame.terminals}) >= HOST_OUTAGE.witnesses
    }


def _weigh(requests: Sequence[Request], known: Known, parts: Sequence[_Part]) -> tuple[Blame | None, Sequence[Request]]:
    """What speaks against a host, unless it is too little or confined to a part; and what no such part explains."""
    if sum(one.reply is not Reply.WELL for one in requests) < HOST_OUTAGE.witnesses:
        return None, requests
    certain = [one for one in requests if one.reply is not Reply.ODD]
    inside, replies, odd = *_stretch(certain, known.usual, slow=known.slow), False
    if known.odd is not None and len(certain) < len(requests):
        more = _stretch(requests, known.odd, slow=known.slow)
        if HOST_OUTAGE.excess(more[1]) > HOST_OUTAGE.excess(replies):
            inside, replies, odd = *more, True
    if not HOST_OUTAGE.lasting(replies):
        return None, requests
    failing = [one for one in inside if one.reply is not Reply.WELL]
    doubtful = 2 * sum(one.reply in DOUBTFUL for one in failing) > len(failing)
    if doubtful:  # the way there may be at fault
        parts = (*parts, _network)
        if len({_site(one) for one in failing}) == 1:
            return None, ()
    late = 2 * sum(one.late for one in failing) > len(failing)
    if late and len({_network(one) for one in failing}) == 1:
        return None, ()  # the way may be slow, and nothing tells it from the host
    for part in parts:
        if taken := _confined(inside, part, replies.usual):
            return None, [one for one in requests if part is _issuer or part(one) not in taken]
    terminals = sorted({one.terminal.id for one in failing})
    return Blame(replies, terminals, odd, doubtful, SLOW if late else FAILS), requests


def _stretch(requests: Sequence[Request], usual: float, *, slow: bool) -> tuple[Sequence[Request], Replies]:
    """The requests of the time up to now in which most speaks against the host."""
    votes: Counter[str] = Counter()
    asked = failed = reached = 0
    best, replies = 0, Replies(0, 0, usual)
    for _, together in groupby(requests, key=attrgetter("slot")):
        for one in together:
            reached += 1
            if one.reply is Reply.WELL:
                asked += 1
                continue
            votes[one.terminal.id] += 1
            if votes[one.terminal.id] <= TWICE:
                asked, failed = asked + 1, failed + 1
        found = Replies(asked, failed, usual, slow)
        if len(votes) >= HOST_OUTAGE.witnesses and HOST_OUTAGE.excess(found) > HOST_OUTAGE.excess(replies):
            best, replies = reached, found
    return requests[:best], replies


def _confined(requests: Sequence[Request], part: _Part, usual: float) -> set[str]:
    """The few parts that have all the trouble, if the rest was well since it began there; else none."""
    values = [part(one) for one in requests]
    pairs = list(zip(values, requests, strict=True))
    failing = Counter(value for value, one in pairs if one.reply is not Reply.WELL)
    worst = sorted(failing, key=lambda value: (-failing[value], value))
    for few in range(1, min(FEW, max(1, len(set(values)) // 3)) + 1):
        taken = set(worst[:few])
        if "" in taken:  # nobody knows which part that is
            break
        since = min(one.slot for value, one in pairs if value in taken and one.reply is not Reply.WELL)
        rest = [one.reply for value, one in pairs if one.slot >= since and value not in taken]
        failed = sum(reply is not Reply.WELL for reply in rest)
        if HOST_OUTAGE.well(Replies(len(rest), failed, usual)):
            return taken
    return set()


def _issuer(request: Request) -> str:
    return request.issuer


def _acquirer(request: Request) -> str:
    return request.acquirer


def _site(request: Request) -> str:
    return request.terminal.site or request.terminal.id


def _merchant(request: Request) -> str:
    return request.terminal.merchant


def _make(request: Request) -> str:
    cohort = request.terminal.cohort
    return f"{cohort.model} {cohort.firmware}".strip()


def _network(request: Request) -> str:
    cohort = request.terminal.cohort
    return cohort.carrier if cohort.network in CELLULAR else _site(request)


_PARTS: Final = (_site, _make)


def _newest(request: Request) -> int:
    return -request.slot


def _merged(recent: Mapping[str, Sequence[Request]]) -> list[Request]:
    return sorted((one for requests in recent.values() for one in requests), key=_newest)

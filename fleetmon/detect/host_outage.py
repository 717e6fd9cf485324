"""A host (acquirer, issuer, switch, institution) fails: it signed off, or far more requests fail, hang or are declined.

Evidence are the response codes of ISO 8583 field 39 that speak of the host and not of the card: 68 reply
too late, 91 issuer or switch inoperative, 92 no route, 96 system malfunction, 98 no answer, and 90, a cut-over,
if that does not end; and requests that nobody answered. It may fail four times as often as it does as a rule, or
one request in twenty, whichever is more; what is beyond must be so much, or last so long, that chance does not
explain it. The same test is put to answers for which nobody waits, and to other declines, of which two in three
are nobody's bad day; what is merely slow makes believe sooner that payments suffer.
Where it can be wrong: a switch whose one large issuer fails reports many 91 although it works itself; a host
that never worked while it was watched seems to be as ever once that was learned.
"""

from math import log, log2

from fleetmon.model.detector import HostDetector, Overlay, Replies, Reply
from fleetmon.model.events import HostHealth, Transaction
from fleetmon.model.incident import Policy
from fleetmon.model.responses import meaning

_FEW = 10  # requests of which a host's own report proves nothing either way
_LEAST = 0.05  # failing that is nobody's outage
_SURE, _LIKELY = 7.0, 3.5  # log-odds: e^-7 is one in a thousand
_OTHERS = 4  # answers that show others to be well
_IN_A_ROW = 8  # answers that show a host to be well again, for which everything had failed
_ALL = 0.99  # of everything that fails
_SLOW, _SLOWEST_USUAL = 4, 3_000  # times the usual, and ms below which nobody suffers
_PATIENCE = 10_000  # ms after which people give up
_REFUSED = 0.24  # four times as often (see `_most`) is two in three
_WELL = Reply.WELL  # what nearly every request ends with
_BY_THE_CARD = ("Y1", "Y3")  # approved by the chip, and no host was asked


def reply(told: Transaction, overlay: Overlay | None = None) -> Reply | None:
    """What a stage of a transaction tells of the hosts behind it; at a cut-over (90) nothing is wrong for a while."""
    if told.stage == "approved":
        return _WELL if told.response not in _BY_THE_CARD else None
    if told.stage == "declined":
        means = meaning(told.response or "", overlay)
        return {"host": Reply.FAILED, "cutover": Reply.TURNING, "": Reply.ODD}.get(means, Reply.REFUSED)
    if told.stage == "unanswered":
        return Reply.LOST
    if told.stage == "uploaded":
        return Reply.WELL
    return Reply.ODD if told.stage == "stored" and told.response not in _BY_THE_CARD else None


def told(health: HostHealth, overlay: Overlay | None = None) -> int:
    """How many requests failed at the host, by its own report."""
    return sum(count for code, count in health.codes.items() if meaning(code, overlay) == "host")


def slow(p95: float, usual: float) -> bool:
    """Answers take four times as long as usual, and that is long."""
    return p95 >= max(_SLOW * usual, _SLOWEST_USUAL)


def hangs(p95: float, usual: float) -> bool:
    """Answers take far longer than usual, and people give up."""
    return slow(p95, usual) and p95 >= _PATIENCE


def declined(health: HostHealth, overlay: Overlay | None = None) -> int:
    """How many requests were declined at the host for whatever reason, by its own report."""
    return sum(count for code, count in health.codes.items() if meaning(code, overlay) not in ("ok", "cutover"))


def turning(health: HostHealth, overlay: Overlay | None = None) -> int:
    """To how many requests it said that it changes its business day, by its own report."""
    return sum(count for code, count in health.codes.items() if meaning(code, overlay) == "cutover")


def withheld(approved: float, before: float) -> bool:
    """Fewer than half as many are approved as shortly before: what somebody tries out would be declined in addition."""
    return approved < before / 2


def fails(health: HostHealth, replies: Replies) -> bool:
    """Signed off, or too many of not too few requests failed."""
    return health.signed_on is False or (replies.requests >= _FEW and breached(replies))


def works(health: HostHealth, replies: Replies) -> bool:
    """Signed on, and hardly more requests fail than usual; without requests its word must do."""
    return health.signed_on is not False and _is_calm(replies) and bool(replies.requests or health.signed_on)


def excess(replies: Replies) -> float:
    """The log-likelihood ratio of the share that fails against the largest that may."""
    requests, failed, most = replies.requests, replies.failed, _most(replies.usual)
    if failed <= most * requests:
        return 0.0
    rest = requests - failed
    return failed * log(failed / (requests * most)) + (rest * log(rest / (requests * (1 - most))) if rest else 0.0)


def breached(replies: Replies) -> bool:
    """More fail than chance explains; with slow answers likely more."""
    return excess(replies) >= (_LIKELY if replies.slow else _SURE)


def lasting(replies: Replies) -> bool:
    """Likely more fail than may."""
    return excess(replies) >= _LIKELY


def well(replies: Replies) -> bool:
    """Some were answered, and no more failed than may."""
    failed = replies.failed
    return replies.requests - failed >= _OTHERS and failed <= _most(replies.usual) * replies.requests


def relief(usual: float, share: float, *, answered: bool) -> float:
    """How many bits a request tells for a host that works, against one of which this share fails; at most one."""
    most = min(_most(usual), _ALL)  # some answers nobody as a rule
    middling = (1 + most) / 2  # where the terminals have seen no outage
    share = min(max(share, min(2 * most, middling)), _ALL) if share > most else middling
    return min(log2((1 - most) / (1 - share)), 1.0) if answered else log2(most / share)


def _most(usual: float) -> float:
    """The share that may fail where `usual` does as a rule: four times that, for small shares."""
    return max(_LEAST, 1 - (1 - usual) ** 4)


def _is_calm(replies: Replies) -> bool:
    return replies.failed <= min(max(_LEAST, 2 * replies.usual), _most(replies.usual)) * replies.requests


HOST_OUTAGE = HostDetector(
    kind="host_outage",
    policy=Policy(severity="critical", pages=True, hold_ms=60_000, keep_ms=60_000),
    witnesses=3,
    unknown=0.1,
    refused=_REFUSED,
    reply=reply,
    told=told,
    slow=slow,
    hangs=hangs,
    waits_ms=_PATIENCE,
    declined=declined,
    turning=turning,
    withheld=withheld,
    fails=fails,
    works=works,
    excess=excess,
    breached=breached,
    lasting=lasting,
    well=well,
    relief=relief,
    relieved=_IN_A_ROW,
)

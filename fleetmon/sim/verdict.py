"""Why each sale of a recording is not paid: the contract's rule, applied to what befell the fleet.

The answer is what, had it not happened, would have brought the money by the end. Only what is certain is
told: a sale is left out when two troubles share it, when a trouble may pass unnoticed, when a clock is
wrong, or when the end is so near to a due time that a payout decides by minutes.
Where it can be wrong: merchants with terminal capture or a limit of instant payouts are left out altogether.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from fleetmon.model.days import day_of
from fleetmon.model.events import Attribute
from fleetmon.model.registry import Registry
from fleetmon.model.responses import meaning
from fleetmon.model.terms import NO_WAIVER, Due, Terms, Waiver, due, terms
from fleetmon.sim.fate import Span
from fleetmon.sim.journal import Entry, Journal
from fleetmon.sim.payers import BOOKING, LEAD
from fleetmon.sim.roster import attributes
from fleetmon.sim.scenario import Effect, HostOutage, Skew
from fleetmon.working_days import working_days

MINUTE: Final = 60_000
NEAR: Final = LEAD[1] + 15 * MINUTE  # what is due so near the end may be paid by then, or not
ASIDE: Final = 60_000  # a clock that is wrong by more
PROMPT: Final = 3 * MINUTE  # from the return of the network to the upload
PAGED_FROM: Final = 1_000_000  # fen: the contract's default
_PAGED: Final = ("carrier_outage", "host_outage")
_ALL: Final = Waiver(cutoff=True, holidays=True)


class Blamed(NamedTuple):
    """A trouble that has to be found, what it is called, and what else it may be called."""

    cause: str
    accept: tuple[str, ...]
    span: Span


Blame = Callable[[Span], Blamed | None]


class Verdicts:
    """The verdicts on one recording; `since` and `until` are its first and last moment in ms."""

    def __init__(
        self, journal: Journal, registry: Registry, lived: Sequence[Span], moments: tuple[int, int], blame: Blame
    ) -> None:
        self._journal = journal
        self._since, self._until = moments
        self._blame = blame
        self._days = working_days(registry.calendar)
        self._fleet: dict[str, dict[Attribute, str]] = attributes(registry)
        rows = {row.id: row for row in registry.merchants}
        self._terms = {
            merchant: terms(rows.get(merchant), registry.defaults)
            for merchant in {row["merchant"] for row in self._fleet.values()}
        }
        self._troubles: dict[str, list[Span]] = {}  # by terminal
        self._outages: dict[str, list[Span]] = {}  # by acquirer
        self._skewed: set[str] = set()
        names = list(self._fleet)
        for span in lived:
            struck = [names[number] for number in span.struck]
            if isinstance(span.step, HostOutage):
                for acquirer in {self._fleet[terminal]["acquirer"] for terminal in struck}:
                    self._outages.setdefault(acquirer, []).append(span)
            elif isinstance(span.step, Skew):
                self._skewed.update(struck)
            elif span.step.effect is not Effect.NOTHING:
                for terminal in struck:
                    self._troubles.setdefault(terminal, []).append(span)

    def explanations(self) -> Iterator[dict[str, Any]]:
        """One for each sale that is certainly not paid, and certainly why."""
        for entry in self._journal.sales.values():
            if not self._is_paid(entry) and (told := self._explanation(entry)):
                yield told

    def paid(self) -> list[list[str]]:
        """Terminal and transaction of what was credited."""
        return [[entry.terminal, entry.id] for entry in self._journal.sales.values() if self._is_paid(entry)]

    def pages(self) -> int:
        """How many pages late money may be at most: each is of so much of one acquirer and business date.

        What a trouble explains that is paged itself is none.
        """
        late = Counter[tuple[str, int]]()
        for entry in self._journal.sales.values():
            row = self._fleet[entry.terminal]
            agreed = self._terms[row["merchant"]]
            if entry.stored or entry.host_at:
                first = due(entry.host_at or entry.at, agreed, entry.rail, self._days)
                kept = due(entry.at, agreed, entry.rail, self._days).at if entry.stored else first.at
                settled_at = self._journal.credited.get(entry.rrn, self._until)
                is_late = first.at + agreed.grace < settled_at or kept + agreed.grace < (entry.host_at or self._until)
                if is_late and not self._is_paged(entry, settled_at):
                    late[row["acquirer"], first.day] += entry.amount
        return sum(amount // PAGED_FROM for amount in late.values())

    def _is_paged(self, entry: Entry, settled_at: int) -> bool:
        spans = self._failing(entry, entry.heard_at, settled_at) + self._over(entry, entry.at, settled_at)
        return any(found.cause in _PAGED for span in spans if (found := self._blame(span)))

    def _is_paid(self, entry: Entry) -> bool:
        return entry.rrn in self._journal.credited

    def _explanation(self, entry: Entry) -> dict[str, Any] | None:
        agreed = self._terms[self._fleet[entry.terminal]["merchant"]]
        if not (entry.host_at or entry.stored):
            return self._ended(entry)
        if agreed.capture == "terminal" or agreed.instant_limit is not None:
            return None
        if not entry.host_at:
            return self._inside(entry, agreed)
        owed = self._due(entry.host_at, entry, agreed)
        if owed.at > self._until:
            return self._calendar(entry, agreed, owed)
        return self._withheld(entry, agreed, owed)

    # -- no sale -----------------------------------------------------------------------------------

    def _ended(self, entry: Entry) -> dict[str, Any] | None:
        """Refused or not answered on the last day."""
        if {day_of(entry.at), day_of(entry.heard_at)} != {day_of(self._until)}:
            return None
        near = self._failing(entry, entry.heard_at - MINUTE, entry.heard_at + MINUTE)
        if entry.response:
            return self._refused(entry, near)
        return self._unanswered(entry, near) if entry.unanswered else None

    def _refused(self, entry: Entry, near: Sequence[Span]) -> dict[str, Any] | None:
        whose = meaning(entry.response)
        if whose == "card":
            return self._told(entry, "card_declined", f"the issuer refused with {entry.response}", "declined")
        if whose == "host" and near:
            return self._told(entry, "host_outage", "the host refused it", "declined", spans=near)
        return None

    def _unanswered(self, entry: Entry, near: Sequence[Span]) -> dict[str, Any] | None:
        if entry.is_reversed:
            lost = ["weak_signal", "one_sided", *(["host_outage"] if near else [])]
            cut = self._over(entry, entry.heard_at, entry.heard_at + 2 * MINUTE)
            lost += [blamed.cause for span in cut if (blamed := self._blame(span))]
            return self._told(entry, "cancelled", "reversed, because no answer came", "cancelled", lost)
        sure = [span for span in near if self._blame(span)]
        why = "the host answered neither the sale nor its reversal"
        return self._told(entry, "host_outage", why, "unknown", ["one_sided"], spans=sure) if sure else None

    # -- money -------------------------------------------------------------------------------------

    def _inside(self, entry: Entry, agreed: Terms) -> dict[str, Any] | None:
        """Known to be stored, so its terminal is back, and not at the host yet: that is not for long."""
        swiped = self._swiped(entry)
        if swiped is None or self._due(swiped, entry, agreed, _ALL).at <= self._until + NEAR:
            return None
        dues = self._due(swiped, entry, agreed), self._due(entry.at, entry, agreed)
        return self._told(entry, "not_due", "nothing has cost time yet", "not_due", dues=dues)

    def _calendar(self, entry: Entry, agreed: Terms, owed: Due) -> dict[str, Any] | None:
        """Not due yet: is anything to blame for that?"""
        swiped = self._swiped(entry) if entry.stored else entry.host_at
        if swiped is None:
            return None
        clean = {
            "held": self._due(swiped, entry, agreed).at,
            "after_cutoff": self._due(entry.host_at, entry, agreed, Waiver(cutoff=True)).at,
            "holiday": self._due(entry.host_at, entry, agreed, Waiver(holidays=True)).at,
        }
        near = max(NEAR, agreed.grace)
        if any(abs(at - self._until) < near for at in (owed.at, *clean.values())):
            return None
        enough = {cause for cause, at in clean.items() if at <= self._until}
        if "held" in enough:
            blamed = self._hold(entry, swiped, entry.host_at) if "holiday" not in enough else None
            why = "stored during the trouble, and at the host too late for its day"
            return blamed and self._told(entry, blamed.cause, why, "not_due", blamed.accept, (owed,), [blamed.span])
        if len({clean[cause] for cause in enough}) < len(enough):
            return None
        together = self._due(swiped, entry, agreed, _ALL).at <= self._until + near
        if not enough and together:
            return None  # each alone has cost nothing
        cause = min(enough, key=lambda one: clean[one], default="not_due")
        why = f"{cause} alone has moved the due date" if enough else "nothing has cost time yet"
        return self._told(entry, cause, why, "not_due", dues=(owed,))

    def _withheld(self, entry: Entry, agreed: Terms, owed: Due) -> dict[str, Any] | None:
        """Overdue: the host takes sales and does not pay. Just recovered, it still has to book the credits."""
        if self._until <= owed.at + agreed.grace + MINUTE:
            return None
        for span in self._failing(entry, owed.at, self._until):
            lasts = span.begin_s <= self._s(owed.at) and span.end_s >= self._s(self._until - BOOKING[0])
            if lasts and self._blame(span):
                instructed = span.begin_s > self._s(owed.at - LEAD[1])
                also = ("credit_missing",) if instructed else ()
                why = "the host did not work when it had to pay"
                return self._told(entry, "host_outage", why, "overdue", also, (owed,), [span])
        return None

    # -- what befell it ----------------------------------------------------------------------------

    def _swiped(self, entry: Entry) -> int | None:
        """When it was taken, in true time; None where the terminal's clock tells nothing."""
        ahead = self._journal.clocks.get(entry.terminal)
        if ahead is None or abs(ahead) > ASIDE or entry.terminal in self._skewed:
            return None
        return entry.at - ahead

    def _hold(self, entry: Entry, swiped: int, sent: int) -> Blamed | None:
        """What alone kept it from its swipe until it was sent."""
        begin_s, end_s = self._s(swiped), self._s(sent)
        over = self._over(entry, swiped, sent)
        if len(over) != 1 or over[0].step.effect is not Effect.NETWORK or self._failing(entry, swiped, sent):
            return None
        (span,) = over
        whole = span.begin_s <= begin_s + ASIDE / 1000 and span.end_s >= end_s - PROMPT / 1000
        return self._blame(span) if whole else None

    def _over(self, entry: Entry, begin: int, end: int) -> list[Span]:
        spans = self._troubles.get(entry.terminal, ())
        return [one for one in spans if one.begin_s < self._s(end) and self._s(begin) < one.end_s]

    def _failing(self, entry: Entry, begin: int, end: int) -> list[Span]:
        spans = self._outages.get(self._fleet[entry.terminal]["acquirer"], ())
        return [one for one in spans if one.begin_s < self._s(end) and self._s(begin) < one.end_s]

    def _s(self, at: int) -> float:
        return (at - self._since) / 1000

    def _due(self, at: int, entry: Entry, agreed: Terms, waiver: Waiver = NO_WAIVER) -> Due:
        return due(at, agreed, entry.rail, self._days, waiver=waiver)

    def _told(
        self,
        entry: Entry,
        cause: str,
        why: str,
        state: str,
        accept: Sequence[str] = (),
        dues: Sequence[Due] = (),
        spans: Sequence[Span] = (),
    ) -> dict[str, Any]:
        """As the contract's sample has it; null is not judged."""
        evidence = None
        if spans:
            begin, end = min(span.begin_s for span in spans), max(span.end_s for span in spans)
            ends_at = min(self._until, self._since + round(min(end, self._s(self._until)) * 1000))
            evidence = {"terminals": [entry.terminal], "from": self._since + round(begin * 1000), "to": ends_at}
        return {
            "merchant": self._fleet[entry.terminal]["merchant"],
            "terminal": entry.terminal,
            "transaction": entry.id,
            "group": cause,
            "cause": cause,
            "accept": [{"cause": other, "why": "it may be called so"} for other in dict.fromkeys(accept)],
            "state": [state],
            "stage": None,
            "due_at": sorted({one.at for one in dues}) or None,
            "provisional": None,
            "why": why,
            "evidence": evidence,
        }

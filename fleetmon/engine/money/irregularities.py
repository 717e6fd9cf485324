"""What else the money tells, paid or not: totals that differ, bad files, unlicensed payers, sales posted elsewhere.

The first two end when the sender says so, the others a day after the last time.
"""

from heapq import heapify, heappop, heappush
from typing import Final

from fleetmon.detect.batch_mismatch import BATCH_MISMATCH, agrees, differs
from fleetmon.detect.interface_fault import BAD, GOOD, INTERFACE_FAULT
from fleetmon.detect.merchant_rewritten import MERCHANT_REWRITTEN
from fleetmon.detect.provider_unlicensed import PROVIDER_UNLICENSED
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.money.explainer import Explainer
from fleetmon.model.compliance import is_cheaper, is_licensed, is_other_place_or_trade
from fleetmon.model.events import Batch, Event, Payout, SettlementFile, Transaction
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE

_LASTING: Final = (MERCHANT_REWRITTEN.kind, PROVIDER_UNLICENSED.kind)


class Irregularities:
    """Each message by itself may begin or end one. Times in ms."""

    def __init__(self, explainer: Explainer, incidents: Incidents) -> None:
        self._explainer = explainer
        self._incidents = incidents
        self._ends: list[tuple[int, str, Scope]] = []  # what is over unless it happens again
        self._last: dict[tuple[str, Scope], int] = {}
        self._payers: dict[str, str] = {}  # unlicensed payers and the incident that told of them

    @property
    def next(self) -> int:
        """When something is over."""
        return self._ends[0][0] if self._ends else NO_DEADLINE

    def hear(self, ready: int) -> None:
        """Nothing is over before `ready`, as it may have happened again while we were deaf."""
        self._ends = [(max(due, ready), kind, scope) for due, kind, scope in self._ends]
        self._last = {key: max(due, ready) for key, due in self._last.items()}
        heapify(self._ends)

    def observe(self, key: str, event: Event, now: int) -> None:
        """Take in what the terminal, host or merchant `key` told, after the ledger."""
        if isinstance(event, Transaction):
            self._posted(key, event, now)
        elif isinstance(event, Batch):
            self._batch(key, event, now)
        elif isinstance(event, Payout):
            self._payer(key, event, now)
        elif isinstance(event, SettlementFile):
            self._file(key, now)

    def recall(self, merchant: str, told: Payout) -> None:
        """Know again which open incident told of a payer, so that people are not called for it twice."""
        incident = self._incidents.find(PROVIDER_UNLICENSED.kind, (("merchant", merchant),)) if told.payer else None
        if incident is not None and incident.suppressed_by is None:
            self._payers.setdefault(told.payer or "", incident.id)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up a firing incident that was read back: what lasts a day lasts another one."""
        if incident.kind in _LASTING:
            self._last[incident.kind, incident.scope] = until = now + MERCHANT_REWRITTEN.policy.keep_ms
            heappush(self._ends, (until, incident.kind, incident.scope))

    def advance(self, now: int) -> None:
        """End what is over first, if it is over."""
        if self.next <= now:
            due, kind, scope = heappop(self._ends)
            incident = self._incidents.find(kind, scope)
            if incident is not None and self._last.get((kind, scope), 0) <= due:
                self._incidents.end(incident, due, "not again", due)
                self._last.pop((kind, scope), None)

    def _posted(self, terminal: str, told: Transaction, now: int) -> None:
        if told.posted is None:
            return
        ledger, merchant = self._explainer.ledger, self._explainer.merchant_of(terminal)
        row = ledger.directory.merchants.get(merchant)
        if row is not None:
            posted, trade = told.posted.merchant or "", told.posted.mcc or ""
            if is_other_place_or_trade(row, posted) or is_cheaper(row, trade, ledger.directory.fees):
                self._lasting(MERCHANT_REWRITTEN.kind, (("merchant", merchant),), now, "posted as another", terminal)

    def _batch(self, terminal: str, told: Batch, now: int) -> None:
        scope: Scope = (("terminal", terminal),)
        incident = self._incidents.find(BATCH_MISMATCH.kind, scope)
        if differs(told) and incident is None:
            self._incidents.open(BATCH_MISMATCH.kind, scope, now, told.result or "counts differ", [terminal])
        elif agrees(told) and incident is not None:
            self._incidents.end(incident, now, "totals agree")

    def _file(self, host: str, now: int) -> None:
        """The newest word counts; what is repeated or comes late changes nothing."""
        scope: Scope = (("host", host),)
        files = self._explainer.ledger.files.items()
        words = [word for (whose, _), told in files if whose == host for word in told if word.event in BAD | GOOD]
        if not words:
            return
        newest = max(words, key=lambda word: (word.at, word.event in GOOD))
        incident = self._incidents.find(INTERFACE_FAULT.kind, scope)
        if newest.event in BAD and incident is None:
            self._incidents.open(INTERFACE_FAULT.kind, scope, now, newest.event)
        elif newest.event in GOOD and incident is not None:
            self._incidents.end(incident, now, "file ready")

    def _payer(self, merchant: str, told: Payout, now: int) -> None:
        hosts = self._explainer.ledger.directory.hosts
        if not told.payer or not hosts or is_licensed(hosts.get(told.payer), told.at):
            return
        scope: Scope = (("merchant", merchant),)
        first = self._incidents.named(self._payers.get(told.payer, ""))
        by = first.id if first is not None and first.status is Status.FIRING and first.scope != scope else None
        incident = self._lasting(PROVIDER_UNLICENSED.kind, scope, now, f"payer {told.payer}", suppressed_by=by)
        if by is None:
            self._payers[told.payer] = incident.id

    def _lasting(
        self, kind: str, scope: Scope, now: int, reason: str, terminal: str = "", suppressed_by: str | None = None
    ) -> Incident:
        """It is so now, and for a day after the last time."""
        incident = self._incidents.find(kind, scope)
        if incident is None:
            terminals = [terminal] if terminal else []
            incident = self._incidents.open(kind, scope, now, reason, terminals, suppressed_by=suppressed_by)
        until = now + MERCHANT_REWRITTEN.policy.keep_ms
        self._last[kind, scope] = until
        heappush(self._ends, (until, kind, scope))
        return incident

"""What cheap methods would say of the same transactions, so that the figures can be compared with something.

- *majority*: always the most frequent cause of the judged transactions themselves, which flatters it (the
  caller counts them).
- *last fault*: the terminal's last fault before the cut-off that follows the sale, the one before it, and so on.
- *flat rules*: the kinds of fault that were told by anybody on the day of the sale, those of most subjects first
  (from `_MANY` lost terminals on it is their carrier); nobody asks whether this terminal or merchant was
  concerned.

A fault is what a terminal, host or merchant says outright: events, marks, refusals, notices, files, payouts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from bench.corpora import Recording
from fleetmon.ingest.intake import Intake
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.model.days import DAY, day_of, midnight
from fleetmon.model.events import (
    Account,
    Backoffice,
    Batch,
    DeviceEvent,
    Event,
    HostHealth,
    MaintenanceMark,
    Notice,
    Payout,
    SettlementFile,
    State,
    Transaction,
)
from fleetmon.model.responses import meaning
from fleetmon.model.terms import terms
from fleetmon.model.topics import Topics

NAMES: Final = ("majority", "last fault", "flat rules")
_COMPONENTS: Final = {
    "reader": "device_fault", "ped": "device_fault", "printer": "device_fault", "storage": "device_fault",
    "battery": "battery", "power": "battery", "clock": "clock_skew", "sim": "sim_problem", "security": "tamper",
    "software": "software_fault", "keys": "keys",
}  # fmt: skip
_REFUSALS: Final = {
    "card": "card_declined", "entry": "entry_error", "merchant": "merchant_suspended", "software": "software_fault",
    "keys": "keys", "host": "host_outage", "cutover": "host_maintenance",
}  # fmt: skip
_KEPT: Final = {
    "risk_review": "risk_hold", "deposit": "deposit_hold", "net_negative": "carried_over",
    "below_minimum": "carried_over", "fee": "short_paid", "chargeback": "short_paid",
}  # fmt: skip
_ACCOUNTS: Final = {
    "closed": "account_invalid", "invalid": "account_invalid", "frozen": "account_frozen",
    "suspended": "merchant_suspended",
}  # fmt: skip
_BEHIND_S: Final = 600.0
_MANY: Final = 5


class Fault(NamedTuple):
    """Somebody told of it; `cause` is what it would be called."""

    at: int
    subject: str
    cause: str


class Baselines:
    """The faults of one recording, and what the two methods that look at them say."""

    def __init__(self, recording: Recording) -> None:
        registry = recording.registry
        self._terms = {row.id: terms(row, registry.defaults) for row in registry.merchants}
        self._sold: dict[tuple[str, str], int] = {}
        self._own: dict[str, list[Fault]] = defaultdict(list)
        days: dict[int, set[tuple[str, str]]] = defaultdict(set)
        for fault in self._faults(recording):
            self._own[fault.subject].append(fault)
            days[day_of(fault.at)].add((fault.cause, fault.subject))
        self._flat = {day: _most(Counter(cause for cause, _ in told)) for day, told in days.items()}

    def guesses(self, merchant: str, terminal: str, transaction: str) -> Mapping[str, tuple[str, ...]]:
        """Ranked causes by the name of the method."""
        sold = self._sold.get((terminal, transaction), 0)
        cutoff = midnight(day_of(sold)) + (self._terms[merchant].cutoff if merchant in self._terms else DAY)
        cutoff += DAY if sold > cutoff else 0
        last = [fault.cause for fault in self._own[f"terminal/{terminal}"][::-1] if fault.at <= cutoff]
        return {"last fault": _ranked(last), "flat rules": _ranked(self._flat.get(day_of(sold), []))}

    def _faults(self, recording: Recording) -> Iterator[Fault]:
        intake = Intake(Topics(), Quarantine())
        for line in recording.lines:
            if line.topic is None or line.topic.endswith("/heartbeat"):
                continue
            for message in intake.take([line.publication], line.t):
                event = message.event
                if isinstance(event, Transaction):
                    self._sold.setdefault((message.key, event.id), event.at)
                cause = _cause(event)
                if cause:
                    yield Fault(line.t, _subject(line.topic), cause)


def _ranked(causes: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(causes))[:3] or ("unknown",)


def _most(counts: Counter[str]) -> list[str]:
    lost = counts["terminal_offline"]
    group = ["carrier_outage"] if lost >= _MANY else []
    return group + sorted(counts, key=lambda cause: (-counts[cause], cause))


def _subject(topic: str) -> str:
    sender, key = topic.removeprefix(f"{Topics().prefix}/").split("/")[:2]
    return f"{sender}/{key}"


def _cause(event: Event) -> str:
    """What the message says outright; empty if nothing is wrong."""
    if isinstance(event, State):
        return {"lost": "terminal_offline", "maintenance": "terminal_maintenance"}.get(event.reason or "", "")
    if isinstance(event, DeviceEvent):
        return _COMPONENTS[event.component] if event.action != "clear" and event.severity != "info" else ""
    if isinstance(event, MaintenanceMark):
        return "terminal_maintenance" if event.event == "begin" else ""
    if isinstance(event, Batch):
        return "batch_mismatch" if event.event == "failed" or event.result in ("not_agree", "error") else ""
    if isinstance(event, Transaction):
        return _of_sale(event)
    return _of_host(event) or _of_merchant(event)


def _of_sale(event: Transaction) -> str:
    if event.stage == "declined":
        return _REFUSALS.get(meaning(event.response or ""), "")
    if event.stage == "approved" and event.kind in ("void", "refund"):
        return "cancelled"
    return {"unanswered": "one_sided", "stored": "offline_pending"}.get(event.stage, "")


def _of_host(event: Event) -> str:
    if isinstance(event, HostHealth):
        good = sum(count for code, count in event.codes.items() if meaning(code) in ("ok", "card"))
        failing = event.requests > 0 and good * 2 < event.requests
        return "host_outage" if failing or event.signed_on is False else ""
    if isinstance(event, Notice):
        return "host_maintenance" if event.event == "started" else ""
    if isinstance(event, SettlementFile):
        return "interface_fault" if event.event in ("late", "partial", "rejected") else ""
    return ""


def _of_merchant(event: Event) -> str:
    if isinstance(event, Payout):
        return _KEPT.get(event.reason or "", event.reason or "")
    if isinstance(event, Account):
        return _ACCOUNTS.get(event.status, "")
    return "backoffice_backlog" if isinstance(event, Backoffice) and (event.lag_s or 0.0) >= _BEHIND_S else ""

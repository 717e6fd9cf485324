"""What the server asks of the daemon; it knows neither engine nor store.

`provider` confines an answer to what concerns the terminals of that provider; None: to nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from fleetmon.locale import Audience, Language
from fleetmon.model.events import Count
from fleetmon.model.schedule import Schedule
from fleetmon.web.access import Tokens
from fleetmon.web.explanations import MerchantSettlements, MerchantView, NearestView, SettlementView
from fleetmon.web.preconditions import Check
from fleetmon.web.report.views import ReportView
from fleetmon.web.views import (
    AcknowledgementView,
    AuditView,
    ChangeView,
    IncidentDetail,
    IncidentView,
    ProspectView,
    RefusedView,
    TerminalDetail,
    TerminalView,
)
from fleetmon.web.visits import OutcomeList, VisitView
from fleetmon.web.windows import CalendarList, FeedKind, ImportView, ImportWish, PreviewView, WindowView

Page = Callable[[str], tuple[bytes, str]]  # Accept header -> body and content type


class Place(NamedTuple):
    """Of an incident in the list."""

    opened_at: Count
    id: str


class TerminalFilter(Struct, frozen=True):
    """Which terminals are asked for; None: any."""

    state: str | None = None
    provider: str | None = None
    carrier: str | None = None
    region: str | None = None
    site: str | None = None
    merchant: str | None = None
    registered: bool | None = None


class SettlementFilter(Struct, frozen=True):
    """Which transactions are asked for; None: any. What names single ones tells them even if they are paid."""

    merchant: str | None = None
    late: bool | None = None
    at_risk: bool | None = None
    cause: str | None = None
    acquirer: str | None = None
    day: int | None = None  # on which it was taken, since 1970
    rrn: str | None = None
    transaction: str | None = None
    amount: int | None = None
    time: int | None = None  # about when it was taken, in ms since midnight

    @property
    def names_single(self) -> bool:
        """Whether somebody has certain sales in mind."""
        return any(one is not None for one in (self.rrn, self.transaction, self.amount, self.time))

    @property
    def asks_how_it_stands(self) -> bool:
        """Whether only those that stand in a certain way are asked for, so that others may be what is remembered."""
        return any(one is not None for one in (self.late, self.at_risk, self.cause, self.acquirer))


class WindowFilter(NamedTuple):
    """Which planned work is asked for; None: any."""

    state: str | None = None
    provenance: str | None = None
    owner: str | None = None
    host: str | None = None
    calendar: str | None = None


class AuditFilter(NamedTuple):
    """Which changes are asked for; None: any."""

    kind: str | None = None
    subject: str | None = None
    author: str | None = None


class Caller(NamedTuple):
    """Who asks, and to whose terminals they are confined."""

    name: str
    provider: str | None = None


class SalePlace(NamedTuple):
    """Of a transaction in the list."""

    merchant: str
    terminal: str
    transaction: str


class ProspectFilter(Struct, frozen=True):
    """Which terminals that are due for service are asked for; None: any."""

    provider: str | None = None
    region: str | None = None


class ProspectPlace(NamedTuple):
    """Of a terminal in the list of those that are due for service."""

    probability: float
    terminal: str


class VisitFilter(NamedTuple):
    """Which visits are asked for, and when they may be: from `begin` (ms; None: soon) for so many days."""

    provider: str | None = None
    region: str | None = None
    begin: int | None = None
    days: int = 7


class VisitPlace(NamedTuple):
    """Of a visit in the list."""

    score: float
    provider: str
    site: str


class PlanningPorts(Protocol):
    """Planned work, as the server sees it. What is not to be seen is None; what is written is back when it is stored.

    Writing raises ScheduleError, GuardError, ForbiddenError, ConflictError; `check` is called with what is there.
    """

    async def page(self, provider: str | None, wanted: WindowFilter, after: str | None, limit: int) -> list[WindowView]:
        """By id, what comes after `after`."""

    def view(self, provider: str | None, key: str) -> WindowView | None:
        """One window."""

    async def preview(self, caller: Caller, schedule: Schedule) -> PreviewView:
        """What a schedule would do; nothing is written."""

    async def create(self, caller: Caller, schedule: Schedule) -> tuple[WindowView, bool]:
        """Plan it, and whether it is new: the same reference again is the next version of the same."""

    async def change(self, caller: Caller, key: str, schedule: Schedule, check: Check) -> WindowView | None:
        """Write it anew."""

    async def approve(self, caller: Caller, key: str, check: Check) -> WindowView | None:
        """As the second person."""

    async def cancel(self, caller: Caller, key: str, check: Check) -> WindowView | None:
        """All times to come, and what is in force."""

    async def end(self, caller: Caller, key: str, check: Check) -> WindowView | None:
        """The time that is in force."""

    async def extend(self, caller: Caller, key: str, until: int, check: Check) -> WindowView | None:
        """The time that is in force, or was in the last day, until then (ms)."""

    async def take(self, caller: Caller, wish: ImportWish) -> ImportView:
        """Take a calendar in; raises ScheduleError for what is none."""

    def calendars(self) -> CalendarList:
        """Those of the configuration, and how reading them went."""

    def link(self, provider: str | None, kind: FeedKind, key: str) -> str | None:
        """The path of a feed."""

    async def visits(
        self, provider: str | None, wanted: VisitFilter, after: VisitPlace | None, limit: int, language: Language
    ) -> list[VisitView]:
        """Where technicians ought to go, the most urgent first, those after `after`."""

    async def visit_file(
        self, provider: str | None, wanted: VisitFilter, form: Literal["csv", "ics"], language: Language
    ) -> bytes:
        """The first thousand of them as a table or a calendar."""

    async def outcomes(self, provider: str | None, days: int) -> OutcomeList:
        """What became of the visits of the last days."""

    async def feed(self, token: str, kind: FeedKind, key: str) -> bytes | None:
        """A feed, if the token opens it."""


class Ports(Protocol):
    """The daemon, as the server sees it. Whatever reads the store may raise StoreError."""

    @property
    def planning(self) -> PlanningPorts:
        """Planned work."""

    def metrics(self) -> Page:
        """Called on the loop; the page it returns is rendered in a thread."""

    def not_ready(self) -> list[str]:
        """What is missing; empty when ready."""

    def recalled(self) -> bool:
        """Whether all is known again that was told before the start."""

    def now(self) -> int:
        """The daemon's time, in milliseconds since 1970."""

    def tokens(self) -> Tokens | None:
        """Who may ask now; None: anybody who can reach us."""

    def reload(self) -> Awaitable[None]:
        """Take the configuration anew; raises ConfigError, and then the old one is still running."""

    async def terminals(
        self, provider: str | None, wanted: TerminalFilter, after: str | None, limit: int
    ) -> list[TerminalView]:
        """By id, those after `after`."""

    async def terminal(self, provider: str | None, key: str) -> TerminalDetail | None:
        """One terminal; None where there is none to be seen."""

    async def prospects(
        self, provider: str | None, wanted: ProspectFilter, after: ProspectPlace | None, limit: int
    ) -> list[ProspectView]:
        """Terminals that are due for service, the likeliest to fail first, those after `after`."""

    async def changes(
        self, provider: str | None, key: str, before: int | None, limit: int
    ) -> list[tuple[int, ChangeView]] | None:
        """Changes of a terminal with their numbers, newest first; None where there is no such terminal."""

    async def incidents(
        self, provider: str | None, status: str | None, kind: str | None, before: Place | None, limit: int
    ) -> list[IncidentView]:
        """Newest first, those that opened before `before`."""

    async def incident(self, provider: str | None, key: str) -> IncidentDetail | None:
        """One incident; None where there is none to be seen."""

    async def acknowledgement(self, provider: str | None, key: str) -> AcknowledgementView | None:
        """Of an incident; None where there is none to be seen."""

    async def acknowledge(
        self, provider: str | None, key: str, author: str, until: int, comment: str, check: Check
    ) -> tuple[AcknowledgementView, bool] | None:
        """Acknowledge an incident, and whether that is new; None where there is no such incident to be seen.

        `check` is called with the acknowledgement that is there and raises what is to be raised. Raises
        ConflictError for what is not firing, ForbiddenError for what is also others'. Back when it is stored.
        """

    async def unacknowledge(self, provider: str | None, key: str, author: str, check: Check) -> bool | None:
        """Take an acknowledgement back; None where there is no such incident to be seen. Else as `acknowledge`."""

    async def audit(
        self, provider: str | None, wanted: AuditFilter, before: int | None, limit: int
    ) -> list[tuple[int, AuditView]]:
        """What people changed with its numbers, newest first, those with numbers below `before`."""

    async def quarantine(
        self, provider: str | None, reason: str | None, before: int | None, limit: int
    ) -> list[RefusedView]:
        """Refused messages, newest first, those with numbers below `before`."""

    async def settlements(
        self, provider: str | None, wanted: SettlementFilter, after: SalePlace | None, limit: int, audience: Audience
    ) -> list[SettlementView]:
        """Transactions whose money has not come, by merchant, terminal and id, those after `after`."""

    async def nearest(self, provider: str | None, wanted: SettlementFilter) -> NearestView | None:
        """What comes nearest, when none fits; None where nothing can."""

    async def explanation(
        self, provider: str | None, terminal: str, transaction: str, audience: Audience
    ) -> SettlementView | None:
        """One transaction; None where there is none to be seen, or none that moves money."""

    async def merchants(self, provider: str | None, said: str, after: str | None, limit: int) -> list[MerchantView]:
        """Merchants whom somebody may mean, by id, those after `after`."""

    async def report(self, provider: str | None, hours: int) -> ReportView:
        """What happened in the last hours, what it cost, what is open, whose money is at risk."""

    async def merchant(self, provider: str | None, key: str) -> MerchantSettlements | None:
        """One merchant's money by business date; None where there is no such merchant to be seen."""

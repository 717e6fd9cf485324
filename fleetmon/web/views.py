"""What the API shows, as JSON. Times are milliseconds since 1970; null: never, or not known."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from fleetmon.detect.not_paying import Reason
from fleetmon.locale import Situation
from fleetmon.model.incident import Incident, Severity
from fleetmon.model.terminal import Shown
from fleetmon.web.paging import Next

Reach = Literal["host", "internet", "link", "nobody", "unknown"]
Time = Annotated[int, Meta(description="Milliseconds since 1970.")]
_STATE = Meta(
    description="`unknown` while we hear nothing of it ourselves, else `maintenance` while planned work covers it, "
    "whatever was last known."
)


class AlternativeView(Struct, frozen=True):
    """What an outage may be else."""

    scopes: Annotated[list[dict[str, str]], Meta(description="One, or several that came together.")]
    share: Annotated[float, Meta(description="Of belief beside the other answers, 0..1; not calibrated.")]


class PlannedView(Struct, frozen=True):
    """Planned work that keeps people from being called."""

    window: Annotated[str, Meta(description="Its id, as in `suppressed_by`.")]
    owner: Annotated[str, Meta(description="Who answers for it.")]
    reason: str
    until: Annotated[Time, Meta(description="When it ends.")]


class IncidentView(Struct, frozen=True):
    """Something is, or was, wrong."""

    id: str
    kind: str
    scope: Annotated[dict[str, str], Meta(description="Attributes that all it concerns share; none: everything.")]
    severity: Severity
    status: Annotated[str, Meta(description="`pending`, `firing` or `resolved`.")]
    opened_at: Time
    silent_since: Annotated[
        Time | None,
        Meta(description="Of a shared outage: when those it took fell silent, which is known only when it is noticed."),
    ]
    fired_at: Time | None
    paged_at: Annotated[Time | None, Meta(description="When people were called; null for what pages nobody.")]
    resolved_at: Time | None
    terminals: Annotated[int, Meta(description="How many it has taken, of all providers.")]
    evidence: Annotated[list[str], Meta(description="The first few of them; only those that you may see.")]
    suppressed_by: Annotated[
        str | None, Meta(description="The incident that explains it, or the planned work: `window:...`.")
    ]
    alternatives: Annotated[list[AlternativeView], Meta(description="Where else the outage may be, likeliest first.")]
    acknowledged_by: Annotated[str | None, Meta(description="Who sees to it, or did when it was over.")]
    acknowledged_until: Time | None
    called_again_at: Annotated[
        Time | None, Meta(description="When people were called anew, as an acknowledgement had ended.")
    ]
    names: Annotated[dict[str, list[str]], Meta(description="What the registry knows of the scope, by attribute.")] = {}
    planned: Annotated[
        list[PlannedView],
        Meta(description="All work planned for its terminals while it was open, if that keeps it from paging."),
    ] = []


class IncidentPage(Struct, frozen=True):
    """Incidents, newest first."""

    incidents: list[IncidentView]
    next: Next


class TransitionView(Struct, frozen=True):
    """A change of an incident."""

    at: Time
    before: str | None
    after: str
    reason: str
    terminals: Annotated[int, Meta(description="How many it had taken then.")]


class AcknowledgementView(Struct, frozen=True):
    """Somebody sees to an incident."""

    author: Annotated[str, Meta(description="The name of the token.")]
    at: Time
    until: Annotated[Time, Meta(description="Then people are called again, if it is not over.")]
    comment: str


class AuditView(Struct, frozen=True):
    """Something that somebody changed."""

    at: Time
    author: Annotated[str | None, Meta(description="The name of the token; null: fleetmon by itself.")]
    action: str
    kind: Annotated[str, Meta(description="What was changed, e.g. `incident`.")]
    subject: Annotated[str, Meta(description="Its id.")]
    detail: Annotated[dict[str, Any], Meta(description="How it was `before`, how it is `after`, and more.")]


class AuditPage(Struct, frozen=True):
    """What was changed, newest first."""

    entries: list[AuditView]
    next: Next


class IncidentDetail(IncidentView, frozen=True, kw_only=True):
    """An incident and how it came about."""

    acknowledgement: AcknowledgementView | None
    situation: Annotated[
        Situation, Meta(description="How things stand now, by the terminals that you may see; no figures when over.")
    ]
    transitions: Annotated[list[TransitionView], Meta(description="Oldest first, from its announcement on.")]
    audit: Annotated[list[AuditView], Meta(description="What people did about it, the latest of it, oldest first.")]


class TerminalView(Struct, frozen=True):
    """A terminal now."""

    id: str
    registered: Annotated[bool, Meta(description="Whether the registry has it.")]
    merchant: str
    site: str
    region: str
    carrier: str
    acquirer: str
    provider: str
    model: str
    firmware: str
    network: str
    serial: str
    state: Annotated[Shown, _STATE]
    since: Annotated[Time | None, Meta(description="Since when the last known state holds.")]
    last_seen: Time | None
    interval_s: Annotated[float, Meta(description="Seconds between its heartbeats.")]


class TerminalPage(Struct, frozen=True):
    """Terminals by id."""

    terminals: list[TerminalView]
    next: Next


class Known(Struct, frozen=True):
    """One thing that is known, and since when."""

    what: Annotated[str, Meta(description="`link`, `state`, `last_will` or `fault/KIND/CODE`.")]
    value: str
    since: Time | None


class ChangeView(Struct, frozen=True):
    """A change of a terminal's state."""

    at: Time
    before: str
    after: str


class ChangePage(Struct, frozen=True):
    """Changes of one terminal, newest first."""

    changes: list[ChangeView]
    next: Next


class Clocks(Struct, frozen=True):
    """Three clocks that stop for different reasons."""

    session: Annotated[Time | None, Meta(description="When it last connected, by the terminal's own clock.")]
    heartbeat: Annotated[Time | None, Meta(description="When its last heartbeat arrived.")]
    business: Annotated[Time | None, Meta(description="When it last told of a sale that succeeded, to the second.")]


class NotPaying(Struct, frozen=True):
    """It is alive, its shop trades, and it cannot take a payment."""

    reason: Annotated[
        Reason,
        Meta(
            description="What keeps it from that, mostly the kind of its incident; `failing`: its sales fail; "
            "`quiet`: no sale for far longer than is usual for it at this hour."
        ),
    ]
    since: Time | None


class TerminalDetail(TerminalView, frozen=True, kw_only=True):
    """A terminal: what it is, how it is, what was."""

    epoch: Annotated[int, Meta(description="How many devices stood in its place before this one.")]
    boot: Annotated[int | None, Meta(description="How often it has started, by its own count.")]
    session: str
    session_at: Annotated[Time | None, Meta(description="When the session began, by the terminal's own clock.")]
    reach: Annotated[
        Reach,
        Meta(
            description="How far it gets, by its last heartbeat: to its `host`; to the `internet`, and so to us, but "
            "not to its host; it has a `link`, and nothing behind it; to `nobody`, for it is silent or switched off."
        ),
    ]
    clocks: Clocks
    not_paying: Annotated[NotPaying | None, Meta(description="Null while it takes payments, as far as is known.")]
    known: Annotated[list[Known], Meta(description="What is known and since when.")]
    incidents: Annotated[list[IncidentView], Meta(description="The open incidents that concern it.")]
    changes: Annotated[
        list[ChangeView] | None,
        Meta(description="The latest, newest first; null when the store did not answer. More: see its `/changes`."),
    ]


class ServiceReason(Struct, frozen=True):
    """A code that the terminal told."""

    code: Annotated[str, Meta(description="`component/code` of a device event, or a sign of its heartbeats.")]
    times: Annotated[int, Meta(description="How often within the day that counts.")]
    last_at: Time


class ProspectView(Struct, frozen=True):
    """A terminal that is due for service."""

    terminal: str
    merchant: str
    site: str
    region: str
    provider: str
    model: str
    probability: Annotated[float, Meta(description="Of a failure within a week; 1 for one that has failed.")]
    failed_at: Annotated[Time | None, Meta(description="Since when it is broken; null while it is not.")]
    reasons: Annotated[list[ServiceReason], Meta(description="What it told within one day.")]
    cases: Annotated[int, Meta(description="How often the same was told by this fleet, lately.")]
    cases_failed: Annotated[int, Meta(description="How often a failure followed within a week.")]


class ProspectPage(Struct, frozen=True):
    """Terminals that are due for service, the likeliest to fail first."""

    terminals: list[ProspectView]
    next: Next


class RefusedView(Struct, frozen=True):
    """A message that was refused."""

    id: int
    received_at: Time
    topic: str
    reason: str
    detail: str
    size: Annotated[int, Meta(description="Bytes of the whole message.")]
    payload: Annotated[str | None, Meta(description="Its beginning; null where it may hold a card number.")]
    problems: Annotated[list[str], Meta(description="All that is wrong with it, each with the path; the first twenty.")]


class QuarantinePage(Struct, frozen=True):
    """Refused messages, newest first."""

    messages: list[RefusedView]
    next: Next


def incident_view(
    incident: Incident, evidence: list[str], names: Mapping[str, list[str]], planned: list[PlannedView]
) -> IncidentView:
    """The JSON form of an incident, naming the terminals that the reader may see."""
    known = incident.acknowledgement
    return IncidentView(
        id=incident.id,
        kind=incident.kind,
        scope=dict(incident.scope),
        severity=incident.severity,
        status=incident.status.value,
        opened_at=incident.opened_at,
        silent_since=incident.silent_since,
        fired_at=incident.fired_at,
        paged_at=incident.paged_at,
        resolved_at=incident.resolved_at,
        terminals=incident.terminals,
        evidence=evidence,
        suppressed_by=incident.suppressed_by,
        alternatives=[AlternativeView(list(map(dict, one.scopes)), one.share) for one in incident.alternatives],
        acknowledged_by=None if known is None else known.author,
        acknowledged_until=None if known is None else known.until,
        called_again_at=incident.called_again_at,
        names=dict(names),
        planned=planned,
    )


def acknowledgement_view(incident: Incident) -> AcknowledgementView | None:
    """The JSON form of its acknowledgement."""
    known = incident.acknowledgement
    return None if known is None else AcknowledgementView(known.author, known.at, known.until, known.comment)

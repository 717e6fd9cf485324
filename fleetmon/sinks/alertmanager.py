"""Alertmanager API v2: one alert per paged incident, told to every Alertmanager again and again.

Source: Alertmanager's docs/alerts_api.md and Prometheus' notifier. `endsAt` of a firing alert lies four
re-sends ahead, so that two lost ones are forgiven and a dead fleetmon resolves by itself. Labels never
change while an incident lasts; counts, times and who sees to it are annotations. What another incident explains
is sent as resolved if it was ever told.

Alertmanager tells people nothing new of an alert whose labels it knows. So when people are to be called again, as
an acknowledgement has ended, that is an alert of its own with one more label, until somebody acknowledges anew.
Where it can be wrong: Alertmanager repeats a firing alert every `repeat_interval`, acknowledged or not.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import aiohttp
import structlog
from msgspec import Meta, Struct

from fleetmon.locale import Language, Situation, acknowledged, called_again, describe, elsewhere, texts
from fleetmon.model.days import LAST
from fleetmon.model.errors import SinkError
from fleetmon.model.incident import Incident, Status

BATCH: Final = 256
TIMEOUT_S: Final = 10.0
WATCHDOG: Final = "FleetmonWatchdog"
log = structlog.get_logger("fleetmon.alertmanager")


class AlertmanagerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell. `urls` are base addresses, each Alertmanager by itself, never a load balancer.

    Addresses stand in logs and metrics, so they hold no user and password.
    """

    urls: list[
        Annotated[
            str,
            Meta(pattern=r"^https?://[^/@\s]+(/\S*)?$(?!\n)", description="as http://localhost:9093, without a user"),
        ]
    ] = []
    resend_s: Annotated[float, Meta(gt=0, le=180)] = 60.0
    silences: bool = True  # for rule-based alerts while work is planned
    language: Language = "en"
    runbook_url: str = ""  # the kind of the incident is appended
    dashboard_url: str = ""


class Alertmanager:
    """Tells one Alertmanager what is on the board, at once when it changes and every `resend_s`."""

    def __init__(
        self,
        url: str,
        settings: AlertmanagerSettings,
        current: Callable[[], tuple[int, Sequence[Incident]]],
        provider: Callable[[Incident], str | None],
        situation: Callable[[Incident], Situation],
        on_accepted: Callable[[list[tuple[str, str]]], None],
    ) -> None:
        """`current` gives the time in ms and the board; `on_accepted` hears (incident, status) of what got through.

        `provider` gives the one to whom all terminals of an incident belong, if they all belong to one; `situation`
        how things stand with them.
        """
        self.url = url
        self.sends = 0
        self.failures = 0
        self._settings = settings
        self._current = current
        self._provider = provider
        self._situation = situation
        self._on_accepted = on_accepted
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Something changed: tell it now."""
        self._changed.set()

    async def run(self) -> None:
        """Tell, wait, tell again, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            pause = self._settings.resend_s
            while True:
                self._changed.clear()
                try:
                    await self._tell(session)
                    pause = self._settings.resend_s
                except SinkError as error:
                    self.failures += 1
                    pause = min(5.0, self._settings.resend_s) if error.retryable else self._settings.resend_s
                    log.warning("alertmanager not told", alertmanager=self.url, error=str(error))
                try:
                    async with asyncio.timeout(pause):
                        await self._changed.wait()
                except TimeoutError:
                    pass

    async def _tell(self, session: aiohttp.ClientSession) -> None:
        now, incidents = self._current()
        told = [incident for incident in incidents if incident.paged_at is not None]
        first = [(one, alert(one, now, self._settings, self._provider(one), self._situation(one))) for one in told]
        again = [(one, made) for one, made in first if one.called_again_at is not None]
        alerts: list[tuple[Incident | None, dict[str, Any]]] = [
            (None, watchdog(now, self._settings)),
            *first,
            *[(one, second_call(one, made, self._settings)) for one, made in again],
        ]
        failed: SinkError | None = None
        refused = set[str]()
        for start in range(0, len(alerts), BATCH):
            batch = alerts[start : start + BATCH]
            try:
                await self._post(session, [made for _, made in batch])
            except SinkError as error:
                failed = error  # one refused alert must not keep the others back
                refused |= {one.id for one, _ in batch if one is not None}
        self._on_accepted([(one.id, one.status.value) for one in told if one.id not in refused])
        if failed is not None:
            raise failed

    async def _post(self, session: aiohttp.ClientSession, alerts: list[dict[str, Any]]) -> None:
        self.sends += 1
        try:
            async with session.post(f"{self.url.rstrip('/')}/api/v2/alerts", json=alerts) as answer:
                if answer.status >= 400:
                    # After a 400 the valid ones of the batch are in; sending again would change nothing.
                    text = (await answer.text())[:200]
                    raise SinkError(f"{answer.status}: {text}", retryable=answer.status >= 500)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SinkError(str(error) or "no answer in time", retryable=True) from None


def alert(
    incident: Incident,
    now: int,
    settings: AlertmanagerSettings,
    provider: str | None = None,
    situation: Situation | None = None,
) -> dict[str, Any]:
    """The alert of an incident, in the form of Alertmanager's API v2."""
    scope, language = dict(incident.scope), settings.language
    summary, description = describe(incident.kind, scope, incident.terminals, incident.began, language, situation)
    annotations = {"summary": summary, "description": description, "incident": incident.id}
    if (known := incident.acknowledgement) is not None:
        annotations |= {"acknowledged_by": known.author, "acknowledged_until": rfc3339(known.until)}
        said = acknowledged(description, known.author, known.until, known.comment, language)
        annotations["description"] = said
    if incident.evidence:
        annotations["terminals"] = ", ".join(incident.evidence)
    if incident.alternatives:
        others = [(map(dict, one.scopes), one.share) for one in incident.alternatives]
        annotations["alternatives"] = elsewhere(others, language)
    if settings.runbook_url:
        annotations["runbook_url"] = f"{settings.runbook_url}{incident.kind}"
    if settings.dashboard_url:
        annotations["dashboard_url"] = settings.dashboard_url
    over = incident.status is Status.RESOLVED or incident.suppressed_by is not None
    ends_at = (incident.resolved_at or now) if over else now + _lease(settings)
    labels = {"alertname": alertname(incident.kind), "severity": incident.severity, "kind": incident.kind}
    labels |= {"provider": provider} if provider else {}
    return {
        "labels": labels | {f"terminal_{name}" if name == "region" else name: value for name, value in scope.items()},
        "annotations": annotations,
        "startsAt": rfc3339(incident.opened_at),
        "endsAt": rfc3339(ends_at),
    }


def second_call(incident: Incident, first: dict[str, Any], settings: AlertmanagerSettings) -> dict[str, Any]:
    """The alert that calls people again beside the `first`, over as soon as somebody acknowledges anew."""
    assert incident.called_again_at is not None
    said, known = first["annotations"], incident.acknowledgement
    summary, description = called_again(
        said["summary"], said["description"], incident.called_again_at, settings.language
    )
    return {
        "labels": first["labels"] | {"acknowledgement": "ended"},
        "annotations": said | {"summary": summary, "description": description},
        "startsAt": rfc3339(incident.called_again_at),
        "endsAt": first["endsAt"] if known is None else rfc3339(known.at),
    }


def watchdog(now: int, settings: AlertmanagerSettings) -> dict[str, Any]:
    """The dead-man's alert: always firing. Page when it is *missing*."""
    return {
        "labels": {"alertname": WATCHDOG, "severity": "none"},
        "annotations": {"summary": texts(settings.language)["incident.watchdog"]},
        "startsAt": rfc3339(now),
        "endsAt": rfc3339(now + _lease(settings)),
    }


def alertname(kind: str) -> str:
    """`carrier_outage` -> `FleetmonCarrierOutage`."""
    return "Fleetmon" + "".join(word.capitalize() for word in kind.split("_"))


def _lease(settings: AlertmanagerSettings) -> int:
    return int(4 * settings.resend_s * 1000)


def rfc3339(at: int) -> str:
    """A time in ms as the API wants it."""
    return datetime.fromtimestamp(min(at, LAST) / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

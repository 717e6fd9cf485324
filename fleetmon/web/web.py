"""The HTTP server: Litestar on uvicorn, inside the daemon's own event loop.

What it shows comes through `Ports`, so that it knows neither engine nor store. Metrics are rendered in
a thread: a large page must never delay a health check.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any, Literal

import msgspec
import uvicorn
from litestar import Litestar, MediaType, Request, Response, get
from litestar.openapi import OpenAPIConfig
from litestar.params import FromQuery, QueryParameter

from fleetmon import __version__
from fleetmon.model.errors import ConfigError
from fleetmon.model.incident import Incident, Severity
from fleetmon.web.settings import WebSettings

Page = Callable[[str], tuple[bytes, str]]  # Accept header -> body and content type


class Ports(msgspec.Struct, frozen=True):
    """What the server asks of the daemon."""

    metrics: Callable[[], Page]  # called on the loop; the page it returns is rendered in a thread
    not_ready: Callable[[], list[str]]  # what is missing; empty when ready
    incidents: Callable[[str | None, str | None, int], Awaitable[list[Incident]]]  # status, kind, at most; newest first


class IncidentView(msgspec.Struct, frozen=True):
    """An incident as JSON. Times are milliseconds since 1970."""

    id: str
    kind: str
    scope: dict[str, str]
    severity: Severity
    status: str
    opened_at: int
    fired_at: int | None
    paged_at: int | None
    resolved_at: int | None
    terminals: int
    evidence: list[str]
    suppressed_by: str | None


class IncidentPage(msgspec.Struct, frozen=True):
    """A list of incidents, newest first."""

    incidents: list[IncidentView]


def view(incident: Incident) -> IncidentView:
    """The JSON form of an incident."""
    return IncidentView(
        id=incident.id,
        kind=incident.kind,
        scope=dict(incident.scope),
        severity=incident.severity,
        status=incident.status.value,
        opened_at=incident.opened_at,
        fired_at=incident.fired_at,
        paged_at=incident.paged_at,
        resolved_at=incident.resolved_at,
        terminals=incident.terminals,
        evidence=incident.evidence,
        suppressed_by=incident.suppressed_by,
    )


def application(ports: Ports) -> Litestar:
    """The routes."""

    @get("/", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=False)
    def landing() -> str:
        links = ("/metrics", "/-/healthy", "/-/ready", "/api/v1/incidents", "/schema/openapi.json")
        items = "".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
        return f"<!doctype html><title>fleetmon</title><h1>fleetmon {__version__}</h1><ul>{items}</ul>"

    @get("/metrics", include_in_schema=False)
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        page = ports.metrics()
        body, content_type = await asyncio.to_thread(page, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    @get("/-/healthy", media_type=MediaType.TEXT, sync_to_thread=False)
    def healthy() -> str:
        """The event loop runs."""
        return "fleetmon is healthy.\n"

    @get("/-/ready", media_type=MediaType.TEXT, sync_to_thread=False)
    def ready() -> Response[str]:
        """Restored, subscribed, stored; otherwise 503 and what is missing."""
        missing = ports.not_ready()
        text = "".join(f"not ready: {what}\n" for what in missing) or "fleetmon is ready.\n"
        return Response(text, status_code=503 if missing else 200)

    @get("/api/v1/incidents")
    async def incidents(
        status: FromQuery[Literal["pending", "firing", "resolved"] | None] = None,
        kind: FromQuery[str | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> IncidentPage:
        """Incidents, open and past, newest first."""
        return IncidentPage([view(incident) for incident in await ports.incidents(status, kind, limit)])

    return Litestar(
        [landing, metrics, healthy, ready, incidents],
        openapi_config=OpenAPIConfig(title="fleetmon", version=__version__),
        logging_config=None,
    )


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The daemon's signals are the daemon's: install nothing."""
        yield


def listen(settings: WebSettings) -> socket.socket:
    """Take the port now, so that a taken one is a clear error at start; raises ConfigError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        raise ConfigError([f"web.port: cannot listen on {where}: {error.strerror}; choose another port"]) from None
    return listener


async def serve(listener: socket.socket, ports: Ports) -> None:
    """Serve on the listener until cancelled."""
    config = uvicorn.Config(application(ports), log_config=None, access_log=False, lifespan="off", ws="none")
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise

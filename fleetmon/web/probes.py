"""Health, metrics and reload: what machines ask, at the paths where Prometheus has them.

Health touches neither threads nor the database, so it answers while a page of metrics is rendered and
while the database is slow. All but reload is open to whoever can reach the port.
"""

import asyncio
from typing import Any

from litestar import MediaType, Request, Response, get, route
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec

from fleetmon import __version__
from fleetmon.web.access import guard
from fleetmon.web.ports import Ports
from fleetmon.web.problems import documented

_LINKS = (
    *("/metrics", "/-/healthy", "/-/ready", "/api/v1/terminals", "/api/v1/incidents", "/api/v1/audit"),
    *("/api/v1/quarantine", "/api/v1/service", "/api/v1/settlements", "/api/v1/merchants", "/api/v1/windows"),
    *("/api/v1/visits", "/api/v1/report?format=html", "/schema/openapi.json"),
)


def probes(ports: Ports, *, lifecycle: bool) -> list[BaseRouteHandler]:
    """The routes for machines, and a page that names all others."""

    @get("/", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=False)
    def landing() -> str:
        items = "".join(f'<li><a href="{link}">{link}</a></li>' for link in _LINKS)
        return f"<!doctype html><title>fleetmon</title><h1>fleetmon {__version__}</h1><ul>{items}</ul>"

    @get("/metrics", include_in_schema=False)
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        page = ports.metrics()
        body, content_type = await asyncio.to_thread(page, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    @get("/-/healthy", media_type=MediaType.TEXT, tags=["daemon"], sync_to_thread=False)
    def healthy() -> str:
        """Whether the event loop runs."""
        return "fleetmon is healthy.\n"

    not_ready = ResponseSpec(str, generate_examples=False, description="What is missing.", media_type=MediaType.TEXT)

    @get("/-/ready", media_type=MediaType.TEXT, tags=["daemon"], responses={503: not_ready}, sync_to_thread=False)
    def ready() -> Response[str]:
        """Restored, subscribed, stored; otherwise 503 and what is missing."""
        missing = ports.not_ready()
        text = "".join(f"not ready: {what}\n" for what in missing) or "fleetmon is ready.\n"
        return Response(text, status_code=503 if missing else 200)

    @route(
        "/-/reload",
        http_method=["POST", "PUT"],
        status_code=200,
        media_type=MediaType.TEXT,
        tags=["daemon"],
        guards=[guard(ports.tokens, "admin")],
        security=[{"token": []}],
        responses=documented(401, 403, 422),
    )
    async def reload() -> str:
        """Take the configuration anew, as SIGHUP does; a refused one changes nothing."""
        if not lifecycle:
            raise PermissionDeniedException("Reloading by HTTP is off: set web.enable_lifecycle, or send SIGHUP.")
        await ports.reload()
        return "fleetmon has reloaded its configuration.\n"

    return [landing, metrics, healthy, ready, reload]

"""The HTTP server: Litestar on uvicorn, inside the daemon's own event loop. TLS is a reverse proxy's business."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp

from fleetmon import __version__
from fleetmon.model.errors import ConfigError
from fleetmon.web.api import api
from fleetmon.web.caching import with_tags
from fleetmon.web.maintenance import feed_route
from fleetmon.web.ports import Ports
from fleetmon.web.probes import probes
from fleetmon.web.problems import HANDLERS
from fleetmon.web.settings import WebSettings

_DOCUMENT = OpenAPIConfig(
    title="fleetmon",
    version=__version__,
    description=(
        "Terminals, incidents, where the money is, and refused messages. Lists come in pages (`limit`, `cursor`, "
        "`next`), JSON with an ETag, errors as RFC 9457 problems. A token of a provider sees what concerns that "
        "provider's terminals."
    ),
    components=Components(
        security_schemes={
            "token": SecurityScheme(
                type="http", scheme="bearer", description="From `web.tokens_file`; without that file none is needed."
            )
        }
    ),
    use_handler_docstrings=True,
    render_plugins=[JsonRenderPlugin()],
)


def application(ports: Ports, *, lifecycle: bool) -> ASGIApp:
    """All routes."""
    return with_tags(
        Litestar(
            [*probes(ports, lifecycle=lifecycle), api(ports), feed_route(ports)],
            openapi_config=_DOCUMENT,
            exception_handlers=HANDLERS,
            logging_config=None,
        )
    )


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The daemon's signals are the daemon's: install nothing."""
        yield


def listen(settings: WebSettings) -> socket.socket:
    """Take the port now, so that a taken one is a clear error at start; raises ConfigError."""
    where = f"{settings.host}:{settings.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ConfigError([f"web.host: {settings.host}: {error.strerror}; name an address of this machine"]) from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise ConfigError([f"web.port: cannot listen on {where}: {error.strerror}; choose another port"]) from None
    return listener


async def serve(listener: socket.socket, ports: Ports, settings: WebSettings) -> None:
    """Serve on the listener until cancelled."""
    served = application(ports, lifecycle=settings.enable_lifecycle)
    config = uvicorn.Config(served, log_config=None, access_log=False, lifespan="off", ws="none")
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise

"""The routes below `/api/v1`. Whoever is confined to a provider gets 404 for what they may not see, never 403."""

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, Router, get
from litestar.connection import ASGIConnection
from litestar.exceptions import ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from fleetmon.model.terminal import Shown
from fleetmon.web import paging
from fleetmon.web.access import guard, provider_of
from fleetmon.web.acknowledgements import acknowledgements
from fleetmon.web.answers import ONE, PAGE, PAGE_HEADERS, Asked, Key, found
from fleetmon.web.maintenance import maintenance
from fleetmon.web.money import money
from fleetmon.web.paging import Cursor, Limit
from fleetmon.web.ports import Place, Ports, TerminalFilter
from fleetmon.web.problems import ETAG
from fleetmon.web.prospects import prospects
from fleetmon.web.report.route import report
from fleetmon.web.views import (
    ChangePage,
    IncidentDetail,
    IncidentPage,
    IncidentView,
    QuarantinePage,
    TerminalDetail,
    TerminalPage,
)
from fleetmon.web.visiting import visiting

_PLACES: Final = msgspec.json.Decoder(Place)


def api(ports: Ports) -> Router:
    """All that can be read, and what can be written."""
    handlers = [
        *_terminals(ports), prospects(ports), *_incidents(ports), *acknowledgements(ports), *money(ports),
        *maintenance(ports), *visiting(ports), report(ports),
        _quarantine(ports),
    ]  # fmt: skip
    viewer = guard(ports.tokens, "viewer")
    return Router("/api/v1", route_handlers=handlers, guards=[viewer, _known_parameters], security=[{"token": []}])


def _terminals(ports: Ports) -> list[BaseRouteHandler]:
    @get("/terminals", tags=["terminals"], responses=PAGE, response_headers=PAGE_HEADERS)
    async def terminals(  # noqa: PLR0913, PLR0917 - query parameters are arguments to Litestar
        request: Asked,
        shown: Annotated[Shown | None, QueryParameter(name="state", description="As shown.")] = None,
        provider: Annotated[str | None, QueryParameter(description="Who repairs it.")] = None,
        carrier: Annotated[str | None, QueryParameter(description="Its mobile carrier.")] = None,
        region: Annotated[str | None, QueryParameter(description="Where it is.")] = None,
        site: Annotated[str | None, QueryParameter(description="The shop it stands in.")] = None,
        merchant: Annotated[str | None, QueryParameter(description="Whose money it is.")] = None,
        registered: Annotated[bool | None, QueryParameter(description="Whether the registry has it.")] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[TerminalPage]:
        """Terminals by id, as they are now. Several filters narrow together; an empty value asks for none set."""
        wanted = TerminalFilter(shown, provider, carrier, region, site, merchant, registered)
        rows = await ports.terminals(provider_of(request), wanted, paging.decode(cursor, paging.IDS), limit + 1)
        page, following = paging.cut(rows, limit, lambda row: row.id)
        return paging.answer(request, TerminalPage(page, following), following)

    @get("/terminals/{terminal:str}", tags=["terminals"], responses=ONE, response_headers=[ETAG])
    async def terminal(request: Asked, terminal: Key) -> TerminalDetail:
        """One terminal: identity, state, what is known and since when, open incidents, latest changes."""
        return found(await ports.terminal(provider_of(request), terminal), "terminal")

    @get("/terminals/{terminal:str}/changes", tags=["terminals"], responses=ONE, response_headers=PAGE_HEADERS)
    async def changes(request: Asked, terminal: Key, limit: Limit = 100, cursor: Cursor = None) -> Response[ChangePage]:
        """How the state of a terminal changed, newest first."""
        before = paging.decode(cursor, paging.NUMBERS)
        rows = found(await ports.changes(provider_of(request), terminal, before, limit + 1), "terminal")
        page, following = paging.cut(rows, limit, lambda row: row[0])
        return paging.answer(request, ChangePage([change for _, change in page], following), following)

    return [terminals, terminal, changes]


def _incidents(ports: Ports) -> list[BaseRouteHandler]:
    @get("/incidents", tags=["incidents"], responses=PAGE, response_headers=PAGE_HEADERS)
    async def incidents(
        request: Asked,
        status: Annotated[
            Literal["pending", "firing", "resolved"] | None, QueryParameter(description="Where it stands.")
        ] = None,
        kind: Annotated[str | None, QueryParameter(description="What is wrong, e.g. `carrier_outage`.")] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[IncidentPage]:
        """Incidents, open and past, newest first."""
        before = paging.decode(cursor, _PLACES)
        rows = await ports.incidents(provider_of(request), status, kind, before, limit + 1)
        page, following = paging.cut(rows, limit, _place)
        return paging.answer(request, IncidentPage(page, following), following)

    @get("/incidents/{incident:str}", tags=["incidents"], responses=ONE, response_headers=[ETAG])
    async def incident(request: Asked, incident: Key) -> IncidentDetail:
        """One incident and how it came about."""
        return found(await ports.incident(provider_of(request), incident), "incident")

    return [incidents, incident]


def _quarantine(ports: Ports) -> BaseRouteHandler:
    @get("/quarantine", tags=["quarantine"], responses=PAGE, response_headers=PAGE_HEADERS)
    async def quarantine(
        request: Asked,
        reason: Annotated[str | None, QueryParameter(description="Why it was refused, e.g. `json`.")] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[QuarantinePage]:
        """The latest messages that were refused, newest first."""
        rows = await ports.quarantine(provider_of(request), reason, paging.decode(cursor, paging.NUMBERS), limit + 1)
        page, following = paging.cut(rows, limit, lambda row: row.id)
        return paging.answer(request, QuarantinePage(page, following), following)

    return quarantine


def _place(incident: IncidentView) -> Place:
    return Place(incident.opened_at, incident.id)


def _known_parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A misspelt filter would show everything and look like an answer."""
    parameters = handler.parsed_fn_signature.parameters.items()
    queries = [(name, found.kwarg_definition) for name, found in parameters]
    known = [query.name or name for name, query in queries if isinstance(query, QueryParameter)]
    extra = [f"{name}: there is no such parameter" for name in connection.query_params if name not in known]
    if extra:
        raise ValidationException(f"Known parameters: {', '.join(known)}.", extra=extra)

"""The routes for whoever sends technicians: where to go, as JSON, as a table and as a calendar; and what it brought."""

from typing import Annotated, Final

import msgspec
from litestar import Response, get
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from fleetmon.locale import Language
from fleetmon.web import paging
from fleetmon.web.access import provider_of
from fleetmon.web.answers import ONE, PAGE, PAGE_HEADERS, Asked
from fleetmon.web.paging import Cursor, Limit
from fleetmon.web.ports import Ports, VisitFilter, VisitPlace
from fleetmon.web.problems import ETAG, documented
from fleetmon.web.visits import OutcomeList, VisitPage, VisitView

_HEADERS: Final = {
    "csv": {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": "attachment; filename=visits.csv",
    },
    "ics": {
        "content-type": "text/calendar; charset=utf-8",
        "content-disposition": "attachment; filename=visits.ics",
    },
}
_PLACES: Final = msgspec.json.Decoder(VisitPlace)
_Provider = Annotated[str | None, QueryParameter(description="Who sends technicians.")]
_Region = Annotated[str | None, QueryParameter(description="Where it is.")]
_Begin = Annotated[
    int | None, QueryParameter(name="from", ge=0, le=4_102_444_800_000, description="Not before then (ms, up to 2100).")
]
_Days = Annotated[int, QueryParameter(ge=1, le=31, description="Within so many days.")]
_Lang = Annotated[Language, QueryParameter(description="Of what people read.")]


def visiting(ports: Ports) -> list[BaseRouteHandler]:
    """All of it."""
    return [_list(ports), _outcomes(ports), *_files(ports)]


def _list(ports: Ports) -> BaseRouteHandler:
    @get("/visits", tags=["maintenance"], responses=PAGE, response_headers=PAGE_HEADERS)
    async def visits(  # noqa: PLR0913, PLR0917 - query parameters are arguments to Litestar
        request: Asked,
        provider: _Provider = None,
        region: _Region = None,
        begin: _Begin = None,
        days: _Days = 7,
        lang: _Lang = "en",
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[VisitPage]:
        """Sites to go to, the most urgent first: why, what to take along, and the quietest time that is allowed.

        Ranked anew every few minutes; a list that is read page by page may change in between.
        """
        wanted, after = VisitFilter(provider, region, begin, days), paging.decode(cursor, _PLACES)
        rows = await ports.planning.visits(provider_of(request), wanted, after, limit + 1, lang)
        page, following = paging.cut(rows, limit, _place)
        return paging.answer(request, VisitPage(page, following), following)

    return visits


def _outcomes(ports: Ports) -> BaseRouteHandler:
    @get("/visits/outcomes", tags=["maintenance"], responses=ONE, response_headers=[ETAG])
    async def outcomes(request: Asked, days: _Days = 7) -> OutcomeList:
        """Visits of the last days, the latest first: was anybody there, and is well what was wrong."""
        return await ports.planning.outcomes(provider_of(request), days)

    return outcomes


def _files(ports: Ports) -> list[BaseRouteHandler]:
    @get("/visits.csv", tags=["maintenance"], responses=_file("text/csv"))
    async def table(
        request: Asked,
        provider: _Provider = None,
        region: _Region = None,
        begin: _Begin = None,
        days: _Days = 7,
        lang: _Lang = "en",
    ) -> Response[bytes]:
        """The same as a table for spreadsheets, a thousand rows at most; times by the clocks there."""
        wanted = VisitFilter(provider, region, begin, days)
        data = await ports.planning.visit_file(provider_of(request), wanted, "csv", lang)
        return Response(data, headers=_HEADERS["csv"])

    @get("/visits.ics", tags=["maintenance"], responses=_file("text/calendar"))
    async def calendar(
        request: Asked,
        provider: _Provider = None,
        region: _Region = None,
        begin: _Begin = None,
        days: _Days = 7,
        lang: _Lang = "en",
    ) -> Response[bytes]:
        """The same as an iCal file of tentative events."""
        wanted = VisitFilter(provider, region, begin, days)
        data = await ports.planning.visit_file(provider_of(request), wanted, "ics", lang)
        return Response(data, headers=_HEADERS["ics"])

    return [table, calendar]


def _file(media_type: str) -> dict[int, ResponseSpec]:
    said = ResponseSpec(bytes, generate_examples=False, media_type=media_type, description="The file.")
    return {200: said} | documented(400, 401)


def _place(row: VisitView) -> VisitPlace:
    return VisitPlace(row.score, row.provider, row.site)

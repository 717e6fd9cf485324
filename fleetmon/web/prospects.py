"""The route that tells which terminals are due for service, the likeliest to fail first."""

from typing import Annotated, Final

import msgspec
from litestar import Response, get
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from fleetmon.web import paging
from fleetmon.web.access import provider_of
from fleetmon.web.answers import PAGE_HEADERS, Asked
from fleetmon.web.paging import Cursor, Limit
from fleetmon.web.ports import Ports, ProspectFilter, ProspectPlace
from fleetmon.web.problems import NOT_MODIFIED, documented
from fleetmon.web.views import ProspectPage, ProspectView

_PLACES: Final = msgspec.json.Decoder(ProspectPlace)
_PAGE: Final = NOT_MODIFIED | documented(400, 401)


def prospects(ports: Ports) -> BaseRouteHandler:
    """The list for whoever plans visits."""

    @get("/service", tags=["terminals"], responses=_PAGE, response_headers=PAGE_HEADERS)
    async def service(
        request: Asked,
        provider: Annotated[str | None, QueryParameter(description="Who repairs it.")] = None,
        region: Annotated[str | None, QueryParameter(description="Where it is.")] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[ProspectPage]:
        """Terminals that have failed or may within a week, the likeliest first, with the reasons.

        Worked out anew every few minutes; a list that is read page by page may change in between.
        """
        wanted = ProspectFilter(provider, region)
        rows = await ports.prospects(provider_of(request), wanted, paging.decode(cursor, _PLACES), limit + 1)
        page, following = paging.cut(rows, limit, _place)
        return paging.answer(request, ProspectPage(page, following), following)

    return service


def _place(row: ProspectView) -> ProspectPlace:
    return ProspectPlace(row.probability, row.terminal)

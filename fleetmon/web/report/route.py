"""The route of the morning report; in the form that is asked for. Only the forms for people have a language."""

from typing import Annotated, Literal

from litestar import MediaType, Response, get
from litestar.exceptions import ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from fleetmon.locale import Language
from fleetmon.web.access import provider_of
from fleetmon.web.answers import Asked
from fleetmon.web.ports import Ports
from fleetmon.web.problems import ETAG, NOT_MODIFIED, documented
from fleetmon.web.report.page import page
from fleetmon.web.report.settings import LONGEST_H, SPAN, hours
from fleetmon.web.report.text import text
from fleetmon.web.report.views import ReportView

_RESPONSES = NOT_MODIFIED | documented(400, 401, 503)


def report(ports: Ports) -> BaseRouteHandler:
    """What happened, for whoever comes in the morning."""

    @get("/report", tags=["report"], responses=_RESPONSES, response_headers=[ETAG])
    async def morning(
        request: Asked,
        since: Annotated[
            str, QueryParameter(description="How far back, in hours or days: 24h, 3d.", pattern=SPAN)
        ] = "24h",
        form: Annotated[
            Literal["json", "text", "html"], QueryParameter(name="format", description="JSON, or for people.")
        ] = "json",
        lang: Annotated[Language, QueryParameter(description="Of text and HTML.")] = "en",
    ) -> Response[ReportView] | Response[str]:
        """Is the fleet taking payments, is money late, is the data fresh; what happened, what is open, what is at risk.

        Times are RFC 3339, durations seconds, amounts fen. The HTML page is one file without scripts or requests.
        """
        asked = hours(since)
        if asked is None:
            raise ValidationException(f"since: {since} is longer than {LONGEST_H // 24} days; ask for less")
        found = await ports.report(provider_of(request), asked)
        if form == "json":
            return Response(found)
        if form == "text":
            return Response(text(found, lang), media_type=MediaType.TEXT)
        return Response(page(found, lang), media_type=MediaType.HTML)

    return morning

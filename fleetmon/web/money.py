"""The routes that tell where the money is and why it has not come; answered from memory, so without 503."""

from typing import Annotated, Final

import msgspec
from litestar import Response, get
from litestar.exceptions import ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.params import PathParameter, QueryParameter

from fleetmon.locale import Audience
from fleetmon.model.days import day_from
from fleetmon.model.events import INT64_MAX
from fleetmon.model.terms import time_of_day
from fleetmon.web import paging
from fleetmon.web.access import provider_of
from fleetmon.web.answers import PAGE_HEADERS, Asked, Key, found
from fleetmon.web.explanations import (
    MerchantPage,
    MerchantSettlements,
    SettlementPage,
    SettlementView,
)
from fleetmon.web.paging import Cursor, Limit
from fleetmon.web.ports import Ports, SalePlace, SettlementFilter
from fleetmon.web.problems import ETAG, NOT_MODIFIED, documented

_PLACES: Final = msgspec.json.Decoder(SalePlace)
_PAGE: Final = NOT_MODIFIED | documented(400, 401)
_ONE: Final = NOT_MODIFIED | documented(400, 401, 404)
_AT: Final = r"^([01]\d|2[0-3]):[0-5]\d$(?!\n)"
_For = Annotated[Audience, QueryParameter(name="for", description="Whom the texts are told to.")]


def money(ports: Ports) -> list[BaseRouteHandler]:
    """Settlements, explanations and merchants."""
    return [_settlements(ports), _explanation(ports), *_merchants(ports)]


def _settlements(ports: Ports) -> BaseRouteHandler:
    @get("/settlements", tags=["money"], responses=_PAGE, response_headers=PAGE_HEADERS)
    async def settlements(  # noqa: PLR0913, PLR0917 - query parameters are arguments to Litestar
        request: Asked,
        merchant: Annotated[str | None, QueryParameter(description="Its id, number, or a part of its name.")] = None,
        late: Annotated[bool | None, QueryParameter(description="Whether it is late.")] = None,
        at_risk: Annotated[bool | None, QueryParameter(description="Whether it will be, if nothing happens.")] = None,
        cause: Annotated[str | None, QueryParameter(description="The first finding, e.g. `carrier_outage`.")] = None,
        acquirer: Annotated[str | None, QueryParameter(description="Who pays.")] = None,
        date: Annotated[
            str | None, QueryParameter(description="The day of the sale in China.", pattern=r"^\d{4}-\d\d-\d\d$")
        ] = None,
        rrn: Annotated[str | None, QueryParameter(description="The reference on the slip; paid ones, too.")] = None,
        transaction: Annotated[str | None, QueryParameter(description="The terminal's number; paid ones, too.")] = None,
        amount: Annotated[
            int | None, QueryParameter(ge=0, le=INT64_MAX, description="In fen, exactly; paid ones, too.")
        ] = None,
        at: Annotated[
            str | None,
            QueryParameter(
                description="Taken within 30 minutes of that, as 18:30 in China; paid ones, too.", pattern=_AT
            ),
        ] = None,
        audience: _For = "merchant",
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[SettlementPage]:
        """Transactions that are not paid, and today's that were refused or not answered, each with its explanation.

        With `date` it is those of that day that were refused or not answered. By number, amount or time all are told,
        whatever became of them; when one merchant is named and none fits, `nearest` tells what was seen instead, once
        `complete`.
        """
        day, time = None if date is None else _day(date), None if at is None else time_of_day(f"{at}:00")
        wanted = SettlementFilter(merchant, late, at_risk, cause, acquirer, day, rrn, transaction, amount, time)
        after, provider = paging.decode(cursor, _PLACES), provider_of(request)
        rows = await ports.settlements(provider, wanted, after, limit + 1, audience)
        page, following = paging.cut(rows, limit, _place)
        complete = ports.recalled()
        nearest = await ports.nearest(provider, wanted) if complete and not rows and not cursor else None
        return paging.answer(request, SettlementPage(page, following, complete, nearest), following)

    return settlements


def _explanation(ports: Ports) -> BaseRouteHandler:
    @get(
        "/transactions/{terminal:str}/{transaction:str}/explanation",
        tags=["money"],
        responses=_ONE,
        response_headers=[ETAG],
    )
    async def explanation(
        request: Asked,
        terminal: Annotated[str, PathParameter(description="The id of the terminal.")],
        transaction: Annotated[str, PathParameter(description="What the terminal calls it.")],
        audience: _For = "merchant",
    ) -> SettlementView:
        """Where the money of one transaction is, and why; also of one that is paid.

        What moves no money, such as a reversal, has no explanation; ask for the sale. What was settled days ago is
        forgotten.
        """
        return found(await ports.explanation(provider_of(request), terminal, transaction, audience), "transaction")

    return explanation


def _merchants(ports: Ports) -> list[BaseRouteHandler]:
    @get("/merchants", tags=["money"], responses=_PAGE, response_headers=PAGE_HEADERS)
    async def merchants(
        request: Asked,
        q: Annotated[
            str, QueryParameter(description="Its id, number, or a part of its name; left out: everybody.")
        ] = "",
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[MerchantPage]:
        """Merchants by id. One who is named in full stands alone."""
        rows = await ports.merchants(provider_of(request), q, paging.decode(cursor, paging.IDS), limit + 1)
        page, following = paging.cut(rows, limit, lambda row: row.id)
        return paging.answer(request, MerchantPage(page, following), following)

    @get("/merchants/{merchant:str}/settlements", tags=["money"], responses=_ONE, response_headers=[ETAG])
    async def merchant(request: Asked, merchant: Key) -> MerchantSettlements:
        """A merchant's money by business date: expected, paid, overdue, at risk, and when the next is due."""
        return found(await ports.merchant(provider_of(request), merchant), "merchant")

    return [merchants, merchant]


def _day(date: str) -> int:
    try:
        return day_from(date)
    except ValueError as error:
        raise ValidationException(f"date: {error}") from None


def _place(row: SettlementView) -> SalePlace:
    return SalePlace(row.merchant, row.terminal, row.transaction)

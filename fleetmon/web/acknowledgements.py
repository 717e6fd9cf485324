"""Saying that somebody sees to an incident, and taking that back; and who said what."""

from typing import Annotated, Final, Literal

from litestar import Response, delete, get, put
from litestar.exceptions import ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from fleetmon.model.acknowledgement import LONGEST
from fleetmon.model.cards import holds_card
from fleetmon.model.days import DAY
from fleetmon.model.events import Count
from fleetmon.web import paging
from fleetmon.web.access import guard, provider_of
from fleetmon.web.answers import ONE, PAGE, PAGE_HEADERS, Asked, Key, found
from fleetmon.web.paging import Cursor, Limit
from fleetmon.web.ports import AuditFilter, Ports
from fleetmon.web.preconditions import precondition
from fleetmon.web.problems import ETAG, documented
from fleetmon.web.views import AcknowledgementView, AuditPage

_WRITE: Final = documented(400, 401, 403, 404, 409, 412, 503)
_CREATED: Final = ResponseSpec(AcknowledgementView, generate_examples=False, description="There was none before.")


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """What to acknowledge an incident with."""

    until: Annotated[Count, Meta(description="Milliseconds since 1970, at most 30 days from now.")]
    comment: Annotated[
        str,
        Meta(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$", description="What is being done, for others."),
    ] = ""

    def problems(self, now: int) -> list[str]:
        """What is wrong with it at `now`."""
        problems = []
        if self.until <= now:
            problems.append("until: is over; give a time to come, in milliseconds since 1970")
        elif self.until > now + LONGEST:
            problems.append(f"until: is more than {LONGEST // DAY} days ahead; acknowledge it again when that is over")
        if holds_card(self.comment):
            problems.append("comment: holds what may be a card number, which is never kept; leave it out")
        return problems


def acknowledgements(ports: Ports) -> list[BaseRouteHandler]:
    """The acknowledgement of an incident, and the audit."""
    return [_shown(ports), *_written(ports), _audit(ports)]


def _shown(ports: Ports) -> BaseRouteHandler:
    @get("/incidents/{incident:str}/acknowledgement", tags=["incidents"], responses=ONE, response_headers=[ETAG])
    async def acknowledgement(request: Asked, incident: Key) -> AcknowledgementView:
        """Who sees to an incident, or did when it was over."""
        return found(await ports.acknowledgement(provider_of(request), incident), "acknowledgement")

    return acknowledgement


def _written(ports: Ports) -> list[BaseRouteHandler]:
    operator = guard(ports.tokens, "operator")

    @put(
        "/incidents/{incident:str}/acknowledgement",
        tags=["incidents"],
        guards=[operator],
        status_code=200,
        responses=_WRITE | {201: _CREATED},
    )
    async def acknowledge(request: Asked, incident: Key, data: JSONBody[Wish]) -> Response[AcknowledgementView]:
        """Say that you see to a firing incident, or go on with that in other words; repeating it changes nothing.

        Nobody is called for it any more until then, unless it becomes worse: a higher severity, a page where there
        was none, or half as many terminals again and five more at least. With `If-None-Match: *` nobody else's is
        replaced. Answered when it is stored.
        """
        assert request.user is not None, "the guard lets nobody else through"
        if problems := data.problems(ports.now()):
            raise ValidationException("It cannot be acknowledged so.", extra=problems)
        provider, author = provider_of(request), request.user.name
        done = await ports.acknowledge(provider, incident, author, data.until, data.comment, precondition(request))
        view, is_new = found(done, "incident")
        return Response(view, status_code=201 if is_new else 200)

    @delete("/incidents/{incident:str}/acknowledgement", tags=["incidents"], guards=[operator], responses=_WRITE)
    async def unacknowledge(request: Asked, incident: Key) -> None:
        """Say that nobody sees to a firing incident any more; people are not called for that.

        Repeating it changes nothing. Answered when it is stored.
        """
        assert request.user is not None, "the guard lets nobody else through"
        provider, author = provider_of(request), request.user.name
        found(await ports.unacknowledge(provider, incident, author, precondition(request)), "incident")

    return [acknowledge, unacknowledge]


def _audit(ports: Ports) -> BaseRouteHandler:
    @get("/audit", tags=["audit"], responses=PAGE, response_headers=PAGE_HEADERS)
    async def audit(
        request: Asked,
        kind: Annotated[Literal["incident", "window"] | None, QueryParameter(description="What was changed.")] = None,
        subject: Annotated[str | None, QueryParameter(description="Its id.")] = None,
        author: Annotated[str | None, QueryParameter(description="The name of the token that changed it.")] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[AuditPage]:
        """What people changed, newest first. Whoever is confined to a provider sees that of its own incidents."""
        before = paging.decode(cursor, paging.NUMBERS)
        rows = await ports.audit(provider_of(request), AuditFilter(kind, subject, author), before, limit + 1)
        page, following = paging.cut(rows, limit, lambda row: row[0])
        return paging.answer(request, AuditPage([entry for _, entry in page], following), following)

    return audit

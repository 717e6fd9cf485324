"""Planned work: to read, to preview, to plan and to change, for operators; calendars in, and links to feeds."""

from typing import Annotated, Final, Literal

from litestar import Response, get, post, put
from litestar.exceptions import NotFoundException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec.structs import replace

from fleetmon.locale import Language, reworded
from fleetmon.model.schedule import Schedule
from fleetmon.web import paging
from fleetmon.web.access import guard, provider_of
from fleetmon.web.answers import ONE, PAGE, PAGE_HEADERS, Asked, Key, found
from fleetmon.web.paging import Cursor, Limit
from fleetmon.web.ports import Caller, Ports, WindowFilter
from fleetmon.web.preconditions import precondition
from fleetmon.web.problems import ETAG, documented, language_of
from fleetmon.web.windows import (
    CalendarList,
    Extension,
    FeedKind,
    FeedView,
    ImportView,
    ImportWish,
    PreviewView,
    WindowPage,
    WindowState,
    WindowView,
)

_WRITE: Final = documented(400, 401, 403, 404, 409, 412, 422, 503)
_CREATED: Final = ResponseSpec(WindowView, generate_examples=False, description="It was not planned before.")
_Wish = JSONBody[Schedule]
_Deed = Literal["approve", "cancel", "end"]


def maintenance(ports: Ports) -> list[BaseRouteHandler]:
    """All of it."""
    return [*_read(ports), *_plan(ports), *_change(ports), *_calendars(ports)]


def caller(request: Asked) -> Caller:
    """Who asks. Without tokens everybody reads, as nobody."""
    return Caller("anybody") if request.user is None else Caller(request.user.name, request.user.provider)


def _read(ports: Ports) -> list[BaseRouteHandler]:
    @get("/windows", tags=["maintenance"], responses=PAGE, response_headers=PAGE_HEADERS)
    async def windows(  # noqa: PLR0913, PLR0917 - query parameters are arguments to Litestar
        request: Asked,
        shown: Annotated[WindowState | None, QueryParameter(name="state", description="Where it stands.")] = None,
        provenance: Annotated[
            Literal["operator", "notice", "mark"] | None, QueryParameter(description="Whose word it is.")
        ] = None,
        owner: Annotated[str | None, QueryParameter(description="Who answers for it.")] = None,
        host: Annotated[str | None, QueryParameter(description="Whose own work it is.")] = None,
        calendar: Annotated[str | None, QueryParameter(description="The calendar that it came from.")] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response[WindowPage]:
        """Planned work by id: of people and calendars, announced by hosts, and marked by technicians."""
        wanted = WindowFilter(shown, provenance, owner, host, calendar)
        rows = await ports.planning.page(provider_of(request), wanted, paging.decode(cursor, paging.IDS), limit + 1)
        page, following = paging.cut(rows, limit, lambda row: row.id)
        return paging.answer(request, WindowPage(page, following), following)

    @get("/windows/{window:str}", tags=["maintenance"], responses=ONE, response_headers=[ETAG])
    async def window(request: Asked, window: Key) -> WindowView:
        """One window; its ETag as If-Match of a change makes sure that nobody else came first."""
        return found(ports.planning.view(provider_of(request), window), "window")

    return [windows, window]


def _plan(ports: Ports) -> list[BaseRouteHandler]:
    operator = guard(ports.tokens, "operator")

    @post(
        "/windows/preview",
        tags=["maintenance"],
        status_code=200,
        responses=documented(400, 401),
    )
    async def preview(request: Asked, data: _Wish) -> PreviewView:
        """What a schedule would do: how many terminals, which open incidents, when, and what speaks against it."""
        found, language = await ports.planning.preview(caller(request), data), language_of(request)
        return replace(found, problems=[reworded(one, language) for one in found.problems])

    @post(
        "/windows",
        tags=["maintenance"],
        guards=[operator],
        status_code=200,
        responses=_WRITE | {201: _CREATED},
    )
    async def plan(request: Asked, data: _Wish) -> Response[WindowView]:
        """Plan work. The same `reference` again replaces what was written, so repeating it changes nothing.

        Above a limit it is only proposed, until somebody else approves it. Answered when it is stored.
        """
        view, is_new = await ports.planning.create(caller(request), data)
        return Response(view, status_code=201 if is_new else 200)

    return [preview, plan]


def _change(ports: Ports) -> list[BaseRouteHandler]:
    operator = guard(ports.tokens, "operator")

    @put("/windows/{window:str}", tags=["maintenance"], guards=[operator], responses=_WRITE)
    async def change(request: Asked, window: Key, data: _Wish) -> WindowView:
        """Write it anew: what was in force stays as it was, what is to come follows the new schedule."""
        done = await ports.planning.change(caller(request), window, data, precondition(request))
        return found(done, "window")

    @post(
        "/windows/{window:str}/{deed:str}", tags=["maintenance"], guards=[operator], status_code=200, responses=_WRITE
    )
    async def act(
        request: Asked,
        window: Key,
        deed: Annotated[_Deed, PathParameter(description="`approve`, `cancel` all to come, `end` what is in force.")],
    ) -> WindowView:
        """Approve it as the second person, cancel it, or end the time that is in force now."""
        deeds = {"approve": ports.planning.approve, "cancel": ports.planning.cancel, "end": ports.planning.end}
        return found(await deeds[deed](caller(request), window, precondition(request)), "window")

    @post("/windows/{window:str}/extend", tags=["maintenance"], guards=[operator], status_code=200, responses=_WRITE)
    async def extend(request: Asked, window: Key, data: JSONBody[Extension]) -> WindowView:
        """Give the time that is in force, or was in the last day, until then; later times stay."""
        done = await ports.planning.extend(caller(request), window, data.until, precondition(request))
        return found(done, "window")

    return [change, act, extend]


def _calendars(ports: Ports) -> list[BaseRouteHandler]:
    operator = guard(ports.tokens, "operator")

    @post("/calendars/import", tags=["maintenance"], guards=[operator], status_code=200, responses=_WRITE)
    async def take(request: Asked, data: JSONBody[ImportWish]) -> ImportView:
        """Read an iCal file: each event is taken whole or refused with its reason; the same again changes nothing."""
        return _told(await ports.planning.take(caller(request), data), language_of(request))

    @get("/calendars", tags=["maintenance"], responses=ONE, response_headers=[ETAG])
    async def calendars(request: Asked) -> CalendarList:
        """The calendars of the configuration, and how reading them went."""
        if provider_of(request) is not None:
            return CalendarList([])
        language, found = language_of(request), ports.planning.calendars().calendars
        return CalendarList([
            replace(
                one,
                problem=reworded(one.problem, language),
                report=None if one.report is None else _told(one.report, language),
            )
            for one in found
        ])  # fmt: skip

    @get("/feeds/{kind:str}/{name:str}", tags=["maintenance"], guards=[operator], responses=ONE)
    async def link(
        request: Asked,
        kind: Annotated[FeedKind, PathParameter(description="What it is about.")],
        name: Key,
    ) -> FeedView:
        """The secret link to the iCal feed of a provider, a host or a site: whoever has it can read the feed."""
        path = ports.planning.link(provider_of(request), kind, name)
        if path is None:
            raise NotFoundException(f"The registry has no {kind} {name}, or planning.feed_secret_file is not set.")
        return FeedView(path)

    return [take, calendars, link]


def _told(found: ImportView, language: Language) -> ImportView:
    """With its reasons in the language of the reader."""
    return replace(found, refused=[replace(one, reason=reworded(one.reason, language)) for one in found.refused])


def feed_route(ports: Ports) -> BaseRouteHandler:
    """The feed itself, beside the API: calendars send no tokens but the one in the link."""

    @get("/feeds/{token:str}/{kind:str}/{file:str}", include_in_schema=False)
    async def feed(
        token: Annotated[str, PathParameter(description="The key.")],
        kind: Annotated[FeedKind, PathParameter(description="What it is about.")],
        file: Annotated[str, PathParameter(description="Its id, and .ics.")],
    ) -> Response[bytes]:
        if not file.endswith(".ics"):
            raise ValidationException("The name of a feed ends with .ics.")
        data = found(await ports.planning.feed(token, kind, file.removesuffix(".ics")), "feed")
        return Response(data, headers={"content-type": "text/calendar; charset=utf-8"})

    return feed

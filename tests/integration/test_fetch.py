"""Calendars from the web, against real servers: what is fetched, what is refused, and what is told of it."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from fleetmon.model.errors import SinkError
from fleetmon.planning import fetch as module
from fleetmon.planning.feeds import KINDS, opens, path, token
from fleetmon.planning.fetch import Fetched, fetch

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Answer], Awaitable[str]]
CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Answer], Awaitable[str]]]:
    runners: list[web.AppRunner] = []

    async def begin(answer: Answer) -> str:
        application = web.Application()
        application.router.add_get("/{any:.*}", answer)
        runners.append(web.AppRunner(application))
        await runners[-1].setup()
        site = web.TCPSite(runners[-1], "127.0.0.1", 0)
        await site.start()
        host, port = runners[-1].addresses[0][:2]
        return f"http://{host}:{port}/secret-token/calendar.ics"

    yield begin
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


async def refusal(session: aiohttp.ClientSession, url: str) -> SinkError:
    with pytest.raises(SinkError) as raised:
        await fetch(session, url)
    assert "secret-token" not in str(raised.value)
    return raised.value


async def test_it_is_fetched_once_and_then_asked_for_only_if_it_changed(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    asked: list[tuple[str | None, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")))
        if asked[-1][0] == '"v1"':
            return web.Response(status=304)
        return web.Response(body=CALENDAR, headers={"ETag": '"v1"', "Last-Modified": "Mon, 23 Nov 2026 04:00:00 GMT"})

    url = await serve(answer)
    first = await fetch(session, url)
    assert first == Fetched(CALENDAR, '"v1"', "Mon, 23 Nov 2026 04:00:00 GMT")
    assert (await fetch(session, url, first)).data is None
    assert asked == [(None, None), ('"v1"', "Mon, 23 Nov 2026 04:00:00 GMT")]


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (401, False), (429, True), (503, True)])
async def test_an_error_names_the_host_and_whether_to_try_again(
    serve: Serve, session: aiohttp.ClientSession, status: int, *, retryable: bool
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    error = await refusal(session, await serve(answer))
    assert str(error) == f"127.0.0.1: answers {status}"
    assert error.retryable is retryable


@pytest.mark.parametrize("packed", [False, True])
async def test_no_more_than_the_limit_is_read_packed_or_not(
    serve: Serve, session: aiohttp.ClientSession, *, packed: bool
) -> None:
    async def answer(_: web.Request) -> web.Response:
        body = b"x" * 40_000_000
        headers = {"Content-Encoding": "gzip"} if packed else {}
        return web.Response(body=gzip.compress(body, 1) if packed else body, headers=headers)

    assert "more than 2000000 bytes" in str(await refusal(session, await serve(answer)))


async def test_who_does_not_answer_in_time_is_given_up(
    serve: Serve, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await hold.wait()
        return web.Response(body=CALENDAR)

    monkeypatch.setattr(module, "_TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    error = await refusal(session, await serve(answer))
    hold.set()
    assert (str(error), error.retryable) == ("127.0.0.1: no answer in time", True)


async def test_on_the_same_server_it_may_be_elsewhere(serve: Serve, session: aiohttp.ClientSession) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/moved.ics":
            return web.Response(body=CALENDAR)
        return web.Response(status=302, headers={"Location": "/moved.ics"})

    assert (await fetch(session, await serve(answer))).data == CALENDAR


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("file:///etc/passwd", "sends us to what is not on the web"),
        ("ftp://example.org/x", "sends us to what is not on the web"),
        ("", "sends us to what is not on the web"),
        ("http://127.0.0.1:1/x", "sends us to a private address"),
        ("http://[::1]:1/x", "sends us to a private address"),
        ("http://169.254.169.254/latest/meta-data", "sends us to a private address"),
        ("http://10.0.0.1/x", "sends us to a private address"),
        ("?again", "sends us on more than 3 times"),
        ("http://[broken", "127.0.0.1: "),
    ],
)
async def test_nobody_sends_us_where_we_must_not_go(
    serve: Serve, session: aiohttp.ClientSession, location: str, problem: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    assert problem in str(await refusal(session, await serve(answer)))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "gopher://x/y", "http://", "", "http://[broken"])
async def test_only_the_web_is_fetched(session: aiohttp.ClientSession, url: str) -> None:
    assert not (await refusal(session, url)).retryable


async def test_nobody_there(session: aiohttp.ClientSession) -> None:
    assert (await refusal(session, "http://127.0.0.1:9/secret-token/x.ics")).retryable


def test_links_to_feeds_open_one_feed_each_and_another_secret_makes_them_void() -> None:
    secret = b"s" * 32
    tokens = {token(secret, kind, key) for kind in KINDS for key in ("a", "b")}
    assert len(tokens) == 6
    assert all(len(one) == 32 and one.isalnum() for one in tokens)
    assert path(secret, "provider", "PRO").endswith("/provider/PRO.ics")
    assert opens(secret, token(secret, "site", "S1"), "site", "S1")
    assert not opens(secret, token(secret, "site", "S1"), "site", "S2")
    assert not opens(b"t" * 32, token(secret, "site", "S1"), "site", "S1")
    assert not opens(None, token(secret, "site", "S1"), "site", "S1")
    assert not opens(secret, "ünïcode", "site", "S1")

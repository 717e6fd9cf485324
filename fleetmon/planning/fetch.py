"""Calendars from the web: within limits of time and size, and only if they are other than before.

The address is the operator's, so it may be one of their own network. Where it sends us on to is the other side's: only
http(s), never from https to http, and to another host only if that has public addresses. Addresses of calendars are
often secrets, so no message shows more of one than its host.
"""

import asyncio
import ipaddress
from typing import Final, NamedTuple

import aiohttp
from yarl import URL

from fleetmon import __version__
from fleetmon.model.errors import SinkError
from fleetmon.planning.ical.lines import BYTES_MOST

_REDIRECTS_MOST: Final = 3
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=10)
_HEADERS: Final = {"User-Agent": f"fleetmon/{__version__}", "Accept": "text/calendar, */*;q=0.1"}
_MOVED: Final = (301, 302, 303, 307, 308)


class Fetched(NamedTuple):
    """A calendar as it was fetched, and by what the next question can be short. `data` None: as before."""

    data: bytes | None
    etag: str = ""
    modified: str = ""


async def fetch(session: aiohttp.ClientSession, address: str, before: Fetched | None = None) -> Fetched:
    """Get it; raises SinkError when it cannot be had."""
    try:
        url = URL(address.replace("webcal://", "https://", 1))
    except ValueError:
        raise SinkError("the address of the calendar is no URL", retryable=False) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise SinkError(f"{url.scheme or 'the address'}: only http and https are fetched", retryable=False)
    conditions = {}
    if before is not None:
        conditions = {"If-None-Match": before.etag, "If-Modified-Since": before.modified}
    headers = _HEADERS | {name: value for name, value in conditions.items() if value}
    try:
        for _ in range(_REDIRECTS_MOST + 1):
            async with session.get(url, headers=headers, timeout=_TIMEOUT, allow_redirects=False) as answer:
                if answer.status not in _MOVED:
                    return await _read(answer, url)
                url = await _next(url, answer.headers.get("Location", ""))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        raise SinkError(f"{url.host}: {reason}", retryable=True) from None
    raise SinkError(f"{url.host}: sends us on more than {_REDIRECTS_MOST} times", retryable=False)


async def _read(answer: aiohttp.ClientResponse, url: URL) -> Fetched:
    if answer.status == 304:
        return Fetched(None)
    if answer.status != 200:
        raise SinkError(f"{url.host}: answers {answer.status}", retryable=answer.status >= 500 or answer.status == 429)
    data = bytearray()
    async for part in answer.content.iter_chunked(65_536):
        data += part
        if len(data) > BYTES_MOST:
            raise SinkError(f"{url.host}: has more than {BYTES_MOST} bytes", retryable=False)
    return Fetched(bytes(data), answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))


async def _next(url: URL, location: str) -> URL:
    """Where we are sent on to; raises SinkError where we do not go."""
    found = url.join(URL(location))
    if found.scheme not in ("http", "https") or not found.host or not location:
        raise SinkError(f"{url.host}: sends us to what is not on the web", retryable=False)
    if url.scheme == "https" and found.scheme == "http":
        raise SinkError(f"{url.host}: sends us from https to http", retryable=False)
    if found.origin() != url.origin():
        for *_, address in await asyncio.get_running_loop().getaddrinfo(found.host, found.port):
            if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global:
                raise SinkError(f"{url.host}: sends us to a private address", retryable=False)
    return found

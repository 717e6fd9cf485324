"""Asks a running daemon over its API, and has it do what an operator may. Everything raises SinkError."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from fleetmon.locale import Language, fill, texts
from fleetmon.model.errors import SinkError
from fleetmon.readout.enquiry.enquiry import MOST, Answer, Enquiry, Party
from fleetmon.web.explanations import (
    MerchantPage,
    MerchantSettlements,
    NearestView,
    SettlementPage,
    SettlementView,
)
from fleetmon.web.problems import Problem

TIMEOUT_S: Final = 15.0
_ASKED: Final = ("merchant", "date", "rrn", "transaction", "amount", "at")
T = TypeVar("T")


class Api:
    """One conversation with a daemon."""

    def __init__(self, session: aiohttp.ClientSession, url: str, language: Language) -> None:
        self._session = session
        self._book = texts(language)
        self._base = f"{url.rstrip('/')}/api/v1"

    async def get(self, path: str, kind: type[T], query: Mapping[str, str] | None = None) -> T:
        """An answer of this kind."""
        return self._decoded(path, await self._call("GET", path, params=query), kind)

    async def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        """A file."""
        return await self._call("GET", path, params=query)

    async def put(self, path: str, body: object, kind: type[T]) -> T:
        """Write, and the answer to it."""
        return await self._send("PUT", path, body, kind)

    async def post(self, path: str, body: object, kind: type[T]) -> T:
        """Have something done, and the answer to it."""
        return await self._send("POST", path, body, kind)

    async def change(self, path: str, deed: str, body: object, kind: type[T]) -> T:
        """Do something to what is there, unless somebody else changes it meanwhile."""
        return await self._send("POST", f"{path}/{deed}", body, kind, {"If-Match": await self.tag(path)})

    async def tag(self, path: str) -> str:
        """Which version of it is there now."""
        return (await self._exchange("GET", path))[1]

    async def delete(self, path: str) -> None:
        """Take back."""
        await self._call("DELETE", path)

    async def _send(
        self, method: str, path: str, body: object, kind: type[T], more: Mapping[str, str] | None = None
    ) -> T:
        headers = {"Content-Type": "application/json", **(more or {})}
        answer = await self._call(method, path, data=msgspec.json.encode(body), headers=headers)
        return self._decoded(path, answer, kind)

    async def _call(self, method: str, path: str, **more: Any) -> bytes:  # noqa: ANN401 - whatever aiohttp takes
        return (await self._exchange(method, path, **more))[0]

    async def _exchange(self, method: str, path: str, **more: Any) -> tuple[bytes, str]:  # noqa: ANN401 - as above
        """The answer, and the tag of its version."""
        address = f"{self._base}{path}"
        try:
            async with self._session.request(method, address, **more) as answer:
                body = await answer.read()
        except aiohttp.ClientConnectorError:
            raise self.error("away", address, retryable=True) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            known = {"error": str(error)} if str(error) else {}
            raise self.error("no_answer", address, retryable=True, **known) from None
        if answer.status == 401:
            raise self.error("token", address)
        if answer.status == 412:
            raise self.error("overtaken", address)
        if answer.status >= 300:
            problem = _problem(body)
            if problem in ("", answer.reason):  # a bare "Not Found" says nothing without the address
                raise self._unclear(address, answer.status, problem or body)
            raise SinkError(problem, retryable=False)
        return body, answer.headers.get("ETag", "*")

    def _unclear(self, address: str, status: int, said: str | bytes) -> SinkError:
        text = said if isinstance(said, str) else said[:200].decode(errors="replace")
        return self.error("problem", address, status=str(status), text=text)

    def _decoded(self, path: str, body: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise self.error("strange", f"{self._base}{path}", error=str(error)) from None

    def error(self, key: str, address: str = "", *, retryable: bool = False, **said: str) -> SinkError:
        """What keeps the daemon there from an answer, in the language that is asked for."""
        said = {"address": address or self._base, **said}
        return SinkError(fill(self._book[f"desk.{key}"], said), retryable=retryable)


@contextlib.asynccontextmanager
async def api(url: str, token: str | None, language: Language, patience_s: float = TIMEOUT_S) -> AsyncIterator[Api]:
    """Talk to the daemon there."""
    headers = {"Accept-Language": language} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=patience_s), headers=headers) as session:
        yield Api(session, url, language)


def call(
    url: str,
    token: str | None,
    language: Language,
    do: Callable[[Api], Awaitable[T]],
    *,
    patience_s: float = TIMEOUT_S,
) -> T:
    """Have this done with the daemon there."""

    async def talk() -> T:
        async with api(url, token, language, patience_s) as daemon:
            return await do(daemon)

    return asyncio.run(talk())


async def ask(url: str, token: str | None, asked: Enquiry, now: int, language: Language = "en") -> Answer:
    """The settlements that fit at `now` (ms), each with its explanation."""
    said = {name: getattr(asked, name) for name in _ASKED}
    question = {name: str(value) for name, value in said.items() if value is not None} | {"for": asked.audience}
    async with api(url, token, language) as daemon:
        known = (await daemon.get("/merchants", MerchantPage, {"q": asked.merchant})).merchants
        parties = sorted(Party(one.id, one.name, one.number) for one in known)
        if not parties or (len(parties) > 1 and asked.is_general):
            return Answer(now, parties)
        found, nearest = await _fitting(daemon, question)
        if found:
            parties = sorted({Party(one.merchant, one.name, one.number) for one in found})
        if found or len(parties) > 1 or not asked.is_general:
            return Answer(now, parties, found, nearest) if len(parties) == 1 else Answer(now, parties)
        path = f"/merchants/{quote(parties[0].id, safe='')}/settlements"
        return Answer(now, parties, days=(await daemon.get(path, MerchantSettlements)).days)


async def _fitting(daemon: Api, question: Mapping[str, str]) -> tuple[list[SettlementView], NearestView | None]:
    """The first so many of them, or what comes nearest."""
    found: list[SettlementView] = []
    nearest: NearestView | None = None
    cursor: str | None = ""
    complete = True
    while cursor is not None and len(found) < MOST:
        more = {"cursor": cursor} if cursor else {}
        page = await daemon.get("/settlements", SettlementPage, {**question, **more})
        found += page.settlements
        nearest, cursor, complete = nearest or page.nearest, page.next, page.complete
    if not found and not complete:
        raise daemon.error("early", retryable=True)
    return found[:MOST], nearest


def _problem(body: bytes) -> str:
    """What is wrong, in the daemon's words; nothing where somebody else answered."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        return ""
    return "\n  ".join([problem.detail or problem.title, *problem.errors])

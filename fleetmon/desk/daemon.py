"""Asks a running daemon over its API: which sales fit, then the explanation of each."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Struct

from fleetmon.model.errors import SinkError
from fleetmon.readout.enquiry import MOST, Answer, Enquiry, Party
from fleetmon.web.explanations import ToldExplanationView

TIMEOUT_S: Final = 15.0
_AT_ONCE: Final = 8
T = TypeVar("T")


class _Row(Struct):
    """Of a settlement, what is needed to ask further."""

    merchant: str
    terminal: str
    transaction: str
    name: str = ""
    number: str = ""


class _Page(Struct):
    settlements: list[_Row]
    next: str | None = None


async def ask(url: str, token: str | None, asked: Enquiry, now: int) -> Answer:
    """The daemon's answer at `now` (ms); raises SinkError when there is none."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=_AT_ONCE)
    async with aiohttp.ClientSession(timeout=timeout, headers=headers, connector=connector) as session:
        desk = _Desk(session, f"{url.rstrip('/')}/api/v1")
        rows = await desk.rows(asked)
        parties = sorted({Party(row.merchant, row.name, row.number) for row in rows})
        if len(parties) != 1:
            return Answer(now, parties)
        return Answer(now, parties, list(await asyncio.gather(*(desk.explanation(row, asked) for row in rows))))


class _Desk:
    def __init__(self, session: aiohttp.ClientSession, api: str) -> None:
        self._session = session
        self._api = api

    async def rows(self, asked: Enquiry) -> list[_Row]:
        wanted = {name: value for name in ("merchant", "date", "rrn", "transaction") if (value := getattr(asked, name))}
        rows: list[_Row] = []
        cursor: str | None = ""
        while cursor is not None and len(rows) < MOST:
            page = await self._get("settlements", wanted | ({"cursor": cursor} if cursor else {}), _Page)
            rows += page.settlements
            cursor = page.next
        return rows[:MOST]

    async def explanation(self, row: _Row, asked: Enquiry) -> ToldExplanationView:
        path = f"transactions/{quote(row.terminal, safe='')}/{quote(row.transaction, safe='')}/explanation"
        return await self._get(path, {"for": asked.audience}, ToldExplanationView)

    async def _get(self, path: str, query: Mapping[str, Any], form: type[T]) -> T:
        address = f"{self._api}/{path}"
        try:
            async with self._session.get(address, params=query) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SinkError(f"{address}: {str(error) or 'no answer in time'}", retryable=True) from None
        if answer.status == 401:
            raise SinkError(f"{address}: wants a token; give one with --token-file", retryable=False)
        if answer.status != 200:
            raise SinkError(f"{address}: {answer.status} {body[:200].decode(errors='replace')}", retryable=False)
        try:
            return msgspec.json.decode(body, type=form)
        except msgspec.DecodeError as error:
            raise SinkError(f"{address}: not an answer of fleetmon: {error}", retryable=False) from None

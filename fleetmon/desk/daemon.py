"""Asks a running daemon over its API: the settlements that fit, each with its explanation."""

from typing import Final

import aiohttp
import msgspec

from fleetmon.model.errors import SinkError
from fleetmon.readout.enquiry import MOST, Answer, Enquiry, Party
from fleetmon.web.explanations import SettlementPage, SettlementView

TIMEOUT_S: Final = 15.0
_ASKED: Final = ("merchant", "date", "rrn", "transaction")


async def ask(url: str, token: str | None, asked: Enquiry, now: int) -> Answer:
    """The daemon's answer at `now` (ms); raises SinkError when there is none."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = f"{url.rstrip('/')}/api/v1/settlements"
    question = {name: value for name in _ASKED if (value := getattr(asked, name))} | {"for": asked.audience}
    found: list[SettlementView] = []
    cursor: str | None = ""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), headers=headers) as session:
        while cursor is not None and len(found) < MOST:
            page = await _page(session, address, question | ({"cursor": cursor} if cursor else {}))
            found += page.settlements
            cursor = page.next
    parties = sorted({Party(one.merchant, one.name, one.number) for one in found})
    return Answer(now, parties, [*found[:MOST]] if len(parties) == 1 else [])


async def _page(session: aiohttp.ClientSession, address: str, query: dict[str, str]) -> SettlementPage:
    try:
        async with session.get(address, params=query) as answer:
            body = await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SinkError(f"{address}: {str(error) or 'no answer in time'}", retryable=True) from None
    if answer.status == 401:
        raise SinkError(f"{address}: wants a token; give one with --token-file", retryable=False)
    if answer.status != 200:
        raise SinkError(f"{address}: {answer.status} {body[:200].decode(errors='replace')}", retryable=False)
    try:
        return msgspec.json.decode(body, type=SettlementPage)
    except msgspec.DecodeError as error:
        raise SinkError(f"{address}: not an answer of fleetmon: {error}", retryable=False) from None

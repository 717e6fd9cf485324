"""What tests ask of the API: one answer, all pages."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import aiohttp

Say = Callable[..., Awaitable[None]]


class Answer(NamedTuple):
    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


async def ask(running: Any, path: str, method: str = "GET", **headers: str) -> Answer:
    url = f"http://127.0.0.1:{running.daemon.port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as answer:
        return Answer(answer.status, answer.headers, await answer.text())


async def pages(running: Any, path: str, rows: str, between: Callable[[], Awaitable[None]] | None = None) -> list[Any]:
    """All rows of all pages, following the links; `between` happens after the first page."""
    found: list[Any] = []
    while True:
        answer = await ask(running, path)
        assert answer.status == 200, answer.text
        found += answer.json[rows]
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        assert (link is None) == (answer.json["next"] is None)
        if link is None:
            return found
        assert answer.json["next"] in link[1]
        path = link[1]
        if between is not None:
            await between()
            between = None


def ids(rows: list[Any]) -> list[str]:
    return [row["id"] for row in rows]


async def heard(running: Any, count: int) -> None:
    """Until so many terminals were heard."""
    terminals = running.daemon.engine.fleet.terminals
    await running.until(lambda: sum(one.last_seen > 0 for one in terminals.values()) == count, f"{count} are heard")

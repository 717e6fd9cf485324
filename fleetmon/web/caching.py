"""Around the application: HEAD wherever there is GET, and entity tags for JSON (RFC 9110, sections 9.3.2 and 13.1.2).

An answer is computed in any case; what a tag saves is the transfer and the reader's work.
"""

import hashlib
from typing import Any, Final

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_CACHING: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def with_tags(application: ASGIApp) -> ASGIApp:
    """The application with HEAD and entity tags."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["method"] in ("GET", "HEAD"):
            # The server leaves the body of an answer to HEAD out by itself.
            await application({**scope, "method": "GET"}, receive, _Tagging(scope, send))
        else:
            await application(scope, receive, send)

    return serve


class _Tagging:
    """Holds the head of an answer back until its body, always a single message here, is known."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._known = Headers.from_scope(scope).get("if-none-match", "")
        self._send = send
        self._head: Any = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._head is not None:
            head, self._head = self._head, None
            if message["type"] == "http.response.body":
                message = self._tag(head, message)
            await self._send(head)
        await self._send(message)

    def _tag(self, head: Any, body: Any) -> Message:  # noqa: ANN401 - ASGI messages of two types
        headers = MutableScopeHeaders.from_message(head)
        is_tagged = headers.get("content-type", "").split(";")[0] in _TAGGED
        if head["status"] != 200 or not is_tagged or body.get("more_body"):
            return body  # type: ignore[no-any-return]
        tag = entity_tag(body["body"])
        for name, value in {"ETag": tag, **_CACHING}.items():
            headers[name] = value
        if not matches(self._known, tag):
            return body  # type: ignore[no-any-return]
        head["status"] = 304
        for name in ("content-length", "content-type"):
            del headers[name]
        return {"type": "http.response.body", "body": b"", "more_body": False}


def entity_tag(body: bytes) -> str:
    """The tag of an answer with this body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


_TAGGED: Final = ("application/json", "application/vnd.oai.openapi+json", "text/calendar")


def matches(known: str, tag: str) -> bool:
    """Whether the tag is among those that the reader has; weak ones count (RFC 9110, 13.1.2)."""
    return known.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in known.split(",")]

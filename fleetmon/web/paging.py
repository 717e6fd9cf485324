"""Lists in pages: an opaque cursor says behind which row the next page begins.

A row that stays keeps its place, so nothing is shown twice and nothing is left out while others come
and go; an offset could promise neither.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response
from litestar.datastructures import ResponseHeader
from litestar.exceptions import ClientException
from litestar.params import QueryParameter

from fleetmon.model.events import Count

T = TypeVar("T")
P = TypeVar("P")

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="At most so many rows.")]
Cursor = Annotated[
    str | None,
    QueryParameter(description="`next` of the page before; it is opaque and belongs to the same question."),
]
Next = Annotated[str | None, msgspec.Meta(description="Send it as `cursor` for the next page; null on the last.")]
NUMBERS: Final[msgspec.json.Decoder[int]] = msgspec.json.Decoder(Count)  # no wider than a database takes
IDS: Final = msgspec.json.Decoder(str)
LINK: Final = ResponseHeader(
    name="Link", value="", description='The next page, as rel="next".', documentation_only=True
)


def encode(position: object) -> str:
    """A cursor for the place of a row."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode(cursor: str | None, decoder: msgspec.json.Decoder[T]) -> T | None:
    """The place that a cursor means; raises ClientException for what is none of ours."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return decoder.decode(text)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise ClientException("cursor: is not one that this list gave; begin again without it") from None


def cut(rows: Sequence[T], limit: int, place: Callable[[T], object]) -> tuple[list[T], str | None]:
    """The rows of one page out of up to `limit` + 1, and the cursor of the next."""
    page = list(rows[:limit])
    return page, encode(place(page[-1])) if len(rows) > limit else None


def answer(request: Request[Any, Any, Any], page: P, following: str | None) -> Response[P]:
    """A page, with a link to the next one."""
    if following is None:
        return Response(page)
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    target = f"{request.url.path}?{urlencode([*asked, ('cursor', following)])}"
    return Response(page, headers={"Link": f'<{target}>; rel="next"'})

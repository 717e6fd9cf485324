"""Writes that hold only for what the writer has seen: If-Match and If-None-Match (RFC 9110, 13.1).

What is there is compared by the tag that a GET of the same address would give. Nothing may come between this
comparison and the write, so the check is handed to whoever writes.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException
from msgspec import Struct

from fleetmon.web.caching import entity_tag, matches

Check = Callable[[Struct | None], None]  # of what is there now; raises HTTPException with 412


def precondition(request: Request[Any, Any, Any]) -> Check:
    """What the writer demands."""
    wanted, unwanted = request.headers.get("if-match"), request.headers.get("if-none-match")

    def check(found: Struct | None) -> None:
        tag = None if found is None else entity_tag(msgspec.json.encode(found))
        if wanted is not None and not _is_one_of(wanted, tag):
            raise HTTPException("It is not, or no longer, what If-Match names: read it again.", status_code=412)
        if unwanted is not None and tag is not None and matches(unwanted, tag):
            raise HTTPException("There is one already, which If-None-Match excludes: read it first.", status_code=412)

    return check


def _is_one_of(wanted: str, tag: str | None) -> bool:
    """Only strong tags count for a write."""
    return tag is not None and (wanted.strip() == "*" or tag in [one.strip() for one in wanted.split(",")])

"""What all routes of the API share."""

from typing import Annotated, Any, Final, TypeVar

from litestar import Request
from litestar.exceptions import NotFoundException
from litestar.params import PathParameter

from fleetmon.web import paging
from fleetmon.web.access import Token
from fleetmon.web.problems import ETAG, NOT_MODIFIED, documented

T = TypeVar("T")
Asked = Request[Token | None, Any, Any]
Key = Annotated[str, PathParameter(description="Its id.")]
PAGE: Final = NOT_MODIFIED | documented(400, 401, 503)
ONE: Final = NOT_MODIFIED | documented(400, 401, 404, 503)
PAGE_HEADERS: Final = [ETAG, paging.LINK]


def found(what: T | None, name: str) -> T:
    """What was asked for; raises NotFoundException where there is none to be seen."""
    if what is None:
        raise NotFoundException(f"There is no such {name}.")
    return what

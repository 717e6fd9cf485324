"""Errors as `application/problem+json` (RFC 9457): what is wrong and what to do, never a traceback.

In the language that is asked for (Accept-Language): `detail` and `errors`, which people read. `title`, `status` and the
field that begins an error are the same in every language. What is our own fault goes to the log with its traceback,
without headers, so that no token gets there.
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

import structlog
from litestar import Request, Response
from litestar.datastructures import ResponseHeader
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Meta, Struct

from fleetmon.locale import Language, objection, reworded
from fleetmon.model.errors import (
    ConfigError,
    ConflictError,
    ForbiddenError,
    GuardError,
    ScheduleError,
    StoreError,
)

MEDIA_TYPE = "application/problem+json"
_TOKEN: Final = re.compile(r"^/feeds/[^/]*")
log = structlog.get_logger("fleetmon.web")


class Problem(Struct, frozen=True, omit_defaults=True):
    """What went wrong."""

    title: Annotated[str, Meta(description="The status in words.")]
    status: Annotated[int, Meta(description="The HTTP status.")]
    detail: Annotated[str, Meta(description="What is wrong and what to do.")] = ""
    errors: Annotated[list[str], Meta(description="Every single problem, where there are several.")] = []


def language_of(request: Request[Any, Any, Any]) -> Language:
    """In which people want to read; programs go by the status, and by the names of fields."""
    return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"


def answer(
    request: Request[Any, Any, Any], status: int, detail: str, errors: Sequence[str] = (), **headers: str
) -> Response[Problem]:
    """The response that tells of a problem."""
    language = language_of(request)
    told = [reworded(one, language) for one in errors]
    problem = Problem(HTTPStatus(status).phrase, status, reworded(detail, language), told)
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Content-Language": language}
    return Response(problem, status_code=status, media_type=MEDIA_TYPE, headers=named)


def _refused(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    errors = [_one(found) for found in error.extra] if isinstance(error.extra, list) else []
    headers = {name.replace("-", "_"): value for name, value in (error.headers or {}).items()}
    return answer(request, error.status_code, error.detail, errors, **headers)


def _one(found: Any) -> str:  # noqa: ANN401 - whatever Litestar says of one parameter
    return f"{found.get('key', '')}: {found.get('message', '')}" if isinstance(found, dict) else str(found)


def _not_configured(request: Request[Any, Any, Any], error: ConfigError) -> Response[Problem]:
    return answer(request, 422, "The configuration was refused; the old one is still running.", error.problems)


def _not_so(request: Request[Any, Any, Any], error: ScheduleError) -> Response[Problem]:
    return answer(request, 400, "It cannot be planned so.", error.problems)


def _guarded(request: Request[Any, Any, Any], error: GuardError) -> Response[Problem]:
    told = [objection(rule, facts, language_of(request)) for rule, facts in error.objections]
    return answer(request, 422, "The guard rails refuse it.", told)


def _not_now(request: Request[Any, Any, Any], error: ConflictError) -> Response[Problem]:
    return answer(request, 409, str(error))


def _not_yours(request: Request[Any, Any, Any], error: ForbiddenError) -> Response[Problem]:
    return answer(request, 403, str(error))


def _no_store(request: Request[Any, Any, Any], error: StoreError) -> Response[Problem]:
    """The error names the database, which is the operator's business, not every reader's."""
    log.warning("store cannot be asked", path=_path(request), error=str(error))
    return answer(request, 503, "The store does not answer now; ask again in a moment.", Retry_After="5")


def _path(request: Request[Any, Any, Any]) -> str:
    """What was asked for, without the token that the address of a feed holds."""
    return _TOKEN.sub("/feeds/...", request.url.path)


def _our_fault(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    log.error("request failed", method=request.method, path=_path(request), exc_info=error)
    return answer(request, 500, "This is a fault of fleetmon; its log tells more.")


HANDLERS: ExceptionHandlersMap = {
    HTTPException: _refused,
    ConfigError: _not_configured,
    ScheduleError: _not_so,
    GuardError: _guarded,
    ConflictError: _not_now,
    ForbiddenError: _not_yours,
    StoreError: _no_store,
    Exception: _our_fault,
}


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """These errors, for the OpenAPI document."""
    return {
        status: ResponseSpec(
            Problem, generate_examples=False, description=HTTPStatus(status).phrase, media_type=MEDIA_TYPE
        )
        for status in statuses
    }


NOT_MODIFIED = {304: ResponseSpec(None, generate_examples=False, description="It is what you have (If-None-Match).")}
ETAG = ResponseHeader(name="ETag", value="", description="Send it as If-None-Match next time.", documentation_only=True)

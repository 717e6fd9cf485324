"""Who may ask what: bearer tokens (RFC 6750) with a role, and perhaps a provider whose terminals alone they see.

The file holds SHA-256 digests, never tokens, so reading it opens nothing. A digest without salt is
enough for long random tokens, which is what the reference configuration tells people to make; it would
not be for passwords that people choose. Without tokens everybody is a viewer, and nobody may change
anything: then the server listens on loopback only.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Literal

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from msgspec import Meta, Struct

from fleetmon.model.events import Id

Role = Literal["viewer", "operator", "admin"]
Connection = ASGIConnection[Any, Any, Any, Any]
_ROLES: Final[tuple[Role, ...]] = ("viewer", "operator", "admin")  # each may what those before it may
_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_CHALLENGE: Final = 'Bearer realm="fleetmon"'


class Token(Struct, frozen=True, forbid_unknown_fields=True):
    """One who may ask."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]  # for people, to know which to revoke
    sha256: Annotated[
        str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="64 of 0-9 and a-f, as sha256sum prints them")
    ]
    role: Role
    provider: Id | None = None


class Tokens(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    tokens: Annotated[list[Token], Meta(min_length=1)]

    def problems(self) -> list[str]:
        """Everything that contradicts itself, one line each: `path: what`."""
        found = []
        for index, token in enumerate(self.tokens):
            where, before = f"tokens[{index}]", self.tokens[:index]
            if any(token.name == other.name for other in before):
                found.append(f'{where}.name: "{token.name}" is there twice; names are unique')
            if any(token.sha256 == other.sha256 for other in before):
                found.append(f"{where}.sha256: is there twice; give everyone a token of their own")
            if token.provider is not None and token.role == "admin":
                found.append(f"{where}.provider: an admin acts on the whole; remove provider, or choose operator")
        return found

    def strangers(self, providers: Iterable[str]) -> list[str]:
        """Tokens of providers that the registry lacks, one line each."""
        known = {None, *providers}
        return [
            f'web.tokens_file: tokens[{index}].provider: "{token.provider}" is in no list of the registry'
            for index, token in enumerate(self.tokens)
            if token.provider not in known
        ]

    def find(self, secret: str) -> Token | None:
        """Whose token it is. All are compared, each in constant time, so that timing tells nothing."""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        matching = [token for token in self.tokens if hmac.compare_digest(token.sha256, digest)]
        return matching[0] if matching else None


Guard = Callable[[Connection, BaseRouteHandler], None]


def guard(tokens: Callable[[], Tokens | None], role: Role) -> Guard:
    """Let through who has the role, and note as `request.user` who it is (None: anybody)."""

    def check(connection: Connection, _handler: BaseRouteHandler) -> None:
        known = tokens()
        if known is None and role != "viewer":
            raise PermissionDeniedException(
                f"Without tokens nothing can be changed: set web.tokens_file and use a token with the role {role}."
            )
        caller = None if known is None else _identify(known, connection.headers.get("authorization", ""))
        if caller is not None and _ROLES.index(caller.role) < _ROLES.index(role):
            raise PermissionDeniedException(f"This needs a token with the role {role}; yours is {caller.role}.")
        connection.scope["user"] = caller

    return check


def provider_of(request: Request[Token | None, Any, Any]) -> str | None:
    """The provider to whose terminals the caller is confined; None: none."""
    return request.user.provider if request.user is not None else None


def _identify(tokens: Tokens, authorization: str) -> Token:
    presented = _BEARER.fullmatch(authorization.strip())
    if presented is None:
        raise NotAuthorizedException(
            "Send a token: Authorization: Bearer TOKEN.", headers={"WWW-Authenticate": _CHALLENGE}
        )
    found = tokens.find(presented[1])
    if found is None:
        challenge = f'{_CHALLENGE}, error="invalid_token"'
        raise NotAuthorizedException("Nobody has this token.", headers={"WWW-Authenticate": challenge})
    return found

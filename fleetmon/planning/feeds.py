"""Secret links to feeds: whoever has the link may read the calendar, and can guess no other.

The token of a link is derived from the operator's secret and what the feed is about, so none is stored; another secret
makes all links void. Where it can be wrong: a link that was given away cannot be taken back by itself.
"""

import base64
import hashlib
import hmac
from typing import Final, Literal, get_args

FeedKind = Literal["provider", "host", "site"]
KINDS: Final[tuple[FeedKind, ...]] = get_args(FeedKind)
SECRET_LEAST: Final = 32  # bytes
_TOKEN: Final = 20  # bytes


def token(secret: bytes, kind: FeedKind, key: str) -> str:
    """The token of a feed, fit for a URL."""
    digest = hmac.new(secret, f"feed/{kind}/{key}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:_TOKEN]).decode().lower()


def path(secret: bytes, kind: FeedKind, key: str) -> str:
    """The path of the link."""
    return f"/feeds/{token(secret, kind, key)}/{kind}/{key}.ics"


def opens(secret: bytes | None, presented: str, kind: FeedKind, key: str) -> bool:
    """Whether a token is that of the feed, compared in constant time. Without a secret there are no feeds."""
    return secret is not None and hmac.compare_digest(token(secret, kind, key).encode(), presented.encode())

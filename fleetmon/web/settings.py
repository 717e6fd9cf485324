"""Where to listen."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class WebSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Loopback only, as long as there are no tokens. Port 0 takes any free one."""

    host: Literal["127.0.0.1", "::1", "localhost"] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 9877

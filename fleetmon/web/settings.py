"""Where to listen, and what may be asked."""

from typing import Annotated, Final

from msgspec import Meta, Struct

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class WebSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Other hosts than loopback need tokens. Port 0 takes any free one."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 9877
    tokens_file: str | None = None
    enable_lifecycle: bool = False

    def problems(self) -> list[str]:
        """What each field allows but all together do not."""
        if self.host in LOOPBACK or self.tokens_file is not None:
            return []
        return [f"web.host: {self.host} can be reached from outside; set web.tokens_file, or listen on 127.0.0.1"]

"""How to reach the broker, and how much may be under way."""

from typing import Annotated

from msgspec import Meta, Struct

from fleetmon.model.events import Id
from fleetmon.model.topics import DEFAULT_PREFIX

Positive = Annotated[float, Meta(gt=0)]


class TlsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """TLS to the broker; `cert_file` and `key_file` are the client's own, for mutual TLS."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


class MqttSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The broker. Times in seconds."""

    host: str = "localhost"
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    prefix: Annotated[
        str, Meta(pattern=r"^[^/+#\s][^+#\s]*[^/+#\s]$", description="no wildcards, no slash at an end")
    ] = DEFAULT_PREFIX
    client_id: Id = "fleetmon"
    username: str | None = None
    username_file: str | None = None
    password_file: str | None = None
    tls: TlsSettings | None = None
    keep_alive_s: Annotated[int, Meta(ge=5, le=3600)] = 60
    session_expiry_s: Annotated[int, Meta(ge=60, le=4_294_967_294)] = 604_800
    receive_max: Annotated[int, Meta(ge=1, le=60_000)] = 2_000
    canary_s: Positive = 10.0
    reconnect_max_s: Positive = 30.0
    max_uncommitted: Annotated[int, Meta(ge=100)] = 20_000

"""Topics of the contract: which kind of message, about whom.

`Topics.route` is the only place that takes a topic apart.
"""

import enum
import re
from typing import Final

from msgspec import Struct

from fleetmon.model import events

DEFAULT_PREFIX: Final = "pos/v1"
_ID: Final = r"[A-Za-z0-9._-]{1,64}"


class Kind(enum.Enum):
    """What a topic carries; the value is (sender, last level of the topic, struct, QoS, retained)."""

    STATE = ("terminal", "state", events.State, 1, True)
    HEARTBEAT = ("terminal", "heartbeat", events.Heartbeat, 0, False)
    DEVICE = ("terminal", "device", events.DeviceEvent, 1, False)
    TRANSACTION = ("terminal", "transaction", events.Transaction, 1, False)
    BATCH = ("terminal", "batch", events.Batch, 1, False)
    MAINTENANCE = ("terminal", "maintenance", events.MaintenanceMark, 1, False)
    HEALTH = ("host", "health", events.HostHealth, 1, False)
    NOTICE = ("host", "notice", events.Notice, 1, True)
    FILE = ("host", "file", events.SettlementFile, 1, False)
    SETTLEMENT = ("merchant", "settlement", events.Payout, 1, False)
    ACCOUNT = ("merchant", "account", events.Account, 1, False)
    BACKOFFICE = ("merchant", "backoffice", events.Backoffice, 1, False)

    def __init__(self, sender: str, level: str, struct: type[events.Event], qos: int, retained: bool) -> None:
        self.sender = sender
        self.level = level
        self.struct = struct
        self.qos = qos
        self.retained = retained

    @property
    def address(self) -> str:
        """The topic below the prefix, with the parameters in braces."""
        tail = "/{id}" if self is Kind.NOTICE else ""
        return f"{self.sender}/{{{self.sender}}}/{self.level}{tail}"


class Route(Struct, frozen=True, gc=False):
    """The kind of a topic and the id of the terminal, host or merchant it is about."""

    kind: Kind
    key: str


class Topics:
    """Topics below one prefix, e.g. `pos/v1`."""

    def __init__(self, prefix: str = DEFAULT_PREFIX) -> None:
        self.prefix = prefix
        self._head = f"{prefix}/"
        self._form = re.compile(rf"{re.escape(prefix)}/([a-z]+)/({_ID})/([a-z]+)(/{_ID})?")
        self._kinds = {(kind.sender, kind.level): kind for kind in Kind}

    @property
    def filter(self) -> str:
        """The MQTT topic filter that takes in every topic of the contract, and those that are meant to be one."""
        return f"{self._head}#"

    def topic(self, kind: Kind, key: str, notice: str = "") -> str:
        """The topic on which `key` publishes `kind`; a notice has its own id as the last level."""
        tail = f"/{notice}" if kind is Kind.NOTICE else ""
        return f"{self._head}{kind.sender}/{key}/{kind.level}{tail}"

    def route(self, topic: str) -> Route | None:
        """Take a topic apart; None when it is not one of the contract's."""
        found = self._form.fullmatch(topic)
        if found is None:
            return None
        sender, key, level, tail = found.groups()
        kind = self._kinds.get((sender, level))
        if kind is None or (tail is not None) != (kind is Kind.NOTICE):
            return None
        return Route(kind, key)

    def why_not(self, topic: str) -> str:
        """What is wrong with a topic that has no route."""
        sender, *rest = topic.removeprefix(self._head).split("/")
        levels = [kind.level for kind in Kind if kind.sender == sender]
        if not levels:
            return f'after {self._head} "{sender}" stands where host, merchant or terminal has to'
        key, level, *_ = [*rest, "", ""][:4]
        if re.fullmatch(_ID, key) is None:
            return f'"{key}" is no id of a {sender}: 1..64 of A-Z a-z 0-9 . _ -'
        if level not in levels:
            return f'"{level}" is nothing that a {sender} tells; it tells {", ".join(levels)}'
        return "a notice has its id as the last level, and nothing else has more levels"

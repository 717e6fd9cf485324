"""What the operator knows about the fleet, as written in the registry file.

The structs follow the contract's *Registry*. Cross references are checked by `problems`; reading the
file is an edge's business (`config.py`).
"""

from operator import attrgetter
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from fleetmon.model.cards import holds_card
from fleetmon.model.events import Attribute, Date, Id, Interval, Selector
from fleetmon.model.hours import Hours

Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$(?!\n)", description="as 23:00:00")]
Seconds = Annotated[int, Meta(ge=0)]
Network = Literal["4g", "5g", "3g", "2g", "wifi", "ethernet"]
Cycle = Literal["T+1", "T+0", "D+1", "D+0"]
Roll = Literal["from_trade_date", "from_trade_workday"]
Capture = Literal["host", "terminal"]
CELLULAR = frozenset({"4g", "5g", "3g", "2g", ""})


class Host(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whatever answers or pays behind the terminals."""

    id: Id
    kind: Literal["acquirer", "issuer", "switch", "institution"]
    name: str = ""
    licence: str = ""
    licence_valid_to: Date | None = None


class Provider(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who installs and repairs terminals."""

    id: Id
    name: str = ""


class Merchant(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """Whose money it is; fields left out follow `defaults`."""

    id: Id
    name: str = ""
    number: str = ""
    mcc: str = ""
    region: str = ""
    acquirer: str = ""
    provider: str = ""
    cycle: Cycle | None = None
    roll: Roll | None = None
    capture: Capture | None = None
    cutoff: Clock | None = None
    payout_by: Clock | None = None
    grace_s: Seconds | None = None
    instant_limit: Seconds | None = None
    account_class: Literal[1, 2, 3] | None = None
    language: Literal["zh", "en"] | None = None


class Site(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A shop."""

    id: Id
    merchant: str = ""
    region: str = ""
    lat: float | None = None
    lng: float | None = None
    hours: list[str] = []
    ssid: str = ""


class Terminal(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """One card terminal as registered."""

    id: Id
    merchant: str = ""
    site: str = ""
    region: str = ""
    carrier: str = ""
    acquirer: str = ""
    provider: str = ""
    model: str = ""
    serial: str = ""
    interval_s: Interval | None = None
    network: Network | None = None


class Defaults(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What holds where nothing else is said."""

    grace_s: Seconds = 1800
    cutoff: Clock = "23:00:00"
    payout_by: Clock = "18:00:00"
    cycle: Cycle = "T+1"
    roll: Roll = "from_trade_date"
    capture: Capture = "host"
    interval_s: Interval = 60
    opening_slack_s: Seconds = 1200


class FeeClasses(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Merchant category codes by the fee they pay."""

    standard: list[str] = []
    reduced: list[str] = []
    zero: list[str] = []


class Calendar(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Working days: exceptions from the public calendar, and how far the operator vouches for it."""

    country: str = "CN"
    closed: list[Date] = []
    open: list[Date] = []
    known_to: Date | None = None


class Registry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The whole registry file."""

    hosts: list[Host] = []
    providers: list[Provider] = []
    merchants: list[Merchant] = []
    sites: list[Site] = []
    terminals: list[Terminal] = []
    defaults: Defaults = field(default_factory=Defaults)
    fee_classes: FeeClasses = field(default_factory=FeeClasses)
    calendar: Calendar = field(default_factory=Calendar)

    def problems(self) -> list[str]:
        """Everything that contradicts itself, one line each: `path: what`."""
        return [*self._duplicates(), *self._dangling(), *self._unreadable()]

    def _unreadable(self) -> list[str]:
        wrong = {}  # by opening hours, which many shops share
        for rules in {tuple(site.hours) for site in self.sites}:
            try:
                Hours(list(rules))
            except ValueError as error:
                wrong[rules] = str(error)
        told = enumerate([wrong.get(tuple(site.hours)) for site in self.sites] if wrong else ())
        return [f"sites[{index}].hours: {what}" for index, what in told if what]

    def _duplicates(self) -> list[str]:
        found = []
        for table in ("hosts", "providers", "merchants", "sites", "terminals"):
            rows = getattr(self, table)
            ids = [row.id for row in rows]
            if len(set(ids)) == len(ids) and not holds_card("\n".join(ids)):
                continue  # a million rows are looked through one by one only when something is wrong
            seen: set[str] = set()
            for index, row in enumerate(rows):
                if row.id in seen:
                    found.append(f'{table}[{index}].id: "{row.id}" is there twice; ids are unique in {table}')
                seen.add(row.id)
                if holds_card(row.id):
                    found.append(f"{table}[{index}].id: looks like a card number; choose another id")
        return found

    def _dangling(self) -> list[str]:
        known = {
            "merchant": {row.id for row in self.merchants},
            "site": {row.id for row in self.sites},
            "acquirer": {row.id for row in self.hosts},
            "provider": {row.id for row in self.providers},
        }
        found = []
        for table in ("merchants", "sites", "terminals"):
            rows = getattr(self, table)
            for name, ids in known.items():
                if not rows or not hasattr(rows[0], name) or set(map(attrgetter(name), rows)) <= ids | {""}:
                    continue
                found += [
                    f'{table}[{index}].{name}: "{value}" is in no list of this registry'
                    for index, row in enumerate(rows)
                    if (value := getattr(row, name)) and value not in ids
                ]
        return found


def selects(selector: Selector, attributes: dict[Attribute, str]) -> bool:
    """Whether every attribute of the selector has one of its values."""
    return all(
        attributes.get(name, "") in (wanted if isinstance(wanted, list) else [wanted])
        for name, wanted in selector.items()
    )

"""The wire contract, version 1: one struct for each message a fleet can send.

The structs are the contract: bytes are decoded straight into them, and the JSON Schemas and the
AsyncAPI document are generated from them (`fleetmon schema`). Unknown fields are ignored; a missing
field, a wrong type or a value out of range is a `DecodeError`.

Units: `*_at` and `at` integer milliseconds since 1970 (UTC), `*_s` seconds, `*_ms` milliseconds,
`*_dbm` decibel-milliwatts, amounts integer fen, ratios 0..1.
Where it can be wrong: the words in the Literals are those of version 1; a newer terminal that uses
another word is refused whole, and shows in the quarantine as `value`.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

INT64_MAX = 2**63 - 1

# The look-ahead refuses a trailing newline, which `$` alone lets through.
_ID = r"^[A-Za-z0-9._-]{1,64}$(?!\n)"
Id = Annotated[str, Meta(pattern=_ID, description="1..64 of A-Z a-z 0-9 . _ -")]
Millis = Annotated[int, Meta(ge=0, le=INT64_MAX, description="milliseconds since 1970-01-01T00:00Z")]
Count = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Fen = Annotated[int, Meta(ge=-INT64_MAX, le=INT64_MAX, description="minor units of the currency")]
Ratio = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]
Interval = Annotated[int, Meta(ge=1, le=604_800, description="seconds between two heartbeats")]
# Of a control character in a name nobody could tell what is wrong with it, and PostgreSQL takes no NUL.
_PLAIN = r"^[^\x00-\x1f\x7f]*$(?!\n)"
Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=_PLAIN, description="no control characters")]
Name = Annotated[str, Meta(max_length=64, pattern=_PLAIN, description="no control characters")]
Label = Annotated[str, Meta(max_length=64)]  # in every heartbeat, and never kept apart from it: not worth the look
Masked = Annotated[str, Meta(pattern=r"^[0-9]{6}\*{6}[0-9]{4}$(?!\n)", description="first 6 + ****** + last 4")]
_LEAP = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
Date = Annotated[
    str,
    Meta(
        pattern=r"^(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
        rf"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)$(?!\n)",
        description="a day of the Gregorian calendar, year-month-day",
    ),
]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217")]
Attribute = Literal[
    "terminal", "merchant", "site", "region", "carrier", "acquirer", "provider", "model", "firmware", "network"
]
Selector = dict[Attribute, str | list[str]]


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What every message has: `at`, the sender's own clock in milliseconds."""

    at: Millis


class Sequenced(Event, frozen=True, gc=False, omit_defaults=True):
    """What a terminal's counted messages have: boot counter and message counter within the boot."""

    boot: Count
    seq: Count


class State(Event, frozen=True, gc=False, omit_defaults=True):
    """Birth, shutdown or last will. In a will `at` is the time of connecting, not of the loss."""

    state: Literal["online", "offline"]
    boot: Count
    session: Id
    reason: Literal["lost", "shutdown", "sleep", "maintenance"] | None = None
    interval_s: Interval | None = None
    model: Name | None = None
    firmware: Name | None = None
    app: Name | None = None
    serial: Name | None = None
    carrier: Name | None = None
    iccid: Name | None = None


class Net(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The network as the terminal sees it; `link`, `internet`, `host` are three levels of reach."""

    type: Literal["4g", "5g", "3g", "2g", "wifi", "ethernet"] | None = None
    carrier: Label | None = None
    cell: str | None = None
    ssid: str | None = None
    rssi_dbm: float | None = None
    rtt_ms: Annotated[float, Meta(ge=0)] | None = None
    loss: Ratio | None = None
    link: bool | None = None
    internet: bool | None = None
    host: bool | None = None
    reconnects: Count | None = None


class Power(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Battery charge 0..1 and whether mains power is on."""

    battery: Ratio | None = None
    charging: bool | None = None


class Poi(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Device state in nexo's words."""

    status: Literal["OK", "Busy", "Maintenance", "Unreachable"] | None = None
    security: bool | None = None
    ped: bool | None = None
    reader: bool | None = None
    communication: bool | None = None
    printer: Literal["OK", "PaperLow", "NoPaper", "PaperJam", "OutOfOrder"] | None = None


class Pending(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Sales stored in the terminal and not yet sent to the host."""

    count: Count | None = None
    amount: Fen | None = None
    oldest_at: Millis | None = None


class OpenBatch(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The batch that is open in the terminal now."""

    no: Id | None = None
    opened_at: Millis | None = None
    count: Count | None = None
    amount: Fen | None = None


class Counters(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Wear and fault counters since the payment application started."""

    card_inserts: Count | None = None
    read_errors: Count | None = None
    contactless_errors: Count | None = None
    lines_printed: Count | None = None
    reboots: Count | None = None
    app_crashes: Count | None = None


class Geo(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """WGS 84 position in degrees."""

    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lng: Annotated[float, Meta(ge=-180, le=180)] | None = None


class Heartbeat(Sequenced, frozen=True, gc=False, omit_defaults=True):
    """The terminal is alive, and how it is."""

    interval_s: Interval | None = None
    uptime_s: Seconds | None = None
    net: Net | None = None
    power: Power | None = None
    poi: Poi | None = None
    pending: Pending | None = None
    reversals: Count | None = None
    batch: OpenBatch | None = None
    counters: Counters | None = None
    signed_on: bool | None = None
    geo: Geo | None = None


class DeviceEvent(Sequenced, frozen=True, gc=False, omit_defaults=True):
    """A device fault came (`set`), went (`clear`) or happened once (`oneshot`)."""

    component: Literal[
        "reader", "ped", "printer", "battery", "power", "storage", "clock", "sim", "security", "software", "keys"
    ]
    code: Word
    action: Literal["set", "clear", "oneshot"]
    severity: Literal["critical", "warning", "info"] | None = None
    detail: Annotated[str, Meta(max_length=200)] | None = None


class Posted(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Merchant number and category code as the host posted the sale."""

    merchant: Name | None = None
    mcc: Name | None = None


class Transaction(Sequenced, frozen=True, gc=False, omit_defaults=True):
    """One stage of one transaction; `host_at` is the approval time that settlement counts from."""

    id: Id
    kind: Literal["sale", "void", "refund", "preauth", "completion", "reversal"]
    stage: Literal["requested", "approved", "declined", "unanswered", "stored", "uploaded"]
    amount: Fen
    rail: Literal["card", "qr"] = "card"
    currency: Currency = "CNY"
    stan: Name | None = None
    rrn: Name | None = None
    auth: Name | None = None
    batch: Id | None = None
    response: Name | None = None
    host_at: Millis | None = None
    acquirer: Id | None = None
    issuer: Id | None = None
    card: Masked | None = None
    posted: Posted | None = None
    original: Id | None = None


class Batch(Sequenced, frozen=True, gc=False, omit_defaults=True):
    """What happened to the terminal's batch of sales."""

    no: Id
    event: Literal["opened", "closed", "uploaded", "failed"]
    result: Literal["agree", "not_agree", "error"] | None = None
    count: Count | None = None
    amount: Fen | None = None
    uploaded_count: Count | None = None
    response: Name | None = None


class MaintenanceMark(Sequenced, frozen=True, gc=False, omit_defaults=True):
    """A technician began or ended work on the terminal."""

    event: Literal["begin", "end"]
    by: str | None = None
    reason: str | None = None
    until: Millis | None = None


class HostHealth(Event, frozen=True, gc=False, omit_defaults=True):
    """Requests and response codes of one host over `window_s`."""

    window_s: Seconds
    requests: Count
    codes: dict[Word, Count]
    p95_ms: Annotated[float, Meta(ge=0)] | None = None
    signed_on: bool | None = None
    cutover: Literal["start", "end"] | None = None
    peer: Id | None = None


class Notice(Event, frozen=True, gc=False, omit_defaults=True):
    """Planned work announced by a bank, acquirer, carrier or provider."""

    id: Id
    event: Literal["scheduled", "changed", "cancelled", "started", "ended"]
    starts_at: Millis
    ends_at: Millis
    title: str | None = None
    services: list[Literal["card", "qr", "payout"]] | None = None
    select: Selector | None = None


class SettlementFile(Event, frozen=True, gc=False, omit_defaults=True):
    """The settlement file between institutions for one business date."""

    business_date: Date
    event: Literal["expected", "ready", "late", "partial", "rejected"]
    records: Count | None = None
    amount: Fen | None = None
    code: Name | None = None


class PayoutRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One sale as the settlement file lists it."""

    rrn: Name | None = None
    amount: Fen | None = None
    fee: Fen | None = None
    mcc: Name | None = None
    merchant: Name | None = None


class Payout(Event, frozen=True, gc=False, omit_defaults=True):
    """What the acquirer did with a merchant's money."""

    id: Id
    business_date: Date
    event: Literal["instructed", "credited", "returned", "held", "released", "carried_over", "short_paid"]
    amount: Fen
    expected: Fen | None = None
    reason: (
        Literal[
            "account_invalid", "account_frozen", "account_limit", "risk_review", "deposit",
            "net_negative", "below_minimum", "fee", "chargeback",
        ]
        | None
    ) = None  # fmt: skip
    payer: Id | None = None
    batches: list[Id] | None = None
    rows: list[PayoutRow] | None = None


class Account(Event, frozen=True, gc=False, omit_defaults=True):
    """The state of a merchant's settlement account."""

    status: Literal["active", "suspended", "frozen", "closed", "invalid"]
    reason: str | None = None
    by: str | None = None


class Backoffice(Event, frozen=True, gc=False, omit_defaults=True):
    """How far behind the merchant's own system is."""

    queue_depth: Count
    oldest_at: Millis | None = None
    lag_s: Seconds | None = None

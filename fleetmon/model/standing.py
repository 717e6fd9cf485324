"""Where a transaction stands between the card and the merchant's account (words of the contract)."""

import enum
from typing import Literal

from msgspec import Struct

from fleetmon.model.payout import History
from fleetmon.model.terms import Terms

State = Literal[
    "not_due", "due", "overdue", "paid", "short_paid", "held", "returned", "carried_over", "cancelled", "declined",
    "unknown",
]  # fmt: skip
Stage = Literal["terminal", "host", "batch", "clearing", "payout", "bank", "done"]


class Wait(enum.Enum):
    """What the money waits for, or waited for so long that it comes later. Causes are asked by this."""

    NOTHING = enum.auto()  # no reason has cost time yet
    CALENDAR = enum.auto()  # a cut-off, a holiday or a limit moved the due time
    UPLOAD = enum.auto()  # the terminal kept it
    CLOSING = enum.auto()  # the terminal's batch was not closed in time
    ANSWER = enum.auto()  # the host's answer did not arrive
    REFUSED = enum.auto()
    CANCELLED = enum.auto()
    CLEARING = enum.auto()  # the host has it, and no payout covers it
    PAYOUT = enum.auto()  # held, returned, carried over or paid short
    BANK = enum.auto()  # instructed, and not credited
    DONE = enum.auto()


class Standing(Struct, frozen=True, gc=False):
    """Times in ms; `due_at` None where no money is expected. `day` is the business date as a day number."""

    state: State
    stage: Stage
    wait: Wait
    terms: Terms
    due_at: int | None = None
    provisional: bool = False
    day: int = 0
    settled_from: int = 0  # the time that the due time counts from
    blocked: tuple[int, int] | None = None  # from when it could have gone on, to when it had to
    over_limit: bool = False
    payout: History | None = None

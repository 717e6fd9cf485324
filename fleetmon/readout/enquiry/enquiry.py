"""The questions of a support desk: a merchant by what people know of it, and its sales by what they remember of them.

Unless certain sales are meant (by number, amount or time of day) everything is told that is unpaid, refused or
unclear; those are told even if they are paid. Where several merchants fit the name, certain sales say which it is.
"""

import asyncio
from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import Struct

from fleetmon.engine import Engine
from fleetmon.locale import Audience
from fleetmon.model.days import day_from
from fleetmon.model.terms import time_of_day
from fleetmon.readout.enquiry.clientele import Clientele
from fleetmon.readout.enquiry.nearest import Nearest
from fleetmon.readout.enquiry.settlements import Settlements
from fleetmon.web.explanations import BusinessDayView, NearestView, SettlementView
from fleetmon.web.ports import SettlementFilter

MOST: Final = 500  # sales told to one question


class Enquiry(NamedTuple):
    """What is asked: `merchant` by id, number or a part of the name; `amount` in fen; `at` about `18:30`.

    `date` is the local day of the sale.
    """

    merchant: str
    date: str | None = None
    rrn: str | None = None
    transaction: str | None = None
    amount: int | None = None
    at: str | None = None
    audience: Audience = "merchant"

    @property
    def is_general(self) -> bool:
        """Whether no certain sales are meant."""
        return all(one is None for one in (self.rrn, self.transaction, self.amount, self.at))


class Party(Struct, frozen=True, order=True):
    """A merchant as people know it; fields may be empty."""

    id: str
    name: str = ""
    number: str = ""


class Answer(Struct, frozen=True):
    """What is known at `now` (ms). If one merchant alone fits: what fits of it, else the nearest, or its days."""

    now: int
    merchants: list[Party]
    explanations: list[SettlementView] = []
    nearest: NearestView | None = None
    days: list[BusinessDayView] = []


def answer(engine: Engine, asked: Enquiry) -> Answer:
    """Everything that fits the question, as the API of a daemon with this engine would tell it."""
    return asyncio.run(_answer(engine, asked))


async def _answer(engine: Engine, asked: Enquiry) -> Answer:
    clientele = Clientele(engine)
    parties = sorted(Party(one.id, one.name, one.number) for one in await clientele.meant(asked.merchant))
    if not parties or (len(parties) > 1 and asked.is_general):
        return Answer(engine.now, parties)
    wanted = SettlementFilter(
        merchant=asked.merchant,
        day=None if asked.date is None else day_from(asked.date),
        rrn=asked.rrn,
        transaction=asked.transaction,
        amount=asked.amount,
        time=None if asked.at is None else time_of_day(f"{asked.at}:00"),
    )
    settlements = Settlements(engine, clientele)
    if found := await settlements.page(None, wanted, None, MOST, asked.audience):
        parties = sorted({Party(one.merchant, one.name, one.number) for one in found})
    if len(parties) > 1:
        return Answer(engine.now, parties)
    nearest = None if found else await Nearest(engine, clientele).of(None, wanted)
    money = None if found or not asked.is_general else await settlements.of_merchant(None, parties[0].id)
    return Answer(engine.now, parties, found, nearest, [] if money is None else money.days)


def matching(parties: Iterable[Party], said: str) -> list[Party]:
    """The merchants that somebody may mean, by id; one who is named in full stands alone."""
    word = said.strip().casefold()
    everybody = sorted(parties)
    exact = [
        one for one in everybody if word and word in (one.id.casefold(), one.number.casefold(), one.name.casefold())
    ]
    return exact or [one for one in everybody if word and (word in one.name.casefold() or word in one.id.casefold())]

"""The questions of a support desk: a merchant by what people know of it, and its sales by what is on a slip.

Without the number of a sale everything is told that is unpaid, refused or unclear; a sale that is asked for
by its number is told even if it is paid.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from fleetmon.engine import Engine
from fleetmon.engine.explainer import Explainer
from fleetmon.locale import Audience
from fleetmon.model.cause import Explanation
from fleetmon.model.days import date_of, day_of
from fleetmon.model.sale import Sale
from fleetmon.readout.telling import Telling
from fleetmon.web.explanations import ToldExplanationView

MOST: Final = 500  # sales told to one question


class Enquiry(NamedTuple):
    """What is asked: `merchant` by id, number or a part of the name, `date` the local day of the sale."""

    merchant: str
    date: str | None = None
    rrn: str | None = None
    transaction: str | None = None
    audience: Audience = "merchant"


class Party(Struct, frozen=True, order=True):
    """A merchant as people know it; fields may be empty."""

    id: str
    name: str = ""
    number: str = ""


class Answer(Struct, frozen=True):
    """What is known at `now` (ms); explanations only if exactly one merchant fits."""

    now: int
    merchants: list[Party]
    explanations: list[ToldExplanationView] = []


def answer(engine: Engine, asked: Enquiry, now: int) -> Answer:
    """Everything that fits the question."""
    explainer = engine.explainer
    directory, books = explainer.ledger.directory, explainer.ledger.books
    known = {row.id: Party(row.id, row.name, row.number) for row in directory.merchants.values()}
    known |= {id_: Party(id_) for id_ in books if id_ and id_ not in known}
    parties = matching(known.values(), asked.merchant)
    if len(parties) != 1:
        return Answer(now, parties)
    telling = Telling(directory, asked.audience)
    found = [telling.view(one, now) for one in _chosen(explainer, asked, parties[0].id, now)]
    return Answer(now, parties, found[:MOST])


def matching(parties: Iterable[Party], said: str) -> list[Party]:
    """The merchants that somebody may mean, by id; one who is named in full stands alone."""
    word = said.strip().casefold()
    everybody = sorted(parties)
    exact = [
        one for one in everybody if word and word in (one.id.casefold(), one.number.casefold(), one.name.casefold())
    ]
    return exact or [one for one in everybody if word and (word in one.name.casefold() or word in one.id.casefold())]


def _chosen(explainer: Explainer, asked: Enquiry, merchant: str, now: int) -> Iterator[Explanation]:
    by_number = asked.rrn is not None or asked.transaction is not None
    if by_number:
        book = explainer.ledger.books.get(merchant)
        sales = [one for one in (book.sales.values() if book else ()) if one.kind != "reversal" and _fits(one, asked)]
        yield from (explainer.explanation(one, now) for one in sales)
    else:
        yield from (one for one in explainer.unpaid(now, merchant) if _fits(one.sale, asked))


def _fits(sale: Sale, asked: Enquiry) -> bool:
    return (
        asked.date in (None, date_of(day_of(sale.swiped_at or sale.at)))
        and asked.rrn in (None, sale.rrn)
        and asked.transaction in (None, sale.id)
    )

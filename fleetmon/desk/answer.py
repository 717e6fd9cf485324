"""An answer as a support agent reads it out: identical ones are one paragraph, the most pressing first."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from fleetmon.locale import Language, Told, count, fill, money, name, percent, seen, span, texts, time, word
from fleetmon.model.days import day_from, midnight
from fleetmon.readout.enquiry.enquiry import Answer, Enquiry, Party
from fleetmon.web.explanations import FindingView, SettlementView

LEAST_SHOWN: Final = 0.05  # confidence; JSON has all
DAYS_SHOWN: Final = 3
_PRESSING: Final = (
    "overdue", "unknown", "returned", "held", "short_paid", "due", "not_due", "carried_over", "declined", "cancelled",
    "paid",
)  # fmt: skip


class Paragraph(NamedTuple):
    """Sales to which the same is said."""

    told: Told
    sales: list[SettlementView]


def paragraphs(explanations: Sequence[SettlementView], language: Language) -> list[Paragraph]:
    """The sales in order of time, gathered by what is said to them."""
    found: dict[tuple[str, ...], Paragraph] = {}
    for one in sorted(explanations, key=lambda one: (one.at, one.terminal, one.transaction)):
        told = one.texts[language]
        key = (told.headline, told.sentence, told.next_step, told.who, told.call_again)
        found.setdefault(key, Paragraph(told, [])).sales.append(one)
    return sorted(found.values(), key=lambda one: (_PRESSING.index(one.sales[0].state), one.sales[0].at))


def written(answer: Answer, language: Language) -> Iterator[str]:
    """The lines of the answer about one merchant: what fits, else what comes nearest."""
    if answer.nearest is not None:
        yield from answer.nearest.texts[language]
        return
    book = texts(language)
    yield fill(book["desk.title"], {"merchant": party(answer.merchants[0], language), "at": time(answer.now, language)})
    for paragraph in paragraphs(answer.explanations, language):
        yield ""
        yield from _paragraph(paragraph, language)


def nothing(answer: Answer, asked: Enquiry, language: Language) -> Iterator[str]:
    """That nothing is open, and what the last business days brought, which may be what was asked for."""
    known, number = {"merchant": party(answer.merchants[0], language)}, asked.rrn or asked.transaction
    if number:
        yield fill(texts(language)["desk.nothing.numbered"], {**known, "number": number})
    else:
        yield fill(texts(language)["desk.nothing"], known)
    for one in answer.days[:DAYS_SHOWN]:
        day, due = time(midnight(day_from(one.date)), language, "day"), one.expected
        said = {"day": day, "amount": money(due.amount, language)}
        said |= {} if one.paid.count == due.count else {"paid": money(one.paid.amount, language)}
        yield "  " + count("desk.nothing.day", due.count, language, said)


def party(one: Party, language: Language) -> str:
    """A merchant's name with its id."""
    return fill(texts(language)["desk.merchant"], {"id": one.id, **({"name": one.name} if one.name else {})})


def _paragraph(paragraph: Paragraph, language: Language) -> Iterator[str]:
    book, (told, sales) = texts(language), paragraph
    total = money(sum(one.amount for one in sales), language)
    taken = span(sales[0].at, sales[-1].at, language, "span")
    what = "desk.refunds" if sales[0].kind == "refund" else "desk.sales"
    yield count(what, len(sales), language, {"amount": total, "span": taken})
    yield fill(book["desk.stop"], {"headline": told.headline, "sentence": told.sentence})
    where = word("stage", sales[0].stage, language)
    for label, text in (("where", where), ("who", told.who), ("next", told.next_step), ("again", told.call_again)):
        yield fill(book[f"desk.{label}"], {"text": text})
    yield count("desk.sale", len(sales), language, {"text": told.evidence})
    yield book["desk.why"]
    for rank, finding in enumerate(sales[0].findings):
        if not rank or finding.confidence >= LEAST_SHOWN:
            yield from _finding(finding, language)


def _finding(finding: FindingView, language: Language) -> Iterator[str]:
    book = texts(language)
    words = {"share": percent(finding.confidence, language), "cause": name(finding.cause, language)}
    yield "  " + fill(book["desk.finding"], words)
    for line in seen(finding.evidence, language):
        yield "    " + line
    for line in seen(finding.against, language):
        yield "    " + fill(book["desk.against"], {"text": line})

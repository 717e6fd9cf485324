"""`fleetmon maintenance visits` and `outcomes`: where technicians ought to go next, and what their visits brought."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

import typer

from fleetmon.desk.daemon import Api, call
from fleetmon.desk.options import HERE, SPOKEN, Form, Lang, TokenFile, Url, tell, token
from fleetmon.desk.plan import instant
from fleetmon.locale import Language, fill, local_time, money, share, span, texts
from fleetmon.locale.errands import errand, spares
from fleetmon.model.schedule import CHINA
from fleetmon.web.visits import (
    ErrandView,
    FaultView,
    OutcomeList,
    OutcomeView,
    ProposalView,
    VisitedTerminal,
    VisitPage,
    VisitView,
    WorkedView,
)

_PAGE: Final = 100
_FILES: Final = {"csv": "/visits.csv", "ical": "/visits.ics"}
_Provider = Annotated[str | None, typer.Option(help="Only of this provider.")]
_Days = Annotated[int, typer.Option(min=1, max=31, help="Within so many days.")]


def proposed(  # noqa: PLR0913 - options are arguments to Typer
    *,
    provider: _Provider = None,
    region: Annotated[str | None, typer.Option(help="Only there.")] = None,
    begin: Annotated[str, typer.Option("--from", metavar="TIME", help="Not before, e.g. 2026-12-01T09:00.")] = "",
    days: _Days = 7,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the most urgent; a file has a thousand.")] = _PAGE,
    lang: Lang = SPOKEN,
    form: Annotated[Literal["text", "json", "csv", "ical"], typer.Option("--format", help="Form of the answer.")] = (
        "text"
    ),
    url: Url = HERE,
    token_file: TokenFile = None,
) -> None:
    """List sites to go to, the most urgent first: why, what to take along, and when it is quiet."""
    query = {"days": str(days), "lang": lang}
    query |= {name: said for name, said in (("provider", provider), ("region", region)) if said is not None}
    query |= {"from": str(instant(begin, CHINA, "--from"))} if begin else {}
    if form in _FILES:
        sys.stdout.buffer.write(call(url, token(token_file), lang, lambda daemon: daemon.fetch(_FILES[form], query)))
        return
    found = call(url, token(token_file), lang, lambda daemon: _pages(daemon, query, limit))
    tell(found, form, (text for number, one in by_region(found) for text in visit_lines(number, one, lang)))
    if not found:
        typer.echo(texts(lang)["desk.visit.nothing" if provider or region else "desk.visit.none"], err=True)


def outcomes(
    *, days: _Days = 7, lang: Lang = SPOKEN, form: Form = "text", url: Url = HERE, token_file: TokenFile = None
) -> None:
    """Say of the visits of the last days who was there, and whether it is well what was wrong."""
    found = call(
        url, token(token_file), lang, lambda daemon: daemon.get("/visits/outcomes", OutcomeList, {"days": str(days)})
    )
    tell(found, form, (text for one in found.visits for text in outcome_lines(one, lang)))
    if not found.visits:
        typer.echo(texts(lang)["desk.outcome.none"], err=True)


def by_region(visits: Sequence[VisitView]) -> list[tuple[int, VisitView]]:
    """With their ranks: the regions in order of their most urgent visits, as nobody crosses a city for each."""
    first: dict[str, int] = {}
    for number, one in enumerate(visits, 1):
        first.setdefault(one.region, number)
    return sorted(enumerate(visits, 1), key=lambda ranked: (first[ranked[1].region], ranked[0]))


def visit_lines(number: int, one: VisitView, language: Language) -> Iterator[str]:
    """Where, why, with what and when."""
    book = texts(language)
    said = {"number": str(number), "site": one.site, "name": one.name, "region": one.region, "provider": one.provider}
    said |= {"score": f"{one.score:g}", "money": money(one.at_risk, language) if one.at_risk else ""}
    yield fill(book["desk.visit"], {name: text for name, text in said.items() if text or name in _ALWAYS})
    yield from ("   " + _errand(row, why, language) for row in one.terminals for why in row.errands)
    if one.parts:
        yield "   " + fill(book["desk.visit.parts"], {"parts": spares(one.parts, language)})
    if one.planned is None:
        yield "   " + (book["desk.visit.never"] if one.proposal is None else _when(one.proposal, language))
        return
    known = {"window": one.planned.window, "state": book[f"window.{one.planned.state}"]}
    times = one.planned.span
    known |= {} if times is None else {"span": span(times.start, times.end, language, "seen")}
    yield "   " + fill(book["desk.visit.planned"], known)


def outcome_lines(one: OutcomeView, language: Language) -> Iterator[str]:
    """When, where, and what became of it."""
    book = texts(language)
    said = {"date": one.date, "site": one.site, "region": one.region, "provider": one.provider}
    said |= {"outcome": book[f"visit.{one.outcome}"]}
    said |= {"missing": book["window.overdue"]} if one.missing else {}
    said |= {"window": one.window} if one.window is not None else {}
    yield fill(book["desk.outcome"], said)
    for row in one.terminals:
        yield "   " + _worked(row, language)
        yield from ("      " + _fault(fault, language) for fault in row.faults)


_ALWAYS: Final = ("region", "provider", "score")


def _errand(row: VisitedTerminal, why: ErrandView, language: Language) -> str:
    said = {"terminal": row.terminal, "why": errand(why.reason, language)}
    said |= {"model": row.model} if row.model else {}
    said |= {"since": local_time(why.since)} if why.since is not None and why.probability is None else {}
    said |= {"chance": share(why.probability, language)} if why.probability is not None else {}
    return fill(texts(language)["desk.visit.terminal"], said)


def _when(one: ProposalView, language: Language) -> str:
    said = {"span": span(one.span.start, one.span.end, language, "seen")}
    said |= {"sales": f"{one.sales:g}", "usual": f"{one.usual_sales:g}"} if one.usual_sales else {}
    said |= {"early": texts(language)["desk.visit.early"]} if one.before_opening else {}
    return fill(texts(language)["desk.visit.when"], said)


def _worked(row: WorkedView, language: Language) -> str:
    said = {"terminal": row.terminal, "outcome": texts(language)[f"visit.{row.outcome}"]}
    said |= {"by": row.by} if row.by else {}
    said |= {"span": span(row.begun_at, row.ended_at, language, "seen")} if row.begun_at is not None else {}
    said |= {"minutes": f"{row.lost_s / 60:.0f}"} if row.lost_s else {}
    return fill(texts(language)["desk.outcome.terminal"], said)


def _fault(one: FaultView, language: Language) -> str:
    book = texts(language)
    known = {"what": book.get(f"{one.kind}.name", one.kind)}
    if one.cleared_at is None:
        return fill(book["desk.outcome.open"], known)
    if one.came_back:
        return fill(book["desk.outcome.back"], known)
    return fill(book["desk.outcome.cleared"], known | {"at": local_time(one.cleared_at)})


async def _pages(daemon: Api, query: dict[str, str], limit: int) -> list[VisitView]:
    found: list[VisitView] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < limit:
        more = {"limit": str(min(limit, _PAGE))} | ({"cursor": cursor} if cursor else {})
        page = await daemon.get("/visits", VisitPage, query | more)
        found += page.visits
        cursor = page.next
    return found[:limit]

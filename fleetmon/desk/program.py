"""Planned work as it is read on a terminal: windows, what a schedule would do, and what became of a calendar."""

from collections.abc import Iterator

from fleetmon.locale import Language, count, fill, local_time, named, share, span, summary, texts
from fleetmon.planning.ical.scope import selector_text
from fleetmon.web.views import IncidentView
from fleetmon.web.windows import CalendarView, ImportView, PreviewView, ShopView, SpanView, WindowView


def window_lines(one: WindowView, language: Language) -> Iterator[str]:
    """Which, where it stands, when, for whom, and what is done."""
    book = texts(language)
    said = {"id": one.id, "state": book[f"window.{one.state}"], "owner": one.owner}
    said |= {"span": _span(one.occurrences[0], language)} if one.occurrences else {}
    said |= {"overdue": book["window.overdue"]} if one.overdue else {}
    yield fill(book["desk.window"], said)
    whom = selector_text(one.selector) or (f"host={one.host}" if one.host else book["desk.window.all"])
    more = {"whom": whom, "reason": one.reason, "calendar": one.calendar or ""}
    yield "  " + fill(book["desk.window.for"], {name: text for name, text in more.items() if text})
    if one.schedule is not None and (one.schedule.rrule or one.schedule.flexible_s):
        rule = {"rule": one.schedule.rrule} if one.schedule.rrule else {}
        flexible = {"minutes": f"{one.schedule.flexible_s / 60:g}"} if one.schedule.flexible_s else {}
        yield "  " + fill(book["desk.window.how"], rule | flexible)


def preview_lines(found: PreviewView, language: Language) -> Iterator[str]:
    """Whom, when, what is open there, and what speaks against it."""
    book = texts(language)
    yield count("desk.preview", found.terminals, language, {"share": share(found.share, language)})
    yield from ("  " + _shop(one, language) for one in found.shops)
    if (more := found.sites - len(found.shops)) > 0:
        yield "  " + count("desk.preview.more", more, language, {})
    yield from ("  " + _span(one, language) for one in found.occurrences)
    for incident in found.incidents:
        yield "  " + fill(book["desk.preview.open"], {"text": _summary(incident, language)})
    for problem in found.problems:
        yield fill(book["desk.preview.wrong"], {"text": problem})
    for objection in found.objections:
        yield fill(book["desk.preview.refused"], {"text": objection.texts[language]})
    if found.second_person:
        yield book["desk.preview.second"]


def import_lines(found: ImportView, language: Language) -> Iterator[str]:
    """What became of the events; those that were refused with their lines."""
    book = texts(language)
    numbers = {"taken": len(found.taken), "refused": len(found.refused)}  # these are told even if there are none
    more = {"changed": len(found.changed), "cancelled": len(found.cancelled)}
    more |= {name: getattr(found, name) for name in ("unchanged", "older", "over")}
    numbers |= {name: number for name, number in more.items() if number}
    yield fill(book["desk.import"], {name: str(number) for name, number in numbers.items()})
    for name in ("taken", "changed", "cancelled"):
        for event in getattr(found, name):
            said = {"what": book[f"action.{'created' if name == 'taken' else name}"], "id": event.window}
            yield "  " + fill(book["desk.import.event"], said | ({"reason": event.reason} if event.reason else {}))
    for one in found.refused:
        known = {"line": str(one.line), "reason": one.reason} | ({"uid": one.uid} if one.uid else {})
        yield "  " + fill(book["desk.import.refused"], known)


def calendar_lines(one: CalendarView, language: Language) -> Iterator[str]:
    """A calendar of the configuration."""
    said = {"name": one.name, "owner": one.owner}
    said |= {"at": local_time(one.read_at)} if one.read_at is not None else {}
    said |= {"problem": one.problem} if one.problem else {}
    yield fill(texts(language)["desk.calendar"], said)
    if one.report is not None:
        yield from ("  " + line for line in import_lines(one.report, language))


def _shop(one: ShopView, language: Language) -> str:
    known = named({"site": one.site}, {"site": one.names}, language)["site"]
    return count("desk.preview.shop", one.terminals, language, {"shop": known} if one.site else {})


def _span(one: SpanView, language: Language) -> str:
    return span(one.start, one.end, language, "seen")


def _summary(incident: IncidentView, language: Language) -> str:
    try:
        return summary(incident.kind, incident.scope, incident.names, language)
    except KeyError:  # of a daemon that knows more kinds than we do
        return incident.kind

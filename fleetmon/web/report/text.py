"""A report as plain text, for a terminal and for mail programs that show no pages."""

from collections.abc import Iterator

from fleetmon.locale import Language, moment, texts
from fleetmon.web.report.views import ReportView
from fleetmon.web.report.words import Section, words


def text(found: ReportView, language: Language) -> str:
    """All of it, one thing a line."""
    return "\n".join(lines(found, language)) + "\n"


def subject(found: ReportView, language: Language) -> str:
    """One line for a mail: the day, and what is not well."""
    told, book = words(found, language), texts(language)
    wrong = [f"{one.question} {one.answer}" for one in told.verdicts if one.level != "good"]
    return f"{told.title} {moment(found.end, language, 'date')}: {' '.join(wrong) or book['report.well']}"


def lines(found: ReportView, language: Language) -> Iterator[str]:
    """The same, line by line."""
    told = words(found, language)
    yield f"{told.title}  {told.span}"
    yield ""
    for one in told.verdicts:
        yield f"{one.question} {one.answer}"
        yield f"  {one.evidence}"
    for section in told.sections:
        yield ""
        yield section.title
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    for item in section.items:
        yield f"  {item.mark}. {item.head}" if item.mark else f"  - {item.head}"
        yield from (f"     {line}" for line in item.lines)
    if not section.items and section.none:
        yield f"  {section.none}"
    yield from (f"  {note}" for note in section.notes)

"""What a notice says: what is wrong, who acts, what to do next, and where to look; one language after the other.

The title is in the first language of the route alone, as some receivers show little else.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fleetmon.explain import CAUSES
from fleetmon.locale import Language, Situation, acknowledged, called_again, describe, fill, local_time, texts
from fleetmon.model.cards import masked
from fleetmon.model.incident import Incident
from fleetmon.model.notice import AGAIN, RESOLVED, TICKET, Notice, Planned
from fleetmon.model.window import values

MOST: Final = 10  # titles in one message
# Whoever acts on what is no cause of its own; on-call where nobody is named.
_ACTORS: Final = {cause.id: cause.actor for cause in CAUSES} | {
    "model_fault": "provider", "flapping": "provider", "maintenance_overdue": "provider",
}  # fmt: skip
# What the texts call what an event of planned work tells.
_FACTS: Final = (("incident", "incident"), ("count", "terminals"))
_TIMES: Final = (("since", "start"), ("until", "end"))


class Links(NamedTuple):
    """Where people are sent; empty: nowhere."""

    runbook: str = ""  # the kind of the incident is appended
    dashboard: str = ""


class Said(NamedTuple):
    """Title and text in one language."""

    title: str
    text: str


def one(notice: Notice, languages: Sequence[Language], links: Links, situation: Situation | None = None) -> Said:
    """The words for one notice; `situation` is that of its incident."""
    if notice.document is not None:
        return Said(notice.document.title, notice.document.text)
    if (planned := notice.planned) is not None:
        return _joined([_of_work(planned, language) for language in languages])
    assert notice.incident is not None
    return _joined([_of_incident(notice.incident, notice.word, one, links, situation) for one in languages])


def many(notices: Sequence[Notice], languages: Sequence[Language], links: Links) -> Said:
    """The words for several that are told in one message."""
    said = []
    for language in languages:
        titles = [one(notice, [language], links).title for notice in notices[:MOST]]
        if len(notices) > MOST:
            titles.append(fill(texts(language)["notice.more"], {"count": str(len(notices) - MOST)}))
        title = fill(texts(language)["notice.many"], {"count": str(len(notices))})
        said.append(Said(title, "\n".join(titles)))
    return _joined(said)


def test(route: str, at: int, languages: Sequence[Language]) -> Said:
    """The words to see whether a route works."""
    fields = {"route": route, "at": local_time(at)}
    return _joined([
        Said(fill(texts(one)["notice.test"], fields), fill(texts(one)["notice.test.text"], fields))
        for one in languages
    ])  # fmt: skip


def _joined(said: Sequence[Said]) -> Said:
    first, *others = said
    return Said(first.title, "\n\n".join([first.text, *[f"{other.title}\n{other.text}" for other in others]]))


def _of_incident(incident: Incident, word: str, language: Language, links: Links, situation: Situation | None) -> Said:
    book, scope, known = texts(language), dict(incident.scope), incident.acknowledgement
    summary, description = describe(incident.kind, scope, incident.terminals, incident.began, language, situation)
    kind = "notice.page"
    if word == RESOLVED:
        kind, description = "notice.resolved", _was(incident, language)
    elif word == TICKET:
        kind = "notice.ticket"
    elif word.startswith(AGAIN):
        summary, description = called_again(summary, description, incident.called_again_at or 0, language)
    elif known is not None:
        description = acknowledged(description, known.author, known.until, known.comment, language)
    lines = [description]
    if word != RESOLVED:
        who = fill(book[f"who.{_ACTORS.get(incident.kind, 'on-call')}"], scope)
        lines.append(fill(book["notice.who"], {"who": who}))
        lines += _link(book["notice.runbook"], links.runbook and f"{links.runbook}{incident.kind}")
        lines += _link(book["notice.dashboard"], links.dashboard)
    lines.append(fill(book["notice.incident"], {"id": incident.id}))
    return Said(fill(book[kind], {"summary": summary}), "\n".join(lines))


def _was(incident: Incident, language: Language) -> str:
    fields = {
        "since": local_time(incident.began),
        "until": local_time(incident.resolved_at or incident.opened_at),
    }
    fields |= {"count": str(incident.terminals)} if incident.terminals else {}
    known = incident.acknowledgement
    return fill(texts(language)["notice.was"], fields | ({"author": known.author} if known else {}))


def _link(template: str, url: str) -> list[str]:
    return [fill(template, {"url": url})] if url else []


def _of_work(planned: Planned, language: Language) -> Said:
    book, event = texts(language), planned.event
    parts = [f"{name} {'/'.join(values(wanted))}" for name, wanted in planned.selector.items()]
    whom = ", ".join(parts) or planned.host or book["desk.window.all"]
    fields = {"id": event.subject, "owner": planned.owner, "reason": masked(planned.reason), "author": event.author}
    fields |= {name: str(event.detail[key]) for name, key in _FACTS if key in event.detail}
    fields |= {name: local_time(event.detail[key]) for name, key in _TIMES if key in event.detail}
    known = {name: value for name, value in fields.items() if value}
    title = fill(book["notice.planned"], {"action": book[f"action.{event.action}"], "whom": whom})
    return Said(title, fill(book["notice.planned.text"], known).strip())

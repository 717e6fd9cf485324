"""An incident as on-call reads it on a terminal."""

from collections.abc import Iterator

from fleetmon.locale import Language, Situation, count, describe, elsewhere, fill, local_time, number, texts
from fleetmon.web.views import AuditView, IncidentDetail, IncidentView, TransitionView


def line(one: IncidentView, language: Language) -> Iterator[str]:
    """What is wrong, since when, how much, and who sees to it."""
    book = texts(language)
    said = {
        "id": one.id,
        "status": book[f"status.{one.status}"],
        "severity": book[f"severity.{one.severity}"],
        "since": local_time(one.silent_since or one.opened_at),
    }
    said |= {"until": local_time(one.resolved_at)} if one.resolved_at is not None else {}
    said |= {"taken": number(one.terminals, language)} if one.terminals else {}
    yield count("desk.incident", one.terminals, language, said)
    yield f"  {_described(one, language)[0]}"
    for work in one.planned:
        told = {"owner": work.owner, "reason": work.reason, "until": local_time(work.until), "window": work.window}
        yield "  " + fill(book["desk.incident.planned"], told)
    if one.acknowledged_by is not None and one.acknowledged_until is not None:
        known = {"author": one.acknowledged_by, "until": local_time(one.acknowledged_until)}
        yield "  " + fill(book["desk.incident.by"], known)
    elif one.called_again_at is not None:
        yield "  " + fill(book["desk.incident.again"], {"at": local_time(one.called_again_at)})


def sheet(one: IncidentDetail, language: Language) -> Iterator[str]:
    """The same, what to do first, and how it came about."""
    yield from line(one, language)
    yield f"  {_described(one, language)[1]}"
    if one.evidence:
        yield "  " + fill(texts(language)["desk.incident.terminals"], {"list": ", ".join(one.evidence)})
    if one.alternatives:
        told = elsewhere([(other.scopes, other.share) for other in one.alternatives], language)
        yield "  " + fill(texts(language)["desk.incident.else"], {"list": told})
    changed = {entry.at for entry in one.audit}  # what people changed is told once, with who it was
    steps = [
        (step.at, _went(step, language))
        for step in one.transitions
        if step.before != step.after or step.at not in changed
    ]
    steps += [(entry.at, _did(entry, language)) for entry in one.audit]
    for at, text in sorted(steps, key=lambda step: step[0]):
        yield f"    {local_time(at)}  {text}"


def _described(one: IncidentView, language: Language) -> tuple[str, str]:
    try:
        situation = one.situation if isinstance(one, IncidentDetail) else Situation(one.opened_at, one.names)
        return describe(one.kind, one.scope, one.terminals, one.silent_since or one.opened_at, language, situation)
    except KeyError:  # of a daemon that knows more kinds than we do
        return " ".join([one.kind, *one.scope.values()]), ""


def _went(step: TransitionView, language: Language) -> str:
    """The reason is ours, a cause, a sign, or what a neighbour said, which stays as it is."""
    book = texts(language)
    known = (f"step.{step.reason}", f"{step.reason}.name", f"seen.{step.reason}")
    reason = next((book[key] for key in known if key in book), step.reason)
    status = book.get(f"status.{step.after}", step.after)
    return (
        reason if step.before == step.after else fill(book["desk.incident.step"], {"status": status, "reason": reason})
    )


def _did(entry: AuditView, language: Language) -> str:
    """Who did what; fleetmon by itself, where nobody did."""
    book, after = texts(language), entry.detail.get("after") or {}
    said = {"author": entry.author or "fleetmon", "action": book.get(f"action.{entry.action}", entry.action)}
    said |= {"until": local_time(after["until"])} if "until" in after else {}
    reason = entry.detail.get("reason", "") if entry.author is None else ""  # a person's is the action itself
    if why := after.get("comment") or book.get(f"step.{reason}", reason):
        said["why"] = str(why)
    return fill(book["desk.incident.did"], said)

"""`fleetmon incidents`: what is wrong, and who sees to it."""

import time
from typing import Annotated, Final, Literal
from urllib.parse import quote

import typer

from fleetmon.desk.daemon import Api, call
from fleetmon.desk.options import HERE, SPOKEN, Form, Lang, TokenFile, Url, duration, tell, token
from fleetmon.desk.sheet import line, sheet
from fleetmon.locale import fill, local_time, texts
from fleetmon.web.views import AcknowledgementView, IncidentDetail, IncidentPage, IncidentView

_PAGE: Final = 100
_Status = Literal["firing", "pending", "resolved", "all"]
_Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id.")]


def listed(
    *,
    status: Annotated[
        Literal["firing", "pending", "resolved", "all"], typer.Option(help="Where they stand.")
    ] = "firing",
    kind: Annotated[str | None, typer.Option(help="What is wrong, e.g. carrier_outage.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = _PAGE,
    lang: Lang = SPOKEN,
    form: Form = "text",
    url: Url = HERE,
    token_file: TokenFile = None,
) -> None:
    """List incidents, newest first."""
    query = {"limit": str(min(limit, _PAGE))}
    query |= {"status": status} if status != "all" else {}
    query |= {"kind": kind} if kind is not None else {}
    found = call(url, token(token_file), lang, lambda daemon: _pages(daemon, query, limit))
    tell(found, form, (text for one in found for text in line(one, lang)))
    if not found:
        typer.echo(
            texts(lang)["desk.incident.calm" if status == "firing" and kind is None else "desk.incident.none"], err=True
        )


def shown(
    incident: _Incident, *, lang: Lang = SPOKEN, form: Form = "text", url: Url = HERE, token_file: TokenFile = None
) -> None:
    """Show one incident: whom it has taken, how it went, and who did what."""
    found = call(url, token(token_file), lang, lambda daemon: daemon.get(_path(incident), IncidentDetail))
    tell(found, form, sheet(found, lang))


def acknowledged(
    incident: _Incident,
    *,
    lasts: Annotated[str, typer.Option("--for", metavar="30m|4h|2d", help="How long; 30 days at most.")] = "4h",
    comment: Annotated[str, typer.Option(help="What is being done, for others.")] = "",
    lang: Lang = SPOKEN,
    form: Form = "text",
    url: Url = HERE,
    token_file: TokenFile = None,
) -> None:
    """Say, in the name of your token, that you see to an incident: nobody is called unless it becomes worse."""
    wish = {"until": round(time.time() * 1000) + duration(lasts, "--for"), "comment": comment}
    path = f"{_path(incident)}/acknowledgement"
    done = call(url, token(token_file), lang, lambda daemon: daemon.put(path, wish, AcknowledgementView))
    said = {"id": incident, "author": done.author, "until": local_time(done.until)}
    tell(done, form, [fill(texts(lang)["desk.incident.acknowledged"], said)])


def unacknowledged(incident: _Incident, *, lang: Lang = SPOKEN, url: Url = HERE, token_file: TokenFile = None) -> None:
    """Say that nobody sees to an incident any more."""
    call(url, token(token_file), lang, lambda daemon: daemon.delete(f"{_path(incident)}/acknowledgement"))
    typer.echo(fill(texts(lang)["desk.incident.unacknowledged"], {"id": incident}))


async def _pages(daemon: Api, query: dict[str, str], limit: int) -> list[IncidentView]:
    found: list[IncidentView] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < limit:
        page = await daemon.get("/incidents", IncidentPage, query | ({"cursor": cursor} if cursor else {}))
        found += page.incidents
        cursor = page.next
    return found[:limit]


def _path(incident: str) -> str:
    return f"/incidents/{quote(incident, safe='')}"

"""`fleetmon maintenance`: plan work, see whom it would touch, change it; calendars in, and links to feeds."""

from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar
from urllib.parse import quote

import typer

from fleetmon.desk.daemon import Api, call
from fleetmon.desk.options import HERE, SPOKEN, Form, Lang, TokenFile, Url, tell, token
from fleetmon.desk.plan import Wish, instant, schedule, selector
from fleetmon.desk.program import calendar_lines, import_lines, preview_lines, window_lines
from fleetmon.locale import Language, texts
from fleetmon.model.errors import ConfigError
from fleetmon.model.schedule import CHINA, Schedule
from fleetmon.web.windows import (
    CalendarList,
    FeedView,
    ImportView,
    ImportWish,
    PreviewView,
    WindowPage,
    WindowView,
)

_PAGE: Final = 100
_Window = Annotated[str, typer.Argument(metavar="WINDOW", help="Its id.")]
_Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="NAME=VALUE,...", help="Which terminals, e.g. site=S1,S2; all of them must fit."),
]
T = TypeVar("T")


class _Talk(NamedTuple):
    """With whom, and how the answer is told."""

    url: str
    token_file: Path | None
    lang: Language
    form: str


def _planned(  # noqa: PLR0913 - options are arguments to Typer
    *,
    begin: Annotated[str, typer.Option("--from", metavar="TIME", help="2026-11-24T01:00 by the clocks there, or now.")],
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="When it ends.")] = None,
    lasts: Annotated[str | None, typer.Option("--for", metavar="30m|4h|2d", help="Or how long it lasts.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone of all times.")] = CHINA,
    rule: Annotated[str, typer.Option(metavar="RRULE", help="How it recurs, e.g. FREQ=WEEKLY;BYDAY=TU.")] = "",
    on: Annotated[list[str] | None, typer.Option(metavar="TIME", help="It also begins then.")] = None,
    not_on: Annotated[list[str] | None, typer.Option(metavar="TIME", help="Then it does not.")] = None,
    select: _Select = None,
    host: Annotated[str, typer.Option(help="It is this host's own work.")] = "",
    everything: Annotated[bool, typer.Option("--everything", help="Yes, the whole fleet.")] = False,
    flexible: Annotated[
        str | None, typer.Option(metavar="30m|4h", help="Begins with the first fault inside, and lasts so long.")
    ] = None,
    lead: Annotated[str, typer.Option(metavar="1h", help="People are told so long before.")] = "1h",
    owner: Annotated[str, typer.Option(help="Who answers for it; default: the name of your token.")] = "",
    reason: Annotated[str, typer.Option(help="What is done.")] = "",
    reference: Annotated[
        str, typer.Option(help="What your own system calls it; the same again replaces what was planned.")
    ] = "",
    lang: Lang = SPOKEN,
    form: Form = "text",
    url: Url = HERE,
    token_file: TokenFile = None,
) -> tuple[Schedule, _Talk]:
    wish = Wish(
        begin, end, lasts, zone, rule, tuple(on or ()), tuple(not_on or ()), selector(select or []), host, everything,
        flexible, lead, owner, reason, reference,
    )  # fmt: skip
    return schedule(wish), _Talk(url, token_file, lang, form)


@wraps(_planned)
def added(**options: Any) -> None:  # noqa: ANN401 - those of `_planned`
    """Plan work. Above a limit it waits until somebody else approves it."""
    wish, talk = _planned(**options)
    done = _call(talk, lambda daemon: daemon.post("/windows", wish, WindowView))
    tell(done, talk.form, window_lines(done, talk.lang))


@wraps(_planned)
def previewed(**options: Any) -> None:  # noqa: ANN401 - those of `_planned`
    """Say what it would do, and plan nothing; exit status 1 when it could not be planned."""
    wish, talk = _planned(**options)
    found = _call(talk, lambda daemon: daemon.post("/windows/preview", wish, PreviewView))
    tell(found, talk.form, preview_lines(found, talk.lang))
    if found.problems or found.objections:
        raise typer.Exit(1)


# Typer shows the docstring; wraps() copied that of the options, which has none.
added.__doc__ = "Plan work. Above a limit it waits until somebody else approves it."
previewed.__doc__ = "Say what it would do, and plan nothing; exit status 1 when it could not be planned."


def listed(
    *,
    state: Annotated[
        Literal["proposed", "scheduled", "active", "ended", "cancelled"] | None, typer.Option(help="Where it stands.")
    ] = None,
    provenance: Annotated[
        Literal["operator", "notice", "mark"] | None, typer.Option(help="Planned here, announced, or marked.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = _PAGE,
    lang: Lang = SPOKEN,
    form: Form = "text",
    url: Url = HERE,
    token_file: TokenFile = None,
) -> None:
    """List planned work."""
    talk = _Talk(url, token_file, lang, form)
    query = {"limit": str(min(limit, _PAGE))}
    query |= {name: said for name, said in (("state", state), ("provenance", provenance)) if said is not None}
    found = _call(talk, lambda daemon: _pages(daemon, query, limit))
    tell(found, talk.form, (text for one in found for text in window_lines(one, lang)))
    if not found:
        typer.echo(texts(lang)["desk.window.none"], err=True)


def shown(
    window: _Window, *, lang: Lang = SPOKEN, form: Form = "text", url: Url = HERE, token_file: TokenFile = None
) -> None:
    """Show one window."""
    _done(_Talk(url, token_file, lang, form), lambda daemon: daemon.get(_path(window), WindowView))


def approved(
    window: _Window, *, lang: Lang = SPOKEN, form: Form = "text", url: Url = HERE, token_file: TokenFile = None
) -> None:
    """Approve what somebody else has proposed."""
    _done(_Talk(url, token_file, lang, form), lambda daemon: daemon.change(_path(window), "approve", None, WindowView))


def ended(
    window: _Window, *, lang: Lang = SPOKEN, form: Form = "text", url: Url = HERE, token_file: TokenFile = None
) -> None:
    """End what is in force now; later times stay."""
    _done(_Talk(url, token_file, lang, form), lambda daemon: daemon.change(_path(window), "end", None, WindowView))


def cancelled(
    window: _Window, *, lang: Lang = SPOKEN, form: Form = "text", url: Url = HERE, token_file: TokenFile = None
) -> None:
    """Cancel all times to come, and end what is in force."""
    _done(_Talk(url, token_file, lang, form), lambda daemon: daemon.change(_path(window), "cancel", None, WindowView))


def extended(
    window: _Window,
    *,
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="2026-11-24T05:00, by the clocks in the zone.")],
    zone: Annotated[str, typer.Option(help="Time zone.")] = CHINA,
    lang: Lang = SPOKEN,
    form: Form = "text",
    url: Url = HERE,
    token_file: TokenFile = None,
) -> None:
    """Give what is in force, or was in the last day, more time."""
    wish = {"until": instant(until, zone)}
    _done(_Talk(url, token_file, lang, form), lambda daemon: daemon.change(_path(window), "extend", wish, WindowView))


def imported(  # noqa: PLR0913 - options are arguments to Typer
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An iCal file.")],
    *,
    calendar: Annotated[str, typer.Option(help="Name of a calendar of the configuration, or any other.")],
    select: _Select = None,
    host: Annotated[str | None, typer.Option(help="It is this host's own work.")] = None,
    owner: Annotated[str, typer.Option(help="Who answers for it; default: the name of your token.")] = "",
    zone: Annotated[str, typer.Option(help="Zone of times that name none.")] = CHINA,
    everything: Annotated[bool, typer.Option("--everything", help="It may touch the whole fleet.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="All of it: what it lacks is cancelled.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    lang: Lang = SPOKEN,
    form: Form = "text",
    url: Url = HERE,
    token_file: TokenFile = None,
) -> None:
    """Read a calendar: exit status 1 when events were refused."""
    talk = _Talk(url, token_file, lang, form)
    try:
        ical = file.read_bytes().decode()
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: is not UTF-8: {error.reason}; write it anew in UTF-8"]) from None
    wish = ImportWish(
        ical, calendar, owner, selector(select or []), host, everything, zone, whole=whole, dry_run=dry_run
    )
    found = _call(talk, lambda daemon: daemon.post("/calendars/import", wish, ImportView))
    tell(found, talk.form, import_lines(found, lang))
    if found.refused:
        raise typer.Exit(1)


def calendars(*, lang: Lang = SPOKEN, form: Form = "text", url: Url = HERE, token_file: TokenFile = None) -> None:
    """Show the calendars of the configuration, and how reading them went."""
    talk = _Talk(url, token_file, lang, form)
    found = _call(talk, lambda daemon: daemon.get("/calendars", CalendarList))
    tell(found, talk.form, (text for one in found.calendars for text in calendar_lines(one, lang)))
    if not found.calendars:
        typer.echo(texts(lang)["desk.calendar.none"], err=True)


def fed(
    kind: Annotated[Literal["provider", "host", "site"], typer.Argument(help="What the feed is about.")],
    name: Annotated[str, typer.Argument(help="Its id.")],
    *,
    lang: Lang = SPOKEN,
    url: Url = HERE,
    token_file: TokenFile = None,
) -> None:
    """Print the secret link to a feed: whoever has it can read the calendar."""
    talk = _Talk(url, token_file, lang, "text")
    found = _call(talk, lambda daemon: daemon.get(f"/feeds/{kind}/{quote(name, safe='')}", FeedView))
    typer.echo(f"{url.rstrip('/')}{found.path}")


def _done(talk: _Talk, do: Callable[[Api], Awaitable[WindowView]]) -> None:
    found = _call(talk, do)
    tell(found, talk.form, window_lines(found, talk.lang))


def _call(talk: _Talk, do: Callable[[Api], Awaitable[T]]) -> T:
    return call(talk.url, token(talk.token_file), talk.lang, do)


async def _pages(daemon: Api, query: dict[str, str], limit: int) -> list[WindowView]:
    found: list[WindowView] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < limit:
        page = await daemon.get("/windows", WindowPage, query | ({"cursor": cursor} if cursor else {}))
        found += page.windows
        cursor = page.next
    return found[:limit]


def _path(window: str) -> str:
    return f"/windows/{quote(window, safe='')}"

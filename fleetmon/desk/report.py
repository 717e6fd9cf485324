"""`fleetmon report`: what happened overnight, what it cost, what is open, and whose money is at risk today."""

from typing import Annotated, Final, Literal

import typer

from fleetmon.desk.daemon import call
from fleetmon.desk.options import HERE, SPOKEN, Lang, TokenFile, Url, tell, token
from fleetmon.web.report.page import page
from fleetmon.web.report.settings import LONGEST_H, hours, is_span
from fleetmon.web.report.text import lines
from fleetmon.web.report.views import ReportView

PATIENCE_S: Final = 75.0  # longer than the daemon's own, so that it says what is wrong


def report(
    *,
    since: Annotated[str, typer.Option(metavar="24h|3d", help="How far back; 31 days at most.")] = "24h",
    lang: Lang = SPOKEN,
    form: Annotated[Literal["text", "json", "html"], typer.Option("--format", help="Form of the report.")] = "text",
    url: Url = HERE,
    token_file: TokenFile = None,
) -> None:
    """Tell what happened, what it cost in minutes and in yuan, what is open, and whose money is at risk today."""
    if not is_span(since) or hours(since) is None:
        raise typer.BadParameter(f"--since {since}: write it as 24h or 3d, {LONGEST_H // 24} days at most")

    query = {"since": since}
    found = call(
        url, token(token_file), lang, lambda daemon: daemon.get("/report", ReportView, query), patience_s=PATIENCE_S
    )
    if form == "html":
        typer.echo(page(found, lang), nl=False)
    else:
        tell(found, form, lines(found, lang))

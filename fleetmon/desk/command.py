"""`fleetmon explain`: exit status 0 answered, 1 nothing fits the question, 2 wrong usage or several merchants."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from fleetmon import config
from fleetmon.desk import daemon, stored
from fleetmon.desk.answer import nothing, party, written
from fleetmon.desk.options import HERE, SPOKEN, Form, Lang, TokenFile, Url, token
from fleetmon.desk.slip import clock, day, fen
from fleetmon.ingest import recording as recordings
from fleetmon.locale import Audience, Language, fill, texts
from fleetmon.model.topics import DEFAULT_PREFIX, Topics
from fleetmon.readout.enquiry.enquiry import Answer, Enquiry, answer
from fleetmon.replay import play


def explain(  # noqa: PLR0913 - options are arguments to Typer
    *,
    merchant: Annotated[str, typer.Option(help="Its id, its merchant number, or a part of its name.")],
    date: Annotated[
        str | None,
        typer.Option(
            parser=lambda said: day(said, _now()),
            metavar="YYYY-MM-DD",
            help="Only sales taken on this day, in China; also 11-28 or yesterday.",
        ),
    ] = None,
    rrn: Annotated[str | None, typer.Option(help="The reference number on the slip.")] = None,
    transaction: Annotated[str | None, typer.Option(help="The terminal's own number of the sale.")] = None,
    amount: Annotated[
        int | None, typer.Option(parser=fen, metavar="YUAN", help="Exactly so much, e.g. 12850 or 12850.50; paid, too.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(parser=clock, metavar="HH:MM", help="Taken within 30 minutes of that time in China; paid, too."),
    ] = None,
    lang: Lang = SPOKEN,
    audience: Annotated[Audience, typer.Option("--for", help="Whom it is told to.")] = "merchant",
    form: Form = "text",
    url: Url = HERE,
    token_file: TokenFile = None,
    recording: Annotated[Path | None, typer.Option(help="Ask a recording instead of a daemon.")] = None,
    registry: Annotated[Path | None, typer.Option(help="The registry of the recording's fleet.")] = None,
    prefix: Annotated[str, typer.Option(help="MQTT topic prefix of the recording.")] = DEFAULT_PREFIX,
    config_file: Annotated[
        Path | None, typer.Option("--config.file", help="Ask the store of this configuration instead of a daemon.")
    ] = None,
) -> None:
    """Say why a merchant's money has not come: is it late, why, who acts, what next."""
    asked = Enquiry(merchant, date, rrn, transaction, amount, at, audience)
    if (recording is None) != (registry is None):
        raise typer.BadParameter("--recording and --registry go together")
    if recording is not None and config_file is not None:
        raise typer.BadParameter("--recording and --config.file exclude each other")
    if recording is not None and registry is not None:
        found = _of_recording(recording, registry, Topics(prefix), asked)
    elif config_file is not None:
        found = stored.ask(config.load(config_file, os.environ), asked, _now())
    else:
        found = asyncio.run(daemon.ask(url, token(token_file), asked, _now(), lang))
    _show(found, asked, lang, form)


def _now() -> int:
    return round(time.time() * 1000)


def _of_recording(path: Path, registry: Path, topics: Topics, asked: Enquiry) -> Answer:
    played = play(recordings.read(path), config.load_registry(registry), None, topics)
    return answer(played.engine, asked)


def _show(found: Answer, asked: Enquiry, language: Language, form: str) -> None:
    if len(found.merchants) != 1:
        _ask_whom(found, asked, language)
    if form == "json" and (found.explanations or found.nearest):
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    elif found.explanations or found.nearest:
        for line in written(found, language):
            typer.echo(line)
    else:
        for line in nothing(found, asked, language):
            typer.echo(line, err=True)
    if not found.explanations:
        raise typer.Exit(1)


def _ask_whom(found: Answer, asked: Enquiry, language: Language) -> NoReturn:
    key = "several" if found.merchants else "nobody"
    typer.echo(fill(texts(language)[f"desk.{key}"], {"merchant": asked.merchant}), err=True)
    for one in found.merchants:
        typer.echo(f"  {party(one, language)}  {one.number}".rstrip(), err=True)
    raise typer.Exit(2 if found.merchants else 1)

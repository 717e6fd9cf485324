"""What all commands that ask a daemon share."""

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer

from fleetmon.locale import Language, preferred
from fleetmon.model.errors import ConfigError
from fleetmon.web.settings import WebSettings

_UNITS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
HERE: Final = f"http://127.0.0.1:{WebSettings().port}"
SPOKEN: Final = preferred(os.environ)  # where nobody says another language
Url = Annotated[str, typer.Option(help="The daemon to ask.")]
TokenFile = Annotated[Path | None, typer.Option(help="File with the bearer token.", envvar="FLEETMON_TOKEN_FILE")]
Lang = Annotated[Language, typer.Option(help="Language of the answer; left out, that of the shell.", is_eager=True)]
Form = Annotated[Literal["text", "json"], typer.Option("--format", help="Form of the answer.")]


def tell(found: object, form: str, lines: Iterable[str]) -> None:
    """The answer as JSON, or in lines."""
    if form == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    else:
        for text in lines:
            typer.echo(text)


def duration(said: str, option: str) -> int:
    """In milliseconds."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", said)
    if found is None:
        raise typer.BadParameter(f"{option} {said}: write it as 30m, 4h or 2d")
    return int(found[1]) * _UNITS[found[2]]


def token(file: Path | None) -> str | None:
    """The token in a file; raises ConfigError when that cannot be read."""
    try:
        return file.read_text().strip() if file else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: cannot be read: {error}"]) from None

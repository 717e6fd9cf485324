"""What all commands that ask a daemon share."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from fleetmon.locale import Language
from fleetmon.model.errors import ConfigError
from fleetmon.web.settings import WebSettings

HERE: Final = f"http://127.0.0.1:{WebSettings().port}"
Url = Annotated[str, typer.Option(help="The daemon to ask.")]
TokenFile = Annotated[Path | None, typer.Option(help="File with the bearer token.", envvar="FLEETMON_TOKEN_FILE")]
Lang = Annotated[Language, typer.Option(help="Language of the answer.")]
Form = Annotated[Literal["text", "json"], typer.Option("--format", help="Form of the answer.")]


def token(file: Path | None) -> str | None:
    """The token in a file; raises ConfigError when that cannot be read."""
    try:
        return file.read_text().strip() if file else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: cannot be read: {error}"]) from None

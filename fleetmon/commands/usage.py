"""What is wrong with how a command was called: in the language of whoever called it, and the answer first.

Typer's own way is English, shows the usage before it says what is wrong, and breaks long lines. Where it can be wrong:
its sentences are known by their words, so another version of it may say one in English.
"""

import re
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from fleetmon.desk.options import SPOKEN
from fleetmon.locale import fill, reworded, texts

_SAID: Final = re.compile(r"(?:Invalid value(?: for '(.+?)')?: (?:Value error, )?)?(.*)", re.DOTALL)


class Commands(TyperGroup):
    """All commands."""

    def main(self, *args: Any, **more: Any) -> Any:  # noqa: ANN401 - as Typer has it
        """Run the one that is named, and end."""
        try:
            status = super().main(*args, **{**more, "standalone_mode": False})
        except typer.TyperException as error:
            _tell(error)
            status = error.exit_code
        except typer.Abort:
            status = 1
        sys.exit(status)


def _tell(error: typer.TyperException) -> None:
    """Nothing where Typer has shown the help already."""
    context = getattr(error, "ctx", None)
    language = SPOKEN if context is None else context.params.get("lang", SPOKEN)
    if whole := error.format_message():
        option, problem = _SAID.fullmatch(whole).groups()  # type: ignore[union-attr]
        said = {
            "command": "fleetmon" if context is None else context.command_path,
            "problem": reworded(problem, language),
        }
        typer.echo(fill(texts(language)["desk.usage"], said | ({"option": option} if option else {})), err=True)

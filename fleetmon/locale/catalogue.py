"""The texts by key, and how their blanks are filled.

The gettext catalogues are read as they are written (docs/adr/010). In a text `{name}` is filled with a
fact, and `[A|B]` becomes the first part whose facts are all known, or nothing: so a sentence reads well
whatever is unknown.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from babel.messages.pofile import read_po

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
_BLANK: Final = re.compile(r"\{(\w+)\}")
_CHOICE: Final = re.compile(r"\[([^\[\]]*)\]")


def preferred(environment: Mapping[str, str]) -> Language:
    """The language of a shell, as it says in LC_ALL, LC_MESSAGES or LANG; the first that is set counts."""
    said = next((found for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (found := environment.get(name))), "")
    return "zh" if said.lower().startswith("zh") else "en"


@cache
def texts(language: Language) -> Mapping[str, str]:
    """All texts of a language."""
    path = files("fleetmon.locale") / language / "LC_MESSAGES" / "fleetmon.po"
    with path.open("rb") as catalogue:
        read = read_po(catalogue, locale=language, abort_invalid=True)
    return {str(one.id): str(one.string) for one in read if one.id}


def fill(template: str, known: Mapping[str, str]) -> str:
    """The text with what is known; raises KeyError for a blank outside of brackets that is not."""

    def chosen(choice: re.Match[str]) -> str:
        return next((part for part in choice[1].split("|") if blanks(part) <= known.keys()), "")

    return _CHOICE.sub(chosen, template).format_map(known)


def blanks(template: str) -> set[str]:
    """The names of the facts that a text mentions."""
    return set(_BLANK.findall(template))


def needed(template: str) -> set[str]:
    """The names of the facts that a text cannot do without."""
    return blanks(_CHOICE.sub("", template))

"""What is wrong, in another language than the English in which it was raised.

Errors are raised all over the house, and logs, `check-config` and tests read them as they are raised. For people who
ask in another language the English sentence is recognised by its text under `problem.*` and filled in anew; the name
of a field before it stays, for programs go by it. A sentence that is not recognised stays as it is; a test finds
those that fleetmon raises itself.
"""

import re
from functools import cache
from typing import Final

from fleetmon.locale.catalogue import Language, texts

_BLANK: Final = re.compile(r"\{(\w+)\}")
_FIELD: Final = re.compile(r"([A-Za-z_][\w.\[\]-]*): (.+)", re.DOTALL)
_SAYS: Final = ("advice", "problem")  # blanks that are sentences themselves


def reworded(problem: str, language: Language) -> str:
    """The same in that language, if there are words for it."""
    if language == "en":
        return problem
    for key, pattern in _patterns():
        if found := pattern.fullmatch(problem):
            said = {name: _word(name, value, language) for name, value in found.groupdict().items()}
            return texts(language)[key].format_map(said)
    if field := _FIELD.fullmatch(problem):
        return f"{field[1]}: {reworded(field[2], language)}"
    return problem


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """What says the most first, so that a general sentence takes nothing from a special one."""
    known = [(key, text) for key, text in texts("en").items() if key.startswith("problem.")]
    known.sort(key=lambda one: len(_BLANK.sub("", one[1])), reverse=True)
    return [(key, re.compile(_pattern(text), re.DOTALL)) for key, text in known]


def _pattern(text: str) -> str:
    parts = _BLANK.split(text)  # literal, name, literal, ...
    return "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))


def _word(name: str, value: str, language: Language) -> str:
    """States and things have words of their own."""
    book = texts(language)
    if name in _SAYS:
        return reworded(value, language)
    return book.get(f"{name}.{value}", value)

"""Lines of evidence as people read them: `terminal/T1/state@0 silent since` becomes when, who and what.

A line that tells since when and the next that tells until when are one, as are those that follow each other without
a gap. Codes of vendors stay as they are.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from fleetmon.locale.catalogue import Language, fill, texts
from fleetmon.locale.spoken import response, span, time

_LINE: Final = re.compile(r"(?P<kind>\w+)/(?P<id>[^/]+)/(?P<channel>\w+)\S*@(?P<at>\d+) (?P<fact>.+)")


class _Sight(NamedTuple):
    kind: str
    id: str
    channel: str
    at: int
    what: str
    turn: str  # since, until, or empty for what happened at once


def seen(evidence: Sequence[str], language: Language) -> list[str]:
    """The lines in order of time; a line in another form stays as it is."""
    sights = [_read(line) for line in evidence]
    strange = [line for line, one in zip(evidence, sights, strict=True) if one is None]
    told: list[tuple[_Sight, int | None]] = []
    known = [one for one in sights if one is not None]
    for index, one in enumerate(known):
        following = known[index + 1] if index + 1 < len(known) else None
        if one.turn == "until" and index and _is_end(known[index - 1], one):
            continue
        end = following.at if following is not None and _is_end(one, following) else None
        if told and _goes_on(*told[-1], one):
            told[-1] = told[-1][0], end
        else:
            told.append((one, end))
    lines = sorted((one.at, _line(one, end, language)) for one, end in told)
    return list(dict.fromkeys(text for _, text in lines)) + strange  # to the minute several may be the same


def _read(line: str) -> _Sight | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    *words, last = found["fact"].split()
    turn = last if last in ("since", "until") else ""
    what = " ".join(words if turn else [*words, last])
    return _Sight(found["kind"], found["id"], found["channel"], int(found["at"]), what, turn)


def _is_end(first: _Sight, second: _Sight) -> bool:
    return first.turn == "since" and second.turn == "until" and first._replace(at=second.at, turn="until") == second


def _goes_on(first: _Sight, end: int | None, then: _Sight) -> bool:
    return end is not None and then.at <= end and first._replace(at=then.at) == then


def _line(one: _Sight, end: int | None, language: Language) -> str:
    book = texts(language)
    word, _, code = one.what.partition(" ")
    said = {
        "subject": fill(book.get(f"subject.{one.kind}", "{id}"), {"id": one.id}),
        "what": book.get(f"seen.{one.channel}.{word}", book.get(f"seen.{word}", word)),
        "when": _when(one, end, language),
    }
    if code != one.id and (code := _meaning(one.channel, word, code, language)):
        said["code"] = code
    return fill(book["seen"], said)


def _when(one: _Sight, end: int | None, language: Language) -> str:
    """To the minute; what began and ended within one has a time and no span."""
    at = time(one.at, language)
    short = end is not None and time(end, language) == at
    return at if short or one.turn != "since" else span(one.at, end, language, "seen")


def _meaning(channel: str, word: str, code: str, language: Language) -> str:
    if channel == "transaction":
        return response(code, language) if word == "declined" else ""
    return texts(language).get(f"reason.{code}", code)

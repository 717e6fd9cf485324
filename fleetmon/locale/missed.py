"""What a support desk is told when no sale fits: what was seen nearest, who was silent, what that may mean, what to do.

Every part is said that is known; the warning against a second payment always is, for the first may have gone through.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from fleetmon.locale.catalogue import Language, fill, texts
from fleetmon.locale.spoken import money, response, span, time

_DAY = 86_400_000


class Glimpse(Struct, frozen=True):
    """Something that was tried. Times in milliseconds since 1970."""

    terminal: str
    transaction: str
    kind: Annotated[str, Meta(description="`sale`, `preauth`, `reversal`, ... as the terminal called it.")]
    at: Annotated[int, Meta(description="When it was tried.")]
    amount: int
    currency: str
    rrn: str | None
    state: Annotated[str | None, Meta(description="What became of it; null for what moves no money.")]
    response: Annotated[str | None, Meta(description="The response code of the host.")]


class Hush(Struct, frozen=True):
    """A terminal that was not heard. Times in milliseconds since 1970."""

    terminal: str
    since: int
    until: Annotated[int | None, Meta(description="Null while it lasts.")]


class Miss(Struct, frozen=True):
    """What was asked for, and what there is instead."""

    merchant: str
    amount: int | None
    day: int | None  # since 1970
    time: int | None  # ms since midnight
    numbered: bool  # whether a number on the slip was asked for, too; it is not said again: it may be a card's
    near: list[Glimpse]
    silent: list[Hush]
    held: bool  # whether anything is held of that day or before it


def missed(miss: Miss, language: Language) -> list[str]:
    """The sentences, each a line."""
    book = texts(language)
    told = [fill(book["missed"], _asked(miss, language))]
    if not miss.near:
        told.append(book["missed.nothing"])
    elif not miss.held:
        told.append(book["missed.long_ago"])
    if miss.near:
        told += [book["missed.nearest"], *("  " + _seen(one, language) for one in miss.near)]
    told += _silences(miss.silent, language)
    if not miss.silent and miss.day is not None and miss.time is not None:
        told.append(book["missed.heard"])
    return [*told, book["missed.perhaps"], book["missed.next"]]


def _asked(miss: Miss, language: Language) -> dict[str, str]:
    said = {"merchant": miss.merchant}
    said |= {"numbered": texts(language)["missed.numbered"]} if miss.numbered else {}
    said |= {} if miss.amount is None else {"amount": money(miss.amount, language)}
    said |= {} if miss.day is None else {"day": time(miss.day * _DAY, language, "day")}
    clock = None if miss.time is None else time(miss.time - _DAY // 3, language, "clock")
    return said | ({} if clock is None else {"clock": clock})


def _seen(one: Glimpse, language: Language) -> str:
    book = texts(language)
    state = {} if one.state is None else {"state": book[f"state.{one.state}"]}
    said = {
        "at": time(one.at, language),
        "amount": money(one.amount, language, one.currency),
        "terminal": one.terminal,
        "said": fill(book[f"glimpse.{one.kind}"], state),
    }
    said |= {"rrn": one.rrn} if one.rrn else {}
    if one.state == "declined" and (code := response(one.response or "", language)):
        said["code"] = code
    return fill(book["missed.seen"], said)


def _silences(silent: Sequence[Hush], language: Language) -> Iterator[str]:
    """Those that were heard again, and those that are not; a shop's rarely fall silent in the same minute."""
    book = texts(language)
    for key, lasts in (("missed.silent", False), ("missed.silent.still", True)):
        found = [one for one in silent if (one.until is None) is lasts]
        if found:
            end = None if lasts else max(one.until or 0 for one in found)
            when = span(min(one.since for one in found), end, language, "seen")
            names = book["missed.join"].join(one.terminal for one in found)
            yield fill(book[key], {"terminals": names, "span": when})

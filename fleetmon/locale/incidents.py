"""What an incident is called, what it means and what to do first.

A summary is one static sentence of the kind and its scope, so that it never changes while an incident
lasts; numbers and times stand in the description.
"""

from collections.abc import Iterable, Mapping

from fleetmon.locale.catalogue import Language, fill, texts
from fleetmon.locale.situation import Situation, named, situated
from fleetmon.locale.spoken import local_time


def describe(
    kind: str,
    scope: Mapping[str, str],
    terminals: int,
    since_ms: int,
    language: Language,
    situation: Situation | None = None,
) -> tuple[str, str]:
    """Summary and description of an incident; raises KeyError for a kind without texts."""
    book = texts(language)
    fields = {
        **scope,
        "where": scope.get("region", book["incident.everywhere"]),
        "scope": ", ".join(f"{name} {value}" for name, value in scope.items()),
        "count": str(terminals),
        "since": local_time(since_ms),
    }
    description = fill(book[f"incident.{kind}.description"], fields)
    if situation is not None:
        for said in situated(situation, language):
            description = fill(book["incident.situated"], {"description": description, "said": said})
        fields |= named(scope, situation, language)  # not in a description: some name the id in a command
    return fill(book[f"incident.{kind}.summary"], fields), description


def elsewhere(alternatives: Iterable[tuple[Iterable[Mapping[str, str]], float]], language: Language) -> str:
    """Where else an outage may be, `carrier CMCC, region north (22%)`: scopes that came together, and their share."""
    book = texts(language)
    told = [
        fill(
            book["elsewhere.one"],
            {"scopes": book["elsewhere.and"].join(_scopes(scopes, book)), "share": f"{share:.0%}"},
        )
        for scopes, share in alternatives
    ]
    return book["elsewhere.list"].join(told)


def _scopes(scopes: Iterable[Mapping[str, str]], book: Mapping[str, str]) -> Iterable[str]:
    for scope in scopes:
        named = [f"{book[f'attribute.{name}']} {value}" for name, value in scope.items()]
        yield book["elsewhere.join"].join(named) or book["elsewhere.all"]


def acknowledged(description: str, author: str, until_ms: int, comment: str, language: Language) -> str:
    """The description of an incident to which somebody sees."""
    fields = {"description": description, "author": author, "until": local_time(until_ms)}
    return fill(texts(language)["incident.acknowledged"], fields | ({"comment": comment} if comment else {}))


def called_again(summary: str, description: str, at_ms: int, language: Language) -> tuple[str, str]:
    """Summary and description of an incident to which nobody sees any longer."""
    book, fields = texts(language), {"summary": summary, "description": description, "at": local_time(at_ms)}
    return fill(book["incident.again.summary"], fields), fill(book["incident.again.description"], fields)

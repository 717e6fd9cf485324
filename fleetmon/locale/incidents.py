"""What an incident is called, what it means and what to do first.

A summary is one static sentence of the kind and its scope, so that it never changes while an incident
lasts; numbers and times stand in the description.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fleetmon.locale.catalogue import Language, fill, texts
from fleetmon.locale.situation import Also, Situation, named, situated
from fleetmon.locale.spoken import local_time, number, share


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
    # By its ids: some descriptions name them in a command.
    fields = _fields(scope, scope, language) | {"count": str(terminals), "since": local_time(since_ms)}
    fields |= {} if situation is None else _failing(situation, terminals, language)
    description = fill(book[f"incident.{kind}.description"], fields)
    for said in [] if situation is None else [*situated(situation, language), *_also(situation.also, language)]:
        description = fill(book["incident.situated"], {"description": description, "said": said})
    return summary(kind, scope, {} if situation is None else situation.names, language), description


def summary(kind: str, scope: Mapping[str, str], names: Mapping[str, Sequence[str]], language: Language) -> str:
    """What an incident is called, with the names of its scope; raises KeyError for a kind without texts."""
    said = fill(texts(language)[f"incident.{kind}.summary"], _fields(scope, named(scope, names, language), language))
    return said.replace("） ", "）")  # an id stands apart from Chinese, a bracket does not


def _fields(scope: Mapping[str, str], said: Mapping[str, str], language: Language) -> dict[str, str]:
    book = texts(language)
    where = scope.get("region", book["incident.everywhere"])
    parts = [f"{book.get(f'attribute.{name}', name)} {value}" for name, value in said.items()]
    return {**said, "where": where, "scope": book["elsewhere.join"].join(parts)}


def _failing(situation: Situation, terminals: int, language: Language) -> dict[str, str]:
    """How a host fails, and who saw it."""
    how = texts(language).get(f"failing.{situation.failing}")
    said = {} if how is None else {"how": how}
    said |= {} if situation.failed is None else {"failed": share(situation.failed, language)}
    return said | ({"seen": number(terminals, language)} if terminals else {})


def _also(also: Also | None, language: Language) -> Iterator[str]:
    if also is None:
        return
    book, said = texts(language), dict[str, str]()
    if also.count:
        said["summary"] = summary(also.kind, also.scope, also.names, language)
        said |= {"count": number(also.count, language)} if also.count > 1 else {}
        said |= {"terminals": number(also.terminals, language)} if also.terminals else {}
    yield fill(book["incident.also" if also.count else "incident.alone"], said)


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

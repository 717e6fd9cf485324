"""How things stand with what an incident has taken, in one or two sentences for whoever is woken by it.

Every figure is as of the moment it was asked for. What is not known is None or empty, and is not said.
Where it can be wrong: the sales that a silent terminal has taken since are known to nobody, so the amount that waits
is the least that does.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from babel.dates import format_timedelta
from msgspec import Meta, Struct

from fleetmon.locale.catalogue import Language, fill, texts
from fleetmon.locale.spoken import LOCALES, local_time, money, number, share


class Also(Struct, frozen=True):
    """What else is down: outages, and whatever else people were called for."""

    count: int
    kind: Annotated[str, Meta(description="Of the biggest, like all that follows; empty where there is none.")] = ""
    scope: dict[str, str] = {}
    names: Annotated[dict[str, list[str]], Meta(description="What the registry knows of the scope, by attribute.")] = {}
    terminals: int = 0


class Situation(Struct, frozen=True):
    """How things stand. Times in milliseconds since 1970."""

    at: Annotated[int, Meta(description="When it was worked out.")]
    names: Annotated[dict[str, list[str]], Meta(description="What the registry knows of the scope, by attribute.")] = {}
    silent: Annotated[int | None, Meta(description="How many are silent now.")] = None
    members: Annotated[int | None, Meta(description="How many of the scope ought to be heard now.")] = None
    heard_at: Annotated[int | None, Meta(description="When one of those that it began with was heard last.")] = None
    later: Annotated[int | None, Meta(description="How many were heard after it was noticed, and are silent.")] = None
    elsewhere: Annotated[float | None, Meta(description="The silent among all others that ought to be heard.")] = None
    waiting: Annotated[int | None, Meta(description="Sales known to wait in the silent ones, in fen; not late.")] = None
    closes_at: Annotated[int | None, Meta(description="By when the first of their batches has to be closed.")] = None
    due_at: Annotated[int | None, Meta(description="When the first of that money has to be there.")] = None
    also: Annotated[
        Also | None, Meta(description="What else is down; told of incidents that people are called for.")
    ] = None
    failing: Annotated[str, Meta(description="What is wrong with a host, as in the history; empty if unknown.")] = ""
    failed: Annotated[float | None, Meta(description="The requests to it that failed when it was noticed.")] = None


def named(scope: Mapping[str, str], names: Mapping[str, Sequence[str]], language: Language) -> dict[str, str]:
    """A scope with what the registry knows of it: `T000020 (Xiangjiang Hotel, changsha-yuhua)`."""
    book = texts(language)
    return {
        name: fill(book["incident.named"], {"id": value, "names": book["incident.named.join"].join(known)})
        if (known := names.get(name))
        else value
        for name, value in scope.items()
    }


def situated(situation: Situation, language: Language) -> list[str]:
    """The sentences."""
    book, said = texts(language), _facts(situation, language)
    keys = ["incident.now" if "silent" in said else "incident.heard"] if said.keys() & {"silent", "heard"} else []
    keys += ["incident.waiting"] if "amount" in said else []
    return [fill(book[key], said) for key in keys]


def _facts(situation: Situation, language: Language) -> dict[str, str]:
    one = situation
    said = {} if one.elsewhere is None else {"elsewhere": share(one.elsewhere, language)}
    if one.silent is not None and one.members is not None:
        said |= {"silent": number(one.silent, language), "members": number(one.members, language)}
    said |= {"later": number(one.later, language)} if one.later else {}
    said |= {"amount": money(one.waiting, language)} if one.waiting else {}
    times = {"heard": one.heard_at, "closes": one.closes_at, "due": one.due_at}
    said |= {name: local_time(at) for name, at in times.items() if at is not None}
    if (first := one.closes_at or one.due_at) is not None:
        left = timedelta(milliseconds=max(first - one.at, 0))
        said["left"] = format_timedelta(left, threshold=1.5, locale=LOCALES[language])
    return said

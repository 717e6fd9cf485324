"""What an incident is called, what it means and what to do first.

A summary is one static sentence of the kind and its scope, so that it never changes while an incident
lasts; numbers and times stand in the description.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from fleetmon.locale.catalogue import Language, fill, texts
from fleetmon.locale.spoken import CHINA


def describe(kind: str, scope: Mapping[str, str], terminals: int, since_ms: int, language: Language) -> tuple[str, str]:
    """Summary and description of an incident; raises KeyError for a kind without texts."""
    book = texts(language)
    fields = {
        **scope,
        "where": scope.get("region", book["incident.everywhere"]),
        "scope": ", ".join(f"{name} {value}" for name, value in scope.items()),
        "count": str(terminals),
        "since": local_time(since_ms),
    }
    return fill(book[f"incident.{kind}.summary"], fields), fill(book[f"incident.{kind}.description"], fields)


def local_time(at_ms: int) -> str:
    """Date and time of day in Asia/Shanghai, the same in every language."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")

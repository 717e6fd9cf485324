"""A message to people, whichever way it goes."""

from typing import Literal, NamedTuple

Kind = Literal["call", "again", "end", "note"]  # again: people are called again for what they know


class Message(NamedTuple):
    """What is sent. `key` is the same for all that is said of one incident; empty where there is none."""

    title: str
    text: str
    html: str | None = None  # the same as text, for mail
    key: str = ""
    kind: Kind = "note"

"""A message to people, whichever way it goes."""

from typing import NamedTuple


class Message(NamedTuple):
    """What is sent. `key` is the same for all that is said of one incident; empty where there is none."""

    title: str
    text: str
    html: str | None = None  # the same as text, for mail
    key: str = ""
    is_end: bool = False
    is_again: bool = False  # people are called again for what they know

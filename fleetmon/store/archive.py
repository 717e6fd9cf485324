"""What is stored about a few terminals, merchants and hosts, for explanations without a daemon.

The keys of facts begin with the terminal or merchant, or with the topic, so their own index finds them: of a
merchant with 20 terminals in some 10 ms. Changes no row.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from fleetmon.engine import Fact
from fleetmon.model.episode import Episode
from fleetmon.model.incident import Incident
from fleetmon.store import past
from fleetmon.store.reading import Reading
from fleetmon.store.restore import Restored, restore

_SENDERS: Final = ("host", "merchant")  # whose facts are known by their topics
_AT_ONCE: Final = 5_000


class Archive(Reading):
    """Open for reading. Times in milliseconds since 1970."""

    def restored(self, now: int) -> Restored:
        """The fleet as it was stored last, and what goes on."""
        with self._connected() as connection:
            return restore(connection, lambda _: -1, now)

    def facts_about(self, subjects: Iterable[str], prefix: str, since: int, most: int) -> Iterator[Fact]:
        """Of each terminal, merchant or host at most so many facts, the latest; `prefix` is that of the topics."""
        with self._connected() as connection:
            for subject in subjects:
                starts = (f"{subject}/", *(f"{prefix}/{sender}/{subject}/" for sender in _SENDERS))
                for start in starts:
                    yield from past.facts_below(connection, subject, start, since, most).facts

    def episodes(self, since: int) -> list[Episode]:
        """All that ended since then."""
        found: list[Episode] = []
        with self._connected() as connection:
            while part := past.episodes(connection, since, found[-1] if found else None, _AT_ONCE):
                found += part
        return found

    def incidents(self, since: int, most: int) -> list[Incident]:
        """The latest that were over since then, the oldest first."""
        with self._connected() as connection:
            return past.incidents(connection, since, most)

"""The books of planned work: every entry in its present version, and its times.

Only what is written down: who may write, and whether it is wise, is decided before. Nobody else changes an entry.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from fleetmon.model.schedule import Entry
from fleetmon.model.window import Begun, Occurrence, Window
from fleetmon.planning.horizon import KEPT, Horizon
from fleetmon.planning.versions import over_at


class Times(Struct):
    """When a window was in force, as stored."""

    spans: list[Occurrence] = []
    begun: list[Begun] = []


class Plans:
    """Entries by id. Times in milliseconds."""

    def __init__(self) -> None:
        self.horizon = Horizon()
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, entry_id: str) -> Entry | None:
        """The present version."""
        return self._entries.get(entry_id)

    def named(self, reference: str) -> Entry | None:
        """What the writer's own system calls so; the latest that is not cancelled."""
        found = [one for one in self if one.schedule.reference == reference and one.state != "cancelled"]
        return max(found, key=lambda one: (one.since, one.id), default=None)

    def of_calendar(self, name: str) -> dict[str, Entry]:
        """The entries of a calendar, by UID."""
        return {entry.uid: entry for entry in self if entry.calendar == name}

    def restore(self, entries: Iterable[Entry], times: Mapping[str, Times], now: int) -> list[Window]:
        """Take up what was stored; the windows that the core has to know."""
        windows = []
        for entry in entries:
            known = times.get(entry.id, Times())
            self._entries[entry.id] = entry
            windows.append(self.horizon.put(entry, now, known.spans, known.begun))
        return [window for window in windows if window.occurrences]

    def put(self, entry: Entry, now: int) -> Window:
        """Take in a new version."""
        self._entries[entry.id] = entry
        return self.horizon.put(entry, now)

    def roll(self, now: int, most: int) -> list[Window]:
        """See `Horizon.roll`."""
        return self.horizon.roll(now, most)

    def occurrences(self, entry_id: str) -> Sequence[Occurrence]:
        """When it was, is and will be in force, as far as that is held."""
        return self.horizon.occurrences(entry_id)

    def forget(self, now: int) -> None:
        """Drop what is over for so long that nobody asks; the store has it."""
        self.horizon.forget(now)
        for entry in list(self):
            end = over_at(entry)
            if end is not None and max(end, entry.since) < now - KEPT:
                del self._entries[entry.id]
                self.horizon.drop(entry.id)

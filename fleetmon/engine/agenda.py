"""What is to be judged, and when: in order of time, then of rank, then of planning.

A judgement that looks at many thousands of terminals is a generator: it pauses now and then, so that
whoever drives it can let others have their turn. It is of one moment all the same, because nothing else
may change the fleet until it has ended; `next` stays at its time for so long.

An entry names its action instead of holding it: a national outage plans tens of thousands at once, and what
holds only numbers, texts and records without cycles the collector of cycles need not walk.
"""

from collections.abc import Callable, Generator, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, Final, Protocol, TypeVar

from fleetmon.model.terminal import NO_DEADLINE

PART: Final = 500  # terminals looked at in one go, about half a millisecond
T = TypeVar("T")
Parts = Generator[int, None, T]  # at each pause how many terminals it has looked at since the last; T at the end
Action = Callable[..., Parts[None] | None]  # what to do, called with its arguments and the time; None: done at once
_Timer = tuple[int, int, int, str, tuple[Any, ...]]  # due, rank, number, name of the action, its arguments


class Plan(Protocol):
    """Has something done later, see `Agenda.at`."""

    def __call__(self, due: int, rank: int, action: str, *args: object) -> None: ...  # noqa: D102


class Agenda:
    """Timers of judgements, and the judgement that is under way. Times in milliseconds."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self._actions = actions
        self._timers: list[_Timer] = []
        self._numbers = 0
        self._due = NO_DEADLINE  # of the judgement under way
        self._parts: Parts[None] | None = None

    @property
    def next(self) -> int:
        """The next time at which something is to be judged, or goes on being judged."""
        if self._parts is not None:
            return self._due
        return self._timers[0][0] if self._timers else NO_DEADLINE

    def at(self, due: int, rank: int, action: str, *args: object) -> None:
        """Have something done at `due`; of what is due at the same time the lowest rank comes first."""
        self._numbers += 1
        heappush(self._timers, (due, rank, self._numbers, action, args))

    def advance(self, now: int) -> None:
        """Do what is due first, if it is due by `now`; of a long judgement the next part."""
        if self.next > now:
            return
        if self._parts is None:
            self._due, _, _, action, args = heappop(self._timers)
            self._parts = self._actions[action](*args, self._due)
        looked = 0
        while self._parts is not None and looked < PART:
            step = next(self._parts, None)
            if step is None:
                self._parts = None
            else:
                looked += step

    def thaw(self, at: int) -> None:
        """What was put off until nobody knew when is due at `at`."""
        self._timers[:] = [(at if timer[0] == NO_DEADLINE else timer[0], *timer[1:]) for timer in self._timers]
        heapify(self._timers)

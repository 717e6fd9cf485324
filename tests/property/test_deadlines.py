"""The deadline wheel against a plain list of due times."""

from collections.abc import Iterator
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fleetmon.engine import deadlines
from fleetmon.engine.deadlines import Deadlines
from fleetmon.model.terminal import NO_DEADLINE, Cohort, Terminal

keys = st.sampled_from("abcdefgh")
steps = st.integers(0, 5) | st.integers(0, 1000) | st.sampled_from((127, 128, 129, 100_000))


class Wheel(RuleBasedStateMachine):
    """Terminals are armed, moved and let run out, in a random order."""

    @initialize(part=st.sampled_from((1, 2, 3, 1_000)))
    def look_at(self, part: int) -> None:
        """How many the wheel looks at in one go."""
        self.patch = patch.object(deadlines, "_PART", part)
        self.patch.start()

    def teardown(self) -> None:
        self.patch.stop()

    def late(self) -> Iterator[Terminal]:
        """Whoever runs out, although the wheel may stop to catch its breath."""
        while self.wheel.next <= self.now:
            if (found := self.wheel.pop(self.now)) is not None:
                yield found

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000
        self.wheel = Deadlines()
        self.terminals = {key: Terminal(key, "", "", Cohort(), 1, 1) for key in "abcdefgh"}
        self.due: dict[str, int] = {}  # the model: who is to be looked at, and when

    @rule(key=keys, step=steps)
    def arm(self, key: str, step: int) -> None:
        self.terminals[key].due = self.due[key] = self.now + step
        self.wheel.arm(self.terminals[key])

    @rule(key=keys, step=steps)
    def beat(self, key: str, step: int) -> None:
        """A heartbeat only moves the deadline on, and tells the wheel nothing."""
        if key in self.due:
            self.due[key] += step
            self.terminals[key].due = self.due[key]

    @rule(key=keys)
    def forget(self, key: str) -> None:
        if self.due.pop(key, None) is not None:
            self.terminals[key].due = NO_DEADLINE

    @rule(step=steps)
    def pass_time(self, step: int) -> None:
        self.now += step
        late = sorted((due, key) for key, due in self.due.items() if due <= self.now)
        assert [(found.due, found.id) for found in self.late()] == late
        for _, key in late:
            del self.due[key]
            self.terminals[key].due = NO_DEADLINE
        assert self.wheel.next > self.now

    @rule(step=steps, again=steps)
    def pass_time_and_arm_anew(self, step: int, again: int) -> None:
        """Whoever runs out is armed again at once, as a suspect is."""
        self.now += step
        for found in self.late():
            assert (found.due, found.id) == min((due, key) for key, due in self.due.items())
            found.due = self.due[found.id] = found.due + 1 + again
            self.wheel.arm(found)
        assert min(self.due.values(), default=NO_DEADLINE) > self.now

    @invariant()
    def nobody_is_forgotten(self) -> None:
        assert self.wheel.next <= min(self.due.values(), default=NO_DEADLINE)


TestWheel = Wheel.TestCase
TestWheel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

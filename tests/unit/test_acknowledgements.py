"""When an acknowledgement holds, and what follows when it ends: the rules, and a life of random turns."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from fleetmon.engine.acknowledgements import LATER, Acknowledgements
from fleetmon.engine.agenda import Agenda
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Shard
from fleetmon.model.acknowledgement import acknowledgement, is_worse
from fleetmon.model.audit import AuditEntry
from fleetmon.model.errors import ConflictError
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.registry import Registry
from fleetmon.model.terminal import NO_DEADLINE
from fleetmon.model.window import window_id

SHARD: Final = Shard(Fleet(Registry()))  # of which only the hearing is asked; making it takes long
WINDOW: Final = window_id("operator", "w")


def incident(**fields: Any) -> Incident:
    known: dict[str, Any] = {
        "severity": "warning",
        "pages": True,
        "opened_at": 0,
        "paged_at": 5,
        "terminals": 20,
    } | fields
    return Incident("i", "carrier_outage", (("carrier", "CMCC"),), **known)


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        ({}, {}, False),
        ({"severity": "info"}, {"severity": "warning"}, True),
        ({"severity": "warning"}, {"severity": "critical"}, True),
        ({"severity": "critical"}, {"severity": "warning"}, False),
        ({"paged_at": None}, {"paged_at": 9}, True),
        ({"paged_at": 9}, {"paged_at": 9}, False),
        ({"terminals": 20}, {"terminals": 29}, False),
        ({"terminals": 20}, {"terminals": 30}, True),
        ({"terminals": 20}, {"terminals": 5}, False),
        ({"terminals": 1}, {"terminals": 5}, False),  # four more, and five times as many
        ({"terminals": 1}, {"terminals": 6}, True),
        ({"terminals": 0}, {"terminals": 5}, True),
        ({"terminals": 1_000}, {"terminals": 1_400}, False),
    ],
)
def test_what_is_worse(before: dict[str, Any], after: dict[str, Any], worse: bool) -> None:
    known = acknowledgement(incident(**before), "wang", 10, 20, "")
    assert is_worse(incident(**after), known) is worse


class Life(RuleBasedStateMachine):
    """One paging incident after the other; now and then the process is killed and reads back what it had stored."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000
        self.shard = SHARD
        self.shard.deaf_since, self.shard.heard_since = None, 0
        self.told: list[Transition] = []
        self.audit: list[AuditEntry] = []
        self.begin([])

    def begin(self, firing: list[Incident]) -> None:
        actions: dict[str, Any] = {}
        self.agenda = Agenda(actions)
        self.incidents = Incidents()
        self.kept = Acknowledgements(self.shard, self.incidents, self.agenda.at)
        actions["acknowledged"] = self.kept.look
        for one in firing:
            self.incidents.restore(one)
            self.kept.restore(one, self.now)

    def take(self) -> None:
        self.told += self.incidents.take()
        self.audit += self.kept.take()

    @property
    def one(self) -> Incident | None:
        return next(iter(self.incidents), None)

    @property
    def acknowledged(self) -> bool:
        return self.one is not None and self.one.acknowledgement is not None

    @precondition(lambda self: self.one is None)
    @rule(planned=st.sampled_from([False, False, True]), pages=st.sampled_from([True, True, False]))
    def open(self, planned: bool, pages: bool) -> None:
        by = WINDOW if planned else None
        scope = (("carrier", "CMCC"),)
        made = self.incidents.open("carrier_outage", scope, self.now, "x", ["t"], pages=pages, suppressed_by=by)
        self.incidents.fire(made, self.now, "x")
        self.take()

    @precondition(lambda self: self.one)
    @rule(author=st.sampled_from(["wang", "li"]), lasts=st.integers(1, 50), comment=st.sampled_from(["", "on it"]))
    def acknowledge(self, author: str, lasts: int, comment: str) -> None:
        assert self.one is not None
        self.kept.put(self.one.id, author, self.now, self.now + lasts, comment)
        before = len(self.incidents._transitions)
        self.kept.put(self.one.id, author, self.now, self.now + lasts, comment)
        assert len(self.incidents._transitions) == before, "the same again is nothing new"
        self.take()

    @precondition(lambda self: self.one)
    @rule()
    def withdraw(self) -> None:
        assert self.one is not None
        self.kept.withdraw(self.one.id, "wang", self.now)
        assert not self.acknowledged
        assert not any(change.calls for change in self.incidents._transitions)
        self.take()

    @precondition(lambda self: self.one)
    @rule(more=st.integers(1, 12))
    def grow(self, more: int) -> None:
        assert self.one is not None
        self.one.terminals += more
        self.incidents.note(self.one, self.now, "grew")
        known = self.one.acknowledgement
        assert known is None or not is_worse(self.one, known)
        self.take()

    @precondition(lambda self: self.one)
    @rule(by=st.sampled_from([WINDOW, "region_outage-1"]))
    def explain(self, by: str) -> None:
        assert self.one is not None
        self.one.suppressed_by = by
        self.incidents.note(self.one, self.now, "explained")
        self.take()

    @precondition(lambda self: self.one and self.one.suppressed_by)
    @rule()
    def free(self) -> None:
        assert self.one is not None
        self.incidents.free(self.one, self.now, "outlasted")
        self.take()

    @precondition(lambda self: self.acknowledged)
    @rule()
    def clear(self) -> None:
        """It seems to be over, and then it is not."""
        assert self.one is not None
        self.one.clear_since = None if self.one.clear_since is not None else self.now

    @rule(deaf=st.booleans())
    def hear(self, deaf: bool) -> None:
        if deaf and self.shard.deaf_since is None:
            self.shard.deaf_since = self.now
        elif not deaf and self.shard.deaf_since is not None:
            self.shard.deaf_since, self.shard.heard_since = None, self.now
            self.agenda.thaw(self.now)

    @precondition(lambda self: self.one)
    @rule()
    def end(self) -> None:
        assert self.one is not None
        self.incidents.end(self.one, self.now, "over")
        self.take()

    @rule(passes=st.integers(1, 40), parts=st.integers(1, 5))
    def wait(self, passes: int, parts: int) -> None:
        self.tick(passes, parts)

    @precondition(lambda self: self.acknowledged)
    @rule(beyond=st.integers(-1, 1) | st.sampled_from([LATER, 10 * LATER]), parts=st.integers(1, 5))
    def wait_for_its_time(self, beyond: int, parts: int) -> None:
        assert self.one is not None
        assert self.one.acknowledgement is not None
        self.tick(self.one.acknowledgement.until + beyond - self.now, parts)

    def tick(self, passes: int, parts: int = 1) -> None:
        end = self.now + passes
        while self.now < end:
            self.now = min(self.now + max(passes // parts, 1), end)
            while self.agenda.next <= self.now:
                self.agenda.advance(self.now)
        known = len(self.audit)
        self.take()
        for entry in self.audit[known:]:
            assert entry.action == "lapsed"
            assert entry.at >= entry.detail["before"]["until"], "not before its time"
            assert self.one is not None
            assert self.one.clear_since is None, "what seems to be over calls nobody"
            assert self.shard.deaf_since is None, "while we hear nothing we cannot tell"

    @rule()
    def kill(self) -> None:
        stored = {change.incident.id: change.incident for change in self.told}
        firing = msgspec.json.encode([one for one in stored.values() if one.status is Status.FIRING])
        self.now += 1  # a start takes longer
        self.begin(msgspec.json.decode(firing, type=list[Incident]))

    @invariant()
    def it_ends_in_time(self) -> None:
        """Unless nobody can tell whether the incident is over."""
        if self.one is not None and self.one.acknowledgement is not None:
            held_up = self.shard.deaf_since is not None or self.agenda.next < NO_DEADLINE
            assert self.now < self.one.acknowledgement.until or held_up

    @invariant()
    def nobody_is_called_while_it_holds(self) -> None:
        """Who is called, is called for the first time, or because an acknowledgement has just ended by itself."""
        lapsed = {(entry.subject, entry.at) for entry in self.audit if entry.action == "lapsed"}
        paged: set[str] = set()
        for change in self.told:
            if change.calls and change.incident.status is Status.FIRING:
                again = change.incident.id in paged
                assert again == ((change.incident.id, change.at) in lapsed and change.incident.paged_at != change.at)
                assert change.incident.acknowledgement is None or not again
                paged.add(change.incident.id)

    @invariant()
    def each_lapse_calls_exactly_once(self) -> None:
        """Those who were called before that moment, and whom nothing else explains by then."""
        for entry in self.audit:
            if entry.action == "lapsed":
                then = [one for one in self.told if (one.incident.id, one.at) == (entry.subject, entry.at)]
                ended = [one for one in then if one.reason == entry.detail["reason"]]
                assert ended
                for one in ended:
                    known = one.incident
                    assert one.calls == (known.paged_at not in (None, entry.at) and known.suppressed_by is None)

    @invariant()
    def the_audit_tells_it_all(self) -> None:
        """Each entry begins where the one before ended, and the last is how it stands."""
        stands: dict[str, Any] = {}
        for entry in self.audit:
            assert entry.detail["before"] == stands.get(entry.subject)
            stands[entry.subject] = entry.detail["after"]
        if self.one is not None:
            assert msgspec.to_builtins(self.one.acknowledgement) == stands.get(self.one.id)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)


def test_only_what_fires_can_be_acknowledged() -> None:
    life = Life()
    with pytest.raises(ConflictError, match="Incident nothing is not firing"):
        life.kept.put("nothing", "wang", 1, 2, "")
    life.open(planned=False, pages=True)
    assert life.one is not None
    over = replace(life.one)
    life.end()
    with pytest.raises(ConflictError, match="only what is"):
        life.kept.put(over.id, "wang", 1, 2, "")
    with pytest.raises(ConflictError, match="only what is"):
        life.kept.withdraw(over.id, "wang", 1)


def test_who_saw_to_it_when_it_was_over_stays_known() -> None:
    life = Life()
    life.open(planned=False, pages=True)
    life.acknowledge("wang", 50, "on it")
    life.end()
    assert life.told[-1].incident.acknowledgement is not None
    life.tick(100)
    assert life.told[-1].incident.status is Status.RESOLVED

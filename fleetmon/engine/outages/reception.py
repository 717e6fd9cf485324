"""Whom we cannot hear although the link stands: whether a silence of very many is the fleet's or our own.

A subscription may be dead at the broker, a bridge down, an access list changed. When many of a provider miss a beat,
a sample of them, and one of everybody, is looked at, and `detect/ingest_impaired` asked whether the silence follows
anything. If it does not, it is ours: no deadline of these terminals counts until they are heard, and afterwards they
get a fresh grace, as after a lost link. A verdict that was hasty is taken back by the next looks, before it is told;
for its page it has to last from the verdict on.

Nothing is done for a heartbeat, and nothing walks the fleet: who misses a beat is counted by provider, and a sample
is looked at every few seconds while there is doubt, which costs a millisecond or two each time.
Where it can be wrong: whoever fell silent just before doubt arose has been noted as silent.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct, field

from fleetmon.detect import INGEST_IMPAIRED
from fleetmon.engine.agenda import Parts, Plan
from fleetmon.engine.deltas import LivenessChange
from fleetmon.engine.hearing import Hearing
from fleetmon.engine.outages.samples import AWAKE, Samples, Sight, arrivals
from fleetmon.engine.shard import Shard
from fleetmon.engine.work.windows import Windows
from fleetmon.model.detector import Count
from fleetmon.model.incident import Scope
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal

SETTLE: Final = 500  # from a missed beat to the look at the others
AGAIN: Final = 2_000  # between looks
MINUTE, LATELY = 60_000, 5  # missed beats count for so many minutes
FEW, ONE_IN = 5, 4  # missed beats that raise doubt: so many, and for such a part of those awake
EVERYBODY: Final = ""  # whose name is no provider's
LATEST: Final = 900_000  # from then on nobody else is waited for
_LOST: Final = 20  # of so many words one is lost, at most, on ordinary links
TOLD: Final = 20_000  # after which it is told; brokers restart, and all connections with them


class Return(Struct):
    """How those come back that could not be heard."""

    moment: int  # since which they are listened for
    since: int  # when that was noticed
    heard: int = 0  # how many of the sample, at the best
    grown_at: int = 0  # when more were heard than before
    looked: int = 0  # at who is late
    known: set[str] = field(default_factory=set)  # who was heard by then
    late: int = 0  # how many have come late since the last grace

    def grows(self, sight: Sight, at: int) -> bool:
        """Whether more are heard than before; here and there one is no more."""
        more = len(sight.heard) > self.heard + sum(map(len, sight)) // 100
        if more:
            self.heard, self.grown_at = len(sight.heard), at
        return more

    def late_come(self, sight: Sight, at: int) -> bool:
        """Whether more came whose word was due before the last look; not who comes at its time, or loses a beat."""
        due_within = self.looked - self.since
        self.late += sum([one.id not in self.known and one.wait_ms < due_within for one in sight.heard])
        self.looked = at
        self.known.update([one.id for one in sight.heard])
        if self.late <= sum(map(len, sight)) // _LOST:
            return False
        self.late = 0
        return True

    def is_steady(self, sight: Sight, at: int) -> bool:
        """Whether no more were heard for as long as two beats take."""
        return at > max(self.grown_at, self.since) + 2 * sight.beat


class Reception:
    """Judges silences of very many, and holds the deadlines of those that cannot be heard. Times in ms."""

    def __init__(self, shard: Shard, windows: Windows, hearing: Hearing, plan: Plan) -> None:
        self.on_deaf: Callable[[], None]  # told when nobody can be heard
        self.on_heard: Callable[[int], None]  # told when everybody can be heard again
        self.thaw: Callable[[int], None]  # what was put off until somebody is heard is due
        self._shard = shard
        self._samples = Samples(shard, windows)
        self._hearing = hearing
        self._plan = plan
        self._lost: dict[str, Return] = {}  # providers, or everybody
        self._returning: dict[str, Return] = {}  # the same, since they are not lost any longer
        self._undecided: dict[str, int] = {}  # of whom it was too early to say at the last look, and since when
        self._missed: dict[int, Counter[str]] = {}  # beats, by minute and provider
        self._overslept: set[str] = set()  # providers of whom somebody did not come at its opening, since the last look
        self._looked = self._due = 0  # at the sample, and when it is done next
        hearing.sound = self._sound

    # -- what happens ------------------------------------------------------------------------------

    def late(self, provider: str, at: int) -> None:
        """A terminal missed a beat: perhaps it is we who do not hear."""
        self._missed.setdefault(at // MINUTE, Counter())[provider] += 1
        self._look_at(at + SETTLE)

    def changed(self, change: LivenessChange) -> None:
        """The same of one that left a will, or was missed at its opening."""
        if change.after is Liveness.SUSPECT:
            self.late(change.cohort.provider, change.at)
        elif change.after is Liveness.DOWN and change.before is Liveness.ASLEEP:
            self._overslept.add(change.cohort.provider)
            self._look_at(change.at + SETTLE)

    def link_found(self, at: int) -> None:
        """We hear again, and everybody has a fresh grace; but the broker may have been away for them as well."""
        self._forget()  # also if nobody told that the connection before this one ended
        self._await(EVERYBODY, Return(at, at))

    def dropped(self, at: int) -> None:
        """The broker closed all connections but ours: everybody has a fresh grace, and has to come back."""
        self._await(EVERYBODY, Return(at, at))

    def link_lost(self) -> None:
        """The link itself is lost: that explains every silence, and everybody will have a fresh grace."""
        self._forget()

    def in_doubt(self, silent: Sequence[Terminal]) -> bool:
        """Whether it is too early to say that these are silent, because hardly anybody was heard since."""
        return EVERYBODY in self._undecided or all(one.cohort.provider in self._undecided for one in silent)

    # -- looks -------------------------------------------------------------------------------------

    def look(self, due: int) -> Parts[None]:
        """Judge everybody, then the providers that are in doubt."""
        if due != self._due:
            return  # there was an earlier look since
        self._looked, self._due = due, 0
        doubts, self._undecided = self._undecided, {}
        doubtful = self._doubtful(due)
        self._overslept.clear()
        if self._shard.deaf_since is not None and EVERYBODY not in self._lost:
            return
        for provider in list(self._returning):
            yield self._follow(provider, due)
        if doubtful:
            everybody = self._samples.choose(EVERYBODY)
            yield len(everybody)
            if not self._judge(EVERYBODY, everybody, everybody, due, doubts.get(EVERYBODY, due)):
                for provider in filter(None, doubtful):  # terminals without one share nothing
                    sample = self._samples.choose(provider)
                    yield len(sample)
                    self._judge(provider, sample, everybody, due, doubts.get(provider, due))
        if doubtful or self._returning:
            self._look_at(due + AGAIN)

    def _look_at(self, due: int) -> None:
        due = max(due, self._looked + AGAIN)
        if not self._due or due < self._due:
            self._due = due
            self._plan(due, 0, "reception")

    def _doubtful(self, now: int) -> list[str]:
        """Providers of whom many missed a beat lately, and those that are lost."""
        self._missed = {minute: count for minute, count in self._missed.items() if minute > now // MINUTE - LATELY}
        missed = sum(self._missed.values(), Counter[str]())
        missed[EVERYBODY] = sum(missed.values())  # terminals without a provider are judged with them
        awake = self._awake()
        many = {one for one, count in missed.items() if count >= FEW and count * ONE_IN >= awake[one]}
        return sorted(many | self._overslept | self._lost.keys())

    def _awake(self) -> Counter[str]:
        """How many ought to be heard, by provider, and in all."""
        awake = Counter[str]()
        for (provider, liveness), count in self._shard.fleet.census.providers.items():
            if liveness in AWAKE:
                awake[provider] += count
        awake[EVERYBODY] = sum(awake.values())
        return awake

    def _judge(self, provider: str, sample: list[Terminal], everybody: list[Terminal], due: int, doubted: int) -> bool:
        """Ask the detector, and let what follows from its answer follow; whether they cannot be heard.

        Who went down since it was first `doubted` tells of the same: the fast do before the slow have had their say.
        """
        loss = self._lost.get(provider)
        moment = loss.moment if loss else self._samples.moment(sample, due, doubted)
        sight, others = self._samples.see(sample, moment, due), self._samples.see(everybody, moment, due)
        told = arrivals(sight, moment, due, provider, others)
        if loss is None:
            if INGEST_IMPAIRED.breached(told):
                self._lose(provider, Return(moment, due))
            elif INGEST_IMPAIRED.undecided(told):
                self._undecided[provider] = doubted
        elif not sample or INGEST_IMPAIRED.recovered(told, not loss.grows(sight, due) and loss.is_steady(sight, due)):
            self._find(provider, "messages come again", due)
        elif due >= loss.since + TOLD:
            self._tell(provider, loss, sight, due)
        return provider in self._lost

    # -- what follows ------------------------------------------------------------------------------

    def _lose(self, provider: str, loss: Return) -> None:
        if provider == EVERYBODY:
            for known in list(self._lost):
                self._find(known, "it is the same with everybody", loss.since)
            self._shard.deaf_since = loss.since
            self.on_deaf()
        else:
            self._shard.heard_again[provider] = NO_DEADLINE
        self._lost[provider] = loss
        self._returning.pop(provider, None)

    def _tell(self, provider: str, loss: Return, sight: Sight, due: int) -> None:
        """It has lasted: that is an incident, or one more reason for it; who fell silent with others shares theirs."""
        known = self._hearing.find(_scope(provider))
        if known is not None and known.clear_since is None:
            return
        incident = self._hearing.lost(due, _scope(provider), "messages stopped", loss.since)
        if known is None:
            incident.measure([terminal.id for terminal in sight.silent])
            incident.terminals = self._awake()[provider]
            beside = [
                one for one in self._lost if one != provider and abs(self._lost[one].moment - loss.moment) < MINUTE
            ]
            first = next((other for one in beside if (other := self._hearing.find(_scope(one)))), None)
            incident.suppressed_by = (first.suppressed_by or first.id) if first else None

    def _find(self, provider: str, reason: str, due: int) -> None:
        coming = self._lost.pop(provider)
        coming.since = due
        if provider == EVERYBODY:
            self._shard.deaf_since = None
            self.on_heard(due)
        self._grant(provider, due)
        self._await(provider, coming)
        self._hearing.found(due, _scope(provider), reason)
        self.thaw(due)

    def _grant(self, provider: str, due: int) -> None:
        """Give a fresh grace."""
        if provider == EVERYBODY:
            self._shard.heard_since = due
        else:
            self._shard.heard_again[provider] = due

    def _forget(self) -> None:
        """Whom one connection could not hear another may."""
        self._lost.clear()
        self._returning.clear()
        self._undecided.clear()
        self._shard.heard_again.clear()

    def _await(self, provider: str, coming: Return) -> None:
        """Watch how they come back."""
        self._returning[provider] = coming
        self._look_at(coming.since + AGAIN)

    def _follow(self, provider: str, due: int) -> int:
        """Give a fresh grace as long as more come, later than their next beat: connecting again takes its time."""
        coming, sample = self._returning[provider], self._samples.choose(provider)
        sight = self._samples.see(sample, coming.moment, due)
        if coming.late_come(sight, due):
            self._grant(provider, due)
        if not coming.grows(sight, due) and coming.is_steady(sight, due):
            del self._returning[provider]
        if due > coming.since + LATEST:
            self._returning.pop(provider, None)
        return len(sample)

    def _sound(self, scope: Scope, since: int) -> Count:
        sample = self._samples.choose(dict(scope).get("provider", EVERYBODY))
        heard = [terminal.last_seen > since for terminal in sample if terminal.liveness in AWAKE]
        return Count(heard.count(False), heard.count(True))


def _scope(provider: str) -> Scope:
    return (("provider", provider),) if provider else ()

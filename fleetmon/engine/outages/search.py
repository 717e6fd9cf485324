"""Which outages are there? What the scan suspects and the members confirm.

The scan lays those who fell silent together beside everybody and names what they share; whether that is an outage
its members say: who of them is silent since the same moment, who was heard since, who says nothing yet.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fleetmon.detect import GROUP_DETECTORS
from fleetmon.engine.agenda import Parts
from fleetmon.engine.deltas import Move
from fleetmon.engine.fleet import suspicion
from fleetmon.engine.groups import ATTRIBUTES, covers, takes
from fleetmon.engine.hearing import audible
from fleetmon.engine.outages.scan import FEW, MOST, STALE, Scan, Suspicion, named, widest
from fleetmon.engine.shard import Shard
from fleetmon.engine.tally import Sight, burst, look, look_at_once, parts, tally_breach
from fleetmon.model.detector import GroupDetector
from fleetmon.model.incident import Alternative, Scope
from fleetmon.model.terminal import NEVER, Liveness, Terminal

_LATELY: Final = 6 * 3_600_000  # a roll-out takes hours
_MINUTES: Final = 600_000  # in which what fails bit by bit is gone: what takes longer looks like closing time
_HEARD: Final = (Liveness.UP, Liveness.SUSPECT)  # until they are down
_ROUNDS: Final = 4  # of one search: outages of different moments
_NEWS: Final = 1_000  # updates that are remembered, at most: the last of a wave
_NEWS_MS: Final = 600_000  # for which they are: the pause of a terminal
_SAY: Final = 3  # terminals that tell how others are
_SAMPLE: Final = 500  # of those looked at beside an outage, or up to twice as many


class Found(NamedTuple):
    """An outage that the members confirm."""

    detector: GroupDetector
    scope: Scope
    silent: list[Terminal]
    moment: int  # by which they had fallen silent
    beside: tuple[Alternative, ...] = ()  # what it may be else
    unsure: bool = False  # many beside it have not had their say; the slowest may not have it for an hour
    part: float = 1.0  # the share that is silent


class Search:
    """Looks when it is asked; times in ms."""

    def __init__(self, shard: Shard, explained: Callable[[Terminal], bool]) -> None:
        """`explained` tells of a terminal that an outage of shared attributes fires which has taken it."""
        self.scan = Scan(shard.fleet, shard.habits.usual)
        self._shard = shard
        self._groups = shard.fleet.groups
        self._explained = explained
        self._updated: dict[str, Move] = {}  # who told another firmware, the earliest first

    def moved(self, move: Move) -> None:
        """A terminal tells other attributes than before."""
        if move.before.firmware not in ("", move.after.firmware):
            self._updated.pop(move.terminal.id, None)
            self._updated[move.terminal.id] = move
            if len(self._updated) > _NEWS:
                del self._updated[next(iter(self._updated))]

    def find(self, late: list[Terminal], known: Sequence[Scope], now: int) -> Parts[tuple[list[Found], bool]]:
        """The outages that members confirm, and whether there are suspicions left that nobody has answered yet."""
        sight = yield from look(late, now, self._shard.heard_since)
        found: list[Found] = []
        undecided = False
        left = yield from self.unexplained(sight.silent, now)
        for _ in range(_ROUNDS):
            if len(left) < FEW:
                break
            together, _moment = yield from burst(left)
            suspicions = yield from self.scan.suspicions(together, [*known, *[one.scope for one in found]], now)
            more = yield from self._confirmed(suspicions, now)
            undecided = undecided or (bool(suspicions) and not more)
            found += [one for one in more if one.scope not in [other.scope for other in found]]
            gone = {terminal.id for one in more for terminal in one.silent} or {terminal.id for terminal in together}
            left = [terminal for terminal in left if terminal.id not in gone]
        return found, undecided

    def one_by_one(self, known: Sequence[Scope], now: int) -> Parts[list[Found]]:
        """What went down bit by bit, not at one moment: by a bad update in hours, by whatever else in minutes."""
        found: list[Found] = []
        for axes, within in ((("model", "firmware"), _LATELY), (ATTRIBUTES, _MINUTES)):
            if not found:
                suspicions = yield from self.scan.one_by_one(known, axes, now)
                found = yield from self._one_by_one(suspicions, within, now)
        return found

    def _one_by_one(self, suspicions: Sequence[Suspicion], within: int, now: int) -> Parts[list[Found]]:
        """The first suspicion of which most members went down lately, and those that did before count against it."""
        for suspected in suspicions:
            if () in suspected.scopes:
                break  # that it is everybody's is likelier than whatever comes after: shops close, too
            for scope in suspected.scopes:
                members = yield from self.unexplained(self._groups.members(scope), now)
                sight = yield from look(members, now, self._shard.heard_since)
                down = [one for one in sight.silent if one.liveness is Liveness.DOWN]
                if within < _LATELY:
                    down = yield from self._in_open_shops(down, now)
                lately = [one for one in down if one.since > now - within]
                if not lately:
                    continue
                well = yield from self._tried([one for one in members if one.liveness in _HEARD], lately, now)
                well += self._gone_on(scope, now)
                since = now - max(suspicion(one) for one in lately)
                tally = yield from tally_breach(Sight(down, well), lately, since, now)
                if detector_of(scope).breached(tally):
                    return [Found(detector_of(scope), scope, lately, since)]
        return []

    def _in_open_shops(self, down: Sequence[Terminal], now: int) -> Parts[list[Terminal]]:
        """Those who fell silent beside somebody of their shop: shops that close one by one go dark as a whole."""
        heard = dict.fromkeys([one.site for one in down], False)
        for part in parts(list(heard)):
            for site in filter(None, part):
                heard[site] = bool(look_at_once(self._groups.shop(site), now, self._shard.heard_since).others)
            yield len(part)
        return [one for one in down if heard[one.site] and not one.overslept]

    def _tried(self, others: Sequence[Terminal], down: Sequence[Terminal], now: int) -> Parts[list[Terminal]]:
        """Those who have run what they run for as long as half of those did whom it took: the rest prove nothing yet.

        Of those that were updated lately: an update that stops terminals after some minutes is well until then
        with each of them. Those taken late are not seen yet, so half is less than it will be.
        """
        enough = sorted((yield from self._have_run(down, now)))[(len(down) - 1) // 2]
        if enough > _LATELY:
            return list(others)
        ran = yield from self._have_run(others, now)
        return [one for one, lasted in zip(others, ran, strict=True) if lasted >= enough]

    def _gone_on(self, scope: Scope, now: int) -> list[Terminal]:
        """Who was of this scope until its firmware was changed, some minutes ago, and is heard.

        An update silences each for a while, and in the end most of those who have not had it yet.
        """
        lately = [one for one in self._updated.values() if one.at > now - _NEWS_MS and covers(scope, one.before)]
        return [one.terminal for one in lately if one.terminal.liveness in _HEARD and not takes(scope, one.terminal)]

    def _have_run(self, terminals: Sequence[Terminal], now: int) -> Parts[list[int]]:
        """How long each was heard since its last update; without one lately, for ages."""
        ran, timeline = list[int](), self._shard.checkup.timeline
        for part in parts(terminals):
            for one in part:
                told = timeline.of(f"terminal/{one.id}", now - _LATELY, now)
                ran.append(one.last_seen - max([it.begin for it in told if it.kind == "updated"], default=NEVER))
            yield len(part)
        return ran

    def unexplained(self, silent: Sequence[Terminal], now: int) -> Parts[list[Terminal]]:
        """Who can be heard, and is not explained by an outage of shared attributes that fires."""
        free: list[Terminal] = []
        for part in parts(silent):
            free += [one for one in audible(self._shard, part, now) if not self._explained(one)]
            yield len(part)
        return free

    def _confirmed(self, suspicions: Sequence[Suspicion], now: int) -> Parts[list[Found]]:
        """The first suspicion that its members confirm, of several causes each that they do."""
        for suspected in suspicions:
            causes: dict[Scope, Found] = {}
            for scope in suspected.scopes:
                causes |= {one.scope: one for one in (yield from self._verified(scope, now))}
            if causes:
                beside = _others(suspicions, [set(suspected.scopes), set(causes)])
                return [causes[scope]._replace(beside=beside) for scope in widest(list(causes))]
        return []

    def _verified(self, scope: Scope, now: int) -> Parts[list[Found]]:
        """The outage of a scope, if its members confirm it, by the widest name of which they do."""
        found = yield from self._told_by_members(scope, now)
        unsure, name = False, None
        while found is not None and found.scope != name:
            name = found.scope
            found, unsure = yield from self._widened(found, now)
        return [found._replace(unsure=unsure)] if found else []

    def _told_by_members(self, scope: Scope, now: int, *, waited: bool = True) -> Parts[Found | None]:
        """Whether they are silent together; with `waited`, whether of those too who need not have said anything yet."""
        members = yield from self.unexplained(self._groups.members(scope), now)
        sight = yield from look(members, now, self._shard.heard_since)
        together, moment = yield from burst((yield from self._blamed(scope, sight.silent, now)))
        name = named(scope, together)
        if not (name and together):
            return None
        sight = Sight(sight.silent, [*sight.others, *self._gone_on(scope, now)])
        tally = yield from tally_breach(sight, together, moment, now)
        detector = detector_of(name)
        if detector.breached(tally if waited else tally._replace(waiting=0)):
            return Found(detector, name, together, moment)
        quiet = now - max(moment, self._shard.heard_since)
        if quiet > STALE * max(map(suspicion, together)) or not detector.partly(tally):
            return None  # a part that has long been silent is what an outage left, or tickets by now
        return Found(detector, name, together, moment, part=len(together) / (len(together) + len(sight.others)))

    def _widened(self, found: Found, now: int) -> Parts[tuple[Found | None, bool]]:
        """The same without an attribute beside which they are silent, too; and whether it is too early to say.

        Who beats fast is late first: when models, say, differ in that, an outage of all of them begins as that of one.
        Where only a part is silent it is nobody's, if beside it half as many are: so it is on a day when all lose much.
        """
        unsure, whole = False, found.part == 1
        enough = MOST if whole else found.part / 2
        for attribute in () if whole and len(found.scope) == 1 else found.scope:
            wide = tuple([one for one in found.scope if one is not attribute])
            silent, heard, waiting = yield from self._beside(found, wide, now)
            if silent + heard < _SAY:
                unsure = unsure or 2 * waiting >= len(found.silent)
            elif silent >= enough * (silent + heard):
                wider = yield from self._told_by_members(wide, now, waited=False)
                if wider is not None and set(wider.scope) < set(found.scope):
                    return wider, False
                if not whole:
                    return None, False
        return found, unsure

    def _beside(self, found: Found, wide: Scope, now: int) -> Parts[tuple[int, int, int]]:
        """Of those whom only the wider name takes: who fell silent as well, who was heard since, and the rest."""
        near = self._groups.like(lambda cohort: covers(wide, cohort) and not covers(found.scope, cohort))
        members = yield from self.unexplained(near[:: max(len(near) // _SAMPLE, 1)], now)
        sight = yield from look(members, now, self._shard.heard_since)
        silent = sum([one.last_seen + suspicion(one) >= found.moment for one in sight.silent])
        heard = sum([one.last_seen > found.moment for one in sight.others])
        return silent, heard, len(sight.others) - heard

    def _blamed(self, scope: Scope, silent: list[Terminal], now: int) -> Parts[list[Terminal]]:
        """Those whose silence can be the fault of what they share.

        Nobody whose shop did not open, nor, of a carrier, who is silent on another network as well: that is the shop's.
        """
        dead: dict[str, bool] = {"": "carrier" not in dict(scope)}
        blamed: list[Terminal] = []
        for part in parts(silent):
            for terminal in part if not dead[""] else ():
                if terminal.site not in dead:
                    dead[terminal.site] = self._all_silent(terminal.site, now)
            blamed += [one for one in part if not one.overslept and (dead[""] or not dead[one.site])]
            yield len(part)
        return blamed

    def _all_silent(self, site: str, now: int) -> bool:
        """Whether a whole shop is silent, on more networks than one."""
        sight = look_at_once(self._groups.shop(site), now, self._shard.heard_since)
        networks = {(t.cohort.carrier, t.cohort.network) for t in sight.silent}
        return len(networks) > 1 and not sight.others


def _others(suspicions: Sequence[Suspicion], told: Sequence[set[Scope]]) -> tuple[Alternative, ...]:
    """What it may be else: causes that were told apart by what is left out now may come down to what is told."""
    others = [Alternative(tuple(dict.fromkeys(one.scopes)), round(one.share, 3)) for one in suspicions]
    return tuple([one for one in others if set(one.scopes) not in told])


def detector_of(scope: Scope) -> GroupDetector:
    """Who judges an outage of this scope: the first that names its attributes."""
    attributes = frozenset(name for name, _ in scope)
    return next(one for one in GROUP_DETECTORS if one.names(attributes))

"""Hosts that fail: incidents from what they tell of themselves (`words`) and from how terminals' requests end.

A request is only noted when it arrives; a moment later (`SETTLE`) it is asked who is to blame (`blame`). Who is
blamed is pending, and announced when that goes on for the `hold`; a host's own bad word must stand a while as well.
It works again by either kind of evidence, if that is newer than what speaks against it. Work that the host
has announced and its day's cut-over open nothing. What was heard while we were deaf, or is told late, is no evidence.
Where it can be wrong: a terminal whose clock is minutes slow seems to tell late, and is no witness.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.agenda import Action, Plan
from fleetmon.engine.deltas import HostReport
from fleetmon.engine.directory import Directory
from fleetmon.engine.hearing import not_before
from fleetmon.engine.hosts.answers import Answers, Known
from fleetmon.engine.hosts.blame import DOUBTFUL, Blame, blamed, refusing
from fleetmon.engine.hosts.cutovers import Cutovers
from fleetmon.engine.hosts.trouble import Trouble
from fleetmon.engine.hosts.waits import Waits
from fleetmon.engine.hosts.words import Words
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.outcome import Fact
from fleetmon.engine.shard import Shard
from fleetmon.engine.terminal.asked import Asked
from fleetmon.engine.work.works import Works
from fleetmon.model.days import DAY
from fleetmon.model.detector import Overlay, Reply
from fleetmon.model.events import HostHealth, Notice, Transaction
from fleetmon.model.incident import DECLINES, FAILS, SIGNED_OFF, SLOW, TURNING, Failing, Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal

SETTLE: Final = 5_000  # from a failure to its judgement, so that a burst is judged once
LOOK_AGAIN: Final = 60_000  # for what no message tells: that evidence grows old
PROMPT: Final = 120_000  # what is told later is told by who was cut off itself
MISSED: Final = 150_000  # by then witnesses without a network are missed, if they beat as is usual
STANDS: Final = 90_000  # how long a host's bad word stands before it is announced
BEFORE: Final = 120_000  # an outage has begun by so much before it was noticed

_WELL: Final = Reply.WELL  # what nearly every request ends with


class Hosts:
    """The hosts, and the incidents that follow from what is known of them."""

    def __init__(self, incidents: Incidents, works: Works, shard: Shard, plan: Plan) -> None:
        self.words = Words(self._is_unusual)
        self.answers = Answers(self._is_unusual)
        self._waits = Waits()
        self._cutovers = Cutovers()
        self.actions: Mapping[str, Action] = {"hosts": self.look, "held": self.look_at_held, "host": self.give_up}
        self._incidents = incidents
        self._works = works
        self._shard = shard
        self._plan = plan
        self._troubles: dict[str, Trouble] = {}  # of hosts with an open incident
        self._worried: set[str] = set()  # hosts whose bad word is to be looked at
        self._overlays: Mapping[str, Overlay] = {}
        self._switch = ""  # that serves everybody
        self._due = NO_DEADLINE
        self._held = 0  # until when judgements are held back

    def register(self, directory: Directory) -> None:
        """Take what the operator knows of hosts."""
        self.words.registered = self.answers.registered = self._cutovers.registered = directory.hosts.keys()
        self._overlays = directory.overlays
        self.words.overlay = directory.overlays.get
        self._switch = directory.switches[0] if len(directory.switches) == 1 else ""

    def observe(self, report: HostReport) -> None:
        """Take in what a host tells."""
        if isinstance(report.event, Notice):
            self._works.note(report.host, report.event, report.at)
        elif report.event.peer is None:
            self._health(report.host, report.event, report.at)

    def ask(self, asked: Asked) -> None:
        """Take in that a terminal's request was sent, or how it ended."""
        at, terminal, told, shard = asked.at, asked.terminal, asked.event, self._shard
        if told.stage == "requested":
            self._waits.begin(terminal.id, told)
            return
        waited = self._waits.end(terminal.id, told)
        if at - told.at > PROMPT or told.at < shard.heard_since or shard.deaf_since is not None:
            return
        acquirer, issuer = told.acquirer or terminal.cohort.acquirer, told.issuer or ""
        reply, late = self._reply(told, acquirer, waited)
        if reply is Reply.TURNING or self._cutovers:
            reply = self._turned(reply, at, acquirer, issuer)
        if reply is not _WELL and (reply is None or (reply in DOUBTFUL and not asked.steady)):
            return
        excused = reply is not _WELL and (self._is_excused(acquirer, at) or self._is_excused(issuer, at))
        if not (excused or self.answers.note(at, terminal, reply, acquirer, issuer, late=late)):
            return
        if self._troubles:
            for host in {acquirer, issuer, self._switch} & self._troubles.keys():
                if not excused or self._is_excused(host, at):  # what was open before its work goes on
                    self._weigh(host, terminal.id, reply, at, timed=waited is not None)
        if (
            reply is not _WELL
            and not excused
            and (reply is not Reply.REFUSED or self.answers.refuses(acquirer, issuer))
        ):
            self._look(at + SETTLE)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up a firing incident that was read back."""
        if incident.kind == HOST_OUTAGE.kind:
            known = incident.failing or Failing("")
            self._troubles[_host(incident)] = Trouble(incident, now, known.share, known.odd, known.sign)
            self._plan(now + DAY, 99, "host", incident)

    def recall(self, facts: Iterable[Fact]) -> None:
        """Know again what was usual."""
        waits = Waits()
        for fact in facts:
            at, key, event = fact.message.received_at, fact.message.key, fact.message.event
            if isinstance(event, HostHealth) and event.peer is None:
                self.words.recall(key, event, at)
            elif isinstance(event, Transaction) and event.stage == "requested":
                waits.begin(key, event)
            elif isinstance(event, Transaction) and at - event.at <= PROMPT:
                terminal = self._shard.fleet.terminals.get(key)
                acquirer = event.acquirer or (terminal.cohort.acquirer if terminal else "")
                reply, _ = self._reply(event, acquirer, waits.end(key, event))
                if reply is not None and reply is not Reply.TURNING:
                    self.answers.recall(at, key, reply, acquirer, event.issuer or "")

    def look(self, due: int) -> None:
        """Ask who is to blame, and for whom it is over."""
        self._due = NO_DEADLINE
        self._judge(due)

    def look_at_held(self, due: int) -> None:
        """Ask the same when what was held back may be told."""
        self._held = 0
        self._judge(due)

    def give_up(self, incident: Incident, due: int) -> None:
        """Nobody may ever tell of this host again."""
        if incident.status is Status.FIRING:
            heard_at = max(self._troubles[_host(incident)].heard_at, self._shard.heard_since)
            if due < heard_at + DAY:
                self._plan(heard_at + DAY, 99, "host", incident)
            else:
                self._end(_host(incident), incident, due, "nothing was heard of it for a day")

    # -- in ----------------------------------------------------------------------------------------

    def _health(self, host: str, health: HostHealth, at: int) -> None:
        trouble = self._troubles.get(host)
        word = self.words.note(host, health, at, was_off=trouble is not None and trouble.sign == SIGNED_OFF)
        if word is None:
            return
        if trouble is not None:
            trouble.hear(word)
        elif word.said.fails:
            self._worried.add(host)
        if trouble is not None or word.said.fails:
            self._judge(at)

    def _reply(self, told: Transaction, acquirer: str, waited: int | None) -> tuple[Reply | None, bool]:
        """How a request ended, and whether it was answered when nobody waits any more."""
        reply = HOST_OUTAGE.reply(told, self._overlays.get(acquirer))
        late = waited is not None and waited >= HOST_OUTAGE.waits_ms and reply in (_WELL, Reply.REFUSED)
        return (Reply.ODD if late else reply), late

    def _turned(self, reply: Reply | None, at: int, *hosts: str) -> Reply | None:
        """What it tells that a host changes its business day: nothing, or that it fails if it does so for too long."""
        if reply is None:
            return None
        lasts = self._cutovers.note(at, *hosts, turning=reply is Reply.TURNING)
        if reply is not Reply.TURNING:
            return reply
        troubles = [self._troubles[host] for host in hosts if host in self._troubles]
        known = any(one.incident.status is Status.FIRING for one in troubles)
        return Reply.FAILED if lasts or known else None

    def _weigh(self, host: str, terminal: str, reply: Reply, at: int, *, timed: bool) -> None:
        """A request to a host with an open incident has ended."""
        trouble = self._troubles[host]
        trouble.weigh(terminal, reply, at, self._usual(host, trouble, at), timed=timed)
        if trouble.is_over:
            self._look(at + SETTLE)

    # -- judgement ---------------------------------------------------------------------------------

    def _judge(self, now: int) -> None:
        worried, self._worried = self._worried, set()
        found = self._blamed(now)
        later = not_before(self._shard, now, self._shard.fleet.defaults.interval_s * 1000)
        for host in sorted({*found, *worried, *self._troubles}):
            trouble = self._troubles.get(host)
            if trouble is not None and trouble.incident.status is Status.FIRING:
                self._relieve(host, trouble, now)
            elif later is not None:  # only opening is ever held back
                self._worried |= worried & {host}
                self._hold(later)
            elif trouble is not None:
                self._confirm(host, trouble, found.get(host), now)
            else:
                self._open(host, found.get(host), now, worried=host in worried)

    def _blamed(self, now: int) -> dict[str, Blame]:
        firing = {host for host, one in self._troubles.items() if one.incident.status is Status.FIRING}
        recent = {
            acquirer: [one for one in requests if one.reply not in DOUBTFUL or self._is_reached(one.terminal)]
            for acquirer, requests in self.answers.recent(now).items()
        }
        found = blamed(recent, lambda host: self._known(host, now), firing, self._switch)
        if self.answers.refusing:
            found = refusing(recent, self.answers.known, {*firing, *found}, self._switch) | found
        return found

    def _open(self, host: str, blame: Blame | None, now: int, *, worried: bool) -> None:
        word = self.words.newest(host)
        is_said = worried and word is not None and word.said.fails
        is_seen = blame is not None and HOST_OUTAGE.breached(blame.replies)
        if (is_said or is_seen) and not self._is_excused(host, now):
            terminals = blame.terminals if blame is not None else ()
            sign = blame.sign if blame is not None and is_seen else word.sign if word is not None else FAILS
            if sign == FAILS and self._cutovers.lasts(host, now):
                sign = TURNING
            incident = self._incidents.open(HOST_OUTAGE.kind, _scope(host), now, sign, terminals)
            self._troubles[host] = trouble = Trouble(incident, now, sign=sign, odd=sign == SLOW)
            if blame is not None:
                trouble.share, trouble.odd = blame.share, blame.odd or trouble.odd
            self._look(now + (HOST_OUTAGE.policy.hold_ms if is_seen else STANDS))

    def _confirm(self, host: str, trouble: Trouble, blame: Blame | None, now: int) -> None:
        """Announce what goes on, or drop it."""
        incident, word, usual = trouble.incident, self.words.newest(host), self._usual(host, trouble, now)
        says = word.failing_since if word is not None else None
        due = incident.opened_at + (MISSED if blame is not None and blame.doubtful else HOST_OUTAGE.policy.hold_ms)
        stands = max(says, incident.opened_at) + STANDS if says is not None else NO_DEADLINE
        is_over = trouble.is_over and now >= min(due, stands)
        if self._is_excused(host, now) or is_over or (blame is None and says is None):
            self._end(host, incident, now, "not confirmed")
        elif now >= stands or (now >= due and blame is not None and trouble.lasts(usual)):
            if blame is not None:
                incident.measure(blame.terminals)
            incident.suppressed_by = self._above(host)
            incident.failing = Failing(trouble.sign, trouble.share, trouble.odd)
            self._incidents.fire(incident, now, trouble.sign)
            self._plan(now + DAY, 99, "host", incident)
        else:
            self._look(min([one for one in (due, stands) if one > now] + [now + LOOK_AGAIN]))

    def _relieve(self, host: str, trouble: Trouble, now: int) -> None:
        """It is over when it works for a while."""
        incident = trouble.incident
        if not trouble.is_over:
            incident.clear_since = None
            return
        if incident.clear_since is None:
            incident.clear_since = now
        over = incident.clear_since + HOST_OUTAGE.policy.keep_ms
        if now < over:
            self._look(over)
        else:
            self._end(host, incident, now, "works again", incident.clear_since)

    def _end(self, host: str, incident: Incident, now: int, reason: str, since: int | None = None) -> None:
        self._incidents.end(incident, now, reason, since)
        trouble = self._troubles.pop(host)
        if incident.status is Status.RESOLVED or trouble.is_over or self._is_excused(host, now):
            self.answers.forgive(host if host != self._switch else None)
        self._incidents.release(incident, now, "outlasted the wider outage")

    def _look(self, due: int) -> None:
        """Have it judged at `due`, unless that is planned already, or something earlier."""
        if due < self._due:
            self._due = due
            self._plan(due, 99, "hosts")

    def _hold(self, later: int) -> None:
        """Have it judged when everyone's fresh grace is over, whenever that is."""
        if self._held != later:
            self._held = later
            self._plan(later, 99, "held")

    # -- what is known -----------------------------------------------------------------------------

    def _known(self, host: str, now: int) -> Known:
        return self.answers.known(host)._replace(slow=self.words.is_slow(host, now))

    def _usual(self, host: str, trouble: Trouble, now: int) -> float:
        known = self._known(host, now)
        if trouble.sign == DECLINES and known.refused is not None:
            return known.refused
        return known.odd if trouble.odd and known.odd is not None else known.usual

    def _above(self, host: str) -> str | None:
        """The announced outage of the switch, which explains that of whoever is behind it."""
        wider = self._incidents.find(HOST_OUTAGE.kind, _scope(self._switch)) if host != self._switch else None
        return wider.id if wider is not None and wider.status is Status.FIRING else None

    def _is_reached(self, terminal: Terminal) -> bool:
        """Whether a terminal has a way to its host as far as we know, so that the host may be why nothing came."""
        return terminal.liveness is Liveness.UP and not any(True for _ in self._shard.habits.outages(terminal))

    def _is_excused(self, host: str, at: int) -> bool:
        """Whether its failing was announced, or is that of every day."""
        return self._works.windows.is_planned(host, at) or self.words.in_cutover(host, at)

    def _is_unusual(self, host: str, at: int) -> bool:
        """Whether what a host did then is no rule."""
        scope = _scope(host)
        pending = self._incidents.find(HOST_OUTAGE.kind, scope)
        known = [*self._incidents.about(scope), *([pending] if pending is not None else [])]
        return self._is_excused(host, at) or any(
            one.kind == HOST_OUTAGE.kind and one.opened_at - BEFORE <= at <= (one.resolved_at or at) for one in known
        )


def _scope(host: str) -> Scope:
    return (("host", host),)


def _host(incident: Incident) -> str:
    return incident.scope[0][1]

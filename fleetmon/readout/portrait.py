"""A terminal as people see it, from the engine's memory.

Where it can be wrong: times are those of the last known state; while we hear nothing ourselves it is
shown as `unknown`, and what happens meanwhile is only learned later.
"""

from collections.abc import Callable

from msgspec.structs import asdict

from fleetmon.detect.signs import NO_INTERNET
from fleetmon.engine import Engine
from fleetmon.engine.terminal.usage import sold_at
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Shown, Terminal, shown
from fleetmon.readout.names import names
from fleetmon.readout.sight import Sight, concerns
from fleetmon.web.ports import TerminalFilter
from fleetmon.web.views import ChangeView, Clocks, Known, NotPaying, Reach, TerminalDetail, TerminalView


class Portrait:
    """Draws terminals of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def chooser(self, wanted: TerminalFilter, provider: str | None) -> Callable[[Terminal], bool]:
        """Tells whether a terminal is among those asked for; only what is asked is compared, for it may be millions."""
        of_cohort = [(name, getattr(wanted, name)) for name in ("provider", "carrier", "region")]
        of_cohort = [(name, value) for name, value in [*of_cohort, ("provider", provider)] if value is not None]
        own = [(name, getattr(wanted, name)) for name in ("site", "merchant", "registered")]
        own = [(name, value) for name, value in own if value is not None]
        may_be = [wanted.state in (None, *self._possible(one)) for one in Liveness]  # hashing an enum is slow

        def fits(terminal: Terminal) -> bool:
            if not may_be[terminal.liveness]:
                return False
            cohort = terminal.cohort
            for name, value in of_cohort:
                if getattr(cohort, name) != value:
                    return False
            for name, value in own:  # a generator would cost more than the comparisons
                if getattr(terminal, name) != value:
                    return False
            return wanted.state in (None, self._engine.shown(terminal))

        return fits

    def view(self, terminal: Terminal) -> TerminalView:
        """What lists show."""
        return TerminalView(
            id=terminal.id,
            registered=terminal.registered,
            merchant=terminal.merchant,
            site=terminal.site,
            serial=terminal.serial,
            **asdict(terminal.cohort),
            state=self._engine.shown(terminal),
            since=terminal.since or None,
            last_seen=terminal.last_seen or None,
            interval_s=terminal.interval_ms / 1000,
        )

    def detail(self, terminal: Terminal, sight: Sight, changes: list[ChangeView] | None) -> TerminalDetail:
        """All that is known; `sight` is the reader's."""
        engine = self._engine
        return TerminalDetail(
            **asdict(self.view(terminal)),
            epoch=terminal.epoch,
            boot=terminal.boot if terminal.boot >= 0 else None,
            session=terminal.session,
            session_at=terminal.session_at or None,
            reach=self._reach(terminal),
            clocks=Clocks(
                session=terminal.session_at or None,
                heartbeat=terminal.beat_at or None,
                business=sold_at(terminal.usage) or None if terminal.usage else None,
            ),
            not_paying=self._not_paying(terminal.id),
            known=self._known(terminal),
            incidents=[
                sight.view(one, names(engine, one.scope)) for one in engine.incidents if concerns(one, terminal)
            ],
            changes=changes,
        )

    def _possible(self, liveness: Liveness) -> set[Shown]:
        """All that somebody in this state may be shown as now."""
        engine = self._engine
        heard = {not engine.deaf, not (engine.deaf or engine.shard.unheard)}
        planned = {False, bool(engine.covered)}
        return {shown(liveness, heard=one, planned=other) for one in heard for other in planned}

    def _reach(self, terminal: Terminal) -> Reach:
        if self._engine.deaf or terminal.liveness is Liveness.NEVER_SEEN:
            return "unknown"
        if terminal.liveness in (Liveness.DOWN, Liveness.ASLEEP):
            return "nobody"
        lost = self._engine.shard.checkup.worst(terminal.id, "no_host")
        return "host" if not lost else "internet" if lost < NO_INTERNET else "link"

    def _not_paying(self, key: str) -> NotPaying | None:
        reason = self._engine.shard.checkup.not_paying.get(key)
        if reason is None:
            return None
        begun = self._engine.explainer.timeline.lasting(f"terminal/{key}", "not_paying", reason)
        return NotPaying(reason, begun.begin if begun is not None else None)

    def _known(self, terminal: Terminal) -> list[Known]:
        shard = self._engine.shard
        heard = shard.heard_from(terminal.cohort.provider)
        link = Known("link", "up", heard) if heard < NO_DEADLINE else Known("link", "down", shard.deaf_since)
        known = [link, Known("state", terminal.liveness.name.lower(), terminal.since or None)]
        if terminal.will_at:
            known.append(Known("last_will", "unanswered", terminal.will_at))
        since = {one.kind: one.opened_at for one in self._engine.incidents if one.scope == (("terminal", terminal.id),)}
        for kind, codes in sorted(shard.faults.words.get(terminal.id, {}).items()):
            present = sorted(code for code, (_, _, active) in codes.items() if active)
            known += [Known(f"fault/{kind}/{code}", "present", since.get(kind)) for code in present]
        return known

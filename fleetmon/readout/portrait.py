"""A terminal as people see it, from the engine's memory.

Where it can be wrong: times are those of the last known state; while we hear nothing ourselves it is
shown as `unknown`, and what happens meanwhile is only learned later.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import asdict

from fleetmon.engine import Engine
from fleetmon.model.terminal import Cohort, Liveness, Terminal
from fleetmon.readout.sight import Sight, concerns
from fleetmon.web.ports import TerminalFilter
from fleetmon.web.views import ChangeView, Known, State, TerminalDetail, TerminalView

_STATES: Final[dict[Liveness, State]] = {
    Liveness.NEVER_SEEN: "never_seen",
    Liveness.UP: "up",
    Liveness.SUSPECT: "suspect",
    Liveness.DOWN: "down",
    Liveness.ASLEEP: "asleep",
}
_FIELDS: Final = Cohort._fields
_PROVIDER: Final = _FIELDS.index("provider")
_TOLD: Final = (Liveness.NEVER_SEEN, Liveness.ASLEEP)  # not concluded from silence, so our deafness changes nothing


class Portrait:
    """Draws terminals of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def chooser(self, wanted: TerminalFilter, provider: str | None) -> Callable[[Terminal], bool]:
        """Tells whether a terminal is among those asked for; only what is asked is compared, for it may be millions."""
        of_cohort = [(_FIELDS.index(name), getattr(wanted, name)) for name in ("provider", "carrier", "region")]
        of_cohort = [(index, value) for index, value in [*of_cohort, (_PROVIDER, provider)] if value is not None]
        own = [(name, getattr(wanted, name)) for name in ("site", "merchant", "registered")]
        own = [(name, value) for name, value in own if value is not None]
        in_state = [wanted.state in (None, self._shown(one)) for one in Liveness]  # hashing an enum is slow

        def fits(terminal: Terminal) -> bool:
            if not in_state[terminal.liveness]:
                return False
            cohort = terminal.cohort
            for index, value in of_cohort:
                if cohort[index] != value:
                    return False
            for name, value in own:  # noqa: SIM110 - a generator would cost more than the comparisons
                if getattr(terminal, name) != value:
                    return False
            return True

        return fits

    def view(self, terminal: Terminal) -> TerminalView:
        """What lists show."""
        return TerminalView(
            id=terminal.id,
            registered=terminal.registered,
            merchant=terminal.merchant,
            site=terminal.site,
            serial=terminal.serial,
            **terminal.cohort._asdict(),
            state=self._shown(terminal.liveness),
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
            known=self._known(terminal),
            incidents=[sight.view(one) for one in engine.incidents if concerns(one, terminal)],
            changes=changes,
        )

    def _shown(self, liveness: Liveness) -> State:
        return "unknown" if self._engine.deaf and liveness not in _TOLD else _STATES[liveness]

    def _known(self, terminal: Terminal) -> list[Known]:
        shard = self._engine.shard
        link = Known("link", "down", shard.deaf_since) if self._engine.deaf else Known("link", "up", shard.heard_since)
        known = [link, Known("state", _STATES[terminal.liveness], terminal.since or None)]
        if terminal.will_at:
            known.append(Known("last_will", "unanswered", terminal.will_at))
        since = {one.kind: one.opened_at for one in self._engine.incidents if one.scope == (("terminal", terminal.id),)}
        for kind, codes in sorted(shard.faults.get(terminal.id, {}).items()):
            present = sorted(code for code, (_, _, active) in codes.items() if active)
            known += [Known(f"fault/{kind}/{code}", "present", since.get(kind)) for code in present]
        return known

"""How the parts of terminals wear: readers by their counters, batteries by their charge.

Looked at about once an hour, for a rate needs time to show. What readers of a model usually do is known from all of
them; what one usually does from its own past.
Where it can be wrong: counters that begin anew between two looks lose what they had counted.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fleetmon.detect.wear import (
    ENOUGH_ERRORS,
    ENOUGH_READS,
    SINKS_AFTER,
    is_weak,
    is_well,
    is_worn,
    sinks,
    usual_errors,
)
from fleetmon.engine.terminal.usage import Usage, looked_ago
from fleetmon.model.events import Counters, Heartbeat, Power
from fleetmon.model.terminal import Terminal

_EVERY: Final = 55  # minutes
_MODELS: Final = 1_000  # terminals name them; the memory shall not keep them all
_OLD: Final = 200_000  # reads of a model, after which the old ones count half
_ENOUGH: Final = 2_000  # reads that tell what is usual for a model
_ROSE: Final = 0.02
_MOST_READS, _MOST_ERRORS = 2**32 - 1, 2**16 - 1  # that there is room for


class Found(NamedTuple):
    """What a look found: signs and how bad they are, signs that are over, and a charge that may be sinking."""

    worn: Mapping[str, float]
    well: Sequence[str] = ()
    sinking: float | None = None


class Wear:
    """What is usual for each model."""

    def __init__(self) -> None:
        self._models: dict[str, list[int]] = {}  # reads and errors

    def is_due(self, terminal: Terminal, now: int) -> bool:
        """Whether it is time for a look."""
        return not terminal.usage or looked_ago(terminal.usage, now) >= _EVERY

    def look(self, terminal: Terminal, beat: Heartbeat, now: int) -> Found:
        """Compare with the last look."""
        usage = Usage.of(terminal.usage)
        worn: dict[str, float] = {}
        well: list[str] = []
        if beat.counters is not None:
            self._reader(terminal, usage, beat.counters, worn, well)
        sinking = _battery(usage, beat.power or Power(), worn, well, now)
        terminal.usage = usage.packed()
        return Found(worn, well, sinking)

    def charge(
        self, begun: tuple[float, int], lasting: dict[str, float], power: Power | None, now: int
    ) -> tuple[float, int] | None:
        """Follow a charge from beat to beat; None when there is no more to see."""
        if power is None or power.battery is None or not power.charging:
            return None
        first, since = begun
        if power.battery >= first + _ROSE or power.battery >= 1:
            lasting.pop("sinking", None)
            return None
        if sinks(first, power.battery, now - since):
            lasting["sinking"] = power.battery
        return begun if now - since < 4 * SINKS_AFTER else (power.battery, now)

    def _reader(
        self, terminal: Terminal, usage: Usage, told: Counters, worn: dict[str, float], well: list[str]
    ) -> None:
        reads, errors = min(told.card_inserts or 0, _MOST_READS), min(told.read_errors or 0, _MOST_ERRORS)
        if reads < usage.reads or errors < usage.errors:  # the application began anew
            usage.reads = usage.errors = 0
        more, failed = reads - usage.reads, errors - usage.errors
        if more < ENOUGH_READS and failed < ENOUGH_ERRORS:
            return
        more = max(more, failed)
        usual = usual_errors(usage.usual_errors, self._usual(terminal.cohort.model))
        if is_worn(failed, more, usual):
            worn["worn_reader"] = round(100 * failed / more, 1)
        else:
            if is_well(failed, more, usual):
                well.append("worn_reader")
            usage.learn_errors(failed / more)
            self._count(terminal.cohort.model, more, failed)
        usage.reads, usage.errors = reads, errors

    def _usual(self, model: str) -> float | None:
        reads, errors = self._models.get(model, (0, 0))
        return errors / reads if reads >= _ENOUGH else None

    def _count(self, model: str, reads: int, errors: int) -> None:
        if model not in self._models and len(self._models) >= _MODELS:
            return
        counts = self._models.setdefault(model, [0, 0])
        counts[0] += reads
        counts[1] += errors
        if counts[0] > _OLD:
            counts[:] = [one // 2 for one in counts]


def _battery(usage: Usage, power: Power, worn: dict[str, float], well: list[str], now: int) -> float | None:
    before = usage.look(power.battery, power.charging, now)
    if before is None or power.battery is None or power.charging is None:
        return None
    level, was_charging, passed = before
    if power.charging:
        if was_charging and power.battery >= level + _ROSE:
            well.append("sinking")
        return power.battery if was_charging and power.battery < level else None
    if not was_charging and is_weak(level, power.battery, passed):
        worn["weak_cell"] = round(100 * (level - power.battery), 1)
    elif not was_charging and power.battery < level:
        well.append("weak_cell")
    return None

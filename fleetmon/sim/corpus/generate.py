"""From a seed to a corpus: the stories of the families, their fleet, what is heard of it, and what is true."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fleetmon.model.registry import Registry
from fleetmon.sim.chance import seeded
from fleetmon.sim.corpus.decoys import confound
from fleetmon.sim.corpus.device import Fields
from fleetmon.sim.corpus.families import FAMILIES
from fleetmon.sim.corpus.founding import Ask, Unfit
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.scene import scene
from fleetmon.sim.corpus.told import truth
from fleetmon.sim.corpus.world import World

DEVELOPMENT: Final = range(1, 100)
CALIBRATION: Final = range(100, 200)
TEST: Final = range(200, 300)
MIX: Final = {"clean": 0.34, "confounded": 0.4, "partial": 0.26}
_BYSTANDERS: Final = 4
_TWICE: Final = (  # stories of one terminal and few sales
    "terminal_offline", "sim_problem", "weak_signal", "device_fault", "clock_skew", "battery", "tamper", "keys",
    "one_sided", "entry_error", "deposit_hold", "terminal_moved",
)  # fmt: skip


class Corpus(NamedTuple):
    """A recording with its fleet and its truth."""

    lines: list[bytes]
    registry: Registry
    truth: Fields


def generate(seed: int, families: Sequence[str] | None = None, mix: Mapping[str, float] = MIX) -> Corpus:
    """Play the families, or all, in the difficulties of the mix; the same arguments give the same bytes."""
    chance = seeded(seed, "corpus")
    world = World(chance, scene(chance))
    names = [*FAMILIES, *_TWICE] if families is None else list(families)
    chance.shuffle(names)
    for number, name in enumerate(names):
        story, allowed = FAMILIES[name]
        fitting = {level: share for level, share in mix.items() if level in allowed} or dict.fromkeys(allowed, 1.0)
        difficulty = chance.choices(list(fitting), list(fitting.values()))[0]
        plot = Plot(world, name, f"{name}.{number}", difficulty, seeded(seed, f"corpus/{name}/{number}"))
        try:
            story(plot)
        except Unfit:  # the calendar of this seed has no day for it
            continue
        if plot.confounded or (difficulty == "undecidable" and plot.chance.random() < 0.6):
            confound(plot)
    for number in range(_BYSTANDERS):
        bystander = Plot(world, "ordinary", "ordinary", "clean", seeded(seed, f"corpus/ordinary/{number}"))
        bystander.shop(Ask(cycles=("T+1", "D+1", "D+0")))
    world.finish()
    lines = list(world.lines())
    return Corpus(lines, world.registry, truth(world, len(lines)))

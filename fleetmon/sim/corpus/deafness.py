"""The listener itself loses the broker for a while: heartbeats are gone, everything else comes afterwards."""

from collections.abc import Iterable, Iterator

from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.dates import MINUTE, moment
from fleetmon.sim.corpus.scene import Scene
from fleetmon.sim.corpus.speech import Line

Span = tuple[int, int]


def draw(chance: Chance, scene: Scene) -> Span | None:
    """A span of the second day, in the afternoon, in one recording of eight."""
    if chance.random() > 0.125:
        return None
    start = moment(scene.days[1]) + chance.randint(11 * 60, 16 * 60) * MINUTE
    return start, start + chance.randint(4, 25) * MINUTE


def deafened(lines: Iterable[Line], span: Span) -> Iterator[Line]:
    """What is heard all the same: nothing while it lasts, and of that only what the broker keeps."""
    start, end = span
    for line in lines:
        if not start <= line.t < end:
            yield line
        elif not line.topic.endswith("/heartbeat"):
            yield line._replace(t=end + 300 + (line.t - start) % 4000)

"""Tells a story to a new engine in chosen portions, with or without looks in between."""

from collections.abc import Callable, Iterable

from fleetmon.engine import Engine, Message
from fleetmon.model.incident import Transition
from fleetmon.model.registry import Registry

from .world import Step


def told(
    registry: Registry,
    script: Iterable[Step],
    until: int,
    *,
    batch: Callable[[], int] = lambda: 1,
    ticks: Callable[[], int] = lambda: 0,
) -> list[Transition]:
    """All transitions up to `until`. `batch` says how many messages go together, `ticks` how often to look (ms)."""
    engine = Engine(registry, max_unregistered=10)
    found: list[Transition] = []
    waiting: list[Message] = []

    def flush() -> None:
        nonlocal size
        found.extend(engine.observe(waiting).transitions)
        waiting.clear()
        size = batch()

    size = batch()
    for step in script:
        if step.message is not None:
            waiting.append(step.message)
        else:
            flush()
            found += (engine.link_down if step.what == "down" else engine.link_up)(step.at).transitions
        if len(waiting) >= size:
            flush()
        if not waiting and engine.now and (pause := ticks()):
            for now in range(engine.now, step.at + 1, pause):
                found += engine.advance(now).transitions
            found += engine.advance(step.at).transitions
    flush()
    found += engine.advance(until).transitions
    return found

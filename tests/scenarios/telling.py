"""Tells a story to a new engine in chosen portions, with or without looks in between."""

from collections.abc import Callable, Iterable, Sequence

from fleetmon.engine import Engine, Message
from fleetmon.model.incident import Transition
from fleetmon.model.registry import Registry
from fleetmon.model.window import Window
from fleetmon.working_days import working_days

from .world import Step


def told(
    registry: Registry,
    script: Iterable[Step],
    until: int,
    *,
    batch: Callable[[], int] = lambda: 1,
    ticks: Callable[[], int] = lambda: 0,
    most: int | None = None,
    windows: Sequence[Window] = (),
) -> list[Transition]:
    """All transitions up to `until`.

    `batch` says how many messages go together, `ticks` how often to look (ms), `most` how much at a time;
    `windows` are planned before.
    """
    engine = Engine(registry, working_days(registry.calendar), max_unregistered=10)
    found: list[Transition] = engine.plan(windows).transitions
    waiting: list[Message] = []

    size = batch()
    for step in script:
        if step.message is not None:
            waiting.append(step.message)
        else:
            found += flush(engine, waiting)
            found += (engine.link_down if step.what == "down" else engine.link_up)(step.at).transitions
        if len(waiting) >= size:
            found += flush(engine, waiting)
            size = batch()
        if not waiting and engine.now and (pause := ticks()):
            for now in range(engine.now, step.at + 1, pause):
                found += pass_time(engine, now, most)
            found += pass_time(engine, step.at, most)
    return [*found, *flush(engine, waiting), *engine.advance(until).transitions]


def pass_time(engine: Engine, now: int, most: int | None) -> list[Transition]:
    found = engine.advance(now, most).transitions
    while engine.behind(now):
        found += engine.advance(now, most).transitions
    return found


def flush(engine: Engine, waiting: list[Message]) -> list[Transition]:
    found = engine.observe(waiting).transitions
    waiting.clear()
    return found

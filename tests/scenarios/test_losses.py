"""The time in which nobody could pay inside planned work, in virtual time."""

from msgspec.structs import replace

from fleetmon.model.window import Occurrence, Window, window_id

from .world import HOUR, MINUTE, NOON, World, shops


def world(hours: tuple[str, ...] = ()) -> World:
    registry = shops({"bakery": ["CMCC", "CMCC"], "cafe": ["CUCC", "CUCC"]}, hours=hours)
    rows = [replace(row, provider="A" if row.site == "bakery" else "B") for row in registry.terminals]
    made = World(replace(registry, terminals=rows))
    made.start()
    made.run(10 * MINUTE)
    return made


def plan(made: World, begin: float, end: float, **selector: str) -> None:
    """In minutes since noon."""
    span = Occurrence(NOON + round(begin * 60_000), NOON + round(end * 60_000))
    key = window_id("operator", repr(selector))
    made.take(made.engine.plan([Window(key, "li", "operator", (span,), selector=selector)]))  # type: ignore[arg-type]


def watch(made: World, minutes: float) -> None:
    """Let time pass, and look every half minute as the daemon does."""
    engine = made.engine
    for _ in range(round(2 * minutes)):
        made.run(30)
        losses = engine.correlator.works.losses
        list(losses.look(engine.explainer.timeline, engine.covered, engine.now, deaf=engine.deaf))


def lost(made: World, provider: str) -> float:
    """Minutes."""
    return made.engine.correlator.works.losses.by_provider[provider] / 60_000


def test_a_silence_inside_counts_from_its_beginning_and_one_outside_does_not() -> None:
    made = world()
    watch(made, 1)
    plan(made, 0, 120, site="bakery")
    made.stop("bakery-1", "cafe-1")
    watch(made, 30)
    made.start("bakery-1", "cafe-1")
    watch(made, 30)
    assert 29 <= lost(made, "A") <= 32
    assert lost(made, "B") == 0


def test_a_silence_from_before_counts_from_the_beginning_of_the_work_to_its_end() -> None:
    made = world()
    watch(made, 1)
    plan(made, 60, 90, site="bakery")
    made.stop("bakery-1")
    watch(made, 180)
    assert 29 <= lost(made, "A") <= 31


def test_what_two_windows_cover_is_lost_once() -> None:
    made = world()
    watch(made, 1)
    plan(made, 0, 120, site="bakery")
    plan(made, 0, 120, provider="A")
    made.stop("bakery-1")
    watch(made, 40)
    assert 38 <= lost(made, "A") <= 42


def test_who_is_alive_and_cannot_pay_loses_time_as_well() -> None:
    made = world()
    watch(made, 1)
    plan(made, 0, 120, site="bakery")
    made.show("bakery-1", signed_on=False)
    watch(made, 60)
    assert made.engine.shard.checkup.not_paying["bakery-1"] == "keys"
    assert 40 <= lost(made, "A") <= 61


def test_nothing_is_lost_while_the_shop_is_closed_nor_known_while_we_are_deaf() -> None:
    closed = world(hours=("Mo-Su 14:00-20:00",))
    watch(closed, 1)
    plan(closed, 0, 60, site="bakery")
    closed.stop("bakery-1")
    watch(closed, 45)
    assert lost(closed, "A") == 0
    deaf = world()
    watch(deaf, 1)
    plan(deaf, 0, 5 * 60, site="bakery")
    deaf.stop("bakery-1")
    watch(deaf, 20)
    before = lost(deaf, "A")
    deaf.link_down()
    watch(deaf, 60)
    assert lost(deaf, "A") == before
    deaf.link_up()
    watch(deaf, 10)
    assert before < lost(deaf, "A") <= before + 11


def test_what_went_on_before_anybody_looked_is_not_counted_again_after_a_restart() -> None:
    made = world()
    plan(made, 0, 300, site="bakery")
    made.stop("bakery-1")
    made.run(2 * HOUR)
    assert lost(made, "A") == 0
    watch(made, 10)
    assert 9 <= lost(made, "A") <= 10


def test_a_night_inside_is_not_lost_when_the_shop_opens() -> None:
    """Work from 19:00 to 10:00 in a shop that trades from 8:00 to 20:00; the terminal is taken away at 19:41."""
    made = world(hours=("Mo-Su 08:00-20:00",))
    watch(made, 1)
    plan(made, 7 * 60, 22 * 60, site="bakery")
    watch(made, 450)
    made.stop("bakery-1")
    made.farewell("bakery-1", "maintenance")
    watch(made, 12 * 60 + 40)  # to 8:21
    assert 38 <= lost(made, "A") <= 42

"""What befalls a fleet by itself: faults, storms, the hours of its shops, against the published figures."""

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.model.days import DAY
from fleetmon.model.hours import Hours
from fleetmon.sim.chance import log_uniform
from fleetmon.sim.fate import Fate, Happening, Why
from fleetmon.sim.habits import QUIET, REAL, Faults, Shops
from fleetmon.sim.scenario import CarrierOutage, Effect, HostOutage, Loss, NetworkOutage, Scenario, SiteOutage
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.synthesis import synthesise

MIDNIGHT = 1_795_363_200_000  # Monday in Shanghai
FLEET = synthesise(300, 1, 60, hours=True)


def fate(settings: SimSettings, days: float, *steps: NetworkOutage) -> list[Happening]:
    return list(Fate(FLEET, Scenario("x", days * 86_400, steps), settings, MIDNIGHT).happenings())


def test_a_quiet_fleet_has_only_the_scenario() -> None:
    step = NetworkOutage(at_s=100, for_s=50, who={"carrier": "CMCC"})
    happened = fate(SimSettings(), 30, step)
    assert [(event.at_s, event.begins, event.span.step) for event in happened] == [
        (100, True, step),
        (150, False, step),
    ]


def test_happenings_are_in_order_and_come_in_pairs() -> None:
    happened = fate(SimSettings(habits=REAL), 10)
    assert [event.at_s for event in happened] == sorted(event.at_s for event in happened)
    open_spans = Counter[int]()
    for event in happened:
        open_spans[id(event.span)] += 1 if event.begins else -1
        assert open_spans[id(event.span)] in (0, 1)
    assert {event.span.why for event in happened} == set(Why) - {Why.STORY}


def test_the_same_seed_gives_the_same_fate() -> None:
    one, same, other = (fate(SimSettings(habits=REAL, seed=seed), 3) for seed in (1, 1, 2))
    assert one == same != other


def test_shops_keep_their_hours() -> None:
    shops = Shops(on_at_night=0, late_share=0, early_share=0)
    nights = [event.span for event in fate(SimSettings(habits=msgspec.structs.replace(QUIET, shops=shops)), 7)]
    hours = {site.id: Hours(site.hours) for site in FLEET.sites if site.hours}
    assert {event.why for event in nights} == {Why.NIGHT}
    assert {span.step.effect for span in nights} == {Effect.OFF, Effect.POWER}
    for number, row in enumerate(FLEET.terminals):
        mine = {(span.begin_s, span.end_s) for span in nights if number in span.struck}
        if row.site not in hours:
            assert not mine
            continue
        for minute in range(0, 7 * 1440, 7):
            s, opened = minute * 60, hours[row.site].is_open(MIDNIGHT + minute * 60_000)
            off = any(begin <= s < end for begin, end in mine)
            assert not (opened and off)


@given(st.integers(0, 6), st.integers(0, 23), st.integers(1, 30))
def test_any_start_finds_the_shop_as_its_hours_say(day: int, hour: int, length: int) -> None:
    start = MIDNIGHT + day * DAY + hour * 3_600_000
    rule = f"Mo-Su {hour:02}:00-{(hour + length) % 24:02}:30"
    fleet = msgspec.structs.replace(
        FLEET,
        sites=[msgspec.structs.replace(FLEET.sites[0], hours=[rule])],
        terminals=[row for row in FLEET.terminals if row.site == FLEET.sites[0].id],
    )
    shops = Shops(on_at_night=0, late_share=0, early_share=0, opens_before_min=(0, 0), closes_after_min=(0, 0))
    settings = SimSettings(habits=msgspec.structs.replace(QUIET, shops=shops))
    spans = [
        event.span for event in Fate(fleet, Scenario("x", 3 * 86_400), settings, start).happenings() if event.begins
    ]
    hours = Hours([rule])
    for minute in range(5, 3 * 1440, 13):
        off = any(span.begin_s <= minute * 60 < span.end_s for span in spans if 0 in span.struck)
        at = start + minute * 60_000
        if hours.is_open(at) is hours.is_open(at - 180_000):  # they come and go within two minutes
            assert off is not hours.is_open(at)


def test_shared_faults_take_whom_they_concern() -> None:
    often = Faults(carrier_per_day=1, site_line_per_day=0.2, site_power_per_day=0.2, host_per_day=1)
    happened = fate(SimSettings(habits=msgspec.structs.replace(QUIET, faults=often)), 5)
    kinds = {type(event.span.step) for event in happened}
    assert kinds >= {CarrierOutage, SiteOutage, HostOutage}
    rows = FLEET.terminals
    for event in happened:
        step, struck = event.span.step, event.span.struck
        if isinstance(step, CarrierOutage):
            assert {(rows[number].carrier, rows[number].region, rows[number].network) for number in struck} == {
                (step.who["carrier"], step.who["region"], "4g")
            }
        elif "site" in step.who:
            assert {rows[number].site for number in struck} == {step.who["site"]}
            assert len(struck) == sum(row.site == step.who["site"] for row in rows)


def test_lines_fade_as_often_as_published() -> None:
    fades = [event.span for event in fate(SimSettings(habits=REAL), 5) if event.begins and event.span.why is Why.FADE]
    away = Counter[tuple[int, int]]()
    for span in fades:
        away[span.struck[0], int(span.begin_s // 86_400)] += round(span.end_s - span.begin_s)
    cellular = sum(row.network == "4g" for row in FLEET.terminals)
    share = sum(seconds > 600 for seconds in away.values()) / (5 * cellular)
    assert 0.12 < share < 0.25  # published: more than a fifth of the stationary connections, each day
    assert all(120 <= span.end_s - span.begin_s <= 1800 for span in fades)


def test_storms_take_a_whole_carrier() -> None:
    storms = [event.span for event in fate(SimSettings(habits=REAL), 20) if event.span.why is Why.STORM]
    assert storms
    for span in storms:
        assert isinstance(span.step, Loss)
        assert {FLEET.terminals[number].carrier for number in span.struck} == {span.step.who["carrier"]}


def test_draws_are_log_uniform() -> None:
    chance = random.Random(1)
    drawn = sorted(log_uniform(chance, (1, 100)) for _ in range(10_001))
    assert drawn[5000] == pytest.approx(10, rel=0.1)
    assert log_uniform(chance, (3, 3)) == 3
    assert 0 <= log_uniform(chance, (0, 5)) <= 5

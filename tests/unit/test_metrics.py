"""The page of metrics: what planned work explains is counted, and no fleet makes more series than were promised."""

from collections.abc import Mapping

from msgspec import structs

from bench import history
from fleetmon.model.terminal import Cohort, Liveness
from fleetmon.sinks.metrics import STATES, VALUES_KEPT, everything, render
from fleetmon.sinks.planned import Planned

BUDGET = 20_000
STORY = history.Story(end=1_795_777_200)


def samples(**changes: object) -> dict[tuple[str, ...], float]:
    """By name and values of labels."""
    readings = structs.replace(history.readings(STORY, STORY.end), **changes)
    families = everything(readings)
    return {(one.name, *one.labels.values()): float(one.value) for family in families for one in family.samples}


def test_what_planned_work_explains_is_counted_and_stays_among_the_firing() -> None:
    found = samples()
    assert found["fleetmon_incidents_planned", "terminal_offline"] == 6
    assert found["fleetmon_incidents", "terminal_offline", "firing"] > 6
    assert found["fleetmon_incidents_paged", "terminal_offline"] == 0
    assert (found["fleetmon_incidents_planned", "tamper"], found["fleetmon_incidents_paged", "tamper"]) == (0, 1)
    assert found["fleetmon_windows", "active"] == 2
    assert found["fleetmon_windows", "scheduled"] == 2
    assert found["fleetmon_maintenance_terminals",] == 214


def test_without_planned_work_there_is_a_nought_and_not_nothing() -> None:
    found = samples(planned=Planned({}, 0, 0, []))
    assert (found["fleetmon_windows", "active"], found["fleetmon_maintenance_terminals",]) == (0, 0)


def test_lost_time_is_a_counter_by_provider_that_begins_at_nought() -> None:
    found = samples(planned=Planned({}, 0, 0, [], {"PRO": 90.5, "OTHER": 0.0}))
    assert found["fleetmon_maintenance_lost_payment_seconds_total", "PRO"] == 90.5
    assert found["fleetmon_maintenance_lost_payment_seconds_total", "OTHER"] == 0


def test_our_own_clock_is_told_of_also_while_nobody_contradicts_it() -> None:
    assert samples()["fleetmon_clock_offset_seconds",] == 0
    assert samples(clock_ahead_s=-3_600.0)["fleetmon_clock_offset_seconds",] == -3_600


def test_every_firmware_is_counted_until_there_are_too_many() -> None:
    found = samples(census=_census({"2.0.1": 5, "2.0.2": 3}))
    assert found["fleetmon_firmware_terminals", "2.0.1", "up"] == 5
    assert found["fleetmon_firmware_terminals", "2.0.2", "down"] == 0
    many = samples(census=_census({f"made-up-{number}": 1 for number in range(5_000)}))
    names = {key[1] for key in many if key[0] == "fleetmon_firmware_terminals"}
    assert len(names) == VALUES_KEPT + 1
    assert many["fleetmon_firmware_terminals", "__other__", "up"] == 5_000 - VALUES_KEPT


def _census(firmwares: Mapping[str, int]) -> dict[tuple[Cohort, Liveness], int]:
    return {(Cohort(firmware=name), Liveness.UP): count for name, count in firmwares.items()}


def test_no_fleet_and_no_money_make_more_series_than_were_promised() -> None:
    """Every value of every dimension, every cause at every acquirer: what nobody has and somebody may invent."""
    cohorts = [Cohort(*[f"{name}-{number}" for name in Cohort.__struct_fields__]) for number in range(2_000)]
    states = [one for one in Liveness if one.name.lower() in STATES]
    money = history.readings(STORY, STORY.end).money
    acquirers = [f"acquirer-{number}" for number in range(1_000)]
    sums = {(f"cause-{number}", acquirer): 1 for number in range(45) for acquirer in acquirers}
    stages = {(stage, acquirer): 1 for stage in ("terminal", "host", "batch", "clearing", "payout", "bank", "done")
              for acquirer in acquirers}  # fmt: skip
    money = structs.replace(
        money, overdue=sums, overdue_amount=sums, overdue_stage_amount=stages, expected_amount=stages,
        at_risk_amount=stages, unknown_codes=dict.fromkeys(acquirers[:202], 1),
    )  # fmt: skip
    found = samples(census={(cohort, state): 1 for cohort in cohorts for state in states}, money=money)
    assert BUDGET / 2 < len(found) < BUDGET


def test_the_page_tells_of_the_process_too() -> None:
    page, _ = render(history.readings(STORY, STORY.end), "text/plain")
    for name in ("cpu_seconds_total", "resident_memory_bytes", "start_time_seconds"):
        assert f"\nfleetmon_process_{name} " in page.decode()

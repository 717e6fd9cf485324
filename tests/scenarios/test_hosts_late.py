"""Hosts that answer when nobody waits any more, by their own word and by the clocks of terminals."""

import pytest

from .asking import GOOD, trading
from .test_hosts_history import restarted
from .world import MINUTE

OUTAGE = ["host_outage ACQ firing"]
RESOLVED = [*OUTAGE, "host_outage ACQ resolved"]


@pytest.mark.parametrize(("reports", "found"), [(2, []), (6, RESOLVED)])
def test_a_host_that_tells_of_long_waits_several_times_fails_until_it_tells_of_short_ones(
    reports: int, found: list[str]
) -> None:
    made = trading(4)
    for p95_ms in [300] * 20 + [20_000] * reports + [300] * 5:
        made.report(GOOD, p95_ms=p95_ms)
        made.run(MINUTE)
    assert made.hosts == found
    assert [one.reason for one in made.transitions if one.incident.kind == "host_outage"][1:] == (
        ["answers too late", "works again"] if found else []
    )


def test_long_waits_that_were_announced_are_work() -> None:
    made = trading(4)
    made.announce(60 * MINUTE)
    for p95_ms in [300] * 20 + [20_000] * 20:
        made.report(GOOD, p95_ms=p95_ms)
        made.run(MINUTE)
    assert made.hosts == []


def test_terminals_see_that_answers_come_too_late_and_that_they_come_in_time_again() -> None:
    made = trading()
    made.deal(20 * MINUTE, wait_s=lambda _: 1)
    made.deal(8 * MINUTE, wait_s=lambda _: 25)
    assert made.hosts == OUTAGE
    assert made.transitions[-1].reason == "answers too late"
    made.deal(10 * MINUTE, wait_s=lambda _: 1)
    assert made.hosts == RESOLVED


def test_waits_that_are_usual_are_no_outage_before_or_after_a_restart() -> None:
    made = trading()
    made.deal(40 * MINUTE, wait_s=lambda _: 25)
    first = made.hosts
    restarted(made, recalled=True)
    made.deal(20 * MINUTE, wait_s=lambda _: 25)
    assert made.hosts[len(first) :] in ([], ["host_outage ACQ resolved"])


def test_one_network_that_is_slow_is_not_the_host() -> None:
    made = trading()
    made.deal(20 * MINUTE, wait_s=lambda _: 1)
    made.deal(20 * MINUTE, wait_s=lambda key: 25 if made.carrier[key] == "CMCC" else 1)
    only = [key for key in made.lives if made.carrier[key] == "CMCC"]
    made.deal(20 * MINUTE, wait_s=lambda _: 25, who=only)
    assert made.hosts == []

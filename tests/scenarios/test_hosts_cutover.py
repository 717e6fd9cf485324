"""A host that changes its business day is excused, by its word and by the code of its answers, but not for ever."""

import pytest

from .asking import GOOD, Fate, Trade, fleet, for_some, trading
from .test_hosts_history import restarted
from .world import DAY, HOUR, MINUTE

OUTAGE = ["host_outage ACQ firing"]
RESOLVED = [*OUTAGE, "host_outage ACQ resolved"]
TURNING: Fate = lambda _: ("declined", "90")  # noqa: E731


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_a_cut_over_of_ten_minutes_is_that_of_every_day(share: float) -> None:
    made = trading()
    for _ in range(3):
        made.deal(10 * MINUTE, lambda sold: TURNING(sold) if made.chance.random() < share else ("approved", "00"))
        made.deal(HOUR)
    assert made.hosts == []


def test_a_few_90s_all_day_make_the_cut_over_of_the_night_no_outage() -> None:
    made = trading()
    made.deal(2 * HOUR, lambda sold: TURNING(sold) if made.chance.random() < 0.05 else ("approved", "00"))
    made.deal(10 * MINUTE, TURNING)
    made.deal(HOUR)
    assert made.hosts == []


def test_the_cut_over_of_a_host_that_is_asked_at_night_only_is_not_that_of_the_night_before() -> None:
    made = trading()
    for _ in range(3):
        made.deal(10 * MINUTE, TURNING)
        made.run(DAY)
    assert made.hosts == []


def test_a_cut_over_that_does_not_end_is_an_outage_until_it_does() -> None:
    made = trading()
    made.deal(14 * MINUTE, TURNING)
    assert made.hosts == []
    made.deal(10 * MINUTE, TURNING)
    assert made.hosts == OUTAGE
    restarted(made, recalled=True)
    made.deal(10 * MINUTE, TURNING)
    assert made.hosts == OUTAGE
    made.deal(10 * MINUTE)
    assert made.hosts == RESOLVED


def test_one_acquirer_that_does_not_end_its_cut_over_is_told_beside_others_that_go_well() -> None:
    made = trading(acquirers=("A", "B", "C"), a_minute=60)
    made.deal(25 * MINUTE, for_some(lambda sold: sold.acquirer == "A", TURNING), a_minute=60)
    assert made.hosts == ["host_outage A firing"]


def test_one_issuer_that_does_not_end_its_cut_over_is_the_issuers() -> None:
    made = trading()
    made.deal(14 * MINUTE, for_some(lambda sold: sold.issuer == "icbc", TURNING))
    assert made.hosts == []
    made.deal(10 * MINUTE, for_some(lambda sold: sold.issuer == "icbc", TURNING))
    assert made.hosts == ["host_outage icbc firing"]


def test_a_host_that_tells_of_nothing_but_its_cut_over_fails_when_that_takes_too_long() -> None:
    made = Trade(fleet(4))
    for minute in range(80):
        made.report({"90": 400} if 20 <= minute < 60 else GOOD, cutover={20: "start", 60: "end"}.get(minute))
        made.run(MINUTE)
    assert made.hosts == RESOLVED
    begun, ended = [when / MINUTE for what, _, when in made.story if what == "host_outage ACQ"]
    assert 35 < begun < 38
    assert 60 <= ended < 62

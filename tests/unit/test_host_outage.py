"""What counts as a failing host, in figures."""

import random
from typing import Any

import pytest

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.hosts.trouble import Trouble
from fleetmon.engine.hosts.usual import HALF_LIFE, Usual
from fleetmon.model.detector import Replies, Reply
from fleetmon.model.events import HostHealth, Transaction
from fleetmon.model.incident import Incident


@pytest.mark.parametrize(
    ("stage", "response", "found"),
    [
        ("requested", None, None),
        ("approved", "00", Reply.WELL),
        ("approved", None, Reply.WELL),
        ("approved", "Y1", None),
        ("uploaded", "00", Reply.WELL),
        ("declined", "51", Reply.REFUSED),
        ("declined", "A0", Reply.REFUSED),
        ("declined", "91", Reply.FAILED),
        ("declined", "92", Reply.FAILED),
        ("declined", "96", Reply.FAILED),
        ("declined", "98", Reply.FAILED),
        ("declined", "68", Reply.FAILED),
        ("declined", "90", Reply.TURNING),
        ("declined", "Q7", Reply.ODD),
        ("declined", None, Reply.ODD),
        ("unanswered", None, Reply.LOST),
        ("stored", None, Reply.ODD),
        ("stored", "Y1", None),
    ],
)
def test_what_a_stage_tells_of_a_host(stage: Any, response: str | None, found: Reply | None) -> None:
    told = Transaction(at=1, boot=1, seq=1, id="x", kind="sale", stage=stage, amount=1, response=response)
    assert HOST_OUTAGE.reply(told, None) is found


def test_an_acquirers_own_meaning_of_a_code_outranks_the_table() -> None:
    told = Transaction(at=1, boot=1, seq=1, id="x", kind="sale", stage="declined", amount=1, response="96")
    assert HOST_OUTAGE.reply(told, {"96": "card"}) is Reply.REFUSED
    health = HostHealth(at=1, window_s=60, requests=100, codes={"00": 40, "96": 50, "Q7": 10})
    assert HOST_OUTAGE.told(health, None) == 50
    assert HOST_OUTAGE.told(health, {"96": "card", "Q7": "host"}) == 10


@pytest.mark.parametrize(
    ("requests", "failed", "usual", "breached"),
    [
        (1_000, 60, 0.05, False),  # six in a hundred where five are usual
        (100, 75, 0.05, True),  # fifteen times the usual
        (100, 15, 0.01, True),
        (100, 3, 0.01, False),
        (10_000, 300, 0.002, False),  # fifteen times next to nothing is nearly nothing
        (3, 3, 0.02, True),
        (3, 3, 0.1, False),  # nothing is known, so a chance
        (8, 8, 0.1, True),
        (1_000, 300, 0.1, False),
        (1_000, 450, 0.1, True),
        (100, 95, 0.5, False),
        (1_000, 990, 0.5, True),
        (0, 0, 0.1, False),
    ],
)
def test_how_many_failures_are_an_outage(requests: int, failed: int, usual: float, breached: bool) -> None:
    assert HOST_OUTAGE.breached(Replies(requests, failed, usual)) is breached


def test_with_slow_answers_less_is_enough_but_never_nothing() -> None:
    few = Replies(100, 12, 0.01)
    assert not HOST_OUTAGE.breached(few)
    assert HOST_OUTAGE.breached(few._replace(slow=True))
    assert not HOST_OUTAGE.breached(Replies(1_000, 0, 0.01, slow=True))
    assert HOST_OUTAGE.slow(4_000, 900)
    assert not HOST_OUTAGE.slow(3_000, 900)
    assert not HOST_OUTAGE.slow(1_000, 100)


def test_a_hosts_own_word() -> None:
    def word(requests: int, failed: int, **fields: Any) -> tuple[bool, bool]:
        health = HostHealth(at=1, window_s=60, requests=requests, codes={}, **fields)
        replies = Replies(requests, failed, 0.01)
        return HOST_OUTAGE.fails(health, replies), HOST_OUTAGE.works(health, replies)

    assert word(100, 0) == (False, True)
    assert word(100, 60) == (True, False)
    assert word(100, 7) == (False, False)
    assert word(9, 9) == (False, False), "of so few nothing can be told"
    assert word(100, 0, signed_on=False) == (True, False)
    assert word(0, 0) == (False, False)
    assert word(0, 0, signed_on=True) == (False, True)


@pytest.mark.parametrize(("share", "answers"), [(0.0, 8), (0.95, 8), (0.5, 9), (0.3, 19), (0.15, 50)])
def test_the_less_had_failed_the_more_answers_show_that_it_is_over(share: float, answers: int) -> None:
    each = HOST_OUTAGE.relief(0.01, share, answered=True)
    assert HOST_OUTAGE.relieved / each == pytest.approx(answers, abs=1)
    assert HOST_OUTAGE.relief(0.01, share, answered=False) < -each


@pytest.mark.parametrize("usual", [0.7, 1 - 1e-9, 1.0])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_host_that_never_did_what_is_asked_for_gives_no_relief_that_cannot_be(usual: float, share: float) -> None:
    """An issuer that declines whatever this fleet asks it for."""
    assert (
        -1 <= HOST_OUTAGE.relief(usual, share, answered=False) <= HOST_OUTAGE.relief(usual, share, answered=True) <= 1
    )


@pytest.mark.parametrize("share", [0.15, 0.3, 0.6])
def test_a_long_partial_outage_has_no_end_by_chance_and_ends_when_the_host_works(share: float) -> None:
    """A good stretch comes by itself every few hundred requests; two days of them are one outage."""
    luck = random.Random(7)
    trouble = Trouble(Incident("i", "host_outage", (("host", "A"),), "critical", pages=True, opened_at=0), 0, share)
    ended = []
    for number in range(50_000):
        reply = Reply.FAILED if luck.random() < share else Reply.WELL
        trouble.weigh(f"t{number % 50}", reply, number * 1_000, 0.01, timed=True)
        ended += [number] * trouble.is_over
    assert ended == []
    well = 0
    while not trouble.is_over:
        trouble.weigh("t1", Reply.WELL, 50_000_000 + well, 0.01, timed=True)
        well += 1
    assert well * HOST_OUTAGE.relief(0.01, share, answered=True) < 3 * HOST_OUTAGE.relieved


def test_what_is_usual_fades_and_does_not_mind_order() -> None:
    told = [(day * HALF_LIFE // 7, float(day % 3), 10.0) for day in range(30)]
    there, back = Usual(), Usual()
    for at, total, weight in told:
        there.learn(at, total, weight)
    for at, total, weight in reversed(told):
        back.learn(at, total, weight)
    assert there.mean() == pytest.approx(back.mean())
    assert there.weight == pytest.approx(back.weight)
    there.learn(30 * HALF_LIFE, 50, 100)
    assert there.mean() == pytest.approx(0.5, abs=0.001)
    assert Usual().mean(0.1, 30) == 0.1
    assert Usual().mean(0.1) == 0.1

"""What on-call reads of a host that fails: how it fails, how much of it, and who saw it."""

from collections.abc import Callable

import pytest

from fleetmon.locale import LANGUAGES, describe
from fleetmon.readout.situations import Situations

from .asking import BAD, DOWN, GOOD, Fate, Trade, fleet, trading
from .test_hosts_history import restarted
from .world import HOUR, MINUTE

NO: Fate = lambda _: ("declined", "05")  # noqa: E731
TURNING: Fate = lambda _: ("declined", "90")  # noqa: E731


def failing() -> Trade:
    made = trading()
    made.deal(5 * MINUTE, DOWN)
    return made


def declining() -> Trade:
    made = trading()
    made.deal(6 * MINUTE, NO)
    return made


def turning() -> Trade:
    made = trading()
    made.deal(24 * MINUTE, TURNING)
    return made


def reporting(*, signed_on: bool = True, p95_ms: int = 400, codes: dict[str, int]) -> Trade:
    made = Trade(fleet(4))
    for minute in range(50):
        well = minute < 20
        made.report(GOOD if well else codes, signed_on=well or signed_on, p95_ms=400 if well else p95_ms)
        made.run(MINUTE)
    return made


@pytest.mark.parametrize(
    ("fail", "zh", "en"),
    [
        (failing, "大量请求失败，应答为 68、91、92、96、98 或没有应答", "many requests fail there, with 68, 91, 92,"),
        (declining, "几乎拒绝所有交易", "it declines nearly everything, whatever the card"),
        (turning, "日切（90）迟迟没有结束", "it changes its business day (90), and that does not end"),
        (lambda: reporting(codes=BAD), "大量请求失败", "many requests fail there"),
        (lambda: reporting(codes={"05": 400}), "几乎拒绝所有交易", "it declines nearly everything"),
        (lambda: reporting(codes={"90": 400}), "日切（90）迟迟没有结束", "and that does not end"),
        (lambda: reporting(codes=GOOD, p95_ms=15_000), "应答过慢", "it answers so late that customers give up"),
        (lambda: reporting(codes={}, signed_on=False), "已签退", "it has signed off"),
    ],
)  # fmt: skip
def test_a_page_says_how_the_host_fails_and_after_a_restart_too(fail: Callable[[], Trade], zh: str, en: str) -> None:
    made = fail()
    for _ in range(2):
        told = [_told(made, language) for language in LANGUAGES]
        assert f"起{zh}" in told[0]
        assert f": {en}" in told[1] or f", {en}" in told[1]
        restarted(made, recalled=True)


def test_a_page_says_how_much_fails_and_at_how_many_terminals() -> None:
    made = declining()
    seen = made.last("host_outage").terminals
    assert seen > 30
    assert f"（发现时占所见请求的 100%，涉及 {seen} 台终端）" in _told(made, "zh")
    assert f" (when it was told: 100% of the requests that were seen, at {seen} terminals)." in _told(made, "en")
    assert "terminals" not in _told(reporting(codes=BAD), "en"), "nobody but the host itself has told"


def test_of_an_outage_that_is_over_it_is_still_said_how_the_host_failed() -> None:
    made = declining()
    made.deal(HOUR)
    assert made.last("host_outage").resolved_at is not None
    assert "it declines nearly everything" in _told(made, "en")


def _told(made: Trade, language: str) -> str:
    one = made.last("host_outage")
    situation = Situations(made.engine).of(one)
    return describe(one.kind, dict(one.scope), one.terminals, one.began, language, situation)[1]  # type: ignore[arg-type]

"""A restart in the middle of late money: what was told before comes back in parts, beside what is told now."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from fleetmon.engine import Fact, Outcome
from fleetmon.model.cause import Explanation
from fleetmon.model.episode import Episode
from fleetmon.model.events import HostHealth, Net, Notice
from fleetmon.model.incident import Incident, Status
from fleetmon.model.settlement import Settlement
from fleetmon.model.terminal import NO_DEADLINE

from .market import DUE, OVERDUE, TODAY, YUAN, Market, merchants
from .world import HOUR, NOON


class Kept(Market):
    """A market with a store: what the engine brings about outlives it."""

    def __init__(self, patient: int | None = None) -> None:
        self.facts: list[Fact] = []
        self.episodes: dict[tuple[str, str, str, int], Episode] = {}
        self.settlements: dict[tuple[str, str], Settlement] = {}
        self.incidents: dict[str, Incident] = {}
        registry = merchants(3)
        rows = [*registry.merchants[:2], replace(registry.merchants[2], grace_s=patient)]
        super().__init__(replace(registry, merchants=rows))

    def take(self, outcome: Outcome) -> None:
        super().take(outcome)
        self.facts += outcome.facts
        self.episodes |= {(one.topic, one.kind, one.code, one.begin): again(one) for one in outcome.episodes}
        self.settlements |= {(one.merchant, one.business_date): one for one in outcome.settlements}
        self.incidents |= {change.incident.id: change.incident for change in outcome.transitions}

    def die(self, away_s: float = 60) -> list[Fact]:
        """Killed, and back after a while; what it has to recall is returned."""
        told, records = list(self.facts), self.records()
        episodes, settlements = list(self.episodes.values()), list(self.settlements.values())
        self.now += round(away_s * 1000)
        self.restart(records)
        notices = [fact.message for fact in told if isinstance(fact.message.event, Notice)]
        self.engine.resume(
            [one for one in episodes if one.end == NO_DEADLINE], notices, [one for one in settlements if one.overdue]
        )
        self.link_up()
        return told

    def recall(self, facts: Sequence[Fact]) -> None:
        over = [one for one in self.incidents.values() if one.status is Status.RESOLVED]
        ended = [one for one in self.episodes.values() if one.end != NO_DEADLINE]
        self.engine.recall(facts, list(map(again, ended)), over)

    def recover(self, away_s: float = 60) -> None:
        self.recall(self.die(away_s))
        self.engine.recalled(NOON - 40 * 24 * HOUR * 1000)

    def money(self) -> list[tuple[Any, ...]]:
        """Every word on late money: whose, what, when it opened, whether people were called."""
        return [
            (dict(one.scope)["merchant"], one.status.value, one.opened_at, one.paged_at)
            for change in self.transitions
            if (one := change.incident).kind == "settlement_overdue" and change.before is not one.status
        ]

    def explained(self) -> list[Explanation]:
        return sorted(self.engine.explainer.unpaid(self.engine.now), key=lambda one: one.sale.terminal)


def again(one: Episode) -> Episode:
    return msgspec.json.decode(msgspec.json.encode(one), type=Episode)


@pytest.fixture
def late() -> Kept:
    """Three merchants sold for 20,000 yuan each, the second was paid, and it is an hour after the grace."""
    made = Kept()
    for key in made.lives:
        made.sell(key)
    made.until(DUE - HOUR)
    made.pay("m2")
    made.until(OVERDUE + HOUR)
    return made


def test_a_restart_says_nothing_new_and_explains_the_same(late: Kept) -> None:
    told, said = late.money(), late.explained()
    assert [one[:2] for one in told] == [("m1", "pending"), ("m1", "firing"), ("m3", "pending"), ("m3", "firing")]
    late.recover()
    late.run(HOUR)
    assert late.money() == told
    assert [one.findings[0].cause for one in late.explained()] == [one.findings[0].cause for one in said]
    assert dict(late.engine.arrears.totals) == {("unknown", "ACQ", NOON // 86_400_000): 40_000 * YUAN}


def test_no_money_is_late_while_the_past_is_not_all_read(late: Kept) -> None:
    """The sale of the paid merchant comes back before its payout does."""
    told = late.money()
    facts = late.die()
    late.recall(facts[:-1])
    late.link_down()
    late.run(HOUR)
    late.link_up()  # hearing again does not make the past known
    late.run(3 * HOUR)
    assert late.engine.arrears.deaf
    assert late.money() == told
    late.recall(facts[-1:])
    late.engine.recalled(0)
    late.run(HOUR)
    assert late.money() == told


def test_the_past_alone_calls_nothing_late_while_the_link_is_down(late: Kept) -> None:
    late.recall(late.die())
    late.link_down()
    late.engine.recalled(0)
    assert late.engine.arrears.deaf


def test_what_was_paid_meanwhile_is_resolved_once(late: Kept) -> None:
    facts = late.die()
    late.pay("m1")
    late.recall(facts)
    late.engine.recalled(0)
    late.run(HOUR)
    ends = [one[:2] for one in late.money() if one[1] == "resolved"]
    assert ends == [("m1", "resolved")]
    assert late.settlements["m1", TODAY].overdue == 0


def test_who_turns_late_after_the_restart_pages_nobody_again() -> None:
    """The third merchant has three hours of grace: late for the same reason, at the same acquirer, on the same day."""
    made = Kept(patient=3 * HOUR)
    for key in made.lives:
        made.sell(key)
    made.until(OVERDUE + HOUR)
    paged = [one for one in made.incidents.values() if one.paged_at is not None]
    assert len(paged) == 1
    made.recover()
    made.run(4 * HOUR)
    third = [one for one in made.incidents.values() if dict(one.scope).get("merchant") == "m3"]
    assert [(one.paged_at, one.suppressed_by) for one in third] == [(None, paged[0].id)]


def test_the_sums_of_a_business_date_are_told(late: Kept) -> None:
    one, paid = late.settlements["m1", TODAY], late.settlements["m2", TODAY]
    assert (one.cause, one.acquirer, one.expected, one.overdue, one.paid) == (
        "unknown", "ACQ", 20_000 * YUAN, 20_000 * YUAN, 0,
    )  # fmt: skip
    assert (paid.cause, paid.expected_count, paid.paid_count, paid.overdue_count) == ("", 1, 1, 0)


# -- what goes on besides --------------------------------------------------------------------------


def test_a_sign_that_was_open_ends_with_the_next_good_beat() -> None:
    made = Kept()
    made.beat("t1", net=Net(type="4g", rssi_dbm=-115))
    made.die()
    made.beat("t1", net=Net(type="4g", rssi_dbm=-70))
    weak = [one for one in made.engine.explainer.timeline.of("terminal/t1", 0, made.now) if one.kind == "weak"]
    assert [(one.begin, one.end) for one in weak] == [(NOON, made.now)]
    assert made.episodes["terminal/t1/heartbeat", "weak", "", NOON].worst == -115


def test_a_silence_that_the_snapshot_does_not_know_of_is_over() -> None:
    made = Kept()
    made.run(HOUR)
    records = made.records()
    made.stop("t1")
    while not any(one.kind == "silent" for one in made.episodes.values()):
        made.run(60)
    silent = next(one for one in made.episodes.values() if one.kind == "silent")
    made.restart(records)
    made.engine.resume([again(silent)], [], [])
    made.link_up()
    ended = [one for one in made.episodes.values() if one.kind == "silent" and one.end != NO_DEADLINE]
    assert [one.begin for one in ended] == [silent.begin]


@pytest.mark.parametrize("backwards", [False, True])
def test_an_update_is_seen_over_a_restart_and_only_once(backwards: bool) -> None:
    made = Kept()
    for version in ("1.0", "1.1"):
        made.birth("t1", firmware=version, app="5")
        made.run(60)
    facts = made.die()
    made.recall(facts[::-1] if backwards else facts)
    made.birth("t1", firmware="1.1")
    made.birth("t1", firmware="1.2")
    updates = [
        one.code for one in made.engine.explainer.timeline.of("terminal/t1", 0, made.now) if one.kind == "updated"
    ]
    assert updates == ["1.0->1.1", "1.1->1.2"]


def test_work_that_was_announced_before_pages_nobody_after() -> None:
    made = Kept()
    made.announce(HOUR, 9 * HOUR, "card")
    made.run(2 * HOUR)
    made.die()
    for _ in range(5):
        made.run(60)
        made.tell("host/ACQ/health", HostHealth(at=made.now, window_s=60.0, requests=100, codes={"91": 100}))
    assert not [word for word in made.words if word.startswith("host_outage")]


# -- forgetting ------------------------------------------------------------------------------------


def test_what_is_paid_and_old_is_dropped_and_what_is_late_stays(late: Kept) -> None:
    late.run(6 * 24 * HOUR)
    for _ in late.engine.forget(late.now):
        pass
    assert {one.merchant for book in late.engine.explainer.ledger.books.values() for one in book.sales.values()} == {
        "m1",
        "m3",
    }
    assert late.engine.arrears.outlook.open_sales == 2


def test_what_nobody_can_know_any_longer_is_not_called_paid(late: Kept) -> None:
    late.run(45 * 24 * HOUR)
    for _ in late.engine.forget(late.now):
        pass
    late.pay("m1", name="other", business_date="2026-11-01")
    late.run(1)
    reasons = [change.reason for change in late.transitions if change.incident.status is Status.RESOLVED]
    assert reasons == ["too long ago"]

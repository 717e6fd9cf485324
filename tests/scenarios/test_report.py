"""A night is told as it was: minutes and yuan to the last, gaps as gaps, and nobody's but one's own."""

from datetime import datetime

import msgspec
import pytest
from msgspec.structs import replace

from fleetmon.model.events import INT64_MAX, HostHealth, Selector, Transaction
from fleetmon.model.window import Occurrence, Window
from fleetmon.web.report.picture import picture
from fleetmon.web.report.text import subject, text
from fleetmon.web.windows import SpanView, WindowView

from .market import OVERDUE
from .night import SHOPS, Make, Night, silence
from .world import DAY, HOUR, MINUTE, NOON

LASTED = HOUR + MINUTE  # from the last heartbeat before an hour of silence until the first after it


async def test_an_outage_costs_its_minutes_and_its_sales(night: Make) -> None:
    made = night()
    silence(made, *made.a)
    made.until(6 * HOUR)
    found = await made.report(6)
    [one] = found.happened
    assert (one.kind, one.scope, one.actor) == ("carrier_outage", {"carrier": "CMCC", "region": "north"}, "carrier")
    assert (one.lost_s, one.lost_terminals, one.terminals) == (SHOPS * LASTED, SHOPS, SHOPS)
    sales = SHOPS * 2 * LASTED / HOUR
    assert one.missed_sales == pytest.approx(sales)
    assert (one.missed, one.unjudged) == (round(sales * 5_000), 0)
    assert (one.status, one.late, one.waiting, found.open) == ("resolved", None, 0, [])
    assert (found.payments.lost_s, found.payments.unexplained_s) == (one.lost_s, 0)
    assert found.payments.availability == pytest.approx(1 - SHOPS * LASTED / (2 * SHOPS * 6 * HOUR), abs=0.001)
    assert [(hour.begin.hour, hour.down_s) for hour in found.hours if hour.down_s] == [
        (13, SHOPS * 60 - sum(_phases(made))),
        (14, SHOPS * HOUR),
        (15, sum(_phases(made))),
    ]
    assert "732 min of payment (terminals: 12); about 24.4 sales missed, ¥1,220.00 (estimate)" in text(found, "en")
    assert "12 台终端共 732 分钟收款时间；约少做 24.4 笔、¥1,220.00（估计）" in text(found, "zh")


def _phases(made: Night) -> list[float]:
    return [number * 7919 % 60_000 / 1000 for number, row in enumerate(made.registry.terminals) if row.id in made.a]


async def test_the_minutes_before_an_outage_was_noticed_are_its_own(night: Make) -> None:
    """Also in a report of a span that begins in them."""
    made = night()
    silence(made, *made.a)
    made.until(6 * HOUR)
    [over] = (await made.report(6)).happened
    begin = 2 * HOUR + 30  # after the last of them was heard, and before anybody could know
    assert round(over.begin.timestamp()) - NOON // 1000 <= 2 * HOUR < begin
    found = await made.report((6 * HOUR - begin) / HOUR)
    [one] = found.happened
    assert one.lost_s == pytest.approx(sum(_phases(made)) + SHOPS * (HOUR - 30))
    assert found.payments.unexplained_s == 0


async def test_the_minutes_of_a_group_that_flaps_are_of_its_flapping(night: Make) -> None:
    made = night()
    for number in range(5):
        silence(made, *made.a, begin=2 * HOUR + number * 10 * MINUTE, lasts=5 * MINUTE)
    made.until(6 * HOUR)
    found = await made.report(6)
    assert sorted(one.kind for one in found.happened) == ["carrier_outage", "flapping"]
    assert found.payments.unexplained_s == 0
    [flaps] = [one for one in found.happened if one.kind == "flapping"]
    assert flaps.lost_s == pytest.approx(4 * SHOPS * 6 * MINUTE)


async def test_sales_kept_inside_are_not_missed(night: Make) -> None:
    made = night()
    made.until(2 * HOUR)
    made.stop(*made.a)
    made.until(3 * HOUR)
    made.start(*made.a)
    for number in range(2):
        at, life = made.now - 1_800_000, made.lives["a1"]
        life.seq += 1
        made.say("a1", Transaction(at, 1, life.seq, f"kept{number}", "sale", "stored", 5_000))
    made.until(6 * HOUR)
    one = next(one for one in (await made.report(6)).happened if one.kind == "carrier_outage")
    assert one.missed_sales == pytest.approx((SHOPS * LASTED / HOUR - 1) * 2, abs=0.1)


async def test_too_little_known_is_said_and_not_guessed(night: Make) -> None:
    made = night()
    for terminal in made.engine.fleet.terminals.values():
        terminal.usage = b""
    silence(made, *made.a)
    made.until(6 * HOUR)
    found = await made.report(6)
    [one] = found.happened
    assert (one.missed_sales, one.missed, one.unjudged, one.lost_s) == (None, None, SHOPS, SHOPS * LASTED)
    assert "not estimated" in text(found, "en")
    assert "¥" not in text(found, "en")


async def test_one_terminal_is_its_own_incident_and_what_fits_none_is_told_by_itself(night: Make) -> None:
    made = night()
    silence(made, "b5", lasts=2 * HOUR)
    made.until(6 * HOUR)
    found = await made.report(6)
    [one] = found.happened
    assert (one.kind, one.scope, one.lost_s) == ("terminal_offline", {"terminal": "b5"}, LASTED + HOUR)
    assert "Terminal b5 (Noodle 5, shop5, north) is offline" in text(found, "en")
    assert found.payments.unexplained_s == 0
    made.until(7 * HOUR)
    later = await made.report(1)
    assert (later.happened, later.payments.lost_s, later.payments.availability) == ([], 0, 1.0)


async def test_who_cannot_pay_while_its_acquirer_fails_is_the_acquirers_and_the_report_says_how(
    night: Make,
) -> None:
    """The host's own word is all there is of the outage, so no terminals are counted for it."""
    made = night()
    other = [replace(one, acquirer="OTHER") if one.id == "b3" else one for one in made.registry.terminals]
    made.engine.register(replace(made.registry, terminals=other))
    made.until(2 * HOUR)
    for number in range(30):
        made.tell("host/ACQ/health", HostHealth(at=made.now, window_s=60, requests=60, codes={"91": 60}))
        for who in ("a1", "a2", "b3"):
            made.sell(who, f"no{number}", stage="declined", response="91", rrn=None)
        made.run(MINUTE)
    found = await made.report(3)
    [one] = [one for one in found.happened if one.kind == "host_outage"]
    assert (one.scope, one.failing, one.lost_terminals) == ({"host": "ACQ"}, "fails", 2)
    assert one.lost_s is not None
    assert one.lost_s > 2 * 15 * MINUTE
    assert found.payments.unexplained_s > 15 * MINUTE, "of b3, whose acquirer is another"
    made.device("a1", "CardJam", "set", component="reader")
    made.run(MINUTE)
    of_reader = [one for one in (await made.report(3)).happened if one.kind == "device_fault"]
    assert [one.lost_s for one in of_reader] == [None], "all was lost before it broke"
    assert "; many requests fail\n" in text(found, "en")
    assert "；大量请求失败\n" in text(found, "zh")


async def test_what_goes_on_is_open_and_counted_until_now(night: Make) -> None:
    made = night()
    made.until(2 * HOUR)
    made.stop(*made.a)
    made.until(4 * HOUR)
    found = await made.report(3)
    [one] = found.happened
    assert (one.end, found.open) == (None, [one.id])
    assert one.lost_s == pytest.approx(SHOPS * (2 * HOUR + MINUTE) - sum(_phases(made)))
    assert (found.payments.level, found.payments.expected, found.payments.paying) == ("bad", 24, 12)
    said = text(found, "en")
    assert "now (open)" in said
    assert "people were called, nobody has acknowledged it" in said
    made.take(made.engine.acknowledge(made.now, one.id, "wang", made.now + 3_600_000))
    assert "acknowledged by wang" in text(await made.report(3), "en")


async def test_sales_in_silent_terminals_wait_and_are_at_risk(night: Make) -> None:
    made = night()
    made.until(2 * HOUR)
    for key in ("a1", "a2"):
        made.sell(key, "kept", stage="stored", amount=1_000_000)
    made.stop(*made.a)
    made.until(4 * HOUR)
    found = await made.report(6)
    assert found.happened[0].waiting == 2_000_000
    assert (found.money.level, found.money.at_risk, found.money.at_risk_merchants) == ("warning", 2_000_000, 2)
    first = found.at_risk[0]
    assert (first.name, first.amount, first.reasons, first.today) == (
        "Noodle 1",
        1_000_000,
        {"in_terminal": 1_000_000},
        False,
    )
    assert first.due_at == datetime.fromisoformat("2026-09-25T18:00:00+08:00")
    assert (first.cause, first.actor) == ("carrier_outage", "carrier")
    assert first.next_step["en"].startswith("Call the carrier")
    assert "Why: ¥10,000.00 is still in the terminal (mobile network down)" in text(found, "en")
    made.until(14 * HOUR)
    assert (await made.report(6)).at_risk[0].today


async def test_late_money_is_told_by_cause_and_family(night: Make) -> None:
    made = night()
    for number in range(1, 4):
        made.sell(f"b{number}", "big", amount=1_000_000)
        made.close(f"b{number}")
    made.until(OVERDUE + HOUR)
    found = await made.report(24)
    assert (found.money.level, found.money.overdue_days) == (
        "bad",
        len({one for one, _ in made.engine.arrears.late_days}),
    )
    assert found.money.overdue == sum(made.engine.arrears.totals.values()) > 3_000_000
    assert sum(one.amount for one in found.money.causes) == found.money.overdue
    roots = [one for one in found.happened if one.kind == "settlement_overdue"]
    assert sum(one.late or 0 for one in roots) == found.money.overdue
    assert sum(one.explains + 1 for one in roots) == found.money.overdue_days
    assert found.happened[0] in roots, "the most money comes first"


async def test_what_we_did_not_hear_is_neither_good_nor_bad(night: Make) -> None:
    made = night()
    made.until(2 * HOUR)
    made.link_down()
    made.until(2 * HOUR + 30 * MINUTE)
    made.link_up()
    made.run(5 * MINUTE)
    assert (await made.report(3)).data.deaf_s == 30 * MINUTE, "we hear, though the incident stays for a while"
    made.until(4 * HOUR)
    found = await made.report(4)
    assert found.data.deaf_s == 30 * MINUTE
    assert (found.payments.availability, found.payments.lost_s) == (1.0, 0)
    assert sum(hour.unknown_s for hour in found.hours) == 2 * SHOPS * 30 * MINUTE
    assert [gap.why for gap in found.data.gaps] == ["deaf"]
    assert found.data.level == "warning"
    assert picture(found, "en").count("url(#p-hatch)") == 1
    assert "We heard nothing for 30 min" in text(found, "en")


async def test_deaf_now_is_never_good(night: Make) -> None:
    made = night()
    made.until(2 * HOUR)
    made.link_down()
    made.until(3 * HOUR)
    found = await made.report(4)
    assert (found.payments.level, found.data.level) == ("unknown", "bad")
    assert "We hear no terminal now" in text(found, "en")
    assert found.data.deaf_s == HOUR


async def test_a_time_in_which_fleetmon_was_down_is_told(night: Make) -> None:
    made = night()
    made.watch(NOON - DAY * 1000, NOON + HOUR * 1000)
    made.watch(NOON + 3 * HOUR * 1000, NOON + 4 * HOUR * 1000)
    made.until(4 * HOUR)
    found = await made.report(2)
    assert (found.data.unwatched_s, found.data.level) == (HOUR, "warning"), "what lies in the span"
    assert found.hours[0].unknown_s == 2 * SHOPS * HOUR
    assert found.hours[0].paying_s == 0
    said = text(found, "en")
    assert "15:00: fleetmon itself was not watching" in said
    assert "Nothing is known to have happened" in said
    assert "fleetmon 自身没有运行" in text(found, "zh")


async def test_before_fleetmon_first_ran_nobody_watched(night: Make) -> None:
    made = night()
    made.watch(NOON + 3 * HOUR * 1000, NOON + 4 * HOUR * 1000)
    made.until(4 * HOUR)
    found = await made.report(4)
    assert (found.data.unwatched_s, found.data.level) == (3 * HOUR, "warning")
    assert "no gap" not in text(found, "en")


async def test_nothing_happened_reads_well(night: Make) -> None:
    made = night()
    made.watch(NOON, NOON + 6 * HOUR * 1000)
    made.until(6 * HOUR)
    found = await made.report(6)
    said = text(found, "en")
    assert [one in said for one in ("Nothing happened.", "Nothing is open.", "Nothing is late")] == [True] * 3
    assert "There is no gap" in said
    assert (found.payments.level, found.money.level, found.data.level) == ("good", "good", "good")
    assert subject(found, "en") == "Morning report 24 Sep: all is well"


async def test_planned_work_is_counted_by_itself(night: Make) -> None:
    made = night()
    span = Occurrence(NOON + 2 * HOUR * 1000 - 60_000, NOON + 3 * HOUR * 1000 + 60_000)
    made.take(made.engine.plan([Window("window:operator:w", "PSP", "operator", (span,), {"carrier": "CMCC"})]))
    silence(made, *made.a)
    made.until(6 * HOUR)
    found = await made.report(6)
    assert (found.payments.planned_s, found.payments.lost_s) == (SHOPS * LASTED, 0)
    assert found.payments.availability == 1.0


@pytest.mark.parametrize("end", [NOON + 14 * HOUR * 1000, INT64_MAX])
async def test_work_of_today_is_listed(night: Make, end: int) -> None:
    made = night()
    times = [(NOON + 9 * HOUR * 1000, end), (NOON + 13 * HOUR * 1000, end)]
    spans = [SpanView(*one) for one in times]
    whom: Selector = {"region": "north"}
    view = WindowView(
        "w", "window:operator:w", "operator", "scheduled", "PSP", "new keys", whom, "", spans, overdue=False
    )
    made.work.views = [view]
    made.until(HOUR)
    found = await made.report(1)
    assert [(one.begin.hour, one.whom, one.reason) for one in found.planned] == [(21, "region=north", "new keys")]
    assert "new keys, by PSP, for region=north" in text(found, "en")


async def test_work_of_today_is_found_behind_many_that_are_over_and_what_is_left_out_is_counted(night: Make) -> None:
    made = night()
    now = made.engine.now
    over = WindowView("a", "window:operator:a", "operator", "ended", "PSP", "", {}, "", [], overdue=False)
    times = [SpanView(now + 1000 * number, now + HOUR * 1000) for number in range(202)]
    today = WindowView("z", "window:operator:z", "operator", "scheduled", "PSP", "", {}, "", times, overdue=False)
    made.work.views = [over] * 300 + [today]
    found = await made.report(1)
    assert (len(found.planned), found.planned_left_out) == (200, 2)
    assert "Further planned work today: 2." in text(found, "en")


async def test_of_what_is_open_and_left_out_it_is_never_said_that_nothing_is(
    night: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetmon.readout.report.report.SHOWN", 1)
    made = night()
    silence(made, "a1")
    made.stop("a2")
    made.until(3 * HOUR + 10 * MINUTE)
    found = await made.report(6)
    assert (found.open, found.happened_left_out, found.open_left_out) == ([], 1, 1)
    assert "Further open ones: 1." in text(found, "en")
    assert "Nothing is open." not in text(found, "en")


async def test_a_provider_sees_only_its_own(night: Make) -> None:
    made = night()
    made.until(2 * HOUR)
    made.sell("a1", "kept", stage="stored", amount=1_000_000)
    made.sell("b2", "kept", stage="stored", amount=3_000_000)
    made.stop(*made.a)
    made.until(4 * HOUR)
    own, others = await made.report(4, "field-1"), await made.report(4, "field-2")
    assert (own.payments.terminals, own.payments.expected, own.payments.paying) == (12, 12, 0)
    assert (others.payments.terminals, others.payments.paying, others.payments.lost_s) == (12, 12, 0)
    assert ([one.kind for one in own.happened], others.happened) == (["carrier_outage"], [])
    assert own.money.at_risk == 1_000_000
    assert [one.merchant for one in others.at_risk] == ["m2"]
    assert "CMCC" not in msgspec.json.encode(others).decode()


async def test_a_provider_s_late_money_is_that_of_its_terminals(night: Make) -> None:
    made = night()
    made.sell("a1", "big", amount=1_000_000)
    made.sell("b1", "big", amount=3_000_000)
    made.until(OVERDUE + HOUR)
    everybody, own = await made.report(24), await made.report(24, "field-1")
    assert everybody.money.overdue == sum(one.money.overdue for one in (own, await made.report(24, "field-2")))
    assert own.money.overdue == 1_000_000 + SHOPS * 5 * 5_000


async def test_shops_that_are_closed_are_not_missed(night: Make) -> None:
    made = night(hours=("Mo-Su 09:00-14:00",))
    made.until(2 * HOUR)
    made.stop()
    made.until(8 * HOUR)
    found = await made.report(8)
    assert (found.payments.lost_s, found.payments.level, found.payments.expected) == (0, "good", 0)
    assert "the shops are closed" in text(found, "en")
    assert [hour.begin.hour for hour in found.hours if hour.paying_s > HOUR] == [12, 13]


async def test_a_long_span_has_wider_columns(night: Make) -> None:
    made = night()
    made.until(HOUR)
    assert len((await made.report(72)).hours) in (72, 73)
    week = (await made.report(7 * 24)).hours
    assert {(one.end - one.begin).total_seconds() for one in week[1:-1]} == {6 * HOUR}
    assert week[1].begin.hour % 6 == 0

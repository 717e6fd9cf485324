"""A merchant who remembers an amount and a time: was it a sale at all, and if nothing fits, what was seen instead?"""

import asyncio

import pytest
from msgspec.structs import replace

from fleetmon.desk.answer import written
from fleetmon.locale import LANGUAGES
from fleetmon.model.registry import Merchant, Provider, Registry
from fleetmon.readout.enquiry.clientele import Clientele
from fleetmon.readout.enquiry.enquiry import Answer, Enquiry, answer
from fleetmon.readout.enquiry.nearest import Nearest
from fleetmon.web.ports import SettlementFilter

from .world import DAY, HOUR, MINUTE, World, shops

PREAUTH = "a pre-authorisation, for which nothing is paid before it is completed"
TODAY, YESTERDAY = "2026-09-25", "2026-09-24"


def registry() -> Registry:
    """Two shops of one merchant, and one of another; the second terminal of each is another provider's."""
    found = shops({"inn": ["CMCC", "CMCC"], "bar": ["CMCC", "CMCC"], "spa": ["CMCC"]})
    terminals = [
        replace(row, merchant="other" if row.site == "spa" else "hotel", provider=f"p{row.id[-1]}")
        for row in found.terminals
    ]
    merchants = [Merchant("hotel", name="湘江酒店", cycle="T+1"), Merchant("other", name="Spa")]
    return replace(found, terminals=terminals, merchants=merchants, providers=[Provider("p1"), Provider("p2")])


@pytest.fixture
def world() -> World:
    """Yesterday: ¥12,850 was sold at 18:30, refused, reversed and only pre-authorised at other times."""
    world = World(registry())
    world.start()
    world.run(6 * HOUR)  # 18:00
    world.trade("inn-1", "early", amount=1_258_000)
    world.run(30 * MINUTE)
    world.trade("inn-1", "sold", amount=1_285_000, rrn="000000000001", host_at=world.now)
    world.run(20 * MINUTE)
    world.trade("inn-2", "refused", "declined", amount=700_000, response="51")
    world.trade("inn-2", "undone", amount=800_000, host_at=world.now)
    world.trade("inn-2", "undoing", amount=800_000, kind="reversal", original="undone")
    world.run(MINUTE)
    world.trade("bar-1", "room", amount=900_000, kind="preauth")
    world.trade("spa-1", "theirs", amount=1_285_000)
    world.run(15 * HOUR)  # 09:51 of today
    return world


def asked(world: World, **remembered: object) -> Answer:
    return answer(world.engine, Enquiry("hotel", **remembered))  # type: ignore[arg-type]


def found(world: World, **remembered: object) -> list[tuple[str, str]]:
    return [(one.transaction, one.state) for one in asked(world, **remembered).explanations]


def test_a_sale_is_found_by_its_amount_and_by_its_time_of_day(world: World) -> None:
    assert found(world, amount=1_285_000) == [("sold", "not_due")]
    assert found(world, amount=1_285_000, at="18:30", date=YESTERDAY) == [("sold", "not_due")]
    assert found(world, at="18:40", amount=1_285_000) == [("sold", "not_due")], "people round"
    assert found(world, amount=1_285_000, at="19:01") == []
    assert found(world, amount=1_285_001) == []
    assert found(world, amount=1_285_000, date=TODAY) == []
    assert {name for name, _ in found(world, at="18:05")} == {"early", "sold"}


def test_a_wrong_number_is_what_was_not_found_and_is_not_said_again(world: World) -> None:
    near = asked(world, amount=1_285_000, rrn="6222020000000000").nearest
    assert near is not None
    assert near.texts["en"][0] == "湘江酒店 (hotel): no sale of ¥12,850.00 with that number is known."
    assert [one.transaction for one in near.sales][:1] == ["sold"]
    assert "6222" not in str(near)


def test_what_was_no_sale_is_told_as_such_also_on_another_day(world: World) -> None:
    assert found(world) == [("early", "not_due"), ("sold", "not_due"), ("undone", "cancelled")]
    assert ("refused", "declined") in found(world, date=YESTERDAY)
    assert found(world, date=TODAY) == []
    assert found(world, amount=700_000) == [("refused", "declined")]
    assert found(world, amount=800_000) == [("undone", "cancelled")]
    told = asked(world, amount=700_000).explanations[0].texts
    assert told["zh"].headline == "交易没有成功，没有产生款项"
    assert "insufficient funds" in told["en"].sentence


def test_a_refund_is_no_money_that_comes(world: World) -> None:
    world.trade("bar-2", "back", amount=300_000, kind="refund", original="nothing", host_at=world.now)
    told = asked(world, amount=300_000)
    (refund,) = told.explanations
    assert (refund.kind, refund.state) == ("refund", "not_due")
    assert refund.texts["en"].headline.startswith("A refund, and no money that comes: it is taken off the payout due ")
    assert refund.texts["zh"].who == "无需任何人处理"
    assert refund.texts["zh"].call_again == "无需再来电查询。"
    assert "1 refund, ¥3,000.00" in written(told, "en")
    assert "1 笔退货，¥3,000.00" in written(told, "zh")
    world.trade("bar-2", "refused", "declined", amount=400_000, kind="refund", original="nothing", response="25")
    assert asked(world, amount=400_000).explanations[0].texts["en"].headline == (
        "No sale was made: the payment was refused"
    )


def test_a_time_of_day_reaches_over_midnight() -> None:
    world = World(registry())
    world.start()
    world.run(12 * HOUR + 10 * MINUTE)  # 00:10
    world.trade("inn-1", "late", amount=500)
    world.run(HOUR)
    assert found(world, at="23:50") == found(world, at="23:50", date=YESTERDAY) == [("late", "not_due")]
    assert found(world, at="23:50", date=TODAY) == found(world, at="23:30") == []


def test_when_none_fits_the_nearest_are_told_with_what_became_of_them(world: World) -> None:
    nothing = asked(world, amount=1_258_000, at="18:50", date=YESTERDAY)
    assert nothing.explanations == []
    assert nothing.nearest is not None
    near = {one.transaction: one.state for one in nothing.nearest.sales}
    assert near == {
        "early": "not_due", "sold": "not_due", "refused": "declined", "undone": "cancelled", "room": None,
    }, "the reversal is told with what it reversed"  # fmt: skip
    assert nothing.nearest.silent == []
    assert nothing.nearest.texts["en"] == [
        "湘江酒店 (hotel): no sale of ¥12,580.00 on Thursday 24 September around 18:50 is known.",
        "What comes nearest:",
        "  Thursday 24 September at 18:00  ¥12,580.00  terminal inn-1: not due",
        "  Thursday 24 September at 18:30  ¥12,850.00  terminal inn-1: not due, RRN 000000000001",
        "  Thursday 24 September at 18:50  ¥7,000.00  terminal inn-2: refused (insufficient funds)",
        "  Thursday 24 September at 18:50  ¥8,000.00  terminal inn-2: cancelled",
        f"  Thursday 24 September at 18:51  ¥9,000.00  terminal bar-1: {PREAUTH}",
        "As far as is known, no terminal of this merchant was silent then.",
        *nothing.nearest.texts["en"][-2:],
    ]
    zh = nothing.nearest.texts["zh"]
    assert zh[0] == "湘江酒店（hotel）：没有查到9月24日（周四）18:50前后金额为¥12,580.00的交易。"
    assert zh[4] == "  9月24日（周四）18:50　¥7,000.00　终端 inn-2：被拒绝（余额不足）"
    assert "请勿重复收款" in zh[-1]
    assert "no second payment" in nothing.nearest.texts["en"][-1]


def test_without_a_day_or_a_time_the_next_amounts_are_told(world: World) -> None:
    nothing = asked(world, amount=1_280_000)
    assert nothing.nearest is not None
    assert [one.transaction for one in nothing.nearest.sales] == ["early", "sold", "room"]
    assert not any("silent then" in line for line in nothing.nearest.texts["en"])


def test_who_was_silent_then_may_hold_it(world: World) -> None:
    world.stop("inn-1")
    world.run(2 * HOUR)
    now = asked(world, amount=300, at="10:30", date=TODAY).nearest
    assert now is not None
    assert [(one.terminal, one.until) for one in now.silent] == [("inn-1", None)]
    assert any(
        line.startswith("Not heard from Friday 25 September at 09:50 on, until now: inn-1.") for line in now.texts["en"]
    )
    assert "至今失联的终端：inn-1。" in "".join(now.texts["zh"])
    world.start("inn-1")
    world.run(HOUR)
    then = asked(world, amount=300, at="10:30", date=TODAY).nearest
    assert then is not None
    assert "Not heard Friday 25 September from 09:50 to 11:5" in "".join(then.texts["en"])
    before = asked(world, amount=300, at="08:30", date=TODAY).nearest
    assert before is not None
    assert before.silent == []


def test_of_days_that_are_no_longer_held_that_is_said(world: World) -> None:
    nothing = asked(world, amount=300, date="2026-09-01").nearest
    assert nothing is not None
    assert nothing.texts["en"][1].startswith("Nothing of that day is held any more")
    nobody = answer(World(registry()).engine, Enquiry("hotel", amount=300)).nearest
    assert nobody is not None
    assert nobody.texts["en"][1].startswith("No payment of this merchant was seen at all")


def test_nothing_comes_near_a_number_or_several_merchants(world: World) -> None:
    assert asked(world, rrn="000000000009").nearest is None
    assert answer(world.engine, Enquiry("o", amount=300)).nearest is None
    assert len(answer(world.engine, Enquiry("o", amount=300)).merchants) == 2


def test_of_several_merchants_certain_sales_say_which_is_meant(world: World) -> None:
    refused = answer(world.engine, Enquiry("o", amount=700_000))
    assert [one.id for one in refused.merchants] == ["hotel"]
    assert [one.transaction for one in refused.explanations] == ["refused"]
    both = answer(world.engine, Enquiry("o", amount=1_285_000))
    assert ([one.id for one in both.merchants], both.explanations) == (["hotel", "other"], [])
    general = answer(world.engine, Enquiry("o"))
    assert (len(general.merchants), general.explanations) == (2, [])


def test_whoever_is_confined_gets_what_is_near_of_their_terminals_alone(world: World) -> None:
    world.stop("inn-1", "inn-2")
    world.run(HOUR)
    wanted = SettlementFilter(merchant="hotel", amount=300, time=66_600_000)
    nearest = Nearest(world.engine, Clientele(world.engine))
    near = asyncio.run(nearest.of("p2", wanted))
    assert near is not None
    assert [one.transaction for one in near.sales] == ["refused", "undone"]
    assert [one.terminal for one in near.silent] == ["inn-2"]
    assert asyncio.run(nearest.of("stranger", wanted)) is None
    both = replace(wanted, merchant="o")
    assert asyncio.run(nearest.of("p2", both)) == near, "of two that fit they see one, and learn of no other"
    assert asyncio.run(nearest.of("p1", both)) is None


def test_texts_are_there_for_every_kind_and_state(world: World) -> None:
    for number, kind in enumerate(("sale", "void", "refund", "preauth", "completion", "reversal")):
        for stage in ("requested", "declined", "unanswered", "stored", "approved"):
            world.trade("bar-2", f"{kind}-{stage}", stage, kind=kind, amount=10 + number, original="nothing")
    world.run(DAY)
    near = asked(world, amount=9).nearest
    assert near is not None
    wide = asked(world, amount=9, at="09:51", date=TODAY).nearest
    assert wide is not None
    assert all(line.strip() and "{" not in line for one in (near, wide) for key in LANGUAGES for line in one.texts[key])

"""What on-call reads at 3 a.m.: how big it is, whether it grows, what else is silent, whose it is, what money waits."""

import pytest
from msgspec.structs import replace

from fleetmon.locale import LANGUAGES, Also, Situation, describe, fill, summary, texts
from fleetmon.model.incident import Incident, Status
from fleetmon.model.registry import Host, Merchant, Provider, Registry
from fleetmon.readout import situations
from fleetmon.readout.situations import Situations
from fleetmon.sinks.alertmanager import AlertmanagerSettings, alert

from .world import HOUR, MINUTE, NOON, World, second, shops

PLAN = {
    f"{place}{number}.{place}": ["CMCC", "CMCC", "CUCC", "wifi"]
    for place in ("north", "south", "east")
    for number in range(3)
}
TAMPER = Incident("x", "tamper", (("terminal", "north0-1"),), "critical", pages=True, opened_at=NOON)


def registry(capture: str = "host") -> Registry:
    """Three regions of three shops; the terminals on a shop's WiFi are another provider's."""
    found = shops(PLAN)
    return replace(
        found,
        hosts=[Host("ACQ", "acquirer", name="湘江银行"), Host("BANK", "issuer")],
        providers=[Provider("ours"), Provider("theirs")],
        merchants=[Merchant("m", name="湘江酒店", acquirer="ACQ", capture=capture)],  # type: ignore[arg-type]
        terminals=[
            replace(row, merchant="m", provider="theirs" if row.network == "wifi" else "ours")
            for row in found.terminals
        ],
    )


def town(capture: str = "host") -> World:
    world = World(registry(capture))
    world.start()
    world.run(10 * MINUTE)
    return world


def carrier_down(world: World) -> Incident:
    """CMCC is gone in the north, but for one of its six terminals; one is silent in the south by itself."""
    world.stop("south0-1")
    world.run(20 * MINUTE)
    world.stop("north0-1", "north0-2", "north1-1", "north1-2", "north2-1")
    world.run(20 * MINUTE)
    return world.last("carrier_outage")


def keep(world: World, who: str, name: str, amount: int, stage: str = "stored") -> None:
    """A sale is taken, and with no more than this stage it waits."""
    more = {} if stage == "stored" else {"host_at": world.now, "rrn": name, "batch": "b1"}
    world.trade(who, name, stage, amount=amount, **more)


def said(world: World, incident: Incident, provider: str | None = None) -> list[str]:
    """The end of the description in both languages, without what is always said, and that nothing else is open."""
    found = Situations(world.engine).of(incident, provider)
    told = []
    for language in LANGUAGES:
        facts = incident.kind, dict(incident.scope), incident.terminals, incident.opened_at, language
        alone = fill(
            texts(language)["incident.situated"], {"description": "", "said": texts(language)["incident.alone"]}
        )
        told.append(describe(*facts, found)[1].removeprefix(describe(*facts)[1]).removesuffix(alone))
    return told


def test_an_outage_tells_how_big_it_is_and_how_it_is_elsewhere() -> None:
    world = town()
    outage = carrier_down(world)
    found = Situations(world.engine).of(outage)
    assert (found.silent, found.members, found.later, found.elsewhere) == (5, 6, 0, 1 / 30)
    heard = max(world.engine.fleet.terminals[f"north{key}"].last_seen for key in ("0-1", "0-2", "1-1", "1-2", "2-1"))
    assert found.heard_at == heard < outage.opened_at
    assert 29 * MINUTE < second(found.heard_at) <= 30 * MINUTE, "long before anybody could notice it"
    assert said(world, outage) == [
        "目前 6 台中 5 台失联，最后一次收到信号为 2026-09-24 12:29:39；其他终端失联 3.3%。",
        " Now 5 of 6 are silent, last heard at 2026-09-24 12:29:39; elsewhere 3.3% are silent.",
    ]


def test_who_fell_silent_after_it_was_noticed_is_told_as_its_growth() -> None:
    world = town()
    outage = carrier_down(world)
    before = Situations(world.engine).of(outage)
    world.stop("north2-2")
    world.run(10 * MINUTE)
    found = Situations(world.engine).of(outage)
    assert (found.silent, found.later, found.heard_at) == (6, 1, before.heard_at)
    assert "; 1 of them fell silent after it was noticed;" in said(world, outage)[1]


def test_the_sales_that_only_the_silent_can_bring_further_are_told_with_their_time() -> None:
    world = town("terminal")
    keep(world, "north0-1", "a", 1_200_000)
    keep(world, "north0-2", "b", 300_000, "approved")
    keep(world, "north2-2", "of one that is heard", 50_000)
    keep(world, "south0-1", "of one elsewhere", 70_000)
    outage = carrier_down(world)
    assert [text.partition("。" if "。" in text else "silent. ")[2] for text in said(world, outage)] == [
        "终端内至少有 ¥15,000.00 交易待处理，须在 2026-09-24 23:00:00 前结算（还有10小时）。",
        "At least ¥15,000.00 of sales wait inside, to be settled by 2026-09-24 23:00:00 (in 10 hours).",
    ]
    world.start()
    world.run(2 * MINUTE)
    keep(world, "north0-1", "a", 1_200_000, "uploaded")
    world.stop("north0-1", "north0-2", "north1-1", "north1-2", "north2-1")
    world.run(10 * MINUTE)
    found = Situations(world.engine).of(outage)
    assert found.waiting == 1_500_000, "it is uploaded, and its batch is still to be closed"


def test_without_a_batch_the_time_is_when_the_money_is_due() -> None:
    world = town()
    keep(world, "north0-1", "a", 1_200_000)
    outage = carrier_down(world)
    assert said(world, outage)[1].endswith(
        " At least ¥12,000.00 of sales wait inside, due by 2026-09-25 18:00:00 (in 29 hours)."
    )


def test_whoever_is_confined_reads_of_their_terminals_alone() -> None:
    world = town()
    keep(world, "north0-1", "a", 1_200_000)
    outage = carrier_down(world)
    ours, theirs = (Situations(world.engine).of(outage, provider) for provider in ("ours", "theirs"))
    assert (ours.silent, ours.members, ours.elsewhere, ours.waiting) == (5, 6, 1 / 21, 1_200_000)
    assert (theirs.silent, theirs.members, theirs.elsewhere, theirs.waiting) == (None, None, None, None)
    assert said(world, outage, "theirs") == ["", ""]


def test_what_else_is_down_is_told_with_the_biggest_of_it() -> None:
    world = town()
    outage = carrier_down(world)
    facts = outage.kind, dict(outage.scope), outage.terminals, outage.opened_at
    alone = Situations(world.engine).of(outage)
    assert alone.also == Also(0)
    assert describe(*facts, "en", alone)[1].endswith(" No other outage is open.")
    assert describe(*facts, "zh", alone)[1].endswith("其他终端失联 3.3%。目前没有其他未恢复的大范围故障。")
    world.stop("east0-1", "east0-2", "east0-3", "east0-4")
    world.run(20 * MINUTE)
    assert world.last("site_outage").status is Status.FIRING
    found = Situations(world.engine).of(outage)
    assert found.also == Also(1, "site_outage", {"site": "east0.east"}, {"site": ["湘江酒店", "east"]}, 4)
    assert describe(*facts, "en", found)[1].endswith(
        " Also open: Site east0.east (湘江酒店, east) is offline (4 terminals)."
    )
    world.stop("south1-1", "south1-2", "south1-3", "south1-4", "south2-1", "south2-2", "south2-3", "south2-4")
    world.run(20 * MINUTE)
    more = Situations(world.engine).of(outage)
    assert more.also is not None
    assert more.also.count > 1
    assert f"另有未恢复的故障 {more.also.count} 起，其中最大的是：" in describe(*facts, "zh", more)[1]


def test_what_an_outage_explains_and_single_terminals_are_nothing_else() -> None:
    world = town()
    outage = carrier_down(world)
    assert [one.kind for one in world.engine.incidents if one.status is Status.FIRING and one is not outage]
    assert Situations(world.engine).of(outage).also == Also(0)
    ticket = replace(TAMPER, kind="battery", pages=False)
    assert Situations(world.engine).of(ticket).also is None, "of a ticket nobody asks that"
    theirs = Situations(world.engine).of(TAMPER, "theirs").also
    assert theirs == Also(0), "the outage concerns no terminal of theirs"


def test_a_terminal_a_shop_and_a_host_are_named_as_the_registry_has_them() -> None:
    engine = town().engine
    for kind, scope, zh, en in (
        ("tamper", "terminal north0-1", "north0-1（湘江酒店，north0.north，north）", "(湘江酒店, north0.north, north)"),
        ("site_outage", "site north0.north", "north0.north（湘江酒店，north）", "north0.north (湘江酒店, north)"),
        ("host_outage", "host ACQ", "机构 ACQ（湘江银行）系统故障", "Host ACQ (湘江银行) fails"),
        ("host_outage", "host BANK", "机构 BANK 系统故障", "Host BANK fails"),
        ("host_outage", "host STRANGER", "机构 STRANGER 系统故障", "Host STRANGER fails"),
    ):
        name, value = scope.split()
        incident = replace(TAMPER, kind=kind, scope=((name, value),))
        for language, expected in zip(LANGUAGES, (zh, en), strict=True):
            told = summary(kind, {name: value}, Situations(engine).of(incident).names, language)
            assert expected in told


def test_a_silent_terminal_tells_when_it_was_heard_last_and_one_that_is_heard_does_not() -> None:
    world = town()
    assert said(world, TAMPER) == ["", ""]
    world.stop("north0-1")
    world.run(HOUR)
    assert said(world, TAMPER) == [
        "最后一次收到信号为 2026-09-24 12:09:00。",
        " Last heard at 2026-09-24 12:09:00.",
    ]


def test_nothing_is_counted_while_nothing_is_heard() -> None:
    world = town()
    outage = carrier_down(world)
    world.link_down()
    assert said(world, outage) == ["", ""]


def test_of_what_is_over_the_names_are_told_and_no_figures() -> None:
    world = town()
    carrier_down(world)
    world.start()
    world.run(HOUR)
    kept, over = Situations(world.engine), world.last("carrier_outage")
    assert kept.of(over) == Situation(world.engine.now)
    ended = replace(TAMPER, status=Status.RESOLVED)
    assert kept.of(ended).names == kept.of(TAMPER).names == {"terminal": ["湘江酒店", "north0.north", "north"]}


def test_it_is_worked_out_anew_after_some_seconds() -> None:
    world = town()
    outage, kept = carrier_down(world), Situations(world.engine)
    first = kept.of(outage)
    world.run(situations.KEPT / 2_000)
    assert kept.of(outage) is first
    world.run(situations.KEPT / 2_000)
    assert kept.of(outage) is not first


def test_so_many_that_a_walk_would_hold_others_up_are_counted_and_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    world = town()
    keep(world, "north0-1", "a", 1_200_000)
    outage = carrier_down(world)
    monkeypatch.setattr(situations, "MOST", 5)
    assert said(world, outage)[1] == " Now 5 of 6 are silent; elsewhere 3.3% are silent."


def test_the_alert_tells_it_and_its_labels_stay() -> None:
    world = town()
    outage, settings = carrier_down(world), AlertmanagerSettings(language="zh")
    plain = alert(outage, outage.opened_at, settings)
    told = alert(outage, outage.opened_at, settings, None, Situations(world.engine).of(outage))
    assert told["labels"] == plain["labels"]
    assert told["annotations"]["summary"] == "运营商 CMCC 在 north 中断"
    assert told["annotations"]["description"] == (
        "自 2026-09-24 12:29:31 起 5 台终端失联。请联系运营商；期间的交易暂存在终端，网络恢复后自动上送。"
        "目前 6 台中 5 台失联，最后一次收到信号为 2026-09-24 12:29:39；其他终端失联 3.3%。"
        "目前没有其他未恢复的大范围故障。"
    )

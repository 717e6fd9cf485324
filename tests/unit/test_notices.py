"""What routes say and to whom, and how they get through a crowd; the receiver is a stand-in."""

import asyncio
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import tenacity
from msgspec.structs import replace

from fleetmon.clock import utc
from fleetmon.config import Config, Loaded
from fleetmon.detect import POLICIES
from fleetmon.dispatch import Dispatch
from fleetmon.engine import Engine
from fleetmon.locale import LANGUAGES, Language, Situation
from fleetmon.model.audit import AuditEntry
from fleetmon.model.errors import SinkError
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.notice import AGAIN, PAGE, RESOLVED, TICKET, Document, Notice, Planned
from fleetmon.model.registry import Registry
from fleetmon.sinks import wording
from fleetmon.sinks.message import Message
from fleetmon.sinks.notices import RouteSettings, problems
from fleetmon.sinks.route import Route, message
from fleetmon.sinks.wording import Links
from fleetmon.store import Store, StoreSettings

from .test_texts import BROKEN

NOON = 1_795_406_400_000  # 2026-11-23 12:00 in Shanghai
LINKS = Links("https://docs.example/runbooks/", "https://grafana.example/d/fleetmon")
SCOPE = dict.fromkeys(("terminal", "site", "carrier", "region", "host", "merchant", "acquirer"), "x")


def incident(kind: str = "carrier_outage", **more: Any) -> Incident:
    scope = tuple(sorted({**SCOPE, "business_date": "2026-11-20"}.items()))
    fields: dict[str, Any] = {"terminals": 4, "fired_at": NOON, "paged_at": NOON, "status": Status.FIRING} | more
    return Incident(f"{kind}-1", kind, scope, "critical", True, NOON, **fields)


def notice(number: int, word: str = PAGE) -> Notice:
    return Notice("r", f"i-{number}", word, NOON + number, replace(incident(), id=f"i-{number}"))


@pytest.mark.parametrize("kind", sorted(POLICIES))
def test_every_kind_can_be_told_in_every_word_and_language(kind: str) -> None:
    for word, language in product((PAGE, TICKET, f"{AGAIN}/5", RESOLVED), LANGUAGES):
        found = incident(kind, called_again_at=NOON, resolved_at=NOON + 60_000)
        title, text = wording.one(Notice("r", found.id, word, NOON, found), [language], LINKS)
        assert title
        assert not BROKEN.search(title)
        for line in text.splitlines():
            assert line.endswith((f"{kind}", "d/fleetmon", "-1")) or not BROKEN.search(line), line
        assert (f"https://docs.example/runbooks/{kind}" in text) == (word != RESOLVED)
        assert (LINKS.dashboard in text) == (word != RESOLVED)


def test_a_page_says_who_acts_what_to_do_and_where_to_look() -> None:
    route, found = RouteSettings("r"), incident()
    found.scope = (("carrier", "CMCC"), ("region", "yuhua"))
    assert message([Notice("r", "x-1", PAGE, NOON, found)], route, LINKS) == Message(
        "告警：运营商 CMCC 在 yuhua 中断",
        "自 2026-11-23 12:00:00 起 4 台终端失联。请联系运营商；期间的交易暂存在终端，网络恢复后自动上送。\n"
        "由谁处理：通信运营商（CMCC）\n"
        "处置手册：https://docs.example/runbooks/carrier_outage\n"
        "监控面板：https://grafana.example/d/fleetmon\n"
        "事件编号：carrier_outage-1\n"
        "\n"
        "Alarm: Carrier CMCC is down in yuhua\n"
        "4 terminals have been silent since 2026-11-23 12:00:00. Call the carrier; sales taken meanwhile are "
        "stored in the terminals and uploaded when the network is back.\n"
        "Who acts: The mobile carrier, CMCC\n"
        "What to do: https://docs.example/runbooks/carrier_outage\n"
        "Dashboard: https://grafana.example/d/fleetmon\n"
        "Incident: carrier_outage-1",
        key="x-1",
        kind="call",
    )


@pytest.mark.parametrize(("language", "count"), [("zh", "终端3台"), ("en", "Terminals: 3.")])
def test_terminals_are_counted_in_the_end_where_there_were_any(language: Language, count: str) -> None:
    """Of a host that only its own word told of there are none."""
    told = [
        wording.one(Notice("r", "x", RESOLVED, NOON, incident("host_outage", terminals=terminals)), [language], LINKS)
        for terminals in (0, 3)
    ]
    assert [count.replace("3", number) in one.text for one, number in zip(told, "03", strict=True)] == [False, True]


def test_no_link_is_said_where_there_is_none() -> None:
    text = message([Notice("r", "x-1", PAGE, NOON, incident())], RouteSettings("r", language="en"), Links()).text
    assert text.splitlines()[1:] == ["Who acts: The mobile carrier, x", "Incident: carrier_outage-1"]


def test_planned_work_is_told_with_what_is_known_of_it() -> None:
    event = AuditEntry(NOON, None, "overdue", "window", "w-1", {"incident": "maintenance_overdue-1", "terminals": 3})
    found = Planned(event, "field", "firmware", {"site": ["S1", "S2"], "carrier": "CMCC"})
    said = wording.one(Notice("r", "w-1", "overdue/1", NOON, planned=found), ["en"], LINKS)
    assert said.title == "Planned work overdue: site S1/S2, carrier CMCC"
    assert said.text == ("field. firmware. Terminals that are not back: 3, incident maintenance_overdue-1. Window: w-1")
    bare = Notice("r", "w-1", "overdue/1", NOON, planned=Planned(event, "", "", host="BANK"))
    assert wording.one(bare, ["zh"], LINKS).title == "计划维护逾期未恢复：BANK"
    card = Planned(event, "field", "ask for 4111111111111111")
    assert "4111111111111111" not in wording.one(Notice("r", "w", "x", NOON, planned=card), ["en"], LINKS).text


async def test_a_route_of_a_provider_tells_how_things_stand_with_its_terminals() -> None:
    desk = Desk(1)
    await desk.work(RouteSettings("r", provider="ours"))
    assert "目前 4 台中 3 台失联。" in desk.sent[0].text
    assert "is back. Now 3 of 4 are silent.\n" in desk.sent[0].text


class Desk:
    """Where the notices of a test are, and a receiver that refuses some."""

    def __init__(self, count: int) -> None:
        self.notices = [notice(number) for number in range(count)]
        self.sent: list[Message] = []
        self.refused: set[str] = set()
        self.forgotten: set[str] = set()
        self.takes_single_ones = False

    async def untold(self, _: str, limit: int) -> list[Notice]:
        return self.notices[:limit]

    async def strike(self, notices: Sequence[Notice]) -> None:
        gone = {one.key for one in notices}
        self.notices = [one for one in self.notices if one.key not in gone]

    def incident(self, key: str) -> Incident | None:
        return None if key in self.forgotten else incident()

    def situation(self, _: Incident, provider: str | None) -> Situation:
        return Situation(NOON, silent=3, members=4) if provider == "ours" else Situation(NOON)

    async def carry(self, message: Message) -> None:
        if message.key in self.refused:
            raise SinkError("refused", retryable=True)
        self.sent.append(message)

    async def work(self, settings: RouteSettings, left: int = 0) -> Route:
        route = Route(settings, self, self, LINKS)
        working = asyncio.create_task(route.run())
        async with asyncio.timeout(10):
            while len(self.notices) > left:
                await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return route


async def test_a_crowd_is_told_in_one_message() -> None:
    desk = Desk(40)
    route = await desk.work(RouteSettings("r", language="en", per_minute=15))
    (said,) = desk.sent
    assert said.title == "40 notices at once"
    assert said.text.splitlines()[0] == "Alarm: Carrier x is down in x"
    assert said.text.splitlines()[10:] == ["and 30 more; see: fleetmon incidents list"]
    assert route.sent == 1


async def test_a_document_is_told_whole_in_whatever_crowd() -> None:
    desk = Desk(40)
    desk.notices.insert(7, Notice("r", "report/1", "report", NOON + 7, document=Document("Report", "all of it", "<b>")))
    await desk.work(RouteSettings("r", language="en", per_minute=15))
    assert [one.title for one in desk.sent] == ["40 notices at once", "Report"]
    assert desk.sent[1] == Message("Report", "all of it", "<b>", "report/1")


async def test_nobody_is_called_for_what_was_over_before_there_was_the_route() -> None:
    desk = Desk(3)
    desk.forgotten = {"i-0", "i-2"}
    await desk.work(RouteSettings("r"))
    assert [one.key for one in desk.sent] == ["i-1"]


async def test_a_few_and_whoever_keeps_track_of_each_get_single_ones() -> None:
    desk = Desk(15)
    await desk.work(RouteSettings("r", per_minute=15))
    assert [one.key for one in desk.sent] == [f"i-{number}" for number in range(15)]
    desk = Desk(40)
    desk.takes_single_ones = True
    await desk.work(RouteSettings("r", per_minute=15), left=25)
    assert [one.key for one in desk.sent] == [f"i-{number}" for number in range(15)], "and then the minute is full"


async def test_one_that_is_refused_does_not_hold_up_the_others() -> None:
    desk = Desk(3)
    desk.refused = {"i-0"}
    route = await desk.work(RouteSettings("r", per_minute=600), left=1)
    assert [one.key for one in desk.sent] == ["i-1", "i-2"]
    assert route.failed
    assert [one.subject for one in route.waiting] == ["i-0"]


async def test_many_that_are_held_back_do_not_hold_up_what_came_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetmon.sinks.route.AT_ONCE", 2)
    desk = Desk(6)
    explained = replace(incident(), suppressed_by="carrier_outage-2")
    monkeypatch.setattr(desk, "incident", lambda key: incident() if key == "i-5" else explained)
    await desk.work(RouteSettings("r"), left=5)
    assert [one.key for one in desk.sent] == ["i-5"]


async def test_what_happens_while_one_is_refused_does_not_wait_for_its_next_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tenacity.wait_random_exponential", lambda **_: tenacity.wait_fixed(3_600))
    desk = Desk(1)
    desk.refused = {"i-0"}
    route = Route(RouteSettings("r"), desk, desk, LINKS)
    working = asyncio.create_task(route.run())
    async with asyncio.timeout(10):
        while not route.failed:
            await asyncio.sleep(0.01)
        desk.notices.append(notice(1))
        route.wake()
        while not desk.sent:
            await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert [one.key for one in desk.sent] == ["i-1"]


async def test_a_store_that_takes_nothing_holds_up_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetmon.sinks.route.GRACE_S", 0.05)
    desk, begun, taken = Desk(1), asyncio.Event(), asyncio.Event()

    async def carry(_: Message) -> None:
        begun.set()
        await taken.wait()

    async def strike(_: Sequence[Notice]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(desk, "carry", carry)
    monkeypatch.setattr(desk, "strike", strike)
    working = asyncio.create_task(Route(RouteSettings("r"), desk, desk, LINKS).run())
    await begun.wait()
    working.cancel()
    taken.set()
    async with asyncio.timeout(10):
        await asyncio.gather(working, return_exceptions=True)
    assert working.cancelled()


def test_what_is_wrong_with_routes_is_said_with_a_remedy() -> None:
    routes = [RouteSettings("a", provider="P9"), RouteSettings("a", provider="P1", report=True)]
    assert problems(routes, {"P1"}) == [
        'notices[0].provider: "P9" is in no list of the registry',
        "notices[1].name: there is a route a already; give it another name",
        "notices[1].report: it tells of all providers; remove it, or remove provider",
    ]


def test_a_provider_hears_of_its_own_terminals_and_work_only(sample_registry: Registry, tmp_path: Path) -> None:
    terminals = [replace(one, provider="other") if one.id == "noodle-1" else one for one in sample_registry.terminals]
    engine = Engine(replace(sample_registry, terminals=terminals))
    config = Config(registry="", notices=[RouteSettings("r", provider="other", maintenance=True)])
    store = Store(StoreSettings(f"sqlite:///{tmp_path}/f.db"))
    dispatch = Dispatch(Loaded(config, Registry(), None, notice_urls={"r": "json://localhost/x"}), engine, store)

    def fired(terminal: str) -> Transition:
        found = Incident(terminal, "tamper", (("terminal", terminal),), "critical", True, 1, Status.FIRING, 1, 1)
        return Transition(1, Status.PENDING, found, "", calls=True)

    assert [one.subject for one in dispatch.due([fired("noodle-1"), fired("noodle-2")])] == ["noodle-1"]
    event = AuditEntry(utc() - 60_000, None, "started", "window", "w", {})
    works = [
        Planned(event, "other", "", {"terminal": "noodle-2"}), Planned(event, "bank", "", {"terminal": "noodle-2"}),
        Planned(event, "bank", "", {"provider": "other"}), Planned(event, "bank", "", {"terminal": ["noodle-1"]}),
    ]  # fmt: skip
    assert [one.planned for one in dispatch.planned(works)] == [works[0], works[2], works[3]]
    assert not dispatch.planned([Planned(AuditEntry(NOON, None, "started", "window", "w", {}), "other", "")]), "no news"
    engine.register(replace(sample_registry, terminals=[]))  # gone while it was broken: who was called hears the end
    over = replace(fired("noodle-1").incident, status=Status.RESOLVED, resolved_at=2)
    assert [one.word for one in dispatch.due([Transition(2, Status.FIRING, over, "", calls=True)])] == [RESOLVED]
    store.close()

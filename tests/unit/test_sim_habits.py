"""What the fleet does by itself, against the published figures that its habits are made after."""

import itertools
import random
import statistics
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from fleetmon.model.days import DAY, UTC_OFFSET
from fleetmon.model.errors import ConfigError
from fleetmon.model.events import DeviceEvent, Heartbeat, Sequenced, State, Transaction
from fleetmon.model.hours import Hours
from fleetmon.model.registry import Terminal
from fleetmon.model.topics import Topics
from fleetmon.sim import habits
from fleetmon.sim.air import Air
from fleetmon.sim.demand import COURSES, Demand, course_of
from fleetmon.sim.habits import QUIET, REAL, Habits, Line, Sales, Shops, Wear
from fleetmon.sim.pace import Moment
from fleetmon.sim.scenario import HostOutage, NetworkOutage, Swap
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.synthesis import synthesise
from fleetmon.sim.terminal import Birthmarks, Reach, SimTerminal
from fleetmon.sim.wear import LOW, Body

MIDNIGHT = 1_795_363_200_000  # Monday in Shanghai
FLEET = synthesise(300, 1, 60, hours=True)
MIX = ["5812", "5411", "5912", "5814", "5541", "7011", "5651", "5942", "5462", "5732", "7230", "5992"]


# -- settings ------------------------------------------------------------------------------------------


def test_a_file_names_what_differs(tmp_path: Path) -> None:
    (tmp_path / "h.yml").write_text("{line: {bad_share: 0.1, loss: [0.01, 0.02]}, shops: {kept: false}}")
    read = habits.load(tmp_path / "h.yml")
    assert read == Habits(line=Line(bad_share=0.1, loss=(0.01, 0.02)), shops=Shops(kept=False))


def test_every_problem_of_a_file_is_told(tmp_path: Path) -> None:
    text = "{line: {bad_share: 3, loss: [2, 1], noise: 1}, wear: {life_h: .nan}, sale: {}}"
    (tmp_path / "h.yml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        habits.load(tmp_path / "h.yml")
    paths = sorted(problem.split(": ")[1] for problem in raised.value.problems)
    assert paths == ["line.bad_share", "line.noise", "sale", "wear.life_h"]


def test_a_span_goes_from_low_to_high(tmp_path: Path) -> None:
    (tmp_path / "h.yml").write_text("{line: {loss: [2, 1]}}")
    with pytest.raises(ConfigError, match="loss: a span goes from low to high"):
        habits.load(tmp_path / "h.yml")


def test_a_file_that_is_not_there_is_a_problem_of_the_operator(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        habits.load(tmp_path / "none.yml")


# -- the line ------------------------------------------------------------------------------------------


def test_losses_over_a_fleet_are_bimodal_as_published() -> None:
    rates = [Air(REAL.line, random.Random(seed)).loss for seed in range(20_000)]
    usual = [rate for rate in rates if rate <= 0.05]
    assert 1 - len(usual) / len(rates) == pytest.approx(0.03, abs=0.005)
    assert statistics.median(usual) == pytest.approx(0.01, abs=0.001)  # of log-uniform 0.2 to 5 %
    assert min(usual) >= 0.002
    assert all(0.10 <= rate <= 0.35 for rate in rates if rate > 0.05)


@pytest.mark.parametrize(("rate", "again"), [(0.02, 0.16), (0.05, 0.41), (0.30, 0.40), (0.35, 0.20)])
def test_losses_come_in_bursts_at_the_rate_asked_for(rate: float, again: float) -> None:
    line = Line(loss=(rate, rate), bad_share=0, again=(again, again), swing=0)
    air = Air(line, random.Random(1))
    lost = [air.loses(0) for _ in range(200_000)]
    after = [second for first, second in itertools.pairwise(lost) if first]
    assert sum(lost) / len(lost) == pytest.approx(rate, rel=0.05)
    assert sum(after) / len(after) == pytest.approx(again, abs=0.02)


def test_more_is_lost_at_the_busiest_hour_and_in_a_storm() -> None:
    air = Air(Line(loss=(0.05, 0.05), bad_share=0), random.Random(1))
    noon, night = (sum(air.loses(MIDNIGHT + hour * 3_600_000) for _ in range(50_000)) for hour in (14, 2))
    assert noon / night == pytest.approx(1.4 / 0.6, rel=0.15)
    air.storm = 0.25
    assert sum(air.loses(MIDNIGHT) for _ in range(50_000)) / 50_000 == pytest.approx(0.28, abs=0.03)


def test_jitter_has_the_tail_asked_for() -> None:
    air = Air(Line(jitter_p99_s=(1.0, 1.0)), random.Random(1))
    drawn = sorted(air.jitter() for _ in range(50_000))
    assert drawn[49_500] == pytest.approx(1.0, rel=0.1)
    assert drawn[25_000] < 0.15


# -- trade ---------------------------------------------------------------------------------------------


def test_the_week_has_the_published_course() -> None:
    week = [sum(course_of(mcc).weights[hour] for mcc in MIX) for hour in range(168)]
    saturday = sum(week[5 * 24 + 10 : 5 * 24 + 17]) / sum(week)
    assert saturday == pytest.approx(0.115, abs=0.01)
    assert max(range(168), key=week.__getitem__) == 5 * 24 + 12
    assert min(range(168), key=week.__getitem__) == 3
    clothes = COURSES["5651"].weights
    assert sum(clothes[5 * 24 + 10 : 5 * 24 + 17]) / sum(clothes) == pytest.approx(0.22, abs=0.01)
    health = COURSES["5912"].weights[:24]
    assert health[12] < health[10] > health[13] < health[16]


def test_customers_follow_the_course_and_the_opening_hours() -> None:
    demand = Demand(60, course_of("5812"), Hours(["Mo-Su 10:00-22:00"]), 1)
    chance, now, hours = random.Random(1), Moment(0, MIDNIGHT), Counter[int]()
    while (coming := demand.next_s(now, chance)) < 7 * 86_400:
        now = Moment(coming, MIDNIGHT + round(coming * 1000))
        hours[(now.at + UTC_OFFSET) % DAY // 3_600_000] += 1
    assert set(hours) == set(range(10, 22))
    assert hours[15] * 2 < min(hours[12], hours[19])


def test_nobody_comes_to_a_shop_without_trade() -> None:
    assert Demand(0, course_of(""), None, 1).next_s(Moment(0, MIDNIGHT), random.Random(1)) == float("inf")


# -- a terminal of which things are true ---------------------------------------------------------------


class Life:
    """One terminal with habits of its own, lived from turn to turn; cut off and switched off as it says itself."""

    def __init__(self, kept: Habits, seed: int = 1, *, busy: bool = True) -> None:
        settings = SimSettings(sales_per_hour=60 if busy else 0, clock_spread_ms=0, habits=kept)
        row = Terminal("T1", carrier="CMCC", acquirer="ACQ", serial="SN1", network="4g")
        marks = Birthmarks(7, {"terminal": "T1", "acquirer": "ACQ", "network": "4g"}, 60)
        self.terminal = SimTerminal(row, marks, settings, random.Random(seed), MIDNIGHT)
        self.said: list[Sequenced] = []
        self.s = 0.0
        self.connected = False
        self.downs: list[float] = []
        self.states = self.connect()

    @property
    def now(self) -> Moment:
        return Moment(self.s, MIDNIGHT + round(self.s * 1000))

    def connect(self) -> list[State]:
        self.connected = True
        return [msgspec.json.decode(said.payload, type=State) for said in self.terminal.open_session(self.now)]

    def until(self, end_s: float) -> list[Sequenced]:
        before = len(self.said)
        while (due := self.terminal.next_s(connected=self.connected)) <= end_s:
            self.s = max(due, self.s)
            if self.terminal.reach is Reach.LOST and self.connected:
                self.connected = False
                self.downs.append(self.s)
            self.terminal.advance(self.now, connected=self.connected)
            if self.terminal.reach is Reach.ONLINE and not self.connected:
                self.connect()
            while self.terminal.outbox:
                message = self.terminal.outbox.popleft()
                route = Topics().route(message.topic)
                assert route is not None
                self.said.append(msgspec.json.decode(message.payload, type=route.kind.struct))  # type: ignore[arg-type]
        self.s = end_s
        return self.said[before:]


def stages(said: list[Sequenced], kind: str = "sale", rail: str | None = None) -> Counter[str]:
    sales = [event for event in said if isinstance(event, Transaction) and event.kind == kind]
    return Counter(sale.stage for sale in sales if rail in (None, sale.rail))


def test_what_is_lost_leaves_a_gap_in_the_numbers_and_nothing_else() -> None:
    said = Life(Habits(line=Line(loss=(0.1, 0.1), bad_share=0, swing=0))).until(86_400)
    numbers = {event.seq for event in said}
    missing = max(numbers) + 1 - len(numbers)
    beats = sum(isinstance(event, Heartbeat) for event in said)
    assert missing / (missing + beats) == pytest.approx(0.1, abs=0.03)
    requested, answered = (stages(said), stages(said).total())
    assert answered == pytest.approx(2 * requested["requested"], abs=1)


def test_an_unanswered_sale_is_reversed() -> None:
    said = Life(msgspec.structs.replace(QUIET, sales=Sales(unanswered=0.1, course=False, frailty=0))).until(86_400)
    lost = [event for event in said if isinstance(event, Transaction) and event.stage == "unanswered"]
    undone = [event for event in said if isinstance(event, Transaction) and event.kind == "reversal"]
    assert 0.05 < len(lost) / stages(said)["requested"] < 0.15
    assert {sale.id for sale in lost} == {reversal.original for reversal in undone}
    assert stages(said, "reversal")["approved"] == len(lost)
    beats = [event for event in said if isinstance(event, Heartbeat)]
    assert any(beat.reversals for beat in beats)
    assert all(sale.host_at is None and sale.rrn is None for sale in lost)


def test_codes_need_the_network_and_cards_do_not() -> None:
    life = Life(msgspec.structs.replace(QUIET, sales=Sales(qr=0.5, course=False, frailty=0, unanswered=0)))
    before = life.until(36_000)
    assert stages(before, rail="qr")["approved"] == pytest.approx(stages(before, rail="card")["approved"], rel=0.2)
    outage = NetworkOutage(at_s=0)
    life.terminal.begin(outage, life.now)
    life.connected = False
    life.until(43_200)
    life.terminal.end(outage, life.now)
    life.connect()
    after = life.until(50_000)
    assert stages(after, rail="card")["stored"] == stages(after, rail="card")["uploaded"] > 30
    assert not stages(after, rail="qr")["stored"]
    assert all(event.card is None for event in after if isinstance(event, Transaction) and event.rail == "qr")


def test_a_sale_under_way_when_the_network_goes_is_reversed_if_the_habits_say_so() -> None:
    life = Life(msgspec.structs.replace(QUIET, sales=Sales(qr=0, course=False, frailty=0, unanswered=0)))
    while not stages(life.until(life.s + 0.2))["requested"]:
        pass
    outage = NetworkOutage(at_s=0)
    life.terminal.begin(outage, life.now)
    life.terminal.end(outage, life.now)
    life.connect()
    said = life.until(life.s + 30)
    assert stages(said)["unanswered"] == stages(said, "reversal")["approved"] == 1
    assert not stages(said)["stored"]


def test_a_host_that_does_not_work_refuses_and_swallows() -> None:
    life = Life(QUIET)
    trouble = HostOutage(at_s=0, who={"acquirer": "ACQ"}, swallows=0.4, refuses=0.5)
    life.terminal.begin(trouble, life.now)
    during = life.until(36_000)
    share = stages(during)["approved"] / stages(during)["requested"]
    assert 0.02 < share < 0.2
    assert {event.response for event in during if isinstance(event, Transaction) and event.stage == "declined"} >= {
        "91"
    }
    assert life.terminal.till.reversals
    life.terminal.end(trouble, life.now)
    life.until(life.s + 7200)
    assert not life.terminal.till.reversals


def test_a_swapped_terminal_has_another_serial_and_fewer_boots() -> None:
    life, step = Life(QUIET), Swap(at_s=0)
    life.until(600)
    boot = life.terminal.boot
    life.terminal.begin(step, life.now)
    assert life.terminal.reach is Reach.LOST
    life.terminal.end(step, life.now)
    birth = life.connect()[1]
    assert birth.serial != "SN1" == life.states[1].serial
    assert birth.boot == life.terminal.boot < boot
    assert birth.session != life.states[1].session
    life.said.clear()
    assert [event.seq for event in life.until(life.s + 600)] == list(range(len(life.said)))


def test_paper_runs_out_and_is_replaced() -> None:
    life = Life(msgspec.structs.replace(QUIET, wear=Wear(portable=0, read_errors=(0, 0), worn_share=0)))
    said = life.until(86_400)
    told = [(event.code, event.action) for event in said if isinstance(event, DeviceEvent)]
    paper = Counter(told)
    assert paper["NoPaper", "set"] == pytest.approx(stages(said)["requested"] / 163, rel=0.3)
    assert paper["NoPaper", "set"] - paper["NoPaper", "clear"] in (0, 1)
    assert paper["PaperLow", "set"] >= paper["NoPaper", "set"]
    shown = {beat.poi.printer for beat in said if isinstance(beat, Heartbeat) and beat.poi}
    assert shown == {"OK", "PaperLow", "NoPaper"}


def test_a_worn_reader_shows_in_the_counters() -> None:
    body = Body(Wear(read_errors=(0.2, 0.2), worn_share=0), random.Random(1))
    for _ in range(2000):
        body.read_card()
    counted = body.counters(0)
    assert counted.card_inserts is not None
    assert counted.read_errors is not None
    assert counted.card_inserts == pytest.approx(1000 / 0.8, rel=0.1)
    assert counted.read_errors / counted.card_inserts == pytest.approx(0.2, abs=0.03)


def test_a_battery_is_charged_in_time_or_goes_flat() -> None:
    kept = Wear(portable=1, forgotten=0.3, roll=(0, 0), read_errors=(0, 0), worn_share=0)
    life = Life(msgspec.structs.replace(QUIET, wear=kept), busy=False)
    said = life.until(20 * 86_400)
    beats = [beat for beat in said if isinstance(beat, Heartbeat)]
    levels = [beat.power.battery for beat in beats if beat.power and beat.power.battery is not None]
    assert min(levels) < LOW / 2
    assert max(levels) > 0.97
    sets = Counter(event.action for event in said if isinstance(event, DeviceEvent))
    assert 3 < len(life.downs) <= sets["set"]
    assert {event.boot - said[0].boot for event in said} == set(range(len(life.downs) + 1))

"""One terminal in virtual time: what it says, in which order, with which numbers."""

import itertools
import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.model.cards import json_holds_card
from fleetmon.model.events import DeviceEvent, Heartbeat, Sequenced, State, Transaction
from fleetmon.model.registry import Terminal
from fleetmon.model.topics import Topics
from fleetmon.sim.pace import Moment
from fleetmon.sim.scenario import Device, NetworkOutage, Reboot, Shutdown, Silence, Step
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.terminal import Birthmarks, Outgoing, Reach, SimTerminal

T0 = 1_795_000_000_000
BUSY = SimSettings(sales_per_hour=360, declined=0.2, clock_spread_ms=0)
OUTAGE = NetworkOutage(at_s=0)


class Life:
    """Drives a terminal from turn to turn, as its task would, and keeps what it said."""

    def __init__(self, settings: SimSettings = BUSY, seed: int = 1) -> None:
        row = Terminal("T1", carrier="CMCC", acquirer="ACQ", serial="SN1", network="4g")
        marks = Birthmarks(7, {"terminal": "T1", "acquirer": "ACQ"}, 10)
        self.terminal = SimTerminal(row, marks, settings, random.Random(seed), T0)
        self.said: list[Sequenced] = []
        self.s = 0.0
        self.connected = True
        self.terminal.open_session(self.now)

    @property
    def now(self) -> Moment:
        return Moment(self.s, T0 + round(self.s * 1000))

    def until(self, end_s: float) -> list[Sequenced]:
        """Live until a time; what was said meanwhile."""
        before = len(self.said)
        while True:
            due = self.terminal.next_s(connected=self.connected)
            if due > end_s:
                self.s = end_s
                return self.said[before:]
            self.s = max(due, self.s)
            self.terminal.advance(self.now, connected=self.connected)
            while self.terminal.outbox:
                self.said.append(decode(self.terminal.outbox.popleft()))

    def begin(self, step: Step) -> None:
        self.terminal.begin(step, self.now)
        self.connected = self.terminal.reach in (Reach.ONLINE, Reach.MUTE)

    def end(self, step: Step) -> None:
        self.terminal.end(step, self.now)
        if not self.connected:
            self.terminal.open_session(self.now)
            self.connected = True


def decode(message: Outgoing) -> Sequenced:
    route = Topics().route(message.topic)
    assert route is not None
    assert (message.qos, message.retain) == (route.kind.qos, route.kind.retained)
    assert not json_holds_card(message.payload)
    event = msgspec.json.decode(message.payload, type=route.kind.struct)
    assert isinstance(event, Sequenced)
    return event


def sales(said: list[Sequenced], stage: str) -> list[Transaction]:
    return [event for event in said if isinstance(event, Transaction) and event.stage == stage]


def beats(said: list[Sequenced]) -> list[Heartbeat]:
    return [event for event in said if isinstance(event, Heartbeat)]


@given(st.integers(0, 10_000))
def test_every_kind_shares_one_gapless_count(seed: int) -> None:
    said = Life(seed=seed).until(600)
    assert [event.seq for event in said] == list(range(len(said)))
    assert {type(event) for event in said} == {Heartbeat, Transaction}


def test_heartbeats_keep_the_promised_rhythm() -> None:
    times = [beat.at for beat in beats(Life().until(300))]
    assert len(times) == 30
    assert {later - earlier for earlier, later in itertools.pairwise(times)} <= {9_999, 10_000, 10_001}


def test_a_sale_is_requested_and_then_approved_or_declined() -> None:
    said = Life().until(3600)
    requested, approved, declined = (sales(said, stage) for stage in ("requested", "approved", "declined"))
    assert 250 < len(requested) < 400
    assert len(approved) + len(declined) in (len(requested), len(requested) - 1)
    assert 0.1 < len(declined) / len(requested) < 0.3
    assert all(sale.response == "51" and sale.host_at is None for sale in declined)
    assert all(sale.response == "00" and sale.host_at and sale.auth and sale.acquirer == "ACQ" for sale in approved)
    assert len({sale.rrn for sale in approved}) == len(approved)
    assert len({sale.id for sale in requested}) == len(requested)


def test_in_an_outage_sales_are_stored_and_afterwards_uploaded_under_their_own_id() -> None:
    life = Life()
    life.until(60)
    life.begin(OUTAGE)
    out_since = life.now.at
    assert life.until(180) == []
    assert life.terminal.till.stored
    life.end(OUTAGE)
    back_at = life.now.at
    said = life.until(300)
    stored, uploaded = sales(said, "stored"), sales(said, "uploaded")
    assert [sale.id for sale in stored] == [sale.id for sale in uploaded]
    assert all(sale.at < back_at and sale.host_at is None and sale.rrn is None for sale in stored)
    assert all(sale.at > out_since for sale in stored[1:])  # the first may have been under way
    assert all(sale.host_at is not None and sale.host_at > back_at and sale.rrn for sale in uploaded)
    assert [event.seq for event in life.said] == list(range(len(life.said)))


def test_heartbeats_carry_what_is_pending_until_it_is_uploaded() -> None:
    life = Life()
    life.until(60)
    life.begin(OUTAGE)
    life.until(180)
    count = len(life.terminal.till.stored)
    life.end(OUTAGE)
    said = life.until(300)
    first, *_, last = beats(said)
    assert first.pending is not None
    assert first.pending.count == count
    assert first.pending.amount == sum(sale.amount for sale in sales(said, "stored"))
    assert first.pending.oldest_at == sales(said, "stored")[0].at
    assert last.pending is None


def test_a_sale_under_way_when_the_network_goes_is_stored() -> None:
    life = Life(SimSettings(sales_per_hour=3600, declined=0, clock_spread_ms=0))
    while not sales(life.until(life.s + 0.1), "requested"):
        pass
    life.begin(OUTAGE)
    assert life.terminal.till.stored[0].id == sales(life.said, "requested")[-1].id
    life.end(OUTAGE)
    life.until(life.s + 30)
    stages = [event.stage for event in life.said if isinstance(event, Transaction)]
    assert stages[:2] == ["requested", "stored"]


def test_silence_says_and_sells_nothing() -> None:
    life, step = Life(), Silence(at_s=0)
    life.until(60)
    made = life.terminal.till.made
    life.begin(step)
    assert life.terminal.reach is Reach.MUTE
    assert life.until(600) == []
    assert life.terminal.till.made == made
    life.end(step)
    assert beats(life.until(620))


@pytest.mark.parametrize(("step", "reach"), [(Shutdown(at_s=0), Reach.OFF), (Reboot(at_s=0), Reach.LOST)])
def test_after_power_a_new_boot_counts_from_zero(step: Step, reach: Reach) -> None:
    life = Life()
    life.until(60)
    boot = life.terminal.boot
    life.begin(step)
    assert life.terminal.reach is reach
    assert life.until(100) == []
    life.end(step)
    said = life.until(200)
    assert {event.boot for event in said} == {boot + 1}
    assert [event.seq for event in said] == list(range(len(said)))
    uptime, counters = beats(said)[-1].uptime_s, beats(said)[-1].counters
    assert uptime is not None
    assert uptime <= 100
    assert counters is not None
    assert counters.reboots == 1


def test_what_befell_it_twice_must_end_twice() -> None:
    life = Life()
    life.begin(OUTAGE)
    life.begin(NetworkOutage(at_s=5))
    life.end(OUTAGE)
    assert life.terminal.reach is Reach.LOST


def test_a_tampered_terminal_says_so_and_takes_no_card_until_cleared() -> None:
    life, step = Life(), Device(at_s=0, component="security", code="Tamper", severity="critical")
    life.until(60)
    life.begin(step)
    said = [decode(message) for message in life.terminal.outbox] + life.until(300)
    event = said[0]
    assert isinstance(event, DeviceEvent)
    assert (event.component, event.code, event.action, event.severity) == ("security", "Tamper", "set", "critical")
    assert not sales(said, "requested")
    poi = beats(said)[-1].poi
    assert poi is not None
    assert poi.security is False
    life.end(step)
    assert sales(life.until(600), "requested")


def test_will_and_birth_belong_to_one_session_and_carry_the_terminals_clock() -> None:
    life = Life(SimSettings(clock_spread_ms=60_000))
    life.s = 50.0
    states = [msgspec.json.decode(message.payload, type=State) for message in life.terminal.open_session(life.now)]
    will, birth = states
    assert (will.state, will.reason, birth.state, birth.reason) == ("offline", "lost", "online", None)
    assert will.session == birth.session
    assert will.boot == birth.boot
    assert will.at == birth.at == life.now.at + life.terminal.offset_ms != life.now.at
    again = msgspec.json.decode(life.terminal.open_session(life.now)[1].payload, type=State)
    assert again.session != birth.session


def test_a_later_simulation_counts_on() -> None:
    row, marks = Terminal("T1"), Birthmarks(0, {}, 10)
    first, second = (SimTerminal(row, marks, BUSY, random.Random(1), at) for at in (T0, T0 + 5_000))
    assert second.boot > first.boot


def test_without_sales_there_is_nothing_to_wait_for_but_heartbeats() -> None:
    life = Life(SimSettings(sales_per_hour=0))
    life.connected = False
    assert math.isinf(life.terminal.next_s(connected=False))

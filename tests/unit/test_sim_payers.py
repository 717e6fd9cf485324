"""The simulated acquirers: what they pay, when, and in what portions."""

from typing import Any

import msgspec

from fleetmon.model.days import DAY, date_of, day_of, midnight
from fleetmon.model.errors import SinkError
from fleetmon.model.events import Payout, SettlementFile
from fleetmon.model.registry import Host, Merchant, Registry
from fleetmon.model.topics import Topics
from fleetmon.sim.chance import seeded
from fleetmon.sim.demand import Demand
from fleetmon.sim.drawer import Taking
from fleetmon.sim.hosts import Hosts
from fleetmon.sim.pace import Moment
from fleetmon.sim.payers import MOST_ROWS, Payers
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.terminal import Outgoing
from fleetmon.sim.till import Till
from fleetmon.working_days import working_days

MINUTE, HOUR = 60_000, 3_600_000
MONDAY = midnight(day_of(1_795_399_200_000))
DUE = MONDAY + DAY + 18 * HOUR
BANK = "ACQ-1"


class Street:
    """One merchant with one till; the acquirer is asked every minute."""

    def __init__(self, merchant: str = "M1", **terms: Any) -> None:
        row = Merchant("M1", number="898551054110001", mcc="5411", **terms)
        registry = Registry(hosts=[Host(BANK, "acquirer", licence="Z1")], merchants=[row])
        self.till = Till(1, BANK, SimSettings(), seeded(1, "till"), 0, Demand(0, None, None, 1))
        days = working_days(registry.calendar)
        self.payers = Payers(registry, [(merchant, self.till)], days, Topics(), seeded(1, "payouts"))
        self.now = MONDAY
        self.payouts: list[Payout] = []
        self.files: list[SettlementFile] = []

    def sell(self, at: int, amount: int = 1000, count: int = 1, rail: str = "card") -> None:
        """Sales at the host at `at`, numbered by it."""
        self.wait(at)
        first = at % 10**9 * 1000
        self.till.takings += [Taking(f"{first + number:012d}", amount, at, rail) for number in range(count)]

    def wait(self, until: int) -> None:
        while self.now < until:
            self.now = min(self.now + MINUTE, until)
            for word in self.payers.work(self.now):
                assert word.qos == 1
                assert not word.retain
                if word.topic == "pos/v1/merchant/M1/settlement":
                    self.payouts.append(msgspec.json.decode(word.payload, type=Payout))
                else:
                    assert word.topic == f"pos/v1/host/{BANK}/file"
                    self.files.append(msgspec.json.decode(word.payload, type=SettlementFile))

    def told(self, event: str) -> list[Payout]:
        return [one for one in self.payouts if one.event == event]


def test_a_day_is_cleared_in_the_morning_and_paid_before_it_is_due() -> None:
    street = Street()
    street.sell(MONDAY + 10 * HOUR)
    street.sell(MONDAY + 22 * HOUR, 500)
    street.wait(DUE)
    (file,) = street.files
    assert (file.business_date, file.event, file.records, file.amount) == ("2026-11-23", "ready", 2, 1500)
    assert MONDAY + DAY + 6 * HOUR <= file.at <= MONDAY + DAY + 7 * HOUR
    (instructed,), (credited,) = street.told("instructed"), street.told("credited")
    assert DUE - 76 * MINUTE < instructed.at < DUE - 44 * MINUTE
    assert 10 * MINUTE <= credited.at - instructed.at <= 41 * MINUTE
    assert credited.at < DUE
    assert instructed.id == credited.id
    assert (credited.amount, credited.expected, credited.payer) == (1500, 1500, BANK)
    rows = credited.rows or []
    assert [(row.amount, row.fee, row.mcc, row.merchant) for row in rows] == [
        (1000, 0, "5411", "898551054110001"), (500, 0, "5411", "898551054110001"),
    ]  # fmt: skip


def test_after_the_cutoff_and_on_another_day_is_another_payout() -> None:
    street = Street()
    street.sell(MONDAY + 23 * HOUR)
    street.sell(MONDAY + 23 * HOUR + 1, 500)
    street.sell(MONDAY + 23 * HOUR + 2, 300, rail="qr")
    street.wait(DUE + DAY)
    assert [(one.business_date, one.amount) for one in street.told("credited")] == [
        ("2026-11-23", 1300), ("2026-11-24", 500),
    ]  # fmt: skip
    assert [(file.business_date, file.records) for file in street.files] == [("2026-11-23", 2), ("2026-11-24", 1)]


def test_a_payout_has_so_many_rows_and_a_second_one_the_rest() -> None:
    street = Street()
    street.sell(MONDAY + 10 * HOUR, 100, MOST_ROWS + 5)
    street.wait(DUE)
    assert [len(one.rows or []) for one in street.told("instructed")] == [MOST_ROWS, 5]
    assert len({one.id for one in street.told("credited")}) == 2
    assert len({row.rrn for one in street.told("credited") for row in one.rows or []}) == MOST_ROWS + 5
    assert all(len(msgspec.json.encode(one)) < 64 * 1024 for one in street.payouts)


def test_an_instant_sale_just_before_its_due_time_is_paid_within_the_grace() -> None:
    street = Street(cycle="D+0")
    street.sell(MONDAY + 12 * HOUR)
    street.sell(MONDAY + 18 * HOUR - MINUTE, 500)
    street.sell(MONDAY + 18 * HOUR, 300)
    street.wait(MONDAY + 18 * HOUR + 30 * MINUTE)
    assert [one.amount for one in street.told("credited")] == [1000, 500]
    street.wait(DUE)
    assert [one.amount for one in street.told("credited")] == [1000, 500, 300]


def test_what_is_over_the_instant_limit_comes_a_working_day_later() -> None:
    street = Street(cycle="D+0", instant_limit=1800)
    for minute in range(3):
        street.sell(MONDAY + 12 * HOUR + minute * MINUTE)
    street.wait(MONDAY + 19 * HOUR)
    assert [one.amount for one in street.told("credited")] == [1000]
    street.sell(MONDAY + DAY + 9 * HOUR, 700)  # the limit is a day's
    street.wait(DUE)
    assert sorted((one.business_date, one.amount) for one in street.told("credited")) == [
        ("2026-11-23", 1000), ("2026-11-23", 2000), ("2026-11-24", 700),
    ]  # fmt: skip


def test_a_host_that_does_not_work_pays_when_it_works_again() -> None:
    street = Street()
    street.sell(MONDAY + 10 * HOUR)
    street.wait(DUE - 2 * HOUR)
    for _ in range(2):  # two troubles at once
        street.payers.fail({BANK})
    street.wait(DUE + HOUR)
    street.payers.recover({BANK})
    street.wait(DUE + 2 * HOUR)
    assert not street.payouts
    street.payers.recover({BANK})
    street.wait(DUE + 3 * HOUR)
    (instructed,), (credited,) = street.told("instructed"), street.told("credited")
    assert instructed.at == DUE + 2 * HOUR + MINUTE
    assert 10 * MINUTE <= credited.at - instructed.at <= 41 * MINUTE


def test_nobody_is_paid_for_a_terminal_without_a_merchant() -> None:
    street = Street(merchant="")
    street.sell(MONDAY + 10 * HOUR)
    street.wait(DUE)
    assert not street.payouts
    assert not street.files
    assert not street.till.takings


def test_a_merchant_that_the_registry_lacks_has_the_default_terms() -> None:
    street = Street(merchant="M9")
    street.sell(MONDAY + 10 * HOUR)
    street.now = DUE
    (paid,) = [word for word in street.payers.work(DUE) if "merchant/M9" in word.topic]
    said = msgspec.json.decode(paid.payload, type=Payout)
    assert said.business_date == date_of(day_of(MONDAY))
    assert said.rows is not None
    assert said.rows[0].merchant is None


class Line:
    """A line that breaks at the first word of a payout."""

    def __init__(self) -> None:
        self.connected = False
        self.broken = 0
        self.heard: list[str] = []

    async def connect(self, _: Outgoing | None) -> None:
        self.connected = True

    async def publish(self, message: Outgoing) -> None:
        kind = message.topic.rpartition("/")[2]
        if kind != "health" and not self.broken:
            self.broken, self.connected = 1, False
            raise SinkError("broken", retryable=True)
        self.heard.append(kind)

    async def cut(self) -> None: ...

    async def close(self) -> None: ...


async def test_word_of_a_payout_is_kept_until_the_broker_has_it() -> None:
    street, line = Street(), Line()
    street.sell(MONDAY + 10 * HOUR)
    hosts = Hosts([BANK], [street.till], street.payers, Topics(), line)
    for at in range(MONDAY + 10 * HOUR, DUE, MINUTE):
        await hosts._report(Moment(0.0, at))
    assert line.broken
    assert [kind for kind in line.heard if kind != "health"] == ["file", "settlement", "settlement"]
    assert hosts.sent == len(line.heard)

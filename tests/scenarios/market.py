"""The world with money in it: merchants that sell, an acquirer that pays, and files between institutions."""

from typing import Any, Literal

import msgspec

from fleetmon.engine import Message
from fleetmon.model.days import date_of, day_of
from fleetmon.model.events import Account, Batch, Event, Notice, Payout, SettlementFile, Transaction
from fleetmon.model.registry import Host, Merchant, Registry, Terminal

from .world import HOUR, NOON, World, second

TODAY = date_of(day_of(NOON))
DUE = 30 * HOUR  # tomorrow at 18:00, a Friday
OVERDUE = DUE + 1800
YUAN = 100
NUMBER = "800" + "4301" + "5812" + "0001"
ACQUIRER = Host("ACQ", "acquirer", licence="Z1")


def merchants(count: int, **fields: Any) -> Registry:
    """`m1`, `m2`, ... with a terminal each: `t1`, `t2`, ..."""
    numbers = range(1, count + 1)
    fields = {"acquirer": "ACQ", "number": NUMBER, "mcc": "5812", **fields}
    return Registry(
        hosts=[ACQUIRER, Host("OLD", "institution", licence="Z2", licence_valid_to="2020-01-01")],
        merchants=[Merchant(f"m{number}", **fields) for number in numbers],
        terminals=[Terminal(f"t{number}", merchant=f"m{number}", interval_s=3600) for number in numbers],
    )


class Market(World):
    """A world whose terminals beat every hour, so that it can run for days."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self.start()

    def until(self, seconds: float) -> None:
        """Let time pass up to this second after noon."""
        self.run(seconds - second(self.now))

    def sell(self, who: str, name: str = "s", amount: int = 20_000 * YUAN, **more: Any) -> None:
        """The host approves a sale now, unless said otherwise."""
        life = self.lives[who]
        life.seq += 1
        fields = {"kind": "sale", "stage": "approved", "host_at": self.now, "rrn": f"{who}-{name}", **more}
        self.say(who, Transaction(at=self.now, boot=1, seq=life.seq, id=name, amount=amount, acquirer="ACQ", **fields))

    def close(self, who: str, event: Any = "closed", **more: Any) -> None:
        life = self.lives[who]
        life.seq += 1
        self.say(who, Batch(at=self.now, boot=1, seq=life.seq, no="b1", event=event, **more))

    def pay(self, merchant: str, event: Any = "credited", name: str = "p", **more: Any) -> Message:
        fields = {"amount": 20_000 * YUAN, "business_date": TODAY, **more}
        return self.tell(f"merchant/{merchant}/settlement", Payout(at=self.now, id=name, event=event, **fields))

    def account(self, merchant: str, status: Any) -> None:
        self.tell(f"merchant/{merchant}/account", Account(at=self.now, status=status))

    def file(self, event: Any, date: str = TODAY) -> Message:
        return self.tell("host/ACQ/file", SettlementFile(at=self.now, business_date=date, event=event))

    def announce(self, start: float, end: float, service: Literal["card", "payout"] = "payout") -> None:
        begin, over = NOON + round(start * 1000), NOON + round(end * 1000)
        said = Notice(at=self.now, id="n1", event="scheduled", services=[service], starts_at=begin, ends_at=over)
        self.tell("host/ACQ/notice/n1", said)

    def tell(self, topic: str, event: Event) -> Message:
        """What a host or a merchant's side says."""
        message = Message(self.now, topic.split("/")[1], event, False, f"pos/v1/{topic}", msgspec.json.encode(event))
        self.again(message)
        return message

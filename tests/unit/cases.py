"""Cases by hand: one sale, what it waits for, and what was known at the time. Causes are asked nothing else.

The sale is of noon on a Friday; a fault "at the time" is one of `DURING`, one of `LATER` came when it was over.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fleetmon.explain import explain
from fleetmon.model.case import Case
from fleetmon.model.cause import Finding
from fleetmon.model.episode import Episode
from fleetmon.model.incident import Incident, Scope
from fleetmon.model.registry import Merchant
from fleetmon.model.responses import meaning
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing, Wait

from .till import DAYS, DUE, FRIDAY, GRACE, HOUR, MINUTE, NOON, Heard, agreed, book, sale

CUTOFF = FRIDAY + 23 * HOUR
UPLOADED = CUTOFF + 30 * MINUTE
DURING = (NOON - MINUTE, UPLOADED - MINUTE)
LATER = (UPLOADED + MINUTE, UPLOADED + 10 * HOUR)
NOW = DUE + GRACE + 1
NUMBER = "800" + "4301" + "5812" + "0001"
MERCHANT = Merchant("m", number=NUMBER, mcc="5812", acquirer="ACQ")
TOPIC = "terminal/t/heartbeat"

CONTRACT = (Path(__file__).parents[1] / "contract" / "v1" / "telemetry.md").read_text("utf-8")
ACTORS = dict(re.findall(r"^\| `(\w+)` \|.*\| ([\w-]+) \|$", CONTRACT[CONTRACT.index("## Cause ids") :], re.MULTILINE))


def first(case: Case) -> Finding:
    """The answer; whoever acts is whom the contract names."""
    found = explain(case)
    assert found[0].actor == ACTORS[found[0].cause]
    assert sum(one.confidence for one in found) <= 1.01
    return found[0]


def cause(case: Case) -> str:
    return first(case).cause


def cited(case: Case) -> str:
    """The evidence of the answer, as it is listed."""
    return "\n".join(map(str, first(case).evidence))


def so(kind: str, span: tuple[int, int] = DURING, *, topic: str = TOPIC, **fields: Any) -> Episode:
    """Something was so in this span."""
    return Episode(kind, topic, *span, **fields)


def incident(kind: str, span: tuple[int, int] = DURING, scope: Scope = (("terminal", "t"),)) -> Incident:
    return Incident(f"{kind}-1", kind, scope, "warning", False, span[0], resolved_at=span[1], terminals=7)


def taken(told: Iterable[Heard]) -> Sale:
    return book(told).sales["t", "s"]


def case(sold: Sale, found: Standing, span: tuple[int, int], **known: Any) -> Case:
    made = Case(NOW, sold, found, DAYS, MERCHANT, {"terminal": "t", "acquirer": "ACQ"}, span)
    made.meaning = meaning(sold.response) if sold.response else ""
    for name, value in known.items():
        setattr(made, name, value)
    return made


def kept(**known: Any) -> Case:
    """Stored at noon, uploaded after the cut-off, so the money comes a day later."""
    told = [sale("stored", NOON, acquirer="ACQ"), sale("uploaded", UPLOADED)]
    found = Standing("not_due", "clearing", Wait.UPLOAD, agreed(), DUE, settled_from=UPLOADED, blocked=(NOON, CUTOFF))
    return case(taken(told), found, (NOON, CUTOFF), **known)


def cut_off(**known: Any) -> Case:
    """The same, and for all that time nothing was heard of the terminal."""
    told = [sale("stored", NOON, acquirer="ACQ", heard=UPLOADED), sale("uploaded", UPLOADED)]
    made = kept(**{"signs": [so("silent")], **known})
    made.sale = taken(told)
    return made


def unclosed(*, closed_at: int = 0, **known: Any) -> Case:
    """Terminal capture, and the day was not closed in time."""
    found = Standing(
        "overdue", "batch", Wait.CLOSING, agreed(capture="terminal"), DUE, settled_from=NOON,
        blocked=(NOON, closed_at or NOW),
    )  # fmt: skip
    return case(taken([sale("approved", NOON, batch="b1")]), found, (CUTOFF - 10 * MINUTE, CUTOFF), **known)


def asked(**known: Any) -> Case:
    """A request without an answer."""
    told = [sale("requested", NOON, acquirer="ACQ"), sale("unanswered", NOON + 45_000, acquirer="ACQ")]
    found = Standing("unknown", "host", Wait.ANSWER, agreed())
    return case(taken(told), found, (NOON - 5 * MINUTE, NOON + 5 * MINUTE), **known)


def refused(code: str, **known: Any) -> Case:
    """A request with a no."""
    told = [sale("requested", NOON, acquirer="ACQ"), sale("declined", NOON + 900, response=code, acquirer="ACQ")]
    found = Standing("declined", "done", Wait.REFUSED, agreed())
    return case(taken(told), found, (NOON - 5 * MINUTE, NOON + 5 * MINUTE), **known)


def settled(state: Any = "overdue", *payouts: Heard, sold: Iterable[Heard] = (), **known: Any) -> Case:
    """The host has it; with payouts it is where they leave it, without it waits to be cleared."""
    made = book([*(sold or [sale("approved", NOON, acquirer="ACQ")]), *payouts])
    one = made.sales["t", "s"]
    found = made.standing(one, NOW, agreed(), DAYS)
    assert found.state == state
    return case(one, found, (NOON, NOW), **known)

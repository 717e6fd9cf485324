"""What the store holds at the end of the story of `bench.history`: terminals, incidents, late money, planned work."""

import json
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from msgspec.structs import asdict

from bench.history import AWAY, DEAF, HOUR, LATE, OUTAGE, VISIT, WORK, Between, Story, cohorts
from fleetmon.model.incident import Status
from fleetmon.store import schema

Row = dict[str, Any]
_SHOPS: Final = 4  # terminals of one shop
_OLD: Final = 30  # days of incidents that are over


def fill(engine: sa.Engine, story: Story) -> None:
    """Write it into an empty store."""
    with engine.begin() as connection:
        for table, rows in (
            (schema.terminal, _terminals(story)),
            (schema.incident, _incidents(story)),
            (schema.settlement, _settlements(story)),
            (schema.window, _windows(story)),
        ):
            connection.execute(sa.insert(table), list(rows))


def _ms(story: Story, left: float) -> int:
    return round((story.end - left * HOUR) * 1000)


def _terminals(story: Story) -> Iterator[Row]:
    number = 0
    for cohort, count in cohorts(story.terminals).items():
        for _ in range(count):
            number += 1
            shop = f"shop-{number // _SHOPS:04}"
            state = "down" if number % 97 == 0 and not story.quiet else "up"
            yield {
                "id": f"pos-{number:05}", "merchant": shop, "site": shop,
                **asdict(cohort), "registered": True, "state": state, "since": _ms(story, number % 40 / 10),
            }  # fmt: skip


def _incident(story: Story, key: str, kind: str, scope: Row, when: Between, **more: Any) -> Row:  # noqa: ANN401
    over = when.until > 0
    return {
        "id": f"{kind}-{key}", "kind": kind, "scope": json.dumps(scope), "severity": "warning", "pages": False,
        "status": Status.RESOLVED if over else Status.FIRING, "opened_at": _ms(story, when.since),
        "fired_at": _ms(story, when.since), "paged_at": None, "terminals": 1, "suppressed_by": None, "evidence": "[]",
        "resolved_at": _ms(story, when.until) if over else None,
        **more,
    }  # fmt: skip


def _incidents(story: Story) -> Iterator[Row]:
    for day in range(1, _OLD):
        for number in range(100):
            when = Between(day * 24 + number / 10, day * 24 + number / 10 - 0.5)
            yield _incident(story, f"old-{day}-{number}", "terminal_offline", {"terminal": f"pos-{number:05}"}, when)
    if story.quiet:
        return
    for kind, scope, when, terminals in (
        ("carrier_outage", {"carrier": "CMCC", "region": "changsha-yuhua"}, OUTAGE, 140),
        ("ingest_impaired", {}, DEAF, 0),
        ("ingest_impaired", {"restart": "pos-1"}, AWAY, 0),
        ("tamper", {"terminal": "pos-00777"}, LATE, 1),
    ):
        called = {"pages": True, "paged_at": _ms(story, when.since), "severity": "critical", "terminals": terminals}
        yield _incident(story, f"{when.since}", kind, scope, when, **called)
    for number in range(6):
        scope = {"terminal": f"pos-{number:05}"}
        yield _incident(story, f"w-{number}", "terminal_offline", scope, WORK, suppressed_by="window:operator:yuhua")


def _settlements(story: Story) -> Iterator[Row]:
    for number in range(2_000):
        late = 0 if story.quiet or number % 40 else 1 + number // 200
        sold, cause = 100 + number % 70, ("network_outage", "file_late", "account_blocked")[number % 3]
        yield {
            "merchant": f"shop-{number:04}", "business_date": "2026-11-26", "acquirer": f"ACQ{number // 7 % 8}",
            "cause": cause if late else "", "due_at": _ms(story, 1 + late),
            "expected_count": sold, "expected": sold * 4_300, "paid_count": sold - late, "paid": (sold - late) * 4_300,
            "overdue_count": late, "overdue": late * 430_000, "at_risk_count": 0, "at_risk": 0,
            "updated_at": _ms(story, 0.2),
        }  # fmt: skip


def _windows(story: Story) -> Iterator[Row]:
    for key, when, selector, reason in (
        ("yuhua", WORK, {"region": "changsha-yuhua"}, "new routers"),
        ("visit", VISIT, {"site": "shop-0044"}, "reader replaced"),
        ("bank", Between(-20, -24), {"acquirer": "ACQ3"}, "the bank's own work"),
    ):
        yield {
            "id": f"window:operator:{key}", "starts_at": _ms(story, when.since), "ends_at": _ms(story, when.until),
            "provenance": "operator", "owner": "provider-01", "host": "", "reason": reason,
            "selector": json.dumps(selector), "cancelled": False,
        }  # fmt: skip

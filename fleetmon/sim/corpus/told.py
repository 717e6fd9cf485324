"""The truth about a corpus in the form of the contract's sample, with `difficulty` and the story as `group`."""

from collections import defaultdict
from typing import Final

from fleetmon.sim.corpus.dates import MINUTE
from fleetmon.sim.corpus.device import Fields
from fleetmon.sim.corpus.sale import Sale
from fleetmon.sim.corpus.verdict import Verdict, business_date, judge
from fleetmon.sim.corpus.world import World, explained

PAGED: Final = (
    "carrier_outage", "region_outage", "host_outage", "model_fault", "attribute_outage", "tamper",
    "provider_unlicensed", "interface_fault", "ingest_impaired", "maintenance_overdue",
)  # fmt: skip
_PAGED_CAUSES: Final = frozenset({"carrier_outage", "host_outage", "tamper", "provider_unlicensed", "interface_fault"})
_PAGE_FROM: Final = 1_000_000  # fen; the contract's default
_WAITING: Final = frozenset({"not_due", "due", "declined", "cancelled", "unknown"})
_HEARD: Final = MINUTE


def truth(world: World, messages: int) -> Fields:
    """All of it."""
    until = world.scene.until
    judged = [
        (sale, verdict)
        for sale in explained(world)
        if sale.heard_at() + _HEARD < until and (verdict := judge(sale, world)) is not None
    ]
    incidents = [_incident(fields) for fields in world.incidents]
    planted = {kind for incident in incidents for kind in incident["kinds"]}
    planted |= {kind for one in world.allowed for kind in one["kinds"]}
    return {
        "until": until,
        "messages": messages,
        "explanations": [_record(sale, verdict, until) for sale, verdict in judged],
        "paid": [[sale.device.id, sale.id] for sale in explained(world) if sale.paid_at is not None],
        "incidents": incidents,
        "allowed": world.allowed,
        "forbidden": [{"kinds": [kind for kind in PAGED if kind not in planted], "terminals": None}],
        "max_pages": sum(bool(i["page"]) for i in incidents) + _overdue_pages(judged),
    }


def _record(sale: Sale, verdict: Verdict, until: int) -> Fields:
    fault = verdict.fault
    evidence: Fields = {"terminals": [sale.device.id], "from": sale.at, "to": until}
    if fault is not None:
        terminals = fault.terminals if sale.device.id in fault.terminals else (sale.device.id, *fault.terminals)
        evidence = {"terminals": sorted(set(terminals)), "from": fault.start, "to": min(fault.end, until)}
    return {
        "merchant": sale.shop.id,
        "terminal": sale.device.id,
        "transaction": sale.id,
        "group": sale.group if fault is None else fault.group,
        "difficulty": sale.difficulty if fault is None else fault.difficulty,
        "cause": verdict.cause,
        "accept": [{"cause": other.cause, "why": other.why} for other in verdict.accept],
        "state": verdict.states,
        "stage": verdict.stages,
        "due_at": verdict.dues,
        "provisional": verdict.provisional,
        "why": verdict.why,
        "evidence": evidence,
    }


def _incident(planted: Fields) -> Fields:
    low, high = planted["opened"]
    return {
        "kinds": planted["kinds"],
        "scope": planted["scope"],
        "scopes": planted.get("scopes", []),
        "members": planted.get("members", []),
        "start": low,
        "must": planted.get("must", True),
        "page": planted.get("page", True),
        "opened": [low, high],
        "resolved": planted.get("resolved"),
    }


def _overdue_pages(judged: list[tuple[Sale, Verdict]]) -> int:
    """How many pages overdue money can cost: one for each cause, acquirer and business date with enough money."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for sale, verdict in judged:
        if not _WAITING.issuperset(verdict.states or ()) and verdict.cause not in _PAGED_CAUSES:
            sums[verdict.cause, sale.shop.row.acquirer, business_date(sale)] += sale.amount
    return sum(total >= _PAGE_FROM for total in sums.values())

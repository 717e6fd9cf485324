"""What hosts tell of themselves: health every ten minutes, and a settlement file for each business date."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from math import cos, pi
from typing import Final

from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.dates import HOUR, MINUTE, SECOND, clock_of, moment
from fleetmon.sim.corpus.device import Fields
from fleetmon.sim.corpus.estate import HostPlan, Spike
from fleetmon.sim.corpus.scene import Scene
from fleetmon.sim.corpus.shop import Shop

WINDOW_S: Final = 600
_USUAL: Final = {"51": 0.025, "55": 0.012, "61": 0.006, "05": 0.004}


def health(plan: HostPlan, scene: Scene, chance: Chance) -> Iterator[tuple[int, str, Fields]]:
    """(at, topic, payload) of every ten minutes."""
    at = scene.start + chance.randint(1, WINDOW_S) * SECOND
    while plan.health and at < scene.until - 5 * SECOND:
        spike = next((s for s in plan.spikes if s.start < at - 2 * MINUTE and at - WINDOW_S * SECOND < s.end), None)
        yield at, f"host/{plan.row.id}/health", {"at": at, **_report(plan, at, spike, chance)}
        at += WINDOW_S * SECOND


def _report(plan: HostPlan, at: int, spike: Spike | None, chance: Chance) -> Fields:
    hour = clock_of(at) / 3600
    requests = round(plan.requests * (0.55 - 0.45 * cos((hour - 2) * pi / 12)) * chance.uniform(0.85, 1.15)) + 3
    shares = {code: share * chance.uniform(0.5, 1.5) for code, share in _USUAL.items()}
    if spike is not None:
        inside = min(spike.end, at) - max(spike.start, at - WINDOW_S * SECOND)
        weight = inside / (WINDOW_S * SECOND)
        shares |= {code: share * weight for code, share in spike.codes.items()}
    codes = {code: count for code, share in shares.items() if (count := round(requests * min(share, 1)))}
    approved = max(requests - sum(codes.values()), 0)
    report: Fields = {"window_s": WINDOW_S, "requests": requests, "codes": {"00": approved, **codes}}
    report["p95_ms"] = spike.p95_ms if spike else round(chance.uniform(300, 900))
    report["signed_on"] = spike.signed_on if spike else True
    if spike and spike.cutover:
        report["cutover"] = spike.cutover
    return report


def files(plan: HostPlan, scene: Scene, shops: Sequence[Shop], chance: Chance) -> Iterator[tuple[int, str, Fields]]:
    """The settlement file of each business date, in the morning after it, unless a story has another one."""
    if not plan.files or plan.row.kind != "acquirer":
        return
    totals: dict[str, list[int]] = defaultdict(list)
    for shop in shops:
        for sale in shop.sales:
            if sale.is_money and sale.basis is not None:
                totals[sale.base()].append(sale.amount)
    topic = f"host/{plan.row.id}/file"
    for day in scene.days:
        ready = moment(day, 24 * 3600) + chance.randint(5 * 3600, 8 * 3600) * SECOND
        told = plan.filed.get(day.isoformat())
        if told is None:
            amounts = totals.get(day.isoformat(), [])
            told = [(ready, {"event": "ready", "records": len(amounts), "amount": sum(amounts)})]
            if chance.random() < 0.3:
                told.insert(0, (ready - 2 * HOUR, {"event": "expected"}))
        for at, fields in told:
            if at < scene.until - MINUTE:
                yield at, topic, {"at": at, "business_date": day.isoformat(), **fields}


def file_time(day: date, chance: Chance) -> int:
    """When the file of that business date is ready on a good morning."""
    return moment(day, 24 * 3600) + chance.randint(5 * 3600, 8 * 3600) * SECOND

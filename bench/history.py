"""Hours of a fleet as Prometheus would have scraped them, without waiting for them.

The story is told backwards from its end, so that hours before it are the same in a short and in a long
history: an outage of a carrier, our own deafness, a restart, planned work, a stranger at the broker, money that is
late at the end. What is exported is rendered by fleetmon's own collector from readings made up here; what
Prometheus adds by itself (`up`, alerts, records) is made up, too, and is told apart in `_of_prometheus`.
Where it can be wrong: a real fleet is less regular; the numbers stand for its size, not for its habits. When a
scrape fails Prometheus marks every series as gone, which cannot be written: they are gone five minutes later here.
"""

import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple, get_args

from fleetmon.detect import POLICIES
from fleetmon.detect.not_paying import Reason
from fleetmon.model.incident import Incident, Status
from fleetmon.model.terminal import Cohort, Liveness
from fleetmon.sinks.metrics import Readings, everything
from fleetmon.sinks.money import Money
from fleetmon.sinks.planned import Calendar, Planned

HOUR: Final = 3_600
_BLOCK: Final = 2 * HOUR  # of Prometheus' store
_CHINA: Final = 8 * HOUR
_CARRIERS: Final = ("CMCC", "CUCC", "CTCC")
_CAUSES: Final = ("network_outage", "file_late", "batch_not_closed", "account_blocked", "unknown")
_LABELS: Final = 'job="fleetmon",instance="pos-1:9877"'
Series = tuple[str, float]  # name with its labels, value
_Sums = dict[tuple[str, str], int]


class Between(NamedTuple):
    """A time of the story, in hours before its end."""

    since: float
    until: float

    def holds(self, left: float) -> bool:
        return self.since >= left > self.until

    def passed(self, left: float) -> int:
        """Seconds of it that are over."""
        return round(max(self.since - max(left, self.until), 0) * HOUR)


OUTAGE: Final = Between(5.5, 4.5)
DEAF: Final = Between(4.0, 3.8)
AWAY: Final = Between(3.5, 3.3)
VISIT: Final = Between(2.5, 1.5)
STRANGER: Final = Between(0.9, 0.4)
LATE: Final = Between(1.5, -1)
WORK: Final = Between(0.5, -1)
BACK: Final = Between(1.25, 1.0)  # after the visit somebody is not back yet


class Story(NamedTuple):
    """A fleet and what happens to it; a quiet one has nothing wrong. Times in seconds since 1970."""

    end: int
    terminals: int = 10_000
    quiet: bool = False

    def happens(self, what: Between, at: int) -> bool:
        return not self.quiet and what.holds((self.end - at) / HOUR)


def write(folder: Path, story: Story, hours: float, step_s: int) -> int:
    """Make Prometheus' blocks of the last hours of the story in a folder; the number of samples."""
    start, samples = story.end - round(hours * HOUR), 0
    edges = [start, *range(start - start % _BLOCK + _BLOCK, story.end, _BLOCK), story.end + 1]
    text = folder / "history.txt"
    for since, until in pairwise(edges):
        first = since + -since % step_s
        with text.open("w", encoding="utf-8") as lines:
            for at in range(first, until, step_s):
                series = list(scrape(story, at))
                samples += len(series)
                lines.writelines(f"{name} {value!r} {at}\n" for name, value in series)
            lines.write("# EOF\n")
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(folder / "data")]
        subprocess.run(command, check=True, capture_output=True)
    text.unlink()
    return samples


def scrape(story: Story, at: int) -> Iterator[Series]:
    """All that Prometheus would have noted at that time."""
    away = story.happens(AWAY, at)
    yield from _of_prometheus(story, at, away=away)
    if away:
        return
    for family in everything(readings(story, at)):
        for sample in family.samples:
            labels = "".join(f',{name}="{value}"' for name, value in sample.labels.items())
            yield f"{sample.name}{{{_LABELS}{labels}}}", float(sample.value)
    for name, value in _process(_uptime(story, at)).items():
        yield f"fleetmon_process_{name}{{{_LABELS}}}", value + at * name.startswith("start_time")


# -- what fleetmon says ----------------------------------------------------------------------------


def readings(story: Story, at: int) -> Readings:
    """What a scrape at that time would have read."""
    uptime, busy = _uptime(story, at), _busy(at)
    deaf = story.happens(DEAF, at)
    beats = uptime * story.terminals // 60
    begun = at - uptime
    sold = sum(_busy(then) * min(at - then, 600) for then in range(begun, at, 600)) * story.terminals / 600
    return Readings(
        census=_census(story, at),
        covered=_covered(story, at),
        unregistered=0 if story.quiet else 3,
        not_paying=dict.fromkeys(get_args(Reason), 0 if story.quiet else 4),
        clock_ahead_s=0,
        unheard=(),
        beats_per_second=story.terminals / 60,
        last_canary_s=at - 2.0 - (300 if deaf else 0),
        deaf=deaf,
        kinds=tuple(POLICIES),
        incidents=_incidents(story, at),
        planned=_planned(story, at),
        money=_money(story, at, uptime),
        messages={"heartbeat": beats, "transaction": round(sold), "device": beats // 50, "state": beats // 90},
        refused={"field": 0 if story.quiet else 9 * STRANGER.passed((story.end - at) / HOUR)},
        order={"missing": uptime // 60, "repeated": uptime // 40, "late": uptime // 300},
        connects=1 + uptime // (20 * HOUR),
        last_message_s=at - 1.5 - (300 if deaf else 0),
        canary_lag_s=0.002 + busy * 0.003,
        uncommitted=round(40 * busy),
        commits=uptime * 5,
        store_failing=False,
        outbox=0,
        outbox_oldest_s=None,
        alertmanagers={"http://am-1:9093": (uptime // 60, 0), "http://am-2:9093": (uptime // 60, uptime // 900)},
        silences={"http://am-1:9093": ({"mirrored": 1, "failing": 0, "impossible": 1}, 0)},
        routes=[("wecom", uptime // 9_000, uptime // 90_000, 0, None)],
        loop_lag_s=0.004 + busy * 0.02,
        reload_succeeded=True,
        reloaded_s=at - uptime,
    )


def _uptime(story: Story, at: int) -> int:
    """Seconds since fleetmon was started last."""
    restarted = round(story.end - AWAY.until * HOUR)
    return at - restarted if at > restarted and not story.quiet else at - (story.end - 40 * HOUR)


def _process(uptime: int) -> dict[str, float]:
    return {
        "start_time_seconds": -uptime, "cpu_seconds_total": uptime * 0.11, "resident_memory_bytes": 130e6 + uptime * 20,
        "open_fds": 31, "max_fds": 1_024,
    }  # fmt: skip


def _busy(at: int) -> float:
    """How much is sold, from 0 at night to 1 at noon and in the evening."""
    hour = (at + _CHINA) / HOUR % 24
    return max(0.05, 1 - abs(hour - 12.5) / 6, 1 - abs(hour - 19) / 4)


@cache
def cohorts(terminals: int) -> dict[Cohort, int]:
    """How many terminals are of each: every carrier in every region, the rest as it falls."""
    made: Counter[Cohort] = Counter()
    for kind in range(180):
        place, rest = kind % 60, kind // 60
        cohort = Cohort(
            region=f"region-{place:02}" if place else "changsha-yuhua",
            carrier=_CARRIERS[rest],
            acquirer=f"ACQ{(place + rest) % 8}",
            provider=f"provider-{place % 20:02}",
            model=f"model-{(place * 5 + rest) % 12}",
            firmware=f"2.{kind * 7 % 40}.1",
            network="cellular",
        )
        made[cohort] += terminals // 180 + (kind < terminals % 180)
    assert made.total() == terminals
    return made


@lru_cache(maxsize=1)
def _census(story: Story, at: int) -> dict[tuple[Cohort, Liveness], int]:
    census: Counter[tuple[Cohort, Liveness]] = Counter()
    asleep = 0.7 * (1 - _busy(at))
    for number, (cohort, count) in enumerate(cohorts(story.terminals).items()):
        sleeping = round(count * asleep)
        down = 0 if story.quiet else (number * 7 + at // 600) % 97 // 94
        if story.happens(OUTAGE, at) and cohort.carrier == "CMCC" and cohort.region == "changsha-yuhua":
            down = count - sleeping
        down = min(down, count - sleeping)
        suspect = min((number + at // 60) % 61 // 60, count - sleeping - down)
        census[cohort, Liveness.ASLEEP] += sleeping
        census[cohort, Liveness.DOWN] += down
        census[cohort, Liveness.SUSPECT] += suspect
        census[cohort, Liveness.UP] += count - sleeping - down - suspect
    return census


def _at_work(story: Story, at: int) -> int:
    """How many terminals planned work covers."""
    return 40 * story.happens(VISIT, at) + 214 * story.happens(WORK, at)


def _covered(story: Story, at: int) -> dict[tuple[Cohort, Liveness], int]:
    covered, left = {}, _at_work(story, at)
    for group, count in _census(story, at).items():
        covered[group] = min(count, left)
        left -= covered[group]
    return covered


def _planned(story: Story, at: int) -> Planned:
    active = story.happens(VISIT, at) + 2 * story.happens(WORK, at)
    calendars = [Calendar("bank", at - at % 900, failures=at // 90_000 % 3, refused=1)]
    overdue = int(story.happens(BACK, at))
    lost_s = {} if story.quiet else {"PROV1": 6.0 * WORK.passed((story.end - at) / HOUR)}
    return Planned({"scheduled": 2, "active": active}, overdue, _at_work(story, at), calendars, lost_s)


def _incidents(story: Story, at: int) -> list[Incident]:
    if story.quiet:
        return []
    found: list[tuple[str, int, str | None]] = [("tamper", 1, None)] if story.happens(LATE, at) else []
    found += [("terminal_offline", 1, None)] * (5 + at // 1200 % 4)
    found += [("carrier_outage", 140, None)] if story.happens(OUTAGE, at) else []
    found += [("ingest_impaired", 0, None)] if story.happens(DEAF, at) else []
    found += [("settlement_overdue", 2, None)] * (12 if story.happens(LATE, at) else 0)
    found += [("terminal_offline", 1, "window:operator:w")] * (6 if story.happens(WORK, at) else 0)
    calls = ("tamper", "carrier_outage", "ingest_impaired")
    incidents = [
        Incident(
            f"{kind}-{number}", kind, (), "warning", kind in calls, at, Status.FIRING, at,
            at if kind in calls else None, terminals=terminals, suppressed_by=by,
        )
        for number, (kind, terminals, by) in enumerate(found)
    ]  # fmt: skip
    return [*incidents, Incident("pending", "site_outage", (), "warning", pages=False, opened_at=at)]


def _money(story: Story, at: int, uptime: int) -> Money:
    late, dates, stages, risk = _Sums(), _Sums(), _Sums(), _Sums()
    acquirers = [f"ACQ{number}" for number in range(8)]
    if story.happens(LATE, at):
        for number, cause in enumerate(_CAUSES):
            for acquirer in acquirers[: 5 - number]:
                late[cause, acquirer] = 1_850_000 // (number + 1)
                dates[cause, acquirer] = 5 - number
                stages[("terminal", "batch", "clearing", "payout", "bank")[number], acquirer] = late[cause, acquirer]
        risk |= {("in_terminal", "ACQ0"): 450_000, ("file_late", "ACQ1"): 12_000_000}
    if story.happens(OUTAGE, at):
        risk["in_terminal", "ACQ0"] = round((at - story.end + OUTAGE.since * HOUR) * 8_600)
    sold = round(_busy(at) * 40_000_000)
    stage = {("terminal", one): sold // 100 for one in acquirers} | {("batch", one): sold for one in acquirers}
    return Money(
        overdue=dates,
        overdue_amount=late,
        overdue_stage_amount=stages,
        expected_amount=stage | {("clearing", one): 90_000_000 for one in acquirers},
        at_risk_amount=risk,
        due_amount={0: 310_000_000, 1: 420_000_000, 4: 95_000_000, 16: 1_200_000},
        next_due_s=at - at % HOUR + HOUR,
        calendar_known_until_s=story.end + 150 * 24 * HOUR,
        unknown_codes={one: uptime // 1000 * (one == "ACQ3") for one in acquirers},
        open_sales=story.terminals * 6,
        conflicts=uptime // 30_000,
        judged_sales=uptime * 2,
        late_sales=0 if story.quiet else uptime // 25,
    )


# -- what Prometheus adds --------------------------------------------------------------------------


def _of_prometheus(story: Story, at: int, *, away: bool) -> Iterator[Series]:
    yield f"up{{{_LABELS}}}", 0.0 if away else 1.0
    yield 'up{job="node",instance="pos-1:9100"}', 1.0
    yield f"scrape_duration_seconds{{{_LABELS}}}", 0.03
    yield 'ALERTS{alertname="FleetmonRulesWatchdog",alertstate="firing",severity="none"}', 1.0
    for name, severity, state, since in _alerts(story, at):
        labels = f'alertname="{name}",severity="{severity}",{_LABELS}'
        yield f'ALERTS{{alertstate="{state}",{labels}}}', 1.0
        yield f"ALERTS_FOR_STATE{{{labels}}}", since
    if away:
        return
    yield from _records(story, at)


def _alerts(story: Story, at: int) -> Iterator[tuple[str, str, str, float]]:
    for name, severity, what, hold in (
        ("FleetmonDeaf", "critical", DEAF, 300),
        ("FleetmonDown", "critical", AWAY, 60),
        ("FleetmonMessagesRefused", "warning", STRANGER, 900),
        ("FleetmonSettlementAtRisk", "warning", LATE, 1_800),
    ):
        if story.happens(what, at):
            since = story.end - what.since * HOUR
            yield name, severity, "firing" if at - since >= hold else "pending", since


def _records(story: Story, at: int) -> Iterator[Series]:
    """As the rules would have recorded them."""
    states = Counter[Liveness]()
    for (_, state), count in _census(story, at).items():
        states[state] += count
    up = states[Liveness.UP] + states[Liveness.SUSPECT]
    ratio = float("nan") if story.happens(DEAF, at) else up / (up + states[Liveness.DOWN])
    rate = story.terminals / 60 * 1.23
    refused = 9.0 if story.happens(STRANGER, at) else 0.0
    yield f"instance:fleetmon_terminals_up:ratio{{{_LABELS}}}", ratio
    yield f"instance:fleetmon_mqtt_messages:rate5m{{{_LABELS}}}", rate
    yield f"instance:fleetmon_heartbeats:ratio_rate5m{{{_LABELS}}}", 0.0 if story.happens(DEAF, at) else 0.996
    yield 'job:fleetmon_settlement_late_sales:ratio_rate1d{job="fleetmon"}', 0.0 if story.quiet else 0.02
    yield f"instance:fleetmon_mqtt_message_failures:rate5m{{{_LABELS}}}", refused
    yield f"instance:fleetmon_mqtt_message_failures:ratio_rate5m{{{_LABELS}}}", refused / (rate + refused)
    for number in (1, 2):
        name = "instance_alertmanager:fleetmon_alertmanager_send_failures:ratio_rate5m"
        yield f'{name}{{{_LABELS},alertmanager="http://am-{number}:9093"}}', 0.0667 * (number - 1)

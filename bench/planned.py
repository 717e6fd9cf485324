"""Ten thousand recurring windows: reading them, an edit of a hundred, two days going by, and the cost of a heartbeat.

All windows are different, which is the worst case: what says the same about time is worked out once. Two engines hear
the same heartbeats in turns, one of them with all the windows, so that the machine's mood strikes both.
"""

import gc
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from bench.load import heartbeat
from bench.report import Report, say
from fleetmon.engine import Engine
from fleetmon.ingest.intake import Intake, Publication
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.model.days import DAY
from fleetmon.model.schedule import Entry, Schedule
from fleetmon.model.topics import Topics
from fleetmon.planning.plans import Plans
from fleetmon.planning.versions import rewritten
from fleetmon.sim.synthesis import synthesise
from fleetmon.upkeep import AT_ONCE

_START = 1_790_000_000_000
_HOUR = 3_600_000
_EDITED = 100
_ROUNDS = 30
_RULES = ("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYDAY=2TU", "FREQ=HOURLY;INTERVAL=7")


def planned(report: Report, _folder: Path, windows: int, terminals: int) -> None:
    """Measure all of it."""
    say(f"{windows:,} recurring windows over {terminals:,} terminals")
    fleet = synthesise(terminals, interval_s=60)
    sites = [site.id for site in fleet.sites]
    entries = [_entry(number, sites[number % len(sites)]) for number in range(windows)]
    engine, plans = Engine(fleet), Plans()
    started = time.thread_time()
    engine.plan(plans.restore(entries, {}, _START), _START)
    report.add("windows_restore_s", [time.thread_time() - started], f"read back {windows:,} different windows", "s")
    gc.freeze()  # as the daemon does when all is there
    gc.disable()  # whose pauses are not ours
    edits = [_edit(engine, plans, entries[number :: windows // _EDITED][:_EDITED]) for number in range(7)]
    report.add("windows_edit_s", edits, f"edit {_EDITED} of {windows:,} windows, in force in the core", "s", most=1)
    turns = list(_days(engine, plans))
    report.add("windows_roll_s", [sum(turns)], f"two days go by, of {windows:,} different windows", "s")
    report.add("windows_roll_ms", [max(turns) * 1e3], "the longest turn of it", "ms")
    costs = _beats(Engine(fleet), engine, terminals)
    report.add("windows_us_per_heartbeat", costs, "what they add to a heartbeat", "µs", most=0.3)


def _entry(number: int, site: str) -> Entry:
    begin = (
        f"2026-{1 + number % 8:02d}-{1 + number % 28:02d}T{number % 24:02d}:{number % 60:02d}:{number // 60 % 60:02d}"
    )
    rule = _RULES[number % len(_RULES)]
    schedule = Schedule(begin, duration_s=3600, owner="bench", rrule=rule, selector={"site": site})
    return Entry(f"w-{number}", schedule, "approved", 1, _START - 90 * DAY, "bench", _START - 90 * DAY, "bench")


def _edit(engine: Engine, plans: Plans, entries: list[Entry]) -> float:
    started = time.thread_time()
    windows = []
    for entry in entries:
        known = plans.find(entry.id) or entry
        longer = replace(known.schedule, duration_s=(known.schedule.duration_s or 0) + 60)
        windows.append(plans.put(rewritten(known, longer, "bench", _START, "approved"), _START))
    engine.plan(windows, _START)
    return time.thread_time() - started


def _days(engine: Engine, plans: Plans) -> Iterator[float]:
    """The turns in which the horizon is moved on, an hour at a time, for two days."""
    for hour in range(48):
        now = _START + hour * _HOUR
        engine.advance(now)  # what else is due by then costs no turn of ours
        while plans.horizon.behind(now):
            started = time.thread_time()
            engine.plan(plans.roll(now, AT_ONCE), now)
            yield time.thread_time() - started


def _beats(without: Engine, with_all: Engine, terminals: int) -> list[float]:
    """The difference per heartbeat in µs, round by round."""
    ears = [(one, Intake(Topics(), Quarantine(), known=one.fleet.terminals)) for one in (without, with_all)]
    now = max(without.now, with_all.now) + _HOUR
    for engine, _ in ears:
        engine.link_up(now)
    found = []
    for round_ in range(_ROUNDS):
        now += 60_000
        packets = [_say(number, round_, now) for number in range(terminals)]
        costs = []
        for engine, intake in ears[:: 1 if round_ % 2 else -1]:
            engine.advance(now)
            started = time.thread_time()
            engine.observe(intake.take(packets, now))
            costs.append((time.thread_time() - started) / terminals * 1e6)
        bare, full = costs[:: 1 if round_ % 2 else -1]
        found.append(full - bare)
    return [statistics.median(found[1:])]


def _say(number: int, seq: int, now: int) -> Publication:
    terminal = f"T{number + 1:06d}"
    return Publication(f"pos/v1/terminal/{terminal}/heartbeat", heartbeat(terminal, seq, now, 60))

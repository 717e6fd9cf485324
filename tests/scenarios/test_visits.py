"""Where technicians ought to go, and what their visits brought, in virtual time."""

import asyncio
import csv
import io
from typing import Any

import pytest
from msgspec.structs import replace

from fleetmon.desk.visits import by_region, visit_lines
from fleetmon.engine import Outcome
from fleetmon.locale import LANGUAGES, texts
from fleetmon.model.events import MaintenanceMark
from fleetmon.model.registry import Merchant, Provider
from fleetmon.model.schedule import Entry
from fleetmon.model.window import Occurrence, Window, window_id
from fleetmon.planning.errands import PARTS, REASONS
from fleetmon.planning.plans import Plans
from fleetmon.planning.settings import GuardSettings, PlanningSettings, VisitSettings
from fleetmon.planning.versions import written
from fleetmon.readout.planning import Books, Planning
from fleetmon.readout.visit_files import calendar, table
from fleetmon.web.ports import VisitFilter
from fleetmon.web.visits import OutcomeView, VisitView

from .world import DAY, HOUR, MINUTE, NOON, World, shops

SHOPS = {"bakery": ["CMCC", "CMCC"], "cafe": ["CMCC"], "kiosk": ["CMCC", "CMCC"], "inn": ["CMCC"]}
GUARDS = GuardSettings(cutoff_before_s=0, cutoff_after_s=0)


class Planner:
    """A world, and what a planner may ask of it."""

    def __init__(self, hours: tuple[str, ...] = ("Mo-Su 09:00-21:00",), guards: GuardSettings = GUARDS) -> None:
        registry = shops(SHOPS, hours=hours)
        rows = [
            replace(row, provider="B" if row.site == "inn" else "A", merchant=row.site) for row in registry.terminals
        ]
        merchants = [Merchant(site, name=site.title()) for site in SHOPS]
        registry = replace(registry, terminals=rows, merchants=merchants, providers=[Provider("A"), Provider("B")])
        self.registry, self.world = registry, World(registry)
        self.plans = Plans()
        self.settings = PlanningSettings(guards=guards, visits=VisitSettings(["Mo-Fr 09:00-18:00"], 0))
        books = Books(self.plans, self._commit, self._act)
        store: Any = None  # nothing is written
        self.port = Planning(self.world.engine, store, books, lambda: self.settings, None, lambda: self.world.now)
        self.world.start()
        self.world.run(10 * MINUTE)

    def _commit(self, *_: Any) -> Outcome:
        raise AssertionError("nothing is changed here")

    async def _act(self, *_: Any) -> None:
        raise AssertionError("nothing is changed here")

    def visits(self, confined_to: str | None = None, **wanted: Any) -> list[VisitView]:
        self.port.visiting._asked_at = None
        return asyncio.run(self.port.visits(confined_to, VisitFilter(**wanted), None, 100, "en"))

    def outcomes(self, provider: str | None = None) -> list[OutcomeView]:
        return asyncio.run(self.port.outcomes(provider, 7)).visits

    def plan(self, visit: VisitView) -> Entry:
        """What POST /api/v1/windows does with the schedule of a proposal."""
        assert visit.proposal is not None
        entry = written(visit.proposal.schedule, "li", self.world.now, "approved")
        self.world.take(self.world.engine.plan([self.plans.put(entry, self.world.now)], self.world.now))
        return entry

    def mark(self, key: str, event: Any, **fields: Any) -> None:
        life = self.world.lives[key]
        life.seq += 1
        said = MaintenanceMark(at=self.world.now, boot=life.boot, seq=life.seq, event=event, by="Li", **fields)
        self.world.say(key, said)

    def break_reader(self, key: str, action: str = "set") -> None:
        self.world.device(key, "ReaderFault", action, component="reader")


def test_nobody_is_sent_where_all_is_well() -> None:
    assert Planner().visits() == []


def test_one_visit_a_site_with_reasons_parts_and_a_time_the_worst_first() -> None:
    planner = Planner()
    planner.break_reader("bakery-1")
    planner.world.device("bakery-2", "Jam", "set", component="printer")
    planner.world.device("kiosk-1", "Tamper", "set")
    planner.world.run(2 * HOUR)
    kiosk, bakery = planner.visits()
    assert (kiosk.site, kiosk.name, kiosk.provider, kiosk.region) == ("kiosk", "Kiosk", "A", "north")
    assert [(row.terminal, [one.reason for one in row.errands]) for row in bakery.terminals] == [
        ("bakery-1", ["reader"]), ("bakery-2", ["printer"]),
    ]  # fmt: skip
    assert (kiosk.parts, bakery.parts) == ({"terminal": 1}, {"printer": 1, "reader": 1})
    assert kiosk.score > bakery.score
    assert bakery.since == NOON + 600_000
    assert bakery.proposal is not None
    start, end = bakery.proposal.span.start, bakery.proposal.span.end
    assert end - start == 45 * 60_000, "half an hour, and a quarter for the second terminal"
    assert start >= planner.world.now + 2 * HOUR * 1000, "nobody is there at once"
    assert bakery.proposal.schedule.selector == {"terminal": ["bakery-1", "bakery-2"]}


def test_after_a_reload_nobody_sees_a_visit_to_terminals_that_are_another_s_now() -> None:
    planner = Planner()
    planner.break_reader("bakery-1")
    planner.break_reader("inn-1")
    planner.world.run(2 * HOUR)
    assert [one.site for one in planner.visits("B")] == ["inn"]
    rows = [replace(row, provider="A") for row in planner.registry.terminals if row.site != "bakery"]
    planner.world.engine.register(replace(planner.registry, terminals=rows))
    assert [asyncio.run(planner.port.visits(who, VisitFilter(), None, 100, "en")) for who in ("A", "B")] == [[], []]
    assert "inn" in [one.site for one in planner.visits("A")], "ranked anew"


def test_what_may_be_well_again_by_itself_sends_nobody_yet() -> None:
    planner = Planner()
    planner.world.stop("cafe-1")
    planner.world.run(2 * HOUR)
    assert planner.visits() == []
    planner.world.run(3 * HOUR)
    assert [(one.site, one.terminals[0].errands[0].reason) for one in planner.visits()] == [
        ("cafe", "terminal_offline")
    ]


def test_what_an_outage_explains_sends_nobody() -> None:
    planner = Planner()
    planner.world.stop()
    planner.world.run(6 * HOUR)
    assert planner.visits() == []


def test_a_failure_that_is_foreseen_is_a_reason_with_its_probability() -> None:
    planner = Planner()
    for code in ("Jam", "Slow"):
        planner.world.device("cafe-1", code, "oneshot", component="reader")
    (visit,) = planner.visits()
    (row,) = visit.terminals
    assert (row.errands[0].reason, row.errands[0].part) == ("reader", "reader")
    assert row.errands[0].probability == pytest.approx(0.79, abs=0.01)


def test_old_software_alone_sends_nobody_but_is_renewed_on_the_way() -> None:
    planner = Planner()
    for key in planner.world.lives:
        planner.world.birth(key, firmware="2.9" if key == "cafe-1" else "2.10", model="A920")
    assert planner.visits() == []
    planner.break_reader("cafe-1")
    (visit,) = planner.visits()
    assert [one.reason for one in visit.terminals[0].errands] == ["reader", "old_firmware"]
    assert visit.parts == {"reader": 1, "software": 1}


def test_a_terminal_that_was_put_away_is_dormant_after_two_weeks() -> None:
    planner = Planner(hours=())
    planner.world.farewell("cafe-1", "shutdown")
    planner.world.stop("cafe-1")
    planner.world.run(13 * DAY)
    assert planner.visits() == []
    planner.world.run(2 * DAY)
    (visit,) = planner.visits()
    assert [one.reason for one in visit.terminals[0].errands] == ["dormant"]
    assert visit.score == 0


def test_money_that_waits_in_a_broken_terminal_raises_its_rank_and_is_shown() -> None:
    planner = Planner()
    planner.break_reader("bakery-1")
    planner.break_reader("cafe-1")
    planner.world.trade("cafe-1", "s1", stage="stored", amount=1_234_500)
    first, second = planner.visits()
    assert (first.site, first.at_risk) == ("cafe", 1_234_500)
    assert (second.site, second.at_risk) == ("bakery", 0)


def test_who_is_confined_to_a_provider_sees_and_may_filter_its_own() -> None:
    planner = Planner()
    for key in ("cafe-1", "inn-1"):
        planner.break_reader(key)
    assert {one.site for one in planner.visits()} == {"cafe", "inn"}
    assert [one.site for one in planner.visits("B")] == ["inn"]
    assert planner.visits("B", provider="A") == []
    assert planner.visits(region="south") == []


def test_black_outs_and_working_time_leave_times_out() -> None:
    planner = Planner(guards=replace(GUARDS, paydays=[25, 26, 28, 29, 30]))
    planner.break_reader("cafe-1")
    (visit,) = planner.visits()  # Thursday, 24 September 2026
    assert visit.proposal is not None
    assert visit.proposal.span.start < NOON + 6 * HOUR * 1000, "today, as the other working days are black"
    assert visit.proposal.span.end <= NOON + 6 * HOUR * 1000
    assert planner.visits(begin=NOON + 7 * HOUR * 1000, days=6)[0].proposal is None


def test_nobody_is_sent_at_night_to_a_shop_of_whose_hours_nothing_is_known() -> None:
    planner = Planner(hours=())
    planner.settings = PlanningSettings(guards=GUARDS, visits=VisitSettings(["Mo-Su 00:00-24:00"], 0))
    planner.world.run(12 * HOUR)
    planner.break_reader("cafe-1")
    (visit,) = planner.visits()
    assert visit.proposal is not None
    assert visit.proposal.schedule.starts == "2026-09-25T09:00:00"


def test_the_plan_of_a_proposal_is_made_once_and_shown() -> None:
    planner = Planner()
    planner.break_reader("cafe-1")
    (visit,) = planner.visits()
    assert visit.planned is None
    assert visit.proposal is not None
    entry = planner.plan(visit)
    assert entry.schedule.reference.startswith("visit/A/cafe/2026-09-")
    (again,) = planner.visits(begin=visit.proposal.span.start + DAY * 1000)
    assert again.planned is not None
    assert (again.planned.window, again.planned.state) == (entry.id, "scheduled")
    assert again.proposal is not None
    assert again.proposal.span != visit.proposal.span
    assert again.proposal.schedule.reference == entry.schedule.reference, "so that it is moved, not planned twice"
    assert b"BEGIN:VEVENT" in calendar([visit], planner.world.now, "en")
    assert b"BEGIN:VEVENT" not in calendar([again], planner.world.now, "en"), "what is planned is proposed no more"
    lines = list(visit_lines(1, again, "en"))
    assert any(f"Planned: {entry.id}" in line for line in lines)


def test_what_nobody_approved_in_time_is_proposed_anew() -> None:
    planner = Planner()
    planner.break_reader("cafe-1")
    planner.world.run(HOUR)
    (visit,) = planner.visits()
    assert visit.proposal is not None
    planner.plans.put(written(visit.proposal.schedule, "li", planner.world.now, "proposed"), planner.world.now)
    (visit,) = planner.visits()
    assert visit.planned is not None
    planner.world.run(DAY)
    (later,) = planner.visits()
    assert later.planned is None
    assert later.proposal is not None
    assert later.proposal.schedule.reference != visit.proposal.schedule.reference  # type: ignore[union-attr]


def test_a_table_holds_no_formula_whatever_a_merchant_calls_itself() -> None:
    planner = Planner()
    planner.break_reader("cafe-1")
    (visit,) = planner.visits()
    (row,) = csv.DictReader(io.StringIO(table([replace(visit, name="=1+1")], "en").decode("utf-8-sig")))
    assert (row["name"], row["terminals"], row["parts"]) == ("'=1+1", "cafe-1", "card reader")
    assert visit.proposal is not None
    assert row["reference"] == visit.proposal.schedule.reference
    assert row["start"] == visit.proposal.schedule.starts


def planned(planner: Planner) -> None:
    """A visit to the cafe, whose terminal is broken, has just begun."""
    planner.break_reader("cafe-1")
    planner.plan(planner.visits()[0])
    start = planner.visits()[0].planned
    assert start is not None
    assert start.span is not None
    planner.world.run((start.span.start - planner.world.now) / 1000 + MINUTE)


def test_a_visit_that_repairs_is_fixed_with_who_was_there_and_when_it_was_over() -> None:
    planner = Planner()
    planned(planner)
    planner.mark("cafe-1", "begin")
    assert planner.outcomes()[0].outcome == "in_progress"
    planner.world.run(10 * MINUTE)
    planner.break_reader("cafe-1", "clear")
    planner.world.run(5 * MINUTE)
    planner.mark("cafe-1", "end")
    planner.world.run(HOUR)
    (found,) = planner.outcomes()
    assert (found.site, found.outcome, found.missing) == ("cafe", "fixed", False)
    (row,) = found.terminals
    assert (row.outcome, row.by) == ("fixed", "Li")
    assert row.begun_at is not None
    assert row.ended_at == row.begun_at + 15 * 60_000
    assert [(one.kind, one.cleared_at, one.came_back) for one in row.faults] == [
        ("device_fault", row.begun_at + 10 * 60_000, False)
    ]


def test_a_visit_after_which_it_is_still_there_or_comes_back_is_not_fixed() -> None:
    planner = Planner()
    planned(planner)
    planner.mark("cafe-1", "begin")
    planner.world.run(10 * MINUTE)
    planner.mark("cafe-1", "end")
    planner.world.run(HOUR)
    assert planner.outcomes()[0].outcome == "not_fixed"
    planner.break_reader("cafe-1", "clear")
    planner.world.run(HOUR)
    assert planner.outcomes()[0].outcome == "fixed"
    planner.break_reader("cafe-1")
    (found,) = planner.outcomes()
    assert found.outcome == "not_fixed"
    assert [one.came_back for one in found.terminals[0].faults] == [True]


def test_the_time_without_payments_during_the_work_is_told() -> None:
    planner = Planner()
    planned(planner)
    planner.mark("cafe-1", "begin")
    planner.world.run(5 * MINUTE)
    planner.world.stop("cafe-1")
    planner.world.run(20 * MINUTE)
    planner.world.start("cafe-1")
    planner.world.run(5 * MINUTE)
    planner.mark("cafe-1", "end")
    (row,) = planner.outcomes()[0].terminals
    assert 19 * MINUTE <= row.lost_s <= 22 * MINUTE


def test_a_visit_to_which_nobody_came_is_not_done() -> None:
    planner = Planner()
    planned(planner)
    assert planner.outcomes()[0].outcome == "in_progress", "somebody may still come"
    planner.world.run(2 * HOUR)
    (found,) = planner.outcomes()
    assert (found.outcome, found.window is not None) == ("not_done", True)
    assert found.terminals[0].begun_at is None
    assert [one.cleared_at for one in found.terminals[0].faults] == [None]


def test_marks_without_a_plan_are_a_visit_too_and_confined_as_others() -> None:
    planner = Planner()
    planner.mark("inn-1", "begin")
    planner.world.run(HOUR)
    planner.mark("inn-1", "end")
    (found,) = planner.outcomes("B")
    assert (found.site, found.outcome, found.window) == ("inn", "fixed", None)
    assert planner.outcomes("A") == []


async def test_others_get_their_turn_while_many_visits_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetmon.readout.slices.STEP_S", -1)
    planner = Planner()
    keys = [key for key in planner.world.lives if key != "inn-1"]
    for key in keys:
        planner.mark(key, "begin")
    planner.world.run(HOUR)
    turns = 0
    monkeypatch.setattr("fleetmon.readout.visited.Visited._view", lambda *_: turns)
    asked = asyncio.create_task(planner.port.outcomes("A", 7))
    while not asked.done():
        await asyncio.sleep(0)
        turns += 1
    seen = (await asked).visits
    assert len(seen) == len(set(map(str, seen))) == 3


def test_who_comes_as_planned_though_after_midnight_was_there() -> None:
    planner = Planner()
    planner.world.run(11 * HOUR + 30 * MINUTE)
    begin = planner.world.now  # 23:40
    plan_visit(planner, Occurrence(begin, begin + 60 * 60_000))
    planner.world.run(25 * MINUTE)
    planner.mark("cafe-1", "begin")
    planner.world.run(10 * MINUTE)
    planner.mark("cafe-1", "end")
    planner.world.run(2 * HOUR)
    assert [(one.date, one.outcome) for one in planner.outcomes()] == [("2026-09-24", "fixed")]


def test_each_time_of_a_visit_that_comes_again_has_an_outcome() -> None:
    planner = Planner()
    begin = planner.world.now
    plan_visit(planner, *[Occurrence(begin + day * 86_400_000, begin + day * 86_400_000 + 60_000) for day in (0, 1)])
    planner.world.run(DAY + HOUR)
    assert [(one.date, one.outcome) for one in planner.outcomes()] == [
        ("2026-09-25", "not_done"), ("2026-09-24", "not_done"),
    ]  # fmt: skip


def plan_visit(planner: Planner, *spans: Occurrence) -> None:
    key, whom = window_id("operator", "w"), {"terminal": "cafe-1"}
    window = Window(key, "li", "operator", spans, selector=whom, reference="visit/A/cafe/2026-09-24")  # type: ignore[arg-type]
    planner.world.take(planner.world.engine.plan([window], planner.world.now))


def test_what_else_is_planned_is_no_visit() -> None:
    planner = Planner()
    span = Occurrence(planner.world.now, planner.world.now + 60_000)
    other = Window(window_id("operator", "w"), "li", "operator", (span,), selector={"site": "cafe"}, reference="CHG-1")
    planner.world.take(planner.world.engine.plan([other], planner.world.now))
    planner.world.run(HOUR)
    assert planner.outcomes() == []


def test_on_the_command_line_regions_stay_together_and_keep_their_ranks() -> None:
    planner = Planner()
    for key in ("bakery-1", "cafe-1", "inn-1"):
        planner.break_reader(key)
    visits = [replace(one, region=region) for one, region in zip(planner.visits(), "nsn", strict=True)]
    assert [(number, one.region) for number, one in by_region(visits)] == [(1, "n"), (3, "n"), (2, "s")]
    said = list(visit_lines(1, visits[0], "en"))
    assert said[0].startswith("1. bakery Bakery  n  A")
    assert not any("disturbs" in line for line in said), "nothing is known of its customers"


def test_every_reason_and_part_has_its_words() -> None:
    for language in LANGUAGES:
        book = texts(language)
        assert all(book[f"errand.{reason}"] for reason in REASONS)
        assert all(book[f"spare.{part}"] for part in PARTS)

"""Where technicians ought to go, when, and with which parts, in virtual time."""

import asyncio
import csv
import io
from itertools import pairwise

import pytest
from msgspec.structs import replace

from fleetmon.desk.visits import by_region, visit_lines
from fleetmon.locale import LANGUAGES, texts
from fleetmon.planning.errands import PARTS, REASONS
from fleetmon.planning.settings import PlanningSettings, VisitSettings
from fleetmon.planning.versions import written
from fleetmon.readout.planning.visit_files import calendar, table
from fleetmon.web.ports import VisitFilter

from .planner import GUARDS, Planner
from .world import DAY, HOUR, NOON


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


def test_of_equals_who_has_old_software_as_well_is_first_and_no_fault_is_outweighed() -> None:
    planner = Planner()
    for key, firmware in (("bakery-1", "5.1.0"), ("cafe-1", "5.1.0"), ("kiosk-1", "4.0.9")):
        planner.world.birth(key, model="M", firmware=firmware)
        planner.break_reader(key)
    planner.world.birth("kiosk-2", model="M", firmware="4.0.9")
    assert [visit.site for visit in planner.visits()] == ["kiosk", "bakery", "cafe"]
    planner.break_reader("bakery-2")
    assert [visit.site for visit in planner.visits()] == ["bakery", "kiosk", "cafe"]


def test_a_terminal_that_was_put_away_is_dormant_after_two_weeks() -> None:
    planner = Planner(hours=())
    planner.world.farewell("cafe-1", "shutdown")
    planner.world.stop("cafe-1")
    planner.world.run(13 * DAY)
    assert planner.visits() == []
    planner.world.run(2 * DAY)
    (visit,) = planner.visits()
    assert [one.reason for one in visit.terminals[0].errands] == ["dormant"]
    assert visit.score == 0.01  # it costs no sales


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


def test_technicians_are_in_one_place_at_a_time_where_it_is_said_how_many_there_are() -> None:
    planner = Planner()
    for key in ("bakery-1", "cafe-1", "kiosk-1", "inn-1"):
        planner.break_reader(key)
    planner.world.run(2 * HOUR)

    def spans(technicians: int | None) -> dict[str, list[tuple[int, int]]]:
        settings = replace(planner.settings.visits, technicians=technicians)
        planner.settings = replace(planner.settings, visits=settings)
        found: dict[str, list[tuple[int, int]]] = {"A": [], "B": []}
        for one in planner.visits():
            assert one.proposal is not None
            found[one.provider].append((one.proposal.span.start, one.proposal.span.end))
        return found

    everybody = spans(None)
    assert len(everybody["A"]) == 3
    assert len(set(everybody["A"])) == 1, "all want the first time that there is"
    alone = spans(1)
    assert all(before[1] <= after[0] for before, after in pairwise(sorted(alone["A"])))
    assert alone["A"][0] == everybody["A"][0], "the most urgent comes first"
    assert alone["B"] == everybody["B"], "another provider has its own"
    assert len(set(spans(2)["A"])) == 2


def test_what_is_planned_already_takes_a_technician_s_time_and_can_be_moved() -> None:
    planner = Planner()
    planner.break_reader("bakery-1")
    planner.world.run(2 * HOUR)
    planner.settings = replace(planner.settings, visits=replace(planner.settings.visits, technicians=1))
    (bakery,) = planner.visits()
    planner.plan(bakery)
    planner.break_reader("cafe-1")
    planner.world.run(10 * 60)
    found = {one.site: one for one in planner.visits()}
    assert bakery.proposal is not None
    assert found["bakery"].planned is not None
    assert found["bakery"].proposal is not None
    assert found["bakery"].proposal.span.start < bakery.proposal.span.end, "its own time is not in its own way"
    assert found["cafe"].proposal is not None
    assert found["cafe"].proposal.span.start >= bakery.proposal.span.end


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

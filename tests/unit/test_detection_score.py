"""The harness of `make score-detection` tells the truth: what is found counts, and only that."""

import random
from collections import Counter
from pathlib import Path

import pytest

from bench import fleets, liveness, outage_figures, outages, planted, watchers
from bench.beats import MINUTE, START, Life, Link, Plan, Span, live
from bench.detection_score import SEEDS
from bench.outages import Claim, Judged
from bench.planted import Outage, Plot
from bench.watchers import Down
from fleetmon.detect.localise import Scope

BEGIN = fleets.SPAN.begin + 3 * 60 * MINUTE
END = BEGIN + 20 * MINUTE


def world(*scopes: dict[str, str], power: bool = False) -> Plot:
    """A fleet in which everybody of these scopes fails for twenty minutes."""
    chance = random.Random("world")
    plot = Plot(fleets.found(80, 60_000, chance), [], {}, {}, {}, {})
    for scope in scopes:
        taken = frozenset(fleets.holders(plot.fleet.units.values(), scope) & planted.open_all(plot, Span(BEGIN, END)))
        kinds = next(one.kinds for one in planted.FAMILIES if set(one.names) == set(scope))
        span = Span(BEGIN, END)
        deaf = "provider" in scope
        plot.outages.append(Outage("planted", kinds, scope, span, taken, BEGIN, power, (span,), {}, deaf))
    planted.lived(plot, chance)
    return plot


def claim(kind: str, scope: dict[str, str], at: int = BEGIN + 2 * MINUTE) -> Claim:
    return Claim(kind, scope, at, at, [], pages=True)


def judge(plot: Plot, *claims: Claim) -> Judged:
    return outages.judged(plot, claims, {key: [] for key in plot.lives})


REGION = {"region": "r0"}
WORLD = world(REGION)
(TAKEN,) = [sorted(one.taken) for one in WORLD.outages]


def test_an_outage_told_by_its_scope_is_found_and_exact() -> None:
    judged = judge(WORLD, claim("region_outage", REGION))
    (told,) = judged.outages
    assert len(TAKEN) >= 8
    assert (told.place, told.shared, told.alone, told.late, told.wrong) == (1, 1, 0, 0, "")
    assert told.delay == MINUTE  # two minutes, less one beat
    assert judged.claims == {"right": 1, "large right": 1}
    figures = outage_figures.figures(judged)
    assert (figures["recall"], figures["precision"], figures["told_exactly_once"]) == (1, 1, 1)
    assert figures["scopes"][">= 8"] == {"outages": 1, "top_1": 1, "top_3": 1, "top_5": 1}


def test_a_ticket_is_no_page_and_a_second_page_is_counted() -> None:
    ticket = claim("site_outage", {"site": "s0"})._replace(pages=False)
    twice = judge(WORLD, claim("region_outage", REGION), claim("region_outage", REGION), ticket)
    assert outage_figures.figures(twice)["pages_per_cause"] == 2
    assert outage_figures.figures(judge(WORLD, claim("region_outage", REGION)))["pages_per_cause"] == 1
    assert outage_figures.figures(judge(WORLD, ticket))["pages_per_cause"] is None


def test_nothing_told_is_nothing_found() -> None:
    figures = outage_figures.figures(judge(WORLD))
    assert (figures["recall"], figures["precision"], figures["told_exactly_once"]) == (0, None, 0)
    assert figures["scopes"][">= 8"]["top_5"] == 0


def test_a_scope_of_others_is_wrong_and_finds_nothing() -> None:
    regions = Counter(unit.names["region"] for unit in WORLD.fleet.units.values() if unit.names["region"] != "r0")
    elsewhere = {"region": regions.most_common(1)[0][0]}
    judged = judge(WORLD, claim("region_outage", elsewhere))
    assert judged.outages[0].delay is None
    assert judged.claims["large wrong"] == 1
    assert outage_figures.figures(judged)["precision"] == 0


def test_a_scope_far_too_wide_is_wrong() -> None:
    assert judge(WORLD, claim("model_fault", {"model": "M0"})).claims["large wrong"] == 1


def test_the_name_of_an_outage_is_right_also_when_it_took_a_few_of_those_who_share_it() -> None:
    """The rest will close before it ends."""
    (outage,) = WORLD.outages
    few = WORLD._replace(outages=[outage._replace(taken=frozenset(TAKEN[: len(TAKEN) // 3]))])
    assert judge(few, claim("region_outage", REGION)).claims == {"right": 1, "large right": 1}
    assert judge(few, claim("region_outage", REGION, END)).claims["right"] == 0
    assert judge(few, claim("attribute_outage", {"region": "r0", "network": "4g"})).claims["right"] == 0


def test_a_part_of_the_scope_is_right_but_not_exact() -> None:
    within = {"region": "r0", "network": "4g"}
    (told,) = judge(WORLD, claim("attribute_outage", within)).outages
    assert told.place != 1
    assert told.shared == 1


def test_the_right_scope_of_a_wrong_kind_is_not_exact() -> None:
    assert judge(WORLD, claim("carrier_outage", REGION)).outages[0].place == 0


def test_the_true_scope_among_the_alternatives_counts_at_its_place() -> None:
    within = claim("attribute_outage", {"region": "r0", "network": "4g"})
    others: list[list[Scope]] = [[{"network": "4g"}], [{**REGION}]]
    (told,) = judge(WORLD, within._replace(others=[*map(list, others)])).outages
    assert told.place == 3


def test_an_outage_told_twice_and_terminals_beside_it_are_counted() -> None:
    alone = [claim("terminal_offline", {"terminal": key}) for key in TAKEN[:3]]
    (told,) = judge(WORLD, claim("region_outage", REGION), claim("region_outage", REGION), *alone).outages
    assert (told.shared, told.alone) == (2, 3)


def test_what_is_told_of_those_who_come_back_is_a_call_on_recovery() -> None:
    after = END + MINUTE
    late = claim("region_outage", REGION, after), claim("terminal_offline", {"terminal": TAKEN[0]}, after)
    judged = judge(WORLD, claim("region_outage", REGION), *late)
    assert judged.outages[0].late == 2
    assert judged.claims["wrong"] == 1


def test_the_engine_finds_what_is_planted_and_the_usual_page_each_terminal() -> None:
    carrier = {"carrier": "CMCC"}
    plot = world(carrier)
    (outage,) = plot.outages
    watched = watchers.fleetmon(plot.fleet.registry(), plot.lives, firmware=plot.firmware)
    ours = outages.judged(plot, outages.claimed(watched.transitions), watched.verdicts).outages[0]
    assert ours.place == 1
    assert ours.delay is not None
    assert ours.delay < 2 * MINUTE
    usual = outages.paged(plot, watchers.usual(plot.lives.values())["fixed 3 beats"]).outages[0]
    assert usual.alone >= 0.9 * len(outage.taken)
    assert usual.place == 0


def test_a_terminal_is_told_apart_from_its_outage_when_it_fails_by_itself() -> None:
    plot = world(REGION)
    plot.failures[TAKEN[0]] = [Span(BEGIN, END)]
    (told,) = judge(plot, claim("terminal_offline", {"terminal": TAKEN[0]})).outages
    assert told.alone == 0


@pytest.mark.parametrize("power", [True, False])
def test_without_power_a_terminal_begins_anew_without_network_it_goes_on_counting(power: bool) -> None:
    gone, link = [Span(START + 60 * MINUTE, START + 70 * MINUTE)], Link(0.0, 0.0)
    plan = Plan(60_000, Span(START, START + 120 * MINUTE), link, [], gone if power else [], [], 90_000)
    life = live("t", plan if power else plan._replace(unheard=gone), random.Random(1))
    assert [signal.what for signal in life.signals if signal.what != "beat"] == ["birth", "will", "birth"]
    before, after = (
        [signal for signal in life.signals if signal.what == "beat" and (signal.at < gone[0].begin) == early]
        for early in (True, False)
    )
    assert before[-1].at < gone[0].begin < gone[0].end <= after[0].at
    if power:
        assert (after[0].boot, after[0].seq) == (2, 0)
    else:
        assert after[0].boot == 1
        assert 10 <= after[0].seq - before[-1].seq <= 12
    assert life.dead == gone


def test_what_is_planted_can_be_told_from_any_scope_as_short() -> None:
    chance = random.Random("plain")
    plot = planted.plotted(fleets.found(120, 60_000, chance), chance)
    assert len(plot.outages) > 10
    for outage in plot.outages:
        units = plot.units(outage.span.end - 1)
        assert outage.taken <= fleets.holders(units, outage.scope)
        assert len(outage.taken) >= 3
        for name in fleets.NAMES:
            for value in {unit.names[name] for unit in units}:
                if len(outage.scope) == 1 and {name: value} != outage.scope and not outage.alone:
                    whole = planted.open_all(plot, outage.span)
                    held = fleets.holders(units, {name: value}) & whole
                    assert len(held ^ (fleets.holders(units, outage.scope) & whole)) >= 2


def test_a_provider_that_falls_silent_is_ours_to_hear_and_its_terminals_are_not_down() -> None:
    plot = world({"provider": "SP-1"})
    (outage,) = plot.outages
    inside = [span for key in outage.taken for span in plot.lives[key].dead if BEGIN <= span.begin < END]
    assert len(outage.taken) > 5
    assert inside == []
    (told,) = judge(plot, claim("ingest_impaired", {"provider": "SP-1"})).outages
    assert told.place == 1
    assert judge(plot, claim("ingest_impaired", {})).claims["large wrong"] == 1


def test_the_same_seed_gives_the_same_fleet_and_test_seeds_are_others() -> None:
    one, other = (planted.plotted(fleets.found(40, 60_000, chance), chance) for chance in map(random.Random, "aa"))
    assert one == other
    assert not set(SEEDS["dev"]) & set(SEEDS["test"])


def test_mistakes_and_nights_of_a_fleet_add_up() -> None:
    plot = world()
    key, life = next((key, life) for key, life in plot.lives.items() if life.off and not life.absent)
    verdicts: watchers.Verdicts = {key: [] for key in plot.lives}
    verdicts[key] = [Down(life.off[0].begin + MINUTE, life.off[0].end), Down(life.off[0].end + MINUTE, BEGIN * 2)]
    tally = outages.judged(plot, [], verdicts).tally
    assert (tally.night_falses, tally.mistakes) == (1, 1)
    both = Judged.none()
    for _ in range(2):
        both.add(outages.judged(plot, [], verdicts))
    assert (both.tally.night_falses, both.tally.mistakes) == (2, 2)


def test_a_life_is_silent_when_it_is_off() -> None:
    def inside(life: Life, spans: list[Span]) -> bool:
        return any(s.begin + 5_000 < one.at < s.end for s in spans for one in life.signals if one.what == "beat")

    assert not any(inside(life, [*life.off, *life.dead]) for life in WORLD.lives.values())


def test_beats_of_others_are_judged_by_their_own_counting(tmp_path: Path) -> None:
    """In ten hours five beats are lost in a row, and once it restarts after ten minutes; at last it stops."""
    beats = [(minute, 1, minute) for minute in range(600) if not 100 <= minute < 105]
    beats = [(minute, 2, minute - 400) if minute >= 400 else (minute, boot, seq) for minute, boot, seq in beats]
    lines = [f"x,{minute * MINUTE},{boot},{seq},60" for minute, boot, seq in beats if not 390 <= minute < 400]
    (tmp_path / "beats.csv").write_text("\n".join(["terminal,at,boot,seq,interval_s", *lines]))
    scores = {one.detector: one for one in liveness.foreign(tmp_path / "beats.csv")}
    plain = scores["fixed 3 beats"]
    assert plain.mistakes == pytest.approx(1 / (589 / 1440), rel=0.01)
    assert plain.found == 1
    assert plain.after_beat_s == pytest.approx(183, abs=1)
    assert scores["last will only"].mistakes == scores["last will only"].found == 0

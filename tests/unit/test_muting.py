"""Which silences planned work asks for: matchers, times, what is left out, how many."""

import re
from typing import Any

import pytest

from fleetmon.engine.census import Census
from fleetmon.engine.windows import Windows
from fleetmon.model.terminal import Cohort, Liveness
from fleetmon.model.window import Occurrence, Window
from fleetmon.sinks.muting import AHEAD_MS, MOST, Alert, Asked, Matcher, Stretch, asked, told_before

MINUTE = 60_000
NOW = 1_800_000_000_000
UP = Liveness.UP


def window(start: float, end: float, name: str = "w", **fields: Any) -> Window:
    """Work on the carrier CMCC, in minutes from now."""
    span = Occurrence(NOW + round(start * MINUTE), NOW + round(end * MINUTE))
    given = {"owner": "night shift", "selector": {"carrier": "CMCC"}, "occurrences": (span,), "settle_ms": 0} | fields
    return Window(id=f"window:operator:{name}", provenance="operator", **given)


def ask(*planned: Window, now: int = NOW) -> Asked:
    windows, census = Windows(), Census()
    for one in planned:
        windows.put(one)
    census.counts[Cohort(carrier="CMCC", acquirer="ACQ", provider="PRO"), UP] += 1
    return asked(windows, census, now)


def only(*planned: Window, now: int = NOW) -> Stretch:
    (found,) = ask(*planned, now=now).wanted
    return found


def alert(start: float, name: str = "CarrierDown", **labels: str) -> Alert:
    return Alert({"alertname": name, "carrier": "CMCC", **labels}, NOW + round(start * MINUTE))


def silences(matchers: frozenset[Matcher], labels: dict[str, str]) -> bool:
    """As Alertmanager judges: a missing label is empty, a pattern is anchored."""

    def fits(one: Matcher) -> bool:
        value = labels.get(one.name, "")
        return (re.fullmatch(one.value, value) is not None if one.regex else value == one.value) is one.equal

    return all(map(fits, matchers))


def test_what_carries_every_label_of_the_selector_is_silenced_and_nothing_else() -> None:
    matchers = only(
        window(-1, 1, selector={"carrier": ["CMCC", "C.T|C"], "region": "north", "model": "A920"})
    ).matchers(())
    rule = {"alertname": "CarrierDown", "carrier": "CMCC", "terminal_region": "north", "terminal_model": "A920"}
    assert silences(matchers, rule)
    assert silences(matchers, {**rule, "carrier": "C.T|C", "job": "fleetmon"})
    for label in ("carrier", "terminal_region", "terminal_model"):
        assert not silences(matchers, {**rule, label: "other"})
        assert not silences(matchers, {name: value for name, value in rule.items() if name != label})
    for value in ("CxT|C", "C.T", "C", "CMCC2"):
        assert not silences(matchers, {**rule, "carrier": value}), "a value is no pattern"


def test_neither_our_own_incidents_nor_money_nor_the_watchdogs_are_silenced() -> None:
    matchers = only(window(-1, 1)).matchers(())
    assert silences(matchers, {"alertname": "CarrierDown", "carrier": "CMCC"})
    ours = {"alertname": "FleetmonCarrierOutage", "carrier": "CMCC", "kind": "carrier_outage"}
    assert not silences(matchers, ours)
    assert not silences(matchers, {**ours, "acknowledgement": "ended"})
    assert not silences(matchers, {"alertname": "FleetmonSettlementOverdue", "carrier": "CMCC"})
    assert not silences(matchers, {"alertname": "FleetmonWatchdog", "severity": "none"})


@pytest.mark.parametrize(
    "fields",
    [
        {"selector": {"site": "shop"}},
        {"selector": {"carrier": "CMCC", "firmware": "1.2"}},
        {"selector": {"terminal": ["a", "b"]}},
        {"selector": {}},
        {"selector": {"carrier": "CMCC", "region": ""}},
        {"selector": {"carrier": ["", ""]}},
        {"selector": {}, "host": "NOBODY"},
    ],
)
def test_work_that_no_label_names_is_counted_and_silences_nothing(fields: dict[str, Any]) -> None:
    found = ask(window(-1, 1, **fields), window(-1, 1, "other"))
    assert [one.key for one in found.wanted] == ["window:operator:other"]
    assert found.impossible == 1
    assert ask(window(-9, -8, **fields)).impossible == 0, "it is over"


def test_an_empty_value_is_no_value() -> None:
    """It would match whatever lacks the label."""
    assert Matcher("carrier", "CMCC") in only(window(-1, 1, selector={"carrier": ["", "CMCC"]})).matchers(())


def test_the_work_of_a_host_is_a_silence_for_each_of_its_roles() -> None:
    found = ask(window(-1, 1, selector={}, host="ACQ"))
    assert [one.scope for one in found.wanted] == [(("acquirer", frozenset({"ACQ"})),)]
    both = Census()
    both.counts[Cohort(acquirer="BANK", provider="BANK"), UP] += 1
    windows = Windows()
    windows.put(window(-1, 1, selector={}, host="BANK"))
    two = asked(windows, both, NOW).wanted
    assert [one.key for one in two] == ["window:operator:w_acquirer", "window:operator:w_provider"]
    behind = ask(window(-1, 1, selector={}, host="ACQ", behind=True))
    assert (behind.wanted, behind.impossible) == ([], 0), "work on payouts is on no terminal"


def test_a_silence_is_from_the_beginning_to_the_end_of_the_settle_time() -> None:
    planned = window(10, 20, settle_ms=5 * MINUTE)
    start, until = NOW + 10 * MINUTE, NOW + 25 * MINUTE
    assert (only(planned).start, only(planned).until) == (start, until)
    assert ask(planned, now=start - AHEAD_MS - 1).wanted == []
    assert ask(planned, now=start - AHEAD_MS).wanted != []
    assert ask(planned, now=until - 1).wanted != []
    assert ask(planned, now=until).wanted == []


def test_one_window_is_one_silence_and_times_that_follow_within_the_settle_time_are_one() -> None:
    spans = tuple(Occurrence(NOW + at * MINUTE, NOW + (at + 5) * MINUTE) for at in (-1, 5, 12, 30))
    planned = window(0, 0, occurrences=spans, settle_ms=2 * MINUTE)
    assert (only(planned).start, only(planned).until) == (NOW - MINUTE, NOW + 19 * MINUTE)
    assert only(planned, now=NOW + 19 * MINUTE).start == NOW + 30 * MINUTE
    assert len(ask(planned).around) == 2


def test_a_flexible_window_is_silent_only_when_it_has_begun() -> None:
    assert ask(window(-10, 10, flexible_ms=MINUTE)) == Asked([], [], 0)


def test_there_are_only_so_many_and_those_that_begin_first() -> None:
    found = ask(*[window(number / 100, 60, f"{number:03}") for number in range(MOST + 3)])
    assert [one.start for one in found.wanted] == [NOW + number * 600 for number in range(MOST)]
    assert found.impossible == 3


def test_the_comment_says_who_why_and_where() -> None:
    told = only(window(-1, 1, reason="new\nrouter", reference="CHG-7")).comment
    assert told == "night shift: new router (CHG-7)"
    assert len(only(window(-1, 1, reason="x" * 1000)).comment) == 200


def told(alerts: list[Alert], *planned: Window, of: str = "w") -> set[str]:
    found = ask(*planned)
    (stretch,) = [one for one in found.wanted if one.key == f"window:operator:{of}"]
    return told_before(stretch, alerts, found.around)


def test_an_alert_of_which_people_were_told_before_is_left_out() -> None:
    planned = window(-5, 5)
    early, inside, other = alert(-6, "Early"), alert(-5, "Inside"), alert(-6, "Other", carrier="CUCC")
    assert told([early, inside, other], planned) == {"Early"}
    matchers = only(planned).matchers({"Early"})
    assert not silences(matchers, dict(early.labels))
    assert silences(matchers, dict(inside.labels))


def test_an_alert_that_began_in_work_before_was_never_told() -> None:
    first, then, third = window(-30, -20, "1"), window(-25, -4, "2"), window(-4, 9)
    assert told([alert(-28)], first, then, third) == set(), "one stretch of quiet since it began"
    assert told([alert(-31)], first, then, third) == {"CarrierDown"}, "it was told before the first"
    assert told([alert(-28)], first, third) == {"CarrierDown"}, "it was told between the two"
    elsewhere = window(-30, 0, "1", selector={"carrier": "CMCC", "region": "north"})
    assert told([alert(-28)], elsewhere, third) == {"CarrierDown"}, "the work before was not on its scope"

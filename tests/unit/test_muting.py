"""Which silences planned work asks for: matchers, times, what is left out, how many."""

import re
from typing import Any

import pytest

from fleetmon.engine.census import Census
from fleetmon.engine.work.windows import Windows
from fleetmon.model.terminal import Cohort, Liveness, Terminal
from fleetmon.model.window import Occurrence, Window
from fleetmon.sinks.muting import AHEAD_MS, MOST, Alert, Matcher, Muting, Stretch

MINUTE = 60_000
NOW = 1_800_000_000_000


def window(start: float, end: float, name: str = "w", **fields: Any) -> Window:
    """Work on the carrier CMCC, in minutes from now."""
    span = Occurrence(NOW + round(start * MINUTE), NOW + round(end * MINUTE))
    given: dict[str, Any] = {"owner": "night shift", "selector": {"carrier": "CMCC"}, "settle_ms": 0}
    given |= {"occurrences": (span,)} | fields
    return Window(id=f"window:operator:{name}", provenance="operator", **given)


def muting(*planned: Window, cohort: Cohort | None = None) -> Muting:
    windows, census = Windows(), Census()
    for one in planned:
        windows.put(one)
    census.counts[cohort or Cohort(carrier="CMCC", acquirer="ACQ", provider="PRO"), Liveness.UP] += 1
    return Muting(windows, census)


def wanted(*planned: Window, now: int = NOW) -> list[Stretch]:
    return muting(*planned).wanted(now)[0]


def impossible(*planned: Window) -> int:
    return muting(*planned).wanted(NOW)[1]


def only(*planned: Window, now: int = NOW) -> Stretch:
    (found,) = wanted(*planned, now=now)
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
        {"selector": {"carrier": "CMCC", "network": "4g"}},
        {"selector": {"terminal": ["a", "b"]}},
        {"selector": {}},
        {"selector": {"carrier": "CMCC", "region": ""}},
        {"selector": {"carrier": ["", ""]}},
        {"selector": {}, "host": "NOBODY"},
    ],
)
def test_work_that_no_label_names_is_counted_and_silences_nothing(fields: dict[str, Any]) -> None:
    work = window(-1, 1, **fields)
    assert [one.key for one in wanted(work, window(-1, 1, "other"))] == ["window:operator:other"]
    assert impossible(work) == 1
    assert impossible(window(-9, -8, **fields)) == 0, "it is over"


def test_an_empty_value_is_no_value() -> None:
    """It would match whatever lacks the label."""
    assert Matcher("carrier", "CMCC") in only(window(-1, 1, selector={"carrier": ["", "CMCC"]})).matchers(())


def test_the_work_of_a_host_is_a_silence_for_each_of_its_roles() -> None:
    assert only(window(-1, 1, selector={}, host="ACQ")).scope == (("acquirer", frozenset({"ACQ"})),)
    bank = muting(window(-1, 1, selector={}, host="BANK"), cohort=Cohort(acquirer="BANK", provider="BANK"))
    two = [one.key for one in bank.wanted(NOW)[0]]
    assert two == ["window:operator:w_acquirer", "window:operator:w_provider"]
    behind = muting(window(-1, 1, selector={}, host="ACQ", behind=True))
    assert behind.wanted(NOW) == ([], 0), "work on payouts is on no terminal"


def test_a_silence_is_from_the_beginning_to_the_end_of_the_settle_time() -> None:
    planned = window(10, 20, settle_ms=5 * MINUTE)
    start, until = NOW + 10 * MINUTE, NOW + 25 * MINUTE
    assert (only(planned).start, only(planned).until) == (start, until)
    assert wanted(planned, now=start - AHEAD_MS - 1) == []
    assert wanted(planned, now=start - AHEAD_MS) != []
    assert wanted(planned, now=until - 1) != []
    assert wanted(planned, now=until) == []


def test_one_window_is_one_silence_and_times_that_follow_within_the_settle_time_are_one() -> None:
    spans = tuple(Occurrence(NOW + at * MINUTE, NOW + (at + 5) * MINUTE) for at in (-1, 5, 12, 30))
    planned = window(0, 0, occurrences=spans, settle_ms=2 * MINUTE)
    assert (only(planned).start, only(planned).until) == (NOW - MINUTE, NOW + 19 * MINUTE)
    assert only(planned, now=NOW + 19 * MINUTE).start == NOW + 30 * MINUTE


def test_a_flexible_window_is_silent_only_when_it_has_begun() -> None:
    planned = muting(window(-10, 10, flexible_ms=5 * MINUTE))
    assert planned.wanted(NOW) == ([], 0)
    terminal = Terminal("t", "", "", Cohort(carrier="CMCC"), 0, 0)
    planned._windows.begin(terminal, NOW - MINUTE)
    assert [(one.start, one.until) for one in planned.wanted(NOW)[0]] == [(NOW - MINUTE, NOW + 4 * MINUTE)]


def test_there_are_only_so_many_and_those_that_begin_first() -> None:
    planned = [window(number / 100, 60, f"{number:03}") for number in range(MOST + 3)]
    assert [one.start for one in wanted(*planned)] == [NOW + number * 600 for number in range(MOST)]
    assert impossible(*planned) == 3


def test_the_comment_says_who_why_and_where() -> None:
    told = only(window(-1, 1, reason="new\nrouter", reference="CHG-7")).comment
    assert told == "night shift: new router (CHG-7)"
    assert len(only(window(-1, 1, reason="x" * 1000)).comment) == 200


def told(alerts: list[Alert], *planned: Window) -> set[str]:
    """Those that the last of the windows leaves out."""
    made = muting(*planned)
    return made.told_before(made.wanted(NOW)[0], alerts).get(planned[-1].id, set())


def test_an_alert_of_which_people_were_told_before_is_left_out() -> None:
    planned = window(-5, 5)
    early, inside, other = alert(-6, "Early"), alert(-5, "Inside"), alert(-6, "Other", carrier="CUCC")
    assert told([early, inside, other], planned) == {"Early"}
    matchers = only(planned).matchers({"Early"})
    assert not silences(matchers, dict(early.labels))
    assert silences(matchers, dict(inside.labels))


def test_an_alert_that_began_in_work_before_was_never_told() -> None:
    first, then, third = window(-30, -20, "1"), window(-25, -4, "2"), window(-4, 9, "3")
    assert told([alert(-28)], first, then, third) == set(), "one stretch of quiet since it began"
    assert told([alert(-31)], first, then, third) == {"CarrierDown"}, "it was told before the first"
    assert told([alert(-28)], first, third) == {"CarrierDown"}, "it was told between the two"
    elsewhere = window(-30, 0, "1", selector={"carrier": "CMCC", "region": "north"})
    assert told([alert(-28)], elsewhere, third) == {"CarrierDown"}, "the work before was not on its scope"

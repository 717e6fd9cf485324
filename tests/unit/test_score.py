"""The metrics of `make score`, on cases small enough to reckon by hand."""

from typing import Any

import pytest

from bench import calibrate, metrics
from bench.corpora import Recording, numbers
from bench.figures import baselines, figures, headline
from bench.judge import Judged, explanations, watched
from fleetmon.model.registry import Merchant, Registry, Terminal

OUT: dict[str, Any] = {
    "terminal": "T1",
    "transaction": "x",
    "state": "overdue",
    "stage": "terminal",
    "due_at": 5,
    "provisional": True,
    "findings": [
        {"cause": "battery", "confidence": 0.75, "evidence": ["terminal/T1/state@1700000 silent since"]},
        {"cause": "keys", "confidence": 0.25, "evidence": []},
    ],
}
WANTED: dict[str, Any] = {
    "merchant": "M1",
    "terminal": "T1",
    "transaction": "x",
    "group": "battery.1",
    "difficulty": "clean",
    "cause": "terminal_offline",
    "accept": [{"cause": "battery", "why": "it went flat"}],
    "state": ["overdue", "due"],
    "stage": ["batch"],
    "due_at": [4, 5],
    "provisional": None,
    "why": "off all evening",
    "evidence": {"terminals": ["T1"], "from": 2_000_000, "to": 3_000_000},
}


def recording(**truth: Any) -> Recording:
    registry = Registry(merchants=[Merchant("M1")], terminals=[Terminal("T1", "M1"), Terminal("T2", "M1")])
    none: dict[str, Any] = {"explanations": [], "paid": [], "incidents": [], "allowed": [], "forbidden": []}
    return Recording([], registry, {**none, **truth})


def judge(wanted: dict[str, Any], *found: dict[str, Any]) -> Judged:
    (one,) = explanations("test", "seed 200", {"explanations": list(found)}, recording(explanations=[wanted]))
    return one


def test_ac_at_k_takes_any_accepted_cause_and_no_answer_is_a_miss() -> None:
    assert metrics.is_hit(["b"], {"a", "b"}, 1)
    assert not metrics.is_hit(["c", "b"], {"a", "b"}, 1)
    assert metrics.is_hit(["c", "b"], {"a", "b"}, 3)
    assert not metrics.is_hit([], {"a"}, 3)
    assert metrics.credited(["b", "a"], "a", {"a", "b"}) == "a"
    assert metrics.credited([], "a", {"a"}) == "(none)"


def test_macro_f1_counts_a_rare_cause_as_much_as_a_frequent_one() -> None:
    pairs = [("a", "a")] * 8 + [("b", "a")] * 1 + [("b", "b")] * 1
    by_cause = {one.cause: one for one in metrics.qualities(pairs)}
    assert list(by_cause["a"][1:]) == pytest.approx([8, 9, 8 / 9, 1, 16 / 17])
    assert list(by_cause["b"][1:]) == pytest.approx([2, 1, 1, 0.5, 2 / 3])
    assert metrics.macro_f1(pairs) == pytest.approx((16 / 17 + 2 / 3) / 2)
    assert metrics.macro_f1([]) is None


def test_an_answer_that_is_true_nowhere_has_no_f1_of_its_own() -> None:
    assert [one.cause for one in metrics.qualities([("a", "z")])] == ["a"]
    assert metrics.macro_f1([("a", "z")]) == 0


def test_ece_is_the_gap_between_confidence_and_accuracy() -> None:
    calibrated = [(0.75, True)] * 3 + [(0.75, False)]
    assert metrics.ece(calibrated) == pytest.approx(0)
    assert metrics.ece([(1.0, False), (1.0, True)]) == pytest.approx(0.5)
    # Two bins that err in opposite directions do not make up for each other.
    assert metrics.ece([(0.95, False), (0.05, True)]) == pytest.approx(0.95)
    assert metrics.ece([]) is None


def test_adaptive_ece_fills_its_bins_evenly() -> None:
    points = [(0.9, True), (0.92, True), (0.94, False), (0.96, False)]
    assert metrics.ece(points, 1) == metrics.adaptive_ece(points, 1) == pytest.approx(0.43)
    assert metrics.adaptive_ece(points, 2) == pytest.approx((0.18 + 1.9) / 4)


def test_brier_coverage_and_confident_errors() -> None:
    points = [(0.95, False), (0.9, True), (0.6, True), (0.5, False)]
    assert metrics.brier(points) == pytest.approx((0.9025 + 0.01 + 0.16 + 0.25) / 4)
    assert metrics.confident_and_wrong(points) == 0.25
    assert [metrics.coverage(points, part) for part in (0.25, 0.5, 0.75)] == [0, 0.5, pytest.approx(2 / 3)]


def test_the_bootstrap_draws_stories_and_always_the_same_ones() -> None:
    clusters = [[True] * 9, [False], [True, False], [True]]
    assert metrics.bootstrap(clusters) == metrics.bootstrap(clusters)
    low, high = metrics.bootstrap(clusters)
    assert 0 <= low < 11 / 13 < high <= 1
    assert metrics.bootstrap([[True], [True]]) == (1, 1)


def test_an_accepted_alternative_is_right_and_what_is_null_is_not_judged() -> None:
    one = judge(WANTED, OUT)
    assert one.is_right
    assert one.pair == ("terminal_offline", "terminal_offline")
    assert one.point == (0.75, True)
    assert one.exact == {"state": True, "stage": False, "due_at": True}
    assert judge({**WANTED, "due_at": None}, OUT).exact == {"state": True, "stage": False}
    assert not judge({**WANTED, "accept": []}, OUT).is_right


def test_what_is_not_listed_is_wrong_without_a_confidence() -> None:
    found = figures([judge(WANTED), judge(WANTED, OUT)])
    assert (found["ac1"], found["missing"], found["evidence"]) == (0.5, 1, 0.5)
    assert found["brier"] == pytest.approx(0.0625)  # of the listed one alone


@pytest.mark.parametrize(
    ("cited", "cause", "grounded"),
    [
        ("terminal/T1/state@1400000 silent", "battery", True),  # ten minutes before
        ("terminal/T1/state@1399999 silent", "battery", False),
        ("terminal/T2/state@2500000 silent", "battery", False),  # somebody else's
        ("host/ACQ/health@2500000 failing", "battery", False),
        ("host/ACQ/health@2500000 failing", "host_outage", True),
        ("host/ACQ/health@3600001 failing", "host_outage", False),
    ],
)
def test_evidence_is_of_the_right_terminal_and_time(cited: str, cause: str, *, grounded: bool) -> None:
    said = {**OUT, "findings": [{"cause": "battery", "confidence": 1.0, "evidence": [cited]}]}
    assert judge({**WANTED, "cause": cause}, said).grounded is grounded


def test_the_headline_leaves_out_what_is_ordinary() -> None:
    ordinary = [judge({**WANTED, "cause": cause}) for cause in ("not_due", "card_declined")]
    assert headline([*ordinary, judge(WANTED)]) == [judge(WANTED)]


def test_the_majority_is_that_of_the_judged() -> None:
    judged = [judge(WANTED), judge(WANTED), judge({**WANTED, "cause": "keys", "accept": []})]
    assert baselines(judged)["majority"]["ac1"] == pytest.approx(2 / 3)


def test_incidents_are_found_by_kind_time_and_scope() -> None:
    wanted = {
        "kinds": ["carrier_outage"], "scope": {"carrier": "CMCC"}, "scopes": [], "members": ["T1", "T2"],
        "opened": [10, 20], "resolved": [30, 40],
    }  # fmt: skip
    opened = {"kind": "carrier_outage", "scope": {"merchant": "M1"}, "opened_at": 20, "resolved_at": 41}
    other = {"kind": "tamper", "scope": {"terminal": "T2"}, "opened_at": 15, "resolved_at": None}
    out = {"incidents": [opened, other], "pages": [{"status": "firing"}, {"status": "resolved"}], "explanations": [OUT]}
    truth = recording(incidents=[wanted], forbidden=[{"kinds": ["tamper"], "terminals": ["T1"]}], paid=[["T1", "x"]])
    seen = watched("test", "seed 200", out, truth)
    assert (seen.wanted, seen.missed, seen.exact, seen.resolved) == (1, [], 1, (0, 1))
    assert (seen.forbidden, len(seen.unexpected), seen.pages) == ([], 1, 1)
    assert seen.stray == [("x", "battery")]
    late = {**out, "incidents": [{**opened, "opened_at": 21}]}
    assert watched("test", "seed 200", late, truth).missed == ["carrier_outage {'carrier': 'CMCC'}"]


def test_the_temperature_is_the_one_that_was_right_so_often() -> None:
    scores = (("battery", 4.0), ("keys", 0.0))
    answers = [frozenset(["battery"])] * 3 + [frozenset(["keys"])]
    scored = [calibrate.Scored(seed, scores, "battery", right) for seed, right in enumerate(answers)]
    fitted = calibrate.coolest(lambda temperature: calibrate.nll(calibrate.points(scored, temperature)))
    assert calibrate.points(scored, fitted)[0][0] == pytest.approx(0.75, abs=0.002)


def test_isotonic_knots_never_fall() -> None:
    points = [(0.2, False)] * 5 + [(0.5, True)] * 5 + [(0.7, False)] * 5 + [(0.9, True)] * 5
    curve = calibrate.knots(points)
    assert curve == [(0.2, 0.0), (0.6, 0.5), (0.9, 1.0)]
    assert [calibrate.bent(curve, at) for at in (0.1, 0.4, 1.0)] == [0.0, pytest.approx(0.25), 1.0]


def test_seeds_are_named_by_ranges() -> None:
    assert list(numbers("1-3,200")) == [1, 2, 3, 200]

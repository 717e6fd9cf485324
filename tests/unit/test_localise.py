import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmon.detect.localise import Answer, localise

FLEET = {
    "carrier": ("cmcc", "unicom", "telecom"),
    "region": ("east", "north", "south", "west"),
    "firmware": ("3.1", "3.2"),
}
NAMES = tuple(FLEET)
Row = dict[str, Any]


def fleet(causes: list[Row], *, total: float = 10, usual: float = 0.2, history: bool = True) -> list[Row]:
    """All combinations, `total` terminals of each; of those in a cause nearly all fail."""
    rows = []
    for values in itertools.product(*FLEET.values()):
        row: Row = dict(zip(NAMES, values, strict=True))
        hit = any(cause.items() <= row.items() for cause in causes)
        row |= {"total": total, "failing": total - 1 if hit else usual}
        rows.append(row | {"expected": usual} if history else row)
    return rows


def scopes(answers: list[Answer]) -> list[list[Row]]:
    return [sorted(answer.scopes, key=str) for answer in answers]


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize(
    "cause",
    [
        {"carrier": "unicom"},
        {"firmware": "3.2"},
        {"carrier": "cmcc", "region": "west"},
        {"carrier": "cmcc", "region": "west", "firmware": "3.1"},
    ],
)
def test_one_cause_is_named_exactly(cause: Row, history: bool) -> None:
    answers = localise(fleet([cause], history=history), NAMES)
    assert answers[0].scopes == [cause]


@pytest.mark.parametrize(
    "causes",
    [
        [{"region": "east"}, {"region": "north"}],
        [{"carrier": "cmcc"}, {"region": "north"}],
        [{"carrier": "cmcc", "region": "east"}, {"carrier": "telecom", "region": "west", "firmware": "3.1"}],
    ],
)
def test_causes_that_come_together_are_told_together(causes: list[Row]) -> None:
    assert scopes(localise(fleet(causes), NAMES))[0] == sorted(causes, key=str)


def test_a_second_cause_that_is_far_smaller_and_no_chance_is_told_with_the_first() -> None:
    causes: list[Row] = [{"region": "east"}, {"carrier": "telecom", "region": "west", "firmware": "3.1"}]
    assert scopes(localise(fleet(causes, total=300), NAMES))[0] == sorted(causes, key=str)


def test_three_causes_of_unequal_size_are_told_together() -> None:
    causes: list[Row] = [
        {"region": "east"},
        {"carrier": "cmcc", "region": "west"},
        {"carrier": "telecom", "region": "north", "firmware": "3.1"},
    ]
    assert sorted(causes, key=str) in scopes(localise(fleet(causes, total=300), NAMES))


def test_three_causes_at_once() -> None:
    causes: list[Row] = [
        {"region": "east"},
        {"carrier": "cmcc", "region": "west"},
        {"carrier": "telecom", "region": "north"},
    ]
    assert scopes(localise(fleet(causes, total=30), NAMES))[0] == sorted(causes, key=str)


@pytest.mark.parametrize("history", [True, False])
def test_causes_that_share_an_attribute_are_told_although_what_they_share_explains_more_than_either(
    history: bool,
) -> None:
    causes: list[Row] = [{"carrier": "cmcc", "region": "r1"}, {"carrier": "cmcc", "firmware": "f1"}]
    found = scopes(localise(grid(causes, history=history), NAMES))
    assert found[0] == [{"carrier": "cmcc"}]
    assert sorted(causes, key=str) in found


@pytest.mark.parametrize("history", [True, False])
def test_other_causes_lead_where_they_explain_far_more_than_what_goes_with_the_best_scope(history: bool) -> None:
    causes: list[Row] = [{"carrier": "cmcc", "region": "r1"}, {"carrier": "cmcc", "firmware": "f1"}]
    found = scopes(localise(grid(causes, history=history, regions=15, firmwares=12), NAMES))
    assert found[0] == sorted(causes, key=str)


def test_the_second_cause_may_hide_a_third() -> None:
    causes: list[Row] = [
        {"carrier": "cmcc", "region": "r1"},
        {"region": "r3", "firmware": "f3"},
        {"carrier": "telecom", "firmware": "f3"},
    ]
    assert sorted(causes, key=str) in scopes(localise(grid(causes, regions=8), NAMES))


def grid(causes: list[Row], *, history: bool = True, regions: int = 6, firmwares: int = 6) -> list[Row]:
    """A fleet of many regions and versions, of which one terminal in two hundred fails; of those in a cause most do."""
    rows = []
    values = FLEET["carrier"], [f"r{n}" for n in range(regions)], [f"f{n}" for n in range(firmwares)]
    for key in itertools.product(*values):
        row: Row = dict(zip(NAMES, key, strict=True))
        hit = any(cause.items() <= row.items() for cause in causes)
        row |= {"total": 20, "failing": 18 if hit else 0.1}
        rows.append(row | {"expected": 0.1} if history else row)
    return rows


def test_of_two_small_causes_among_thousands_of_rows_nothing_is_lost() -> None:
    causes: list[Row] = [{"carrier": "cmcc", "region": "r7", "firmware": "f30"}, {"region": "r12", "firmware": "f4"}]
    rows = grid(causes, regions=25, firmwares=40)
    for number, row in enumerate(rows):
        row["failing"] += number % 100 == 0  # here and there one
    assert scopes(localise(rows, NAMES))[0] == sorted(causes, key=str)


def test_a_small_second_cause_is_an_alternative() -> None:
    rows = fleet([{"region": "east"}], total=100)
    rows[-1]["failing"] = 12  # telecom, west, 3.2
    first, *others = scopes(localise(rows, NAMES))
    assert first == [{"region": "east"}]
    assert sorted([{"region": "east"}, {"carrier": "telecom", "region": "west", "firmware": "3.2"}], key=str) in others


def test_parent_and_child_are_both_answers() -> None:
    found = scopes(localise(fleet([{"carrier": "cmcc", "region": "west"}]), NAMES))
    assert [{"carrier": "cmcc"}] in found or [{"region": "west"}] in found


def test_of_the_same_rows_the_shortest_name_comes_first_and_beside_it_only_the_longest() -> None:
    rows = [
        {
            "region": region,
            "site": f"{region}-{number}",
            "failing": float((region, number) == ("east", 1)) * 6,
            "total": 8,
        }
        for region in ("east", "west")
        for number in range(4)
    ]
    found = scopes(localise(rows, ("region", "site")))
    assert found[0] == [{"site": "east-1"}]
    assert [answer for answer in found if any({"region", "site"} <= scope.keys() for scope in answer)] == [
        [{"region": "east", "site": "east-1"}]
    ]


def test_a_longer_name_of_other_rows_is_not_the_name_in_full() -> None:
    rows = fleet([{"carrier": "cmcc"}])
    rows.append({"carrier": "cmcc", "region": "south", "firmware": "2.9", "failing": 9, "total": 10, "expected": 0.2})
    found = scopes(localise(rows, NAMES))
    assert found[0] == [{"carrier": "cmcc"}]
    assert len({str(answer) for answer in found}) == len(found)


def test_what_may_be_a_wider_cause_that_hurts_some_less_is_among_the_answers() -> None:
    rows = fleet([])
    for row in rows:
        small, hit = row["region"] == "west", row["carrier"] == "cmcc"
        failing = (38 if hit else 2) if small else (80 if hit else 60)
        row |= {"total": 40 if small else 2_000, "failing": failing, "expected": 1 if small else 50}
    found = scopes(localise(rows, NAMES))
    assert found[0] == [{"carrier": "cmcc", "region": "west"}]
    assert [{"carrier": "cmcc"}] in found
    assert [{"region": "west"}] in found


def test_a_region_of_one_site_is_told_by_the_attribute_named_first() -> None:
    rows = [{"region": name, "site": f"{name}-1", "failing": 8 * (name == "a"), "total": 8} for name in "abcd"]
    assert localise(rows, ("region", "site"))[0].scopes == [{"region": "a"}]
    assert localise(rows, ("site", "region"))[0].scopes == [{"site": "a-1"}]


def test_when_all_fail_alike_it_is_the_whole_fleet() -> None:
    for history in (True, False):
        rows = fleet([{}], history=history)
        assert localise(rows, NAMES)[0].scopes == [{}]
    assert localise([{"carrier": "cmcc", "failing": 5, "total": 5}], ["carrier"])[0].scopes == [{}]


def test_where_nothing_fails_more_than_usual_there_is_no_answer() -> None:
    assert localise([], NAMES) == []
    assert localise(fleet([], usual=0), NAMES) == []
    assert localise(fleet([]), NAMES) == []
    assert localise([{"carrier": "cmcc", "failing": 0, "total": 0}], ["carrier"]) == []
    assert localise(fleet([{"carrier": "cmcc"}]), NAMES, top=0) == []


def test_history_tells_what_is_usual() -> None:
    rows: list[Row] = [
        {"carrier": "bad as ever", "failing": 500, "total": 1000, "expected": 500},
        {"carrier": "worse", "failing": 90, "total": 1000, "expected": 10},
        {"carrier": "well", "failing": 10, "total": 1000, "expected": 10},
    ]
    assert localise(rows, ["carrier"])[0].scopes == [{"carrier": "worse"}]
    for row in rows:
        del row["expected"]
    assert localise(rows, ["carrier"])[0].scopes == [{"carrier": "bad as ever"}]


def test_rows_without_history_are_held_against_everybodys() -> None:
    rows = fleet([{"region": "west"}])
    for row in rows[::2]:
        del row["expected"]
    assert localise(rows, NAMES)[0].scopes == [{"region": "west"}]


def test_a_missing_value_is_in_no_scope() -> None:
    rows = fleet([{"carrier": "cmcc"}])
    for row in rows:
        if row["carrier"] == "cmcc":
            row["region"] = ""
    rows.append({"firmware": "3.1", "region": None, "failing": 0, "total": 10, "expected": 0.2})
    answers = localise(rows, NAMES)
    assert answers[0].scopes == [{"carrier": "cmcc"}]
    assert not {"", None} & {value for answer in answers for scope in answer.scopes for value in scope.values()}


def test_an_attribute_that_nobody_has_does_no_harm() -> None:
    assert localise(fleet([{"carrier": "cmcc"}]), (*NAMES, "acquirer"))[0].scopes == [{"carrier": "cmcc"}]
    assert localise(fleet([{}]), ())[0].scopes == [{}]


def test_the_attributes_are_a_list_of_names_read_once_and_never_a_text() -> None:
    rows = fleet([{"carrier": "unicom"}])
    wanted = localise(rows, NAMES)
    assert localise(rows, (name for name in NAMES)) == wanted
    assert localise(rows, [*NAMES, "carrier"]) == wanted, "what is named twice is one"
    with pytest.raises(ValueError, match="attributes is the text 'carrier'"):
        localise(rows, "carrier")


def test_rows_of_the_same_values_are_one() -> None:
    rows = fleet([{"carrier": "cmcc", "region": "west"}])
    half = [row | {name: row[name] / 2 for name in ("failing", "total", "expected")} for row in rows]
    assert localise([*half, *half], NAMES) == localise(rows, NAMES)


@pytest.mark.parametrize("name", ["failing", "total", "expected"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "3", [3]])
def test_a_number_that_cannot_be_is_refused_with_its_row(name: str, value: object) -> None:
    rows = fleet([])
    rows[3][name] = value
    with pytest.raises(ValueError, match=f"row 3: {name} is "):
        localise(rows, NAMES)


def test_other_rows_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="row 0: failing is 3 of a total of 2"):
        localise([{"failing": 3, "total": 2}], NAMES)
    with pytest.raises(ValueError, match="row 0: total is None"):
        localise([{"failing": 3}], NAMES)
    with pytest.raises(ValueError, match="row 0: carrier is a list"):
        localise([{"carrier": [], "failing": 3, "total": 3}], NAMES)
    with pytest.raises(ValueError, match="row 0: region is a tuple"):
        localise([{"carrier": "cmcc", "region": ([],), "failing": 3, "total": 3}], NAMES)
    with pytest.raises(ValueError, match="row 0 is a str, not a mapping"):
        localise({"CMCC": {"failing": 3, "total": 3}}, NAMES)  # type: ignore[dict-item]


def test_shares_are_of_the_answers_given() -> None:
    answers = localise(fleet([{"carrier": "cmcc"}]), NAMES)
    assert sum(answer.share for answer in answers) == pytest.approx(1)
    assert [answer.score for answer in answers] == sorted((answer.score for answer in answers), reverse=True)
    assert 0 < len(localise(fleet([{"carrier": "cmcc"}]), NAMES, top=2)) <= 2


cells = st.lists(
    st.tuples(
        st.tuples(*(st.sampled_from([*values, None]) for values in FLEET.values())),
        st.integers(0, 60),
        st.floats(0, 1),
        st.none() | st.floats(0, 20),
    ),
    max_size=40,
)


def table(drawn: list[tuple[tuple[str | None, ...], int, float, float | None]]) -> list[Row]:
    return [
        {**dict(zip(NAMES, values, strict=True)), "failing": total * part, "total": total, "expected": expected}
        for values, total, part, expected in drawn
    ]


@given(cells, st.randoms(use_true_random=False), st.integers(1, 7))
@settings(deadline=None)
def test_any_table_has_an_ordered_answer_whatever_the_order_of_its_rows(drawn: Any, chance: Any, top: int) -> None:
    rows = table(
        list({cell[0]: cell for cell in drawn}.values())
    )  # each combination once: sums of floats have an order
    answers = localise(rows, NAMES, top=top)
    assert len(answers) <= top
    assert all(answer.score > 0 and 0 <= answer.share <= 1 for answer in answers)
    held = [
        frozenset(n for n, row in enumerate(rows) if row["total"] and any(s.items() <= row.items() for s in one.scopes))
        for one in answers
    ]
    assert len(held) - len(set(held)) <= 1  # the best one's name in full, at most
    assert len({str(answer.scopes) for answer in answers}) == len(answers)
    chance.shuffle(rows)
    assert localise(rows, NAMES, top=top) == answers


causes = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in FLEET.items()}).filter(
    bool
)


@given(causes, st.integers(8, 2_000), st.floats(0, 0.05), st.booleans())
@settings(deadline=None)
def test_a_planted_cause_is_found_at_every_size(cause: Row, total: int, usual: float, history: bool) -> None:
    rows = fleet([cause], total=total, usual=total * usual, history=history)
    answers = localise(rows, NAMES)
    assert answers[0].scopes == [cause]
    twice = [row | {name: 2 * row[name] for name in ("failing", "total", "expected") if name in row} for row in rows]
    again = localise(twice, NAMES)
    assert again[0].scopes == [cause]
    assert again[0].score > answers[0].score


@given(causes, st.permutations(["p", "q", "r", "s"]))
@settings(deadline=None)
def test_other_names_for_the_values_change_nothing_but_names(cause: Row, letters: list[str]) -> None:
    called = {name: dict(zip(values, letters, strict=False)) for name, values in FLEET.items()}

    def renamed(row: Row) -> Row:
        return {name: called[name][value] if name in called else value for name, value in row.items()}

    rows = fleet([cause])
    before, after = localise(rows, NAMES), localise([renamed(row) for row in rows], NAMES)
    assert after[0].scopes == [renamed(cause)]
    assert [answer.score for answer in after] == pytest.approx([answer.score for answer in before])

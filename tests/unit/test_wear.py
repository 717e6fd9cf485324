"""When readers and batteries are worn."""

import pytest

from fleetmon.detect.wear import is_weak, is_well, is_worn, sinks, usual_errors

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("errors", "reads", "usual", "worn"),
    [
        (0, 50, 0.01, False),
        (2, 50, 0.01, False),
        (3, 10, 0.01, False),  # too few
        (6, 50, 0.01, True),
        (6, 50, 0.10, False),  # as ever
        (10, 50, 0.10, True),  # too many whatever is usual
        (40, 1000, 0.01, False),  # four times as many as usual, and nobody would notice
        (80, 1000, 0.01, True),
        (80, 1000, 0.07, False),
    ],
)
def test_a_reader_is_worn_when_it_errs_far_more_than_usual_and_people_notice(
    errors: int, reads: int, usual: float, *, worn: bool
) -> None:
    assert is_worn(errors, reads, usual) is worn
    assert not (worn and is_well(errors, reads, usual))


def test_chance_calls_hardly_any_reader_worn() -> None:
    """Of ten thousand looks at fifty reads of which two in a hundred fail, fewer than two, even after none failed."""
    share, probability = 0.0, 0.98**50
    for errors in range(51):
        share += probability if is_worn(errors, 50, usual_errors(0.0, None)) else 0.0
        probability *= (50 - errors) / (errors + 1) * 0.02 / 0.98
    assert share < 2e-4


def test_usual_is_the_worse_of_its_own_past_and_of_its_model() -> None:
    assert usual_errors(None, None) == 0.02
    assert usual_errors(0.03, 0.025) == 0.03
    assert usual_errors(0.005, 0.025) == 0.025
    assert usual_errors(None, 0.005) == 0.02, "few reads without an error promise nothing"


def test_a_battery_is_weak_when_it_loses_half_of_its_charge_in_an_hour() -> None:
    assert is_weak(0.9, 0.4, HOUR)
    assert not is_weak(0.9, 0.75, HOUR), "six hours of use"
    assert not is_weak(0.9, 0.4, 3 * HOUR)
    assert not is_weak(0.2, 0.1, HOUR // 10), "a gauge is coarse"
    assert not is_weak(0.4, 0.9, HOUR)


def test_a_charge_that_falls_on_the_charger_sinks_unless_it_is_full() -> None:
    assert sinks(0.8, 0.78, HOUR)
    assert not sinks(0.8, 0.79, HOUR)
    assert not sinks(0.8, 0.7, HOUR // 4)
    assert not sinks(0.99, 0.95, HOUR)

"""When a silence of very many is our own: cases written by hand."""

import pytest

from fleetmon.detect import INGEST_IMPAIRED
from fleetmon.model.detector import Arrivals, Count


def case(
    ways: dict[str, tuple[int, int]],
    *,
    regions: int = 3,
    shops: int = 10,
    beside: list[tuple[Count, Count]] | None = None,
    waiting: int = 0,
    owed: float = 0.0,
    willed: int = 0,
    wills: tuple[int, int] = (0, 0),
) -> Arrivals:
    """So many silent and heard by way, spread evenly over regions and shops."""
    total = Count(sum(silent for silent, _ in ways.values()), sum(heard for _, heard in ways.values()))

    def spread(parts: int) -> dict[str, Count]:
        counts = [[count // parts + (place < count % parts) for place in range(parts)] for count in total]
        return {str(place): Count(counts[0][place], counts[1][place]) for place in range(parts)}

    by = {
        "way": {name: Count(*count) for name, count in ways.items()},
        "region": spread(regions),
        "site": spread(shops),
    }
    return Arrivals(total, waiting, owed, willed, *wills, by, beside)


ALL = {"CMCC": (20, 0), "wifi": (20, 0)}


def test_nearly_all_of_everything_is_ours_and_four_fifths_are_enough() -> None:
    assert INGEST_IMPAIRED.breached(case(ALL))
    assert INGEST_IMPAIRED.breached(case({"CMCC": (17, 3), "wifi": (16, 4)}))
    assert not INGEST_IMPAIRED.breached(case({"CMCC": (14, 6), "wifi": (16, 4)}))


def test_who_is_spared_speaks_for_the_others() -> None:
    assert not INGEST_IMPAIRED.breached(case({"CMCC": (90, 0), "wifi": (0, 6)}))
    assert INGEST_IMPAIRED.breached(case({"CMCC": (90, 0), "wifi": (8, 0), "CUCC": (0, 2)})), "two are chance"


def test_one_way_or_one_shop_alone_may_be_to_blame() -> None:
    assert not INGEST_IMPAIRED.breached(case({"CMCC": (40, 0), "wifi": (4, 0)}))
    assert not INGEST_IMPAIRED.breached(case(ALL, shops=1))
    assert INGEST_IMPAIRED.breached(case(ALL, regions=1)), "a fleet of one region is not a region's fault"


def test_connections_that_were_closed_are_no_fault_of_what_they_share() -> None:
    """Soon after a word: the broker did it. After a keep-alive: they have neither power nor network."""
    one = {"CMCC": (40, 0)}
    assert not INGEST_IMPAIRED.breached(case(one, wills=(0, 40)))
    assert not INGEST_IMPAIRED.breached(case(one, wills=(2, 38))), "two may have restarted"
    assert INGEST_IMPAIRED.breached(case(one, wills=(3, 37)))
    assert not INGEST_IMPAIRED.breached(case(one, wills=(3, 37), beside=[])), "one provider's may share a gateway"
    assert not INGEST_IMPAIRED.breached(case({"CMCC": (30, 10)}, wills=(10, 20)))


@pytest.mark.parametrize(
    ("wills", "soon", "awake", "expected"),
    [(80, 20, 100, True), (79, 20, 100, False), (80, 2, 100, False), (7, 7, 7, False), (800, 7, 1_000, False)],
)
def test_nearly_all_wills_of_a_minute_are_the_brokers(wills: int, soon: int, awake: int, expected: bool) -> None:
    assert INGEST_IMPAIRED.dropped(wills, soon, awake) is expected


def test_a_provider_is_judged_by_who_stands_beside_it() -> None:
    well, silent = (Count(0, 30), Count(0, 90)), (Count(30, 0), Count(30, 60))
    assert INGEST_IMPAIRED.breached(case(ALL, regions=1, beside=[well]))
    assert not INGEST_IMPAIRED.breached(case(ALL, beside=[silent])), "it is the place"
    assert INGEST_IMPAIRED.breached(case(ALL, beside=[])), "nobody is there, but it is everywhere"
    assert not INGEST_IMPAIRED.breached(case(ALL, regions=1, beside=[]))
    mute = (Count(30, 0), Count(90, 0))
    assert INGEST_IMPAIRED.breached(case(ALL, regions=1, beside=[mute, well])), "others may be as we are"


def test_too_few_prove_nothing_and_are_waited_for_while_there_are_more() -> None:
    few = {"CMCC": (5, 0), "wifi": (4, 0)}
    assert not INGEST_IMPAIRED.breached(case(few))
    assert not INGEST_IMPAIRED.undecided(case(few))
    assert INGEST_IMPAIRED.undecided(case(few, waiting=10, owed=6.0))


def test_whoever_could_not_have_been_heard_yet_is_waited_for() -> None:
    assert not INGEST_IMPAIRED.breached(case(ALL, waiting=60, owed=2.0))
    assert INGEST_IMPAIRED.undecided(case(ALL, waiting=60, owed=2.0))
    assert INGEST_IMPAIRED.breached(case(ALL, waiting=60, owed=20.0))


def test_they_are_back_when_nearly_all_are_or_all_of_some_kind_or_as_many_as_will() -> None:
    assert INGEST_IMPAIRED.recovered(case({"CMCC": (3, 17), "wifi": (2, 18)}), False)
    assert not INGEST_IMPAIRED.recovered(case({"CMCC": (10, 10), "wifi": (11, 9)}), False), "they are coming"
    assert INGEST_IMPAIRED.recovered(case({"CMCC": (10, 10), "wifi": (11, 9)}), True)
    assert INGEST_IMPAIRED.recovered(case({"CMCC": (20, 0), "wifi": (0, 20)}), False), "the rest has its own cause"
    assert not INGEST_IMPAIRED.recovered(case(ALL), True)


def test_wills_of_some_are_louder_than_the_rest_that_says_nothing_yet() -> None:
    few_beats = case({"CMCC": (10, 1), "wifi": (10, 2)}, waiting=50, owed=6.0, willed=20)
    assert not INGEST_IMPAIRED.breached(few_beats)
    assert INGEST_IMPAIRED.undecided(few_beats)
    assert INGEST_IMPAIRED.breached(case(ALL, waiting=50, owed=6.0, willed=30)), "the beats say the same"
    assert not INGEST_IMPAIRED.breached(case(ALL, waiting=50, owed=6.0, willed=31)), "nine prove nothing"
    assert INGEST_IMPAIRED.breached(case(ALL, waiting=8, willed=40)), "nearly all left wills"

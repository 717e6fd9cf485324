"""The order of one terminal's messages against a plain memory of everything it said."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetmon.model.events import INT64_MAX
from fleetmon.model.terminal import FULL, WINDOW, Cohort, Order, Terminal

near = st.tuples(st.integers(0, 3), st.integers(0, 150))
far = st.tuples(st.integers(0, 3), st.integers(0, INT64_MAX))


def terminal() -> Terminal:
    return Terminal("t", "", "", Cohort(), 60_000, 126_000)


def expected(seen: set[tuple[int, int]], boot: int, seq: int) -> Order:
    """By the words of the contract: (boot, seq) identifies a message, and a boot ends with the next one."""
    newest = max(seen, default=(-1, -1))
    if (boot, seq) > newest:
        return Order.NEW
    if boot < newest[0]:
        return Order.OLD_BOOT
    if newest[1] - seq > WINDOW:
        return Order.TOO_LATE
    return Order.REPEATED if (boot, seq) in seen else Order.LATE


@settings(deadline=None)
@given(st.lists(near | far, max_size=200))
@example([(1, INT64_MAX), (1, 0), (1, INT64_MAX - WINDOW), (1, INT64_MAX - WINDOW)])
@example([(0, 0), (0, WINDOW), (0, 0), (0, WINDOW + 1), (0, 0)])
def test_it_is_as_if_every_message_were_remembered(messages: list[tuple[int, int]]) -> None:
    found, seen = terminal(), set[tuple[int, int]]()
    for boot, seq in messages:
        assert found.place(boot, seq) is expected(seen, boot, seq)
        seen.add((boot, seq))
        assert 0 <= found.window <= FULL


@settings(deadline=None)
@given(st.permutations(range(WINDOW)))
def test_within_the_window_every_message_is_fresh_once_in_whatever_order(order: list[int]) -> None:
    found = terminal()
    assert all(found.place(1, seq) in (Order.NEW, Order.LATE) for seq in order)
    assert all(found.place(1, seq) is Order.REPEATED for seq in order)


def test_boots_of_the_device_that_stood_here_before_are_over() -> None:
    found = terminal()
    found.boot, found.seq, found.former = 2, 10, 9
    assert found.place(9, 1) is Order.OLD_BOOT
    assert found.place(3, 1) is Order.OLD_BOOT
    assert found.place(2, 11) is Order.NEW
    assert found.place(10, 0) is Order.NEW

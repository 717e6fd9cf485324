"""The members of a group against a plain list of them."""

from hypothesis import given
from hypothesis import strategies as st

from fleetmon.engine.crowd import Crowd
from fleetmon.model.terminal import Cohort, Terminal

FLEET = [Terminal(key, "", "", Cohort(), 1, 1) for key in "abcdef"]


@given(st.lists(st.sampled_from(FLEET), unique_by=lambda one: one.id), st.lists(st.sampled_from(FLEET) | st.none()))
def test_whoever_came_and_did_not_leave_is_a_member_in_order_of_coming(
    first: list[Terminal], moves: list[Terminal | None]
) -> None:
    crowd, plain = Crowd(list(first)), list(first)
    for terminal in moves:
        if terminal is None:  # somebody looks
            assert [found.id for found in crowd.members()] == [found.id for found in plain]
        elif terminal in plain:
            plain.remove(terminal)
            crowd.leave(terminal)
        else:
            plain.append(terminal)
            crowd.enter(terminal)
    assert [found.id for found in crowd.members()] == [found.id for found in plain]

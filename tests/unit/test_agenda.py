"""What is due is done in order, and a long judgement in parts."""

from fleetmon.engine.agenda import PART, Agenda, Parts
from fleetmon.model.terminal import NO_DEADLINE


def test_order_is_that_of_time_then_rank_then_planning() -> None:
    done: list[tuple[str, int]] = []
    agenda = Agenda({"note": lambda name, due: done.append((name, due))})
    for due, rank, name in [(5, 1, "c"), (9, 0, "d"), (5, 0, "a"), (5, 0, "b")]:
        agenda.at(due, rank, "note", name)
    agenda.advance(4)
    assert done == []
    while agenda.next <= 5:
        agenda.advance(5)
    assert done == [("a", 5), ("b", 5), ("c", 5)]
    assert agenda.next == 9


def test_a_long_judgement_pauses_and_nothing_else_is_done_before_its_end() -> None:
    done: list[str] = []

    def walk(due: int) -> Parts[None]:
        for part in range(3):
            done.append(f"part {part} of {due}")
            yield PART

    agenda = Agenda({"walk": walk, "note": lambda name, _: done.append(name)})
    agenda.at(5, 1, "walk")
    agenda.at(6, 0, "note", "later")
    for part in range(3):
        agenda.advance(7)
        assert done == [f"part {number} of 5" for number in range(part + 1)]
        assert agenda.next == 5
    agenda.at(5, 0, "note", "planned meanwhile")
    while agenda.next <= 7:
        agenda.advance(7)
    assert done[3:] == ["planned meanwhile", "later"]
    assert agenda.next == NO_DEADLINE


def test_small_judgements_do_not_pause() -> None:
    done: list[int] = []

    def walk(due: int) -> Parts[None]:
        yield PART // 4
        yield PART // 4
        done.append(due)

    agenda = Agenda({"walk": walk})
    agenda.at(5, 0, "walk")
    agenda.advance(5)
    assert done == [5]


def test_what_was_put_off_is_due_when_it_thaws() -> None:
    done: list[int] = []
    agenda = Agenda({"note": done.append})
    agenda.at(NO_DEADLINE, 0, "note")
    agenda.at(90, 0, "note")
    agenda.thaw(50)
    while agenda.next <= 100:
        agenda.advance(100)
    assert done == [50, 90]

"""Card numbers: the quick answer never lets through what the exact one refuses."""

import json
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetmon.model.cards import cannot_hold_card, holds_card, json_holds_card, luhn, masked

EXEMPT = ("iccid", "rrn", "serial", "session", "id", "original", "batch", "no", "stan", "auth")


def with_check_digit(digits: str) -> str:
    return next(digits + check for check in "0123456789" if luhn(digits + check))


cards = st.integers(12, 18).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)).map(with_check_digit)
runs = st.text("0123456789", min_size=10, max_size=30)
pieces = st.sampled_from(['"', ":", ": ", " ", ",", "\\", "a", "_", "é", "{", "[", "-", "1.", "e", "\\u0034", "\n"])
strings = st.lists(pieces | cards | runs | st.text(max_size=3), max_size=5).map("".join)
scalars = strings | st.integers(-(10**25), 10**25) | st.booleans() | st.none() | st.floats(allow_nan=False)
keys = strings | st.sampled_from([*EXEMPT, "at", "amount", "posted", "rows", "card", "detail"])
documents = st.dictionaries(
    keys,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)),
    max_size=5,
)


def written(document: Any, style: int) -> bytes:
    """One of the ways in which a JSON writer may put it."""
    separators = ((",", ":"), (", ", ": "), (" ,\n", " :\t"))[style % 3]
    return json.dumps(document, ensure_ascii=style > 2, separators=separators).encode("utf-8", "surrogatepass")


@settings(deadline=None)
@given(documents, st.integers(0, 5))
@example({"at": 1790222400000, "4111111111111111": 1}, 0)
@example({"at": 1790222400000, "detail": "x4111111111111111"}, 0)
@example({"at": "4111111111111111"}, 1)
@example({"a": [4111111111111111, "4111111111111111"]}, 0)
@example({"a": {"b": '":4111111111111111'}}, 0)
@example({"a": {"b": 'a": 4111111111111111'}}, 0)
def test_the_quick_answer_is_never_wrong_about_innocence(document: dict[str, Any], style: int) -> None:
    payload = written(document, style)
    try:
        held = json_holds_card(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # no valid JSON for us: refused anyway
    assert not (held and cannot_hold_card(payload))


@settings(deadline=None)
@given(cards, st.integers(0, 5))
def test_a_number_is_found_in_any_string_key_or_depth(card: str, style: int) -> None:
    for document in (
        {"at": 1790222400000, "detail": card},
        {"at": 1790222400000, "detail": f"card {card}."},
        {"unknown": [[{"deep": [1, card]}]]},
        {card: 1},
        {"x": {card: None}},
        {"id": {"inner": card}},
    ):
        payload = written(document, style)
        assert json_holds_card(payload)
        assert not cannot_hold_card(payload)


@settings(deadline=None)
@given(cards)
def test_a_key_that_comes_twice_hides_nothing(card: str) -> None:
    assert json_holds_card(f'{{"at":1,"detail":"{card}","detail":"none"}}'.encode())
    mask = f"{card[:6]}******{card[-4:]}"
    assert json_holds_card(f'{{"at":1,"rrn":"{card}","card":"{mask}","card":"{"0" * 6}******0000"}}'.encode())


def test_numbers_of_any_length_are_no_trouble() -> None:
    assert not json_holds_card(b'{"x":%s,"y":1e5}' % (b"1" * 4_000))


@settings(deadline=None)
@given(cards)
def test_escaped_digits_are_found(card: str) -> None:
    hidden = "".join(f"\\u{ord(digit):04x}" for digit in card)
    payload = f'{{"at":1,"detail":"{hidden}"}}'.encode()
    assert json_holds_card(payload)
    assert not cannot_hold_card(payload)


@settings(deadline=None)
@given(cards)
def test_exempt_fields_may_hold_numbers_that_look_alike_but_not_the_card_of_the_message(card: str) -> None:
    own = {"card": f"{card[:6]}******{card[-4:]}"}
    other = {"card": f"{(int(card[0]) + 1) % 10}{card[1:6]}******{card[-4:]}"}
    lookalikes: list[dict[str, Any]] = [
        *({name: card} for name in EXEMPT),
        {"batches": [card]},
        {"posted": {"merchant": card}},
        {"rows": [{"rrn": card}, {"merchant": card}]},
    ]
    for document in lookalikes:
        assert not json_holds_card(written(document, 0))
        assert not json_holds_card(written({**document, **other}, 0))
        assert json_holds_card(written({**document, **own}, 0))
    assert json_holds_card(written({"posted": {"mcc": card}}, 0))
    assert json_holds_card(written({"rows": [{"mcc": card}]}, 0))


@settings(deadline=None)
@given(st.integers(10**12, 10**19 - 1))
def test_integers_are_no_strings(number: int) -> None:
    assert not json_holds_card(written({"at": number, "amount": [number]}, 0))


@settings(deadline=None)
@given(st.lists(st.integers(10**12, 10**13 - 1), max_size=5), st.integers(0, 1))
def test_times_and_amounts_alone_get_the_quick_answer(numbers: list[int], style: int) -> None:
    document = {"at": 1790222400000, **{f"key_{'abcde'[place]}": number for place, number in enumerate(numbers)}}
    assert cannot_hold_card(written(document, style))


@settings(deadline=None)
@given(st.text("0123456789", min_size=1, max_size=25))
def test_luhn_is_the_sum_of_its_digits_with_every_second_doubled(digits: str) -> None:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(digits[::-1])]
    assert luhn(digits) == (sum(sum(map(int, str(value))) for value in doubled) % 10 == 0)


@settings(deadline=None)
@given(cards, st.integers(0, 18), st.integers(1, 9))
def test_one_wrong_digit_is_no_card(card: str, place: int, step: int) -> None:
    place %= len(card)
    wrong = f"{card[:place]}{(int(card[place]) + step) % 10}{card[place + 1 :]}"
    assert not luhn(wrong)


@settings(deadline=None)
@given(strings)
def test_what_was_masked_holds_no_card(text: str) -> None:
    assert not holds_card(masked(text))
    if not holds_card(text):
        assert masked(text) == text


def test_lengths_that_no_card_has_are_let_through() -> None:
    for length in (12, 20):
        assert not holds_card("0" * length)
    for length in (13, 19):
        assert holds_card("0" * length)
    assert not holds_card("４１１１１１１１１１１１１１１１")  # noqa: RUF001 - full-width digits are what is tried

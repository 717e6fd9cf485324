"""Money as text: exact in hundredths, or refused. Never a float."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.ingest.files.amounts import MOST, countable, fen, shown
from fleetmon.ingest.files.outcome import RowError


@given(st.integers(-MOST, MOST), st.integers(0, 5))
def test_every_amount_comes_back_exactly_however_many_zeros_pad_it(amount: int, zeros: int) -> None:
    found = fen(shown(amount) + "0" * zeros)
    assert found == amount
    assert type(found) is int


@given(st.decimals(min_value=-10_000, max_value=10_000, places=5))
def test_five_decimals_are_exact_or_refused(amount: Decimal) -> None:
    text = f"{amount:f}"
    if amount * 100 == int(amount * 100):
        assert fen(text) == int(amount * 100)
    else:
        with pytest.raises(RowError, match="rounding"):
            fen(text)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_what_a_float_prints_is_never_rounded(number: float) -> None:
    text = repr(number)
    with contextlib.suppress(RowError):
        assert Decimal(fen(text)) / 100 == Decimal(text)


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_a_clear_refusal(text: str) -> None:
    with contextlib.suppress(RowError):
        assert isinstance(fen(text), int)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1,234.50", 123450), ("¥0.01", 1), ("+8.85000", 885), ("-3", -300), ("0", 0), ("1,234,567.8", 123456780)],
)
def test_forms_that_files_use(text: str, amount: int) -> None:
    assert fen(text) == amount


@pytest.mark.parametrize(
    "text",
    ["", "1e3", "1E-2", "NaN", "Infinity", "0x10", "12,34", "1.2.3", "1 000", "\uff11", "--1", "(5.00)", "1_000", ".5",
     "5.", "0.30000000000000004", "10000000000.01", "9" * 40],
)  # fmt: skip
def test_forms_that_are_refused(text: str) -> None:
    with pytest.raises(RowError):
        fen(text)


def test_only_currencies_that_are_counted_in_hundredths() -> None:
    assert countable("CNY")
    assert countable("EUR")
    assert not countable("JPY")
    assert not countable("KWD")
    assert not countable("cny")
    assert not countable("CNYX")

"""Money as text to integer minor units, exactly or not at all: never a float, never a rounded fraction."""

import re
from decimal import Decimal
from typing import Final

from fleetmon.ingest.files.outcome import RowError

MOST: Final = 10**12  # minor units; ten thousand million yuan is no amount of a shop, but a shifted column
_AMOUNT: Final = re.compile(r"[+-]?[¥￥]?([0-9]{1,15}|[0-9]{1,3}(,[0-9]{3}){1,4})(\.[0-9]{1,20})?")
# ISO 4217 codes whose minor unit is not a hundredth; fen are hundredths.
_OTHER_UNITS: Final = frozenset({
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"),
    *("XAF", "XOF", "XPF", "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND", "CLF", "UYW"),
})  # fmt: skip


def fen(text: str) -> int:
    """Minor units of `1,234.50`, also zero-padded; raises RowError for what is no plain amount in hundredths."""
    if not _AMOUNT.fullmatch(text):
        raise RowError("amount", f'"{text[:40]}" is not a plain amount such as 1234.50')
    hundredths = Decimal(re.sub("[¥￥,]", "", text)).scaleb(2)
    if hundredths != hundredths.to_integral_value():
        raise RowError("amount", f'"{text[:40]}" cannot be said in hundredths without rounding')
    if abs(hundredths) > MOST:
        raise RowError("amount", f'"{text[:40]}" is too large to be true; look for a shifted column')
    return int(hundredths)


def shown(amount: int) -> str:
    """An amount for people: `1234.50`."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"


def countable(currency: str) -> bool:
    """Whether a currency code looks like one whose minor unit is a hundredth."""
    return bool(re.fullmatch("[A-Z]{3}", currency)) and currency not in _OTHER_UNITS

"""Whether a sale was posted as what it was, and whether whoever pays may pay.

跳码: the 15 characters of a merchant number are acquirer (3), region (4), trade (4, the MCC) and a serial (4), so
another number may tell of another region or trade. A trade of a cheaper fee class than the contracted one is
the rule, not only a free one; which trades share a class is configuration. Licences are the operator's list,
because no machine-readable one is published.
"""

from typing import Final

from fleetmon.model.days import date_of, day_of
from fleetmon.model.registry import FeeClasses, Host, Merchant

_REGION: Final = slice(3, 7)
_TRADE: Final = slice(7, 11)
UNKNOWN_CLASS: Final = 2  # what is in no list pays the standard fee


def is_other_number(merchant: Merchant, posted: str) -> bool:
    """Whether a posted merchant number is not the registered one."""
    return bool(posted and merchant.number and posted != merchant.number)


def is_other_place_or_trade(merchant: Merchant, posted: str) -> bool:
    """Whether another number tells of another region or trade; a chain may post under a number of its own."""
    number = merchant.number
    return is_other_number(merchant, posted) and (
        posted[_REGION] != number[_REGION] or posted[_TRADE] != number[_TRADE]
    )


def is_cheaper(merchant: Merchant, posted_mcc: str, fees: FeeClasses) -> bool:
    """Whether the posted trade is another one and pays less."""
    ranks = {code: rank for rank, codes in enumerate((fees.zero, fees.reduced, fees.standard)) for code in codes}
    if not (posted_mcc and merchant.mcc) or posted_mcc == merchant.mcc:
        return False
    return ranks.get(posted_mcc, UNKNOWN_CLASS) < ranks.get(merchant.mcc, UNKNOWN_CLASS)


def is_licensed(host: Host | None, at: int) -> bool:
    """Whether an institution may pay at `at` (ms); whoever is in no list, or without a licence, may not."""
    if host is None or not host.licence:
        return False
    return host.licence_valid_to is None or host.licence_valid_to >= date_of(day_of(at))

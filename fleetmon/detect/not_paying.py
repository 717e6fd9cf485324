"""A terminal that is alive, whose shop is open, and that cannot take a payment: what keeps it from that.

The first of these signs that holds is the reason; it has to have lasted, and no sale may have succeeded since it
began, for a terminal that sells is not broken, whatever it says of itself.
Where it can be wrong: a terminal without its reader still takes payments by QR code, until nobody pays with one.
"""

from collections.abc import Mapping
from typing import Final, Literal

Reason = Literal["tamper", "keys", "device_fault", "software_fault", "no_host", "offline_pending", "failing", "quiet"]
_LASTED: Final = 300_000
_REASONS: Final[Mapping[str, tuple[Reason, int]]] = {  # by sign, with how long it has to last, in ms
    "insecure": ("tamper", 1),
    "keys_refused": ("keys", 0),
    "unsigned": ("keys", 900_000),
    "no_reader": ("device_fault", _LASTED),
    "no_ped": ("device_fault", _LASTED),
    "unreachable": ("device_fault", _LASTED),
    "garbled": ("software_fault", 0),
    "cannot_pay": ("software_fault", 0),
    "looping": ("software_fault", 0),
    "no_host": ("no_host", _LASTED),
    "pending": ("offline_pending", 1_800_000),
    "failing": ("failing", 0),
    "quiet": ("quiet", 0),
}
REASONS: Final[tuple[Reason, ...]] = tuple(dict.fromkeys(reason for reason, _ in _REASONS.values()))


def reason(shown: Mapping[str, int], sold_at: int, now: int) -> Reason | None:
    """Why it cannot pay at `now`, by what it has shown and since when, and when it last sold; None if it can."""
    for sign, (found, lasts) in _REASONS.items():
        since = shown.get(sign)
        if since is not None and since >= sold_at and now - since >= lasts:
            return found
    return None

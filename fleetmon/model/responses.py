"""What a response code (ISO 8583 F39) means for whoever waits for the money.

The base table holds what freely published tables of Chinese acquirers agree on. Codes above about 70 are the
vendors' own: an acquirer's overlay in the configuration outranks it, and what stands nowhere is `""`:
counted, never guessed.
"""

from collections.abc import Mapping
from typing import Final, Literal

Meaning = Literal["ok", "card", "entry", "merchant", "software", "keys", "host", "cutover", "duplicate", "state"]

_BASE: Final[Mapping[Meaning, tuple[str, ...]]] = {
    "ok": ("00", "10", "11", "A2", "A4", "A5", "A6", "Y1", "Y3"),
    "card": (
        "01", "02", "04", "05", "07", "15", "21", "33", "34", "36", "38", "41", "43", "51", "54", "55", "57", "59",
        "61", "62", "65", "75", "Z1", "Z3",
    ),
    "entry": ("13", "14", "64"),
    "merchant": ("03", "40", "58", "97"),
    "software": ("30",),
    "keys": ("99", "A0", "A7", "A8", "A9"),
    "host": ("68", "91", "92", "96", "98", "C1"),
    "cutover": ("90",),
    "duplicate": ("94",),
    "state": ("12", "22", "25", "77", "95"),
}  # fmt: skip
CODES: Final[Mapping[str, Meaning]] = {code: meaning for meaning, codes in _BASE.items() for code in codes}


def meaning(code: str, overlay: Mapping[str, Meaning] | None = None) -> Meaning | Literal[""]:
    """The class of a code; empty when nobody knows it."""
    return (overlay or {}).get(code, CODES.get(code, ""))

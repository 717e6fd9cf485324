"""Card numbers (PANs): found before anything is kept.

Source of the rule: the contract's Conventions and PCI DSS 3.4 (a PAN is never stored readable): 13..19
consecutive digits that pass the Luhn check, in any decoded string. A run of digits counts whole: a
part of a longer number is not looked at, or half of all 16-digit references would be refused.
Some fields carry numbers that look alike (RRN, ICCID, ...); there only the number that fits the
masked card of the same message counts.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

import msgspec

_RUN: Final = re.compile(r"(?<![0-9])[0-9]{13,19}(?![0-9])")
_ESCAPED: Final = re.compile(r"\\u003([0-9])")
_EXEMPT: Final = {
    *("iccid", "rrn", "serial", "session", "id", "original", "batch", "batches", "no", "stan", "auth"),
    *("posted.merchant", "rows.rrn", "rows.merchant"),
}
# Folds every payload to its shape: digits become 0, word characters a. In a JSON text a number is a
# value, not part of a string, exactly when `word":` stands before it, so counting the two is a proof.
_SHAPE: Final = bytes(
    48 if 48 <= c <= 57 else 97 if chr(c).isascii() and (chr(c).isalpha() or c == 95) else c for c in range(256)
)
_LONG: Final = b"0" * 13
# Objects become tuples of pairs, so that no pair is lost; numbers are nobody's business here.
_DECODE: Final = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=bool, parse_float=bool, parse_constant=bool, strict=False
).decode
# The shapes of {"at":1 and {"at": 1, with which most messages begin: the rest of that number is part of no string.
_LEADS: Final = (b'{"aa":0', b'{"aa": 0')
_LED: Final = 8
_BACKSLASH: Final = 92


def luhn(digits: str) -> bool:
    """Whether a string of ASCII digits passes the Luhn check (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def holds_card(text: str) -> bool:
    """Whether a text holds a number that may be a card number."""
    return any(luhn(run) for run in _RUN.findall(text))


def may_hold_card(payload: bytes) -> bool:
    """For what is refused anyway: any doubt counts, in whatever form the digits are written."""
    text = payload.replace(b"\0", b"").decode("utf-8", "replace")
    return holds_card(_ESCAPED.sub(lambda digit: digit[1], text))


def masked(text: str) -> str:
    """The text with every possible card number cut to first 6 and last 4."""
    return _RUN.sub(lambda run: f"{run[0][:6]}******{run[0][-4:]}" if luhn(run[0]) else run[0], text)


def cannot_hold_card(payload: bytes) -> bool:
    """True when no string of this JSON text can hold 13 digits in a row: the quick answer for heartbeats."""
    shape = payload.translate(_SHAPE)
    last = shape.rfind(_LONG)
    if last >= _LED or (last >= 0 and not shape.startswith(_LEADS)):
        values = shape.count(b'a":' + _LONG) + shape.count(b'a": ' + _LONG)
        if shape.count(_LONG) != values:
            return False
    return _BACKSLASH not in payload or b"\\u" not in payload


def json_holds_card(payload: bytes) -> bool:
    """The exact answer for a payload that is valid JSON: every string, the exempt fields by the masked card.

    Also the strings that a decoder drops, because a later one has the same key: payloads are kept as they came.
    """
    msgspec.json.decode(payload)  # raises what callers know, for what is no JSON
    strings = tuple(_strings(_DECODE(payload.decode()), ""))
    masks = [text for path, text in strings if path == "card" and len(text) == 16]
    for path, text in strings:
        for run in _RUN.findall(text):
            if luhn(run) and (path not in _EXEMPT or any(_fits(run, mask) for mask in masks)):
                return True
    return False


def _fits(run: str, mask: str) -> bool:
    return run[:6] == mask[:6] and run[-4:] == mask[-4:]


def _strings(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, tuple):
        for key, inner in value:
            yield "", key
            yield from _strings(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, path)

"""What people remember of a sale, as they type it. Amounts are counted in fen from the digits, never by a float."""

import re
from typing import Final

import typer

_AMOUNT: Final = re.compile(r"[¥￥]?([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.([0-9]{1,2}))?")
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3])[:：]([0-5][0-9])")


def fen(said: str) -> int:
    """`12850`, `12,850.5` or `¥12850.50` in fen."""
    found = _AMOUNT.fullmatch(said.strip())
    if found is None:
        raise typer.BadParameter(f"{said}: write yuan with two decimals at most, as 12850 or 12850.50")
    yuan, rest = found[1].replace(",", ""), (found[2] or "").ljust(2, "0")
    return int(yuan) * 100 + int(rest)


def clock(said: str) -> str:
    """`6:30` as `06:30`."""
    found = _CLOCK.fullmatch(said.strip())
    if found is None:
        raise typer.BadParameter(f"{said}: write it as 18:30")
    return f"{int(found[1]):02}:{found[2]}"

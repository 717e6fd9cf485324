"""What people remember of a sale, as they type it. Amounts are counted in fen from the digits, never by a float.

Where it can be wrong: twelve at night is midnight, twelve at noon is noon; who means the other writes 12:00 or 00:00.
"""

import re
from typing import Final

import typer

from fleetmon.model.days import date_of, day_from, day_of

_AMOUNT: Final = re.compile(r"[¥￥]?([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.([0-9]{1,2}))?(?:元|块|块钱)?")
_CLOCK: Final = re.compile(
    r"(?P<part>凌晨|早上|上午|中午|下午|傍晚|晚上)?(?P<hour>[01]?[0-9]|2[0-3])"
    r"(?:[:：点时](?P<minute>[0-5][0-9])分?|[点时](?P<half>半)?)? ?(?P<half_day>am|pm)?"
)
_AFTER_NOON: Final = {
    "中午": range(10), "下午": range(12), "傍晚": range(12), "晚上": range(5, 12), "pm": range(12),
}  # fmt: skip
_DAY: Final = re.compile(r"(?:([0-9]{4})[-/.年])?([0-9]{1,2})[-/.月]([0-9]{1,2})[日号]?")
_AGO: Final = {"today": 0, "今天": 0, "yesterday": 1, "昨天": 1, "昨日": 1, "前天": 2}


def fen(said: str) -> int:
    """`12850`, `12,850.5` or `¥12850.50` in fen."""
    found = _AMOUNT.fullmatch(said.strip())
    if found is None:
        raise typer.BadParameter(f"{said}: write yuan with two decimals at most, as 12850 or 12850.50")
    yuan, rest = found[1].replace(",", ""), (found[2] or "").ljust(2, "0")
    return int(yuan) * 100 + int(rest)


def clock(said: str) -> str:
    """`6:30` as `06:30`, `6:30pm` and `下午6点半` as `18:30`."""
    text = said.strip().lower()
    found = _CLOCK.fullmatch(text)
    if found is None or text.isdecimal():
        raise typer.BadParameter(f"{said}: write it as 18:30")
    hour, minute = int(found["hour"]), 30 if found["half"] else int(found["minute"] or 0)
    part = found["half_day"] or found["part"]
    if hour == 12 and part in ("am", "凌晨", "晚上"):
        hour = 0
    elif hour in _AFTER_NOON.get(part, ()):
        hour += 12
    return f"{hour:02}:{minute:02}"


def day(said: str, now: int) -> str:
    """`2026-11-28`, `11-28` (the last one that was), `yesterday` or `昨天`, in China at `now` (ms)."""
    text, today = said.strip().lower(), day_of(now)
    if text in _AGO:
        return date_of(today - _AGO[text])
    if found := _DAY.fullmatch(text):
        this_year = int(date_of(today)[:4])
        for year in [int(found[1])] if found[1] else [this_year, this_year - 1]:
            try:
                date = date_of(day_from(f"{year:04}-{int(found[2]):02}-{int(found[3]):02}"))
            except ValueError:
                continue
            if found[1] or date <= date_of(today):
                return date
    raise typer.BadParameter(f"{said}: write it as 2026-11-28, or yesterday")

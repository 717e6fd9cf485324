"""Facts as people say them: times in Asia/Shanghai, amounts, durations, words for codes.

How a fact is said follows from its name: `*_at` is a time in ms, `day` a number of days since 1970, the
names in `_MONEY` are minor units of `currency`, those in `_WORDS` have a word for each value. What is
unknown (a time 0, an empty text, a value without a word) is left out, and texts do without.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision

from fleetmon.locale.catalogue import Language, fill, texts

Facts = Mapping[str, int | str]
_DAY: Final = 86_400_000
_UTC_OFFSET: Final = 28_800_000
CHINA: Final = timezone(timedelta(milliseconds=_UTC_OFFSET), "Asia/Shanghai")  # no daylight saving since 1991
_NEVER: Final = 4_102_444_800_000  # 2100: what ends later has no end, and senders may tell any time
LOCALES: Final[Mapping[Language, Locale]] = {"zh": Locale("zh", script="Hans"), "en": Locale("en")}  # made once: slow
_BY: Final = ("due_at", "otherwise_at")  # said as "by", the others as "at"
_MONEY: Final = ("amount", "missing", "expected", "limit")
_WORDS: Final = ("by", "reason", "event", "result", "part", "cycle")
_NAMES: Final = ("carrier", "mcc", "posted_mcc")  # may be one that we have no word for
_COUNTS: Final = ("terminals", "count", "km", "dbm", "rtt_ms", "seconds", "failures", "requests")
_DURATIONS: Final = {"minutes": 60_000, "late_by": 1, "overran": 1}
_PLAIN: Final = (
    "terminal", "rrn", "batch", "code", "host", "owner", "acquirer", "region", "posted", "number", "valid_to",
)  # fmt: skip
SPOKEN: Final = frozenset(
    {*_BY, *_MONEY, *_WORDS, *_NAMES, *_COUNTS, *_DURATIONS, *_PLAIN, "cutoff", "day", "moved_day", "span", "refusal"}
    | {f"{name}_at" for name in ("sold", "settled", "late", "again", "credited", "cancelled", "closed", "told")}
)
"""Every name that a text of a cause may mention."""


def spoken(facts: Facts, language: Language) -> dict[str, str]:
    """Every fact that is known, in words."""
    currency = str(facts.get("currency", "CNY"))
    said = {name: text for name, value in facts.items() if (text := _say(name, value, currency, language))}
    if isinstance(begin := facts.get("since_at"), int) and 0 < begin < _NEVER:
        end = facts.get("until_at")
        said["span"] = span(begin, end if isinstance(end, int) else None, language, "span")
    if "day" in said and facts["day"] != _day_of(facts.get("sold_at", 0)):
        said["moved_day"] = said["day"]
    if refusal := _refusal(facts, language):
        said["refusal"] = refusal
    return said


def _day_of(at: int | str) -> int:
    return (int(at) + _UTC_OFFSET) // _DAY


def time(at: int, language: Language, pattern: str = "time") -> str:
    """A time in ms as people there say it; `pattern`: time, due, day or clock."""
    moment = datetime.fromtimestamp(min(at, _NEVER) / 1000, UTC).astimezone(CHINA)
    return format_datetime(moment, texts(language)[f"format.{pattern}"], tzinfo=CHINA, locale=LOCALES[language])


def local_time(at: int) -> str:
    """Date and time of day in Asia/Shanghai, the same in every language."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def money(amount: int, language: Language, currency: str = "CNY") -> str:
    """An amount in minor units: ¥12,850.00. In China it is ¥, whatever the language calls it elsewhere."""
    units = Decimal(amount).scaleb(-get_currency_precision(currency))
    return format_currency(units, currency, locale=LOCALES["zh" if currency == "CNY" else language])


def number(value: float, language: Language) -> str:
    """A number with the marks of the language, with one decimal at most."""
    return format_decimal(value, format="#,##0.#", locale=LOCALES[language])


def moment(at: datetime, language: Language, pattern: str) -> str:
    """A time by its own clock, in the pattern `format.{pattern}`."""
    return format_datetime(at, texts(language)[f"format.{pattern}"], tzinfo=at.tzinfo, locale=LOCALES[language])


def percent(share: float, language: Language) -> str:
    """A share 0..1 in whole percents; nothing is ever quite sure."""
    return format_percent(min(share, 0.99), locale=LOCALES[language])


def share(part: float, language: Language) -> str:
    """A part 0..1 of a whole, as it is counted; a little is more than nothing."""
    return format_percent(part, format="0.#%" if part < 0.1 else "0%", locale=LOCALES[language])


def count(key: str, number: int, language: Language, more: Mapping[str, str]) -> str:
    """The text `key` in the grammatical number of the language, filled with `{count}` and more; one alone is `one`."""
    form = "one" if number == 1 else LOCALES[language].plural_form(number)
    return fill(texts(language)[f"{key}.{form}"], {"count": format_decimal(number, locale=LOCALES[language]), **more})


def span(begin: int, end: int | None, language: Language, form: str) -> str:
    """From then to then, in the texts `form.*`: on one day, over several, or without an end."""
    said = {"since_at": time(begin, language), "day": time(begin, language, "day")}
    if end is None or not begin < end < _NEVER:
        return fill(texts(language)[f"{form}.open"], said)
    said |= {"until_at": time(end, language), "from_clock": time(begin, language, "clock")}
    said["to_clock"] = time(end, language, "clock")
    together = said["day"] == time(end, language, "day")
    return fill(texts(language)[f"{form}.day" if together else f"{form}.days"], said)


def response(code: str, language: Language) -> str:
    """What a response code means for a merchant; empty when nobody knows."""
    return texts(language).get(f"code.{code}", "")


def _say(name: str, value: int | str, currency: str, language: Language) -> str:  # noqa: PLR0911 - one line a form
    if isinstance(value, str):
        if name in _WORDS or name in _NAMES:
            return _word(name, value, language)
        return value if name in _PLAIN else ""
    if name == "cutoff":
        return time(value - _UTC_OFFSET, language, "clock")
    if not 0 < value < _NEVER:
        return ""
    if name == "day":
        return time(value * _DAY, language, "day")
    if name.endswith("_at"):
        return time(value, language, "due" if name in _BY else "time")
    if name in _MONEY:
        return money(value, language, currency)
    if name in _DURATIONS:
        lasted = min(value * _DURATIONS[name], _NEVER)
        return format_timedelta(timedelta(milliseconds=lasted), threshold=1.5, locale=LOCALES[language])
    return format_decimal(value, locale=LOCALES[language]) if name in _COUNTS else ""


def _word(name: str, value: str, language: Language) -> str:
    kind = "mcc" if name == "posted_mcc" else name
    word = texts(language).get(f"{kind}.{value}", "")
    if kind == "mcc" and word and value:
        return fill(texts(language)["trade"], {"mcc": value, "name": word})
    return word or (value if name in _NAMES else "")


def _refusal(facts: Facts, language: Language) -> str:
    """What the response meant; where an acquirer has a meaning of its own for the code, only its class is known."""
    if own := facts.get("class"):
        return texts(language).get(f"class.{own}", "")
    return response(str(facts.get("code", "")), language)

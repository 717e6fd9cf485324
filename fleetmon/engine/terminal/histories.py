"""What terminals told and suffered, from the timeline, as `detect/prognosis` asks for it.

A failure is a device that was replaced, a tripped security lock, or a part that stayed broken for hours; what is over
by itself is only a code. Paper and charge that run out are use, and neither. A sign of heartbeats is a code for each
day that it lasts, where the terminal did not name the part by an event of its own.
Where it can be wrong: words that mean nothing are codes until the fleet has shown that nothing follows them.
"""

from typing import Final

from fleetmon.detect.prognosis import TOGETHER, History
from fleetmon.engine.timeline import KEPT, Timeline
from fleetmon.model.episode import Episode

BROKEN: Final = 4 * 3_600_000  # a part that is not well again after so long has failed
_PARTS: Final = frozenset({"reader", "ped", "printer", "storage", "power", "battery", "security", "software", "keys"})
_HARD: Final = _PARTS - {"security", "software", "keys"}  # that a visit repairs
_SIGNS: Final = {  # and the part that they speak of
    "no_reader": "reader", "worn_reader": "reader", "no_ped": "ped", "printer": "printer", "insecure": "security",
    "sinking": "battery", "weak_cell": "battery", "crashed": "software", "looping": "software", "unreachable": "",
    "no_communication": "",
}  # fmt: skip
_USE: Final = ("NoPaper", "PaperLow", "BatteryLow")


def history(timeline: Timeline, terminal: str, now: int) -> History:
    """What is remembered of one terminal."""
    found = timeline.of(f"terminal/{terminal}", now - KEPT, now)
    words = [one for one in found if one.topic.endswith("/device") and one.kind in _PARTS and one.code not in _USE]
    codes, failures = list[tuple[int, str]](), list[tuple[int, int]]()
    for word in words:
        if _is_failure(word, now):
            failures.append((word.begin, max(word.end, word.begin + 1)))
        else:
            codes.append((word.begin, f"{word.kind}/{word.code}"))
    for one in found:
        if one.kind == "swapped":
            failures.append((one.begin, one.begin + 1))
        elif one.kind in _SIGNS and not one.topic.endswith("/device") and not _is_told(one, words):
            codes += [(at, one.kind) for at in range(one.begin, min(one.end, now) + 1, TOGETHER)]
    return History(sorted(codes), sorted(failures))


def _is_failure(word: Episode, now: int) -> bool:
    """Whether what a terminal told of its parts was more than a code."""
    return "tamper" in word.code.lower() or (word.kind in _HARD and min(word.end, now) - word.begin >= BROKEN)


def _is_told(sign: Episode, words: list[Episode]) -> bool:
    part = _SIGNS[sign.kind]
    return any(word.kind == part and word.touches(sign.begin - TOGETHER, sign.end + TOGETHER) for word in words)

"""The hours of a report as one small picture: what could pay, what could not, and what we did not see.

Inline SVG without script, style sheet or address, so it can be mailed; its words are given beside it, for whoever sees
no pictures. Colours are told by position, too: lost time hangs from the top. What we did not see is hatched, never
coloured as good. Where it can be wrong: less than a hundredth of a column is drawn as a hundredth.
"""

from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import Final

from fleetmon.locale import Language, fill, moment, texts
from fleetmon.web.report.views import HourView, ReportView
from fleetmon.web.report.words import MARKED, portion

WIDTH, HEIGHT, LANE = 720, 72, 15
_LEFT, _TOP, _AXIS = 4, 4, 18
_LEAST: Final = 2.0  # points of anything lost
_LABELS: Final = 12
_ROOM: Final = 36  # that a label takes
_WIDE_S: Final = 2 * 3600  # a column that is wider is one of many hours


def picture(found: ReportView, language: Language) -> str:
    """The picture."""
    marked = found.happened[:MARKED]
    height = _TOP + HEIGHT + _AXIS + LANE * len(marked) + 4
    parts = [*_bars(found), *_gaps(found), *_axis(found, language)]
    for lane, one in enumerate(marked):
        y = _TOP + HEIGHT + _AXIS + lane * LANE
        begin, end = _x(found, one.begin), _x(found, one.end or found.end)
        text_x = begin - 4 if begin > _LEFT + 14 else end + 4
        anchor = "end" if begin > _LEFT + 14 else "start"
        parts.append(_rect("mark", begin, y + 4, max(end - begin, 2), LANE - 8))
        parts.append(
            f'<text class="ink" fill="#5b6770" x="{text_x:.1f}" y="{y + 11}" text-anchor="{anchor}">{lane + 1}</text>'
        )
    title = escape(texts(language)["report.picture"])
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="100%" role="img" aria-labelledby="p-title p-said" '
        f'font-family="sans-serif" font-size="11"><title id="p-title">{title}</title>'
        f'<desc id="p-said">{escape(said(found, language))}</desc>{_HATCH}{"".join(parts)}</svg>'
    )


def said(found: ReportView, language: Language) -> str:
    """What the picture shows, in words."""
    book = texts(language)
    shares = [(share, hour) for hour in found.hours if (share := _share(hour)) is not None]
    worst = min(shares, key=lambda one: (one[0], one[1].begin), default=None)
    if worst is None:
        told = book["report.picture.empty"]
    elif worst[0] >= 1:
        told = book["report.picture.best_seen" if is_partial(found) else "report.picture.best"]
    else:
        begin, end = (moment(at, language, "stamp") for at in (worst[1].begin, worst[1].end))
        told = fill(book["report.picture.worst"], {"begin": begin, "end": end, "share": portion(worst[0])})
    return f"{told} {book['report.picture.gaps']}" if is_partial(found) else told


def is_partial(found: ReportView) -> bool:
    """Whether anything is hatched."""
    return any(_gaps(found))


_FILLS: Final = {"paying": "#2f8f83", "lost": "#d1495b", "planned": "#4a7fc1", "none": "#c9ced3", "mark": "#5b6770"}
_HATCH: Final = (
    '<defs><pattern id="p-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="paper" width="6" height="6" fill="#ffffff"/><rect class="mark" width="2" height="6" fill="#5b6770"/>'
    "</pattern></defs>"
)


def _bars(found: ReportView) -> Iterator[str]:
    for hour in found.hours:
        left, right = _x(found, hour.begin), _x(found, hour.end)
        width = max(right - left - 1, 0.5)
        lost, known = hour.down_s + hour.idle_s, hour.paying_s + hour.down_s + hour.idle_s + hour.planned_s
        if not known:
            yield _rect("none", left, _TOP + HEIGHT - 2, width, 2)
            continue
        bad = max(HEIGHT * lost / known, _LEAST) if lost else 0.0
        work = max(HEIGHT * hour.planned_s / known, _LEAST) if hour.planned_s else 0.0
        good = max(HEIGHT - bad - work, 0.0)
        yield _rect("lost", left, _TOP, width, bad) if bad else ""
        yield _rect("planned", left, _TOP + bad, width, work) if work else ""
        yield _rect("paying", left, _TOP + bad + work, width, good) if hour.paying_s else ""


def _gaps(found: ReportView) -> Iterator[str]:
    """What nobody saw, at its very times; and of single providers, where that is most of a column."""
    whole = [gap for gap in found.data.gaps if gap.provider in (None, found.provider)]
    for gap in whole:
        begin, end = _x(found, gap.begin), _x(found, gap.end)
        yield _rect("", begin, _TOP, max(end - begin, 2), HEIGHT, "url(#p-hatch)")
    for hour in found.hours:
        known = hour.paying_s + hour.down_s + hour.idle_s + hour.planned_s
        shown = any(gap.begin < hour.end and hour.begin < gap.end for gap in whole)
        if hour.unknown_s > known and not shown:
            begin, end = _x(found, hour.begin), _x(found, hour.end)
            yield _rect("", begin, _TOP, end - begin - 1, HEIGHT, "url(#p-hatch)")


def _axis(found: ReportView, language: Language) -> Iterator[str]:
    """Round times; midnight tells the date."""
    hours = found.hours
    daily = any((hour.end - hour.begin).total_seconds() > _WIDE_S for hour in hours)
    every = 24 if daily else next(step for step in (1, 2, 3, 4, 6, 12, 24) if len(hours) <= step * _LABELS)
    begins = [hour.begin for hour in hours if hour.begin.hour % every == 0 and not hour.begin.minute]
    for at in begins[:: -(-len(begins) // _LABELS) or 1]:
        x = _x(found, at)
        if x < WIDTH - _ROOM:
            label = moment(at, language, "clock" if at.hour else "date")
            yield f'<text class="ink" fill="#5b6770" x="{x:.1f}" y="{_TOP + HEIGHT + 13}">{escape(label)}</text>'


def _share(hour: HourView) -> float | None:
    expected = hour.paying_s + hour.down_s + hour.idle_s
    return hour.paying_s / expected if expected else None


def _x(found: ReportView, at: datetime) -> float:
    whole = (found.end - found.begin).total_seconds() or 1.0
    part = (at - found.begin).total_seconds() / whole
    return _LEFT + (WIDTH - 2 * _LEFT) * min(max(part, 0.0), 1.0)


def _rect(kind: str, x: float, y: float, width: float, height: float, fill_: str = "") -> str:
    color = fill_ or _FILLS[kind]
    name = f' class="{kind}"' if kind else ""
    return f'<rect{name} x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'

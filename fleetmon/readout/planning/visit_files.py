"""Visits as files for other programs: a table for people who sort and print, a calendar for those who drive."""

import csv
import io
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from fleetmon.locale import Language, texts
from fleetmon.locale.errands import errand, spares
from fleetmon.model.schedule import CHINA, Entry
from fleetmon.planning import zones
from fleetmon.planning.ical.write import feed
from fleetmon.web.visits import VisitView

COLUMNS: Final = (
    "provider", "region", "site", "name", "score", "at_risk_yuan", "since", "terminals", "reasons", "parts", "start",
    "end", "zone", "before_opening", "sales", "usual_sales", "planned", "reference",
)  # fmt: skip
_BOM: Final = "\ufeff"  # without it spreadsheets take Chinese for something else


def table(visits: Sequence[VisitView], language: Language) -> bytes:
    """CSV (RFC 4180), a row for each visit; times by the clocks there."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    rows.writerows(_row(one, language) for one in visits)
    return (_BOM + written.getvalue()).encode()


def calendar(visits: Sequence[VisitView], now: int, language: Language) -> bytes:
    """iCal: each proposal that is not planned is a tentative event, which `maintenance import` takes over."""
    plans = [one.proposal.schedule for one in visits if one.proposal is not None and one.planned is None]
    entries = [Entry(one.reference, one, "proposed", 1, now, one.owner, now, one.owner) for one in plans]
    return feed(texts(language)["visit.calendar"], entries)


def _row(one: VisitView, language: Language) -> list[object]:
    reasons = dict.fromkeys(why.reason for row in one.terminals for why in row.errands)
    found = one.proposal
    start, end = ("", "") if found is None else (_local(found.span.start), _local(found.span.end))
    more = ("", "", "") if found is None else (found.before_opening, found.sales, found.usual_sales)
    return [
        *(_plain(said) for said in (one.provider, one.region, one.site, one.name)),
        one.score, f"{one.at_risk / 100:.2f}",
        "" if one.since is None else _local(one.since),
        " ".join(row.terminal for row in one.terminals),
        texts(language)["spare.between"].join(errand(why, language) for why in reasons),
        spares(one.parts, language), start, end, one.zone, *more,
        "" if one.planned is None else one.planned.window,
        "" if found is None else found.schedule.reference,
    ]  # fmt: skip


def _plain(said: str) -> str:
    """No formula, whatever a merchant or a region is called."""
    return f"'{said}" if said.startswith(("=", "+", "-", "@", "\t", "\r")) else said


def _local(at: int) -> str:
    return zones.written(at, ZoneInfo(CHINA))

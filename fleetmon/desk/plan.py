"""Planned work as it is written on the command line, made into a schedule."""

import re
import time
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

import msgspec
import typer

from fleetmon.desk.options import duration
from fleetmon.model.events import Selector
from fleetmon.model.schedule import Schedule
from fleetmon.planning import zones
from fleetmon.planning.ical.scope import narrowed, selector_from

_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(Z?)")


class Wish(NamedTuple):
    """The options as they were given."""

    begin: str
    end: str | None
    lasts: str | None
    zone: str
    rule: str
    on: tuple[str, ...]
    not_on: tuple[str, ...]
    selector: Selector
    host: str
    everything: bool
    flexible: str | None
    lead: str
    owner: str
    reason: str
    reference: str


def schedule(wish: Wish) -> Schedule:
    """What is sent; the daemon says what else is wrong with it."""
    begin = zones.written(_now(), _zone(wish.zone)) if wish.begin == "now" else _local(wish.begin, "--from")
    found = {
        "starts": begin,
        "ends": None if wish.end is None else _local(wish.end, "--to"),
        "duration_s": None if wish.lasts is None else duration(wish.lasts, "--for") // 1000,
        "zone": wish.zone,
        "rrule": wish.rule,
        "rdate": [_local(said, "--on") for said in wish.on],
        "exdate": [_local(said, "--not-on") for said in wish.not_on],
        "selector": wish.selector,
        "host": wish.host,
        "everything": wish.everything,
        "flexible_s": None if wish.flexible is None else duration(wish.flexible, "--flexible") // 1000,
        "lead_s": duration(wish.lead, "--lead") // 1000,
        "owner": wish.owner,
        "reason": wish.reason,
        "reference": wish.reference,
    }
    try:
        return msgspec.convert(found, Schedule)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from None


def selector(said: list[str]) -> Selector:
    """Of `site=S1,S2` and more of these: all must fit."""
    found: Selector = {}
    try:
        for text in said:
            found = narrowed(found, selector_from(text))
    except ValueError as error:
        raise typer.BadParameter(f"--select: {error}") from None
    return found


def instant(said: str, zone: str, option: str = "--until") -> int:
    """The moment of a time on the wall, in ms."""
    return zones.stamp(_local(said, option), _zone(zone))


def _local(said: str, option: str) -> str:
    match = _TIME.fullmatch(said)
    if match is None:
        raise typer.BadParameter(f"{option} {said}: write it as 2026-11-24T01:00 or 2026-11-24T01:00:30")
    day, minute, second, utc = match.groups()
    written = f"{day}T{minute}{second or ':00'}{utc}"
    try:
        datetime.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter(f"{option} {said}: is in no calendar") from None
    return written


def _zone(name: str) -> tzinfo:
    found = zones.find(name)
    if found is None:
        near = zones.nearest(name)
        raise typer.BadParameter(f"--zone {name}: is no IANA time zone{f'; did you mean {near}?' if near else ''}")
    return found


def _now() -> int:
    return time.time_ns() // 1_000_000_000 * 1000

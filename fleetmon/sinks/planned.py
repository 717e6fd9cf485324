"""Metrics of planned work: windows by state, whom they cover, who did not come back; and of calendars that are read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

STATES: Final = ("proposed", "scheduled", "active", "ended", "cancelled")


class Calendar(NamedTuple):
    """One calendar of the configuration."""

    name: str
    read_s: float | None  # when it was last read, in seconds since 1970
    failures: int
    refused: int  # events of the last reading


class Planned(Struct, frozen=True):
    """Copied at one moment."""

    windows: Mapping[str, int]
    overdue: int
    terminals: int
    calendars: Iterable[Calendar]
    lost_s: Mapping[str, float] = {}  # by provider


def families(planned: Planned) -> Iterator[Metric]:
    """All of them; no series for a calendar that was never read."""
    windows = GaugeMetricFamily(
        "fleetmon_windows", "Windows of planned work by state, as long as they are remembered.", labels=["state"]
    )
    for state in STATES:
        windows.add_metric([state], planned.windows.get(state, 0))
    yield windows
    yield GaugeMetricFamily(
        "fleetmon_windows_overdue", "Windows whose terminals are not all back.", value=planned.overdue
    )
    yield GaugeMetricFamily(
        "fleetmon_maintenance_terminals", "Terminals that planned work covers now.", value=planned.terminals
    )
    lost = CounterMetricFamily(
        "fleetmon_maintenance_lost_payment_seconds",
        "Time in which terminals under planned work could take no payment while their shop traded.",
        labels=["provider"],
    )
    for provider in sorted(planned.lost_s):
        lost.add_metric([provider], planned.lost_s[provider])
    yield lost
    read = GaugeMetricFamily(
        "fleetmon_calendar_read_timestamp_seconds", "When a calendar was last read.", labels=["calendar"]
    )
    failures = CounterMetricFamily(
        "fleetmon_calendar_failures", "Times that a calendar could not be read.", labels=["calendar"]
    )
    refused = GaugeMetricFamily(
        "fleetmon_calendar_refused_events", "Events of a calendar that were not taken.", labels=["calendar"]
    )
    for one in planned.calendars:
        failures.add_metric([one.name], one.failures)
        refused.add_metric([one.name], one.refused)
        if one.read_s is not None:
            read.add_metric([one.name], one.read_s)
    yield from (read, failures, refused)

"""`/metrics`: the state of the fleet and of ourselves, as numbers read at the moment of the scrape.

No series per terminal: terminals are counted by dimensions whose values are capped, so that nothing a
fleet sends can exceed the budget of series. Rendered outside the event loop from `Readings`, a copy
taken on it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from heapq import nsmallest
from operator import attrgetter
from typing import Final, get_args

from msgspec import Struct
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from fleetmon import __version__
from fleetmon.model.errors import REASONS
from fleetmon.model.incident import Incident, Status
from fleetmon.model.terminal import Cohort, Liveness, Shown, shown
from fleetmon.model.topics import Kind
from fleetmon.model.window import is_window
from fleetmon.sinks.money import OTHER, Money, families
from fleetmon.sinks.planned import Planned
from fleetmon.sinks.planned import families as planned_families
from fleetmon.sinks.route import families as route_families

VALUES_KEPT: Final = 200  # of one dimension; the rest is counted together
STATES: Final[tuple[Shown, ...]] = get_args(Shown)
# What is told of firing incidents, by kind: metric, text and how much one incident adds.
_FIRING: Final[Mapping[str, tuple[str, Callable[[Incident], int]]]] = {
    "fleetmon_incident_terminals": ("Terminals taken by firing incidents, by kind.", lambda one: one.terminals),
    "fleetmon_incidents_paged": (
        "Firing incidents for which people were called, by kind.",
        lambda one: one.paged_at is not None and one.suppressed_by is None,
    ),
    "fleetmon_incidents_acknowledged": (
        "Firing incidents that somebody sees to, by kind.",
        lambda one: one.acknowledgement is not None,
    ),
    "fleetmon_incidents_planned": (
        "Firing incidents that planned work explains, by kind.",
        lambda one: is_window(one.suppressed_by),
    ),
}
# Metric and label of each dimension; label names that Prometheus sets on targets are avoided.
DIMENSIONS: Final = {
    "region": ("fleetmon_region_terminals", "terminal_region"),
    "carrier": ("fleetmon_carrier_terminals", "carrier"),
    "acquirer": ("fleetmon_acquirer_terminals", "acquirer"),
    "provider": ("fleetmon_provider_terminals", "provider"),
    "model": ("fleetmon_model_terminals", "terminal_model"),
    "firmware": ("fleetmon_firmware_terminals", "terminal_firmware"),
}


class Readings(Struct, frozen=True):
    """Everything a scrape shows, copied at one moment. Times in seconds."""

    census: Mapping[tuple[Cohort, Liveness], int]
    covered: Mapping[tuple[Cohort, Liveness], int]  # those of them that planned work covers
    unregistered: int
    not_paying: Mapping[str, int]  # by reason; all of them, also at nought
    clock_ahead_s: float  # of most of the fleet's; 0 while most do not contradict it
    deaf: bool
    unheard: Collection[str]  # providers that we do not hear although we hear others
    kinds: Iterable[str]
    incidents: Iterable[Incident]
    money: Money
    planned: Planned
    messages: Mapping[str, int]
    refused: Mapping[str, int]
    order: Mapping[str, int]
    connects: int
    beats_per_second: float
    last_message_s: float | None
    canary_lag_s: float | None
    last_canary_s: float | None
    uncommitted: int
    commits: int
    store_failing: bool
    outbox: int
    outbox_oldest_s: float | None
    alertmanagers: Mapping[str, tuple[int, int]]
    silences: Mapping[str, tuple[Mapping[str, int], int]]  # by state; failures
    routes: Collection[tuple[str, int, int, int, float | None]]
    loop_lag_s: float
    reload_succeeded: bool
    reloaded_s: float


def render(readings: Readings, accept: str) -> tuple[bytes, str]:
    """The page and its content type, OpenMetrics or text as `accept` asks."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(readings))
    ProcessCollector(namespace="fleetmon", registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def everything(readings: Readings) -> Iterator[Metric]:
    """All metrics but those of the process."""
    yield from _terminals(readings)
    yield from _incidents(readings)
    yield from families(readings.money)
    yield from planned_families(readings.planned)
    yield from _ingest(readings)
    yield from _ourselves(readings)


class _Page(Collector):
    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        return everything(self._readings)


def _terminals(readings: Readings) -> Iterator[Metric]:
    total = GaugeMetricFamily("fleetmon_terminals", "Terminals by state.", labels=["state"])
    census = list(_as_shown(readings))
    counts = _by_state(census, lambda _: "")
    for state in STATES:
        total.add_metric([state], counts["", state])
    yield total
    for dimension, (name, label) in DIMENSIONS.items():
        family = GaugeMetricFamily(name, f"Terminals by {dimension} and state.", labels=[label, "state"])
        counts = _by_state(census, attrgetter(dimension))
        for value in sorted({value for value, _ in counts}):
            for state in STATES:
                family.add_metric([value, state], counts[value, state])
        yield family
    yield GaugeMetricFamily(
        "fleetmon_unregistered_terminals", "Terminals that the registry lacks.", value=readings.unregistered
    )
    idle = GaugeMetricFamily(
        "fleetmon_terminals_not_paying", "Terminals that are alive, whose shop trades, and that cannot take a payment.",
        labels=["reason"],
    )  # fmt: skip
    for reason, count in readings.not_paying.items():
        idle.add_metric([reason], count)
    yield idle


def _as_shown(readings: Readings) -> Iterator[tuple[Cohort, Shown, int]]:
    """The census by the states that people see."""
    for group, count in readings.census.items():
        cohort, liveness = group
        heard = not (readings.deaf or cohort.provider in readings.unheard)
        planned = readings.covered.get(group, 0)
        if planned:
            yield cohort, shown(liveness, heard=heard, planned=True), planned
        if planned < count:
            yield cohort, shown(liveness, heard=heard, planned=False), count - planned


def _by_state(
    census: Iterable[tuple[Cohort, Shown, int]], value_of: Callable[[Cohort], str]
) -> Counter[tuple[str, Shown]]:
    """Counts by (value, state); values beyond the cap, the smallest first, become one."""
    sizes: Counter[str] = Counter()
    counts: Counter[tuple[str, Shown]] = Counter()
    for cohort, state, count in census:
        value = value_of(cohort)
        sizes[value] += count
        counts[value, state] += count
    if len(sizes) <= VALUES_KEPT:
        return counts
    kept = set(nsmallest(VALUES_KEPT, sizes, key=lambda value: (-sizes[value], value)))
    capped: Counter[tuple[str, Shown]] = Counter()
    for (value, state), count in counts.items():
        capped[value if value in kept else OTHER, state] += count
    return capped


def _incidents(readings: Readings) -> Iterator[Metric]:
    count: Counter[tuple[str, str]] = Counter()
    measured: Counter[tuple[str, str]] = Counter()
    for incident in readings.incidents:
        count[incident.kind, incident.status.value] += 1
        if incident.status is Status.FIRING:
            for name, (_, measure) in _FIRING.items():
                measured[name, incident.kind] += measure(incident)
    family = GaugeMetricFamily("fleetmon_incidents", "Open incidents by kind and status.", labels=["kind", "status"])
    for kind in sorted(readings.kinds):
        for status in (Status.PENDING, Status.FIRING):
            family.add_metric([kind, status.value], count[kind, status.value])
    yield family
    for name, (text, _) in _FIRING.items():
        family = GaugeMetricFamily(name, text, labels=["kind"])
        for kind in sorted(readings.kinds):
            family.add_metric([kind], measured[name, kind])
        yield family


def _ingest(readings: Readings) -> Iterator[Metric]:
    yield GaugeMetricFamily("fleetmon_mqtt_connected", "Whether we hear the fleet.", value=not readings.deaf)
    impaired = readings.deaf or bool(readings.unheard)
    yield GaugeMetricFamily(
        "fleetmon_ingest_impaired", "Whether terminals are silent because we do not hear them.", value=impaired
    )
    yield GaugeMetricFamily(
        "fleetmon_expected_heartbeats_per_second", "What the terminals that are up promise to send.",
        value=readings.beats_per_second,
    )  # fmt: skip
    yield CounterMetricFamily("fleetmon_mqtt_connects", "Connections made to the broker.", value=readings.connects)
    # A counter that appears with its first event hides that event from `rate()`: all begin at zero.
    messages = dict.fromkeys((kind.level for kind in Kind), 0) | dict(readings.messages)
    yield _labelled("fleetmon_mqtt_messages", "Valid messages by kind.", "kind", messages)
    refused = dict.fromkeys(REASONS, 0) | dict(readings.refused)
    yield _labelled("fleetmon_mqtt_message_failures", "Refused messages by reason.", "reason", refused)
    yield _labelled(
        "fleetmon_mqtt_message_order", "Messages repeated, late, of an old boot or session, or missing.", "order",
        readings.order,
    )  # fmt: skip
    if readings.last_message_s is not None:
        yield GaugeMetricFamily(
            "fleetmon_last_message_timestamp_seconds", "When the last valid message came.",
            value=readings.last_message_s,
        )  # fmt: skip
    if readings.canary_lag_s is not None:
        yield GaugeMetricFamily(
            "fleetmon_canary_lag_seconds", "How long our own message took through the broker.",
            value=readings.canary_lag_s,
        )  # fmt: skip
    if readings.last_canary_s is not None:
        yield GaugeMetricFamily(
            "fleetmon_last_canary_timestamp_seconds", "When our own message came back last.",
            value=readings.last_canary_s,
        )  # fmt: skip


def _ourselves(readings: Readings) -> Iterator[Metric]:
    build = GaugeMetricFamily("fleetmon_build_info", "The version that is running.", labels=["version"])
    build.add_metric([__version__], 1)
    yield build
    yield GaugeMetricFamily(
        "fleetmon_uncommitted_messages", "Messages taken in and not yet stored.", value=readings.uncommitted
    )
    yield CounterMetricFamily("fleetmon_store_commits", "Transactions written.", value=readings.commits)
    yield GaugeMetricFamily(
        "fleetmon_store_failing", "Whether the store cannot be written.", value=readings.store_failing
    )
    yield GaugeMetricFamily("fleetmon_outbox_pending", "Transitions that nobody was told yet.", value=readings.outbox)
    if readings.outbox_oldest_s is not None:
        yield GaugeMetricFamily(
            "fleetmon_outbox_oldest_timestamp_seconds", "When the oldest of them happened.",
            value=readings.outbox_oldest_s,
        )  # fmt: skip
    sends = CounterMetricFamily("fleetmon_alertmanager_sends", "Posts tried.", labels=["alertmanager"])
    failures = CounterMetricFamily("fleetmon_alertmanager_send_failures", "Posts that failed.", labels=["alertmanager"])
    for url, (tried, failed) in readings.alertmanagers.items():
        sends.add_metric([url], tried)
        failures.add_metric([url], failed)
    yield sends
    yield failures
    yield from _silences(readings)
    yield from route_families(readings.routes)
    yield GaugeMetricFamily(
        "fleetmon_config_last_reload_successful", "Whether the last reading of the configuration was taken.",
        value=readings.reload_succeeded,
    )  # fmt: skip
    yield GaugeMetricFamily(
        "fleetmon_config_last_reload_success_timestamp_seconds", "When one was taken last.", value=readings.reloaded_s
    )
    yield GaugeMetricFamily(
        "fleetmon_clock_offset_seconds", "By how much our clock is ahead of most of the fleet's, to the minute.",
        value=readings.clock_ahead_s,
    )  # fmt: skip
    yield GaugeMetricFamily("fleetmon_event_loop_lag_seconds", "The worst recent lag.", value=readings.loop_lag_s)


def _silences(readings: Readings) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "fleetmon_alertmanager_silences",
        "Silences for planned work in force or soon: mirrored, failing, or impossible as no label names its scope.",
        labels=["alertmanager", "state"],
    )
    failures = CounterMetricFamily(
        "fleetmon_alertmanager_silence_failures", "Silences not read, made or expired.", labels=["alertmanager"]
    )
    for url, (counts, failed) in readings.silences.items():
        for state, count in counts.items():
            states.add_metric([url, state], count)
        failures.add_metric([url], failed)
    yield states
    yield failures


def _labelled(name: str, text: str, label: str, values: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family

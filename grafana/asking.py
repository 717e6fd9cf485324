"""How dashboards ask: Prometheus of the fleetmon that was chosen, what may be said while nobody knows, and the store.

Sums go over the instances that are chosen: two that watch the same fleet count it twice, so choose one then.
"""

from typing import Final

CHOSEN: Final = 'job=~"$job", instance=~"$instance"'
# Prometheus' own alerts on fleetmon; those on the fleet and on money are not about us.
_NOT_OURS: Final = "Fleetmon(RulesWatchdog|ManyTerminalsDown|Settlement.+)"
OURS: Final = f'ALERTS{{alertstate="firing", alertname=~"Fleetmon.+", alertname!~"{_NOT_OURS}"}}'
WATCHDOG: Final = 'ALERTS{alertstate="firing", alertname="FleetmonRulesWatchdog"}'


def of(metric: str, *more: str) -> str:
    """The series of a metric that were asked for; `more` are further matchers."""
    return f"{metric}{{{', '.join((CHOSEN, *more))}}}"


CONNECTED: Final = of("fleetmon_mqtt_connected")
IMPAIRED: Final = of("fleetmon_ingest_impaired")
NOUGHT: Final = f"0 * max({CONNECTED})"  # for what has no series while there is none of it


def while_heard(expr: str) -> str:
    """Nothing while we are deaf, and at once: a record would be green for one more evaluation."""
    return f"{expr} and on () (max({CONNECTED}) == 1)"


def trouble(expr: str) -> str:
    """A count of troubles: shown when there are any, but "none" only while we hear."""
    return f"{expr} > 0 or {while_heard(expr)}"


def worst(by: str, gauge: str) -> str:
    """A gauge by a label: the eight that were highest in the time shown, so that each line can be told.

    Which they are is found out once; to leave the others out before the sums halves the work.
    """
    return f"sum by ({by}) ({gauge} and on ({by}) topk(8, {_peaks(by, gauge)}))"


def troubled(by: str, gauge: str, none: str) -> str:
    """The same of those that had any at all; if nothing had, a line at nought called `none`, where we heard."""
    had = f"sum by ({by}) ({gauge} and on ({by}) topk(8, {_peaks(by, gauge)} > 0))"
    return f'{had} or on () label_replace({while_heard(NOUGHT)}, "{by}", "{none}", "", "")'


def _peaks(by: str, gauge: str) -> str:
    return f"sum by ({by}) (max_over_time({gauge}[$__range] @ end()))"


def busiest(by: str, counter: str) -> str:
    """How fast a counter grows, by a label: the eight that grew most in the time shown."""
    growth = f"sum by ({by}) (increase({counter}[$__range] @ end()))"
    return f"sum by ({by}) (rate({counter}[$__rate_interval]) and on ({by}) topk(8, {growth}))"


def like(column: str) -> str:
    """A condition of SQL: what the variable of that name says. Quoted so that Xi'an is a value like others."""
    return f"{column} ~ $re$^${{{column}:regex}}$$re$"


def yuan(metric: str, by: str = "") -> str:
    """A sum of fen as yuan."""
    return f"sum{f' by ({by})' if by else ''} ({metric}) / 100"

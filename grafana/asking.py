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
NOUGHT: Final = f"0 * max({CONNECTED})"  # for what has no series while there is none of it


def while_heard(expr: str) -> str:
    """Nothing while we are deaf, and at once: a record would be green for one more evaluation."""
    return f"{expr} and on () (max({CONNECTED}) == 1)"


def trouble(expr: str) -> str:
    """A count of troubles: shown when there are any, but "none" only while we hear."""
    return f"{expr} > 0 or {while_heard(expr)}"


def worst(expr: str, by: str, gauge: str) -> str:
    """Those lines of `expr` whose gauge was highest in the time shown: eight, so that each can be told."""
    return f"{expr} and topk(8, sum by ({by}) (max_over_time({gauge}[$__range] @ end())))"


def busiest(by: str, counter: str) -> str:
    """How fast a counter grows, of the eight that grew most in the time shown."""
    grown = f"topk(8, sum by ({by}) (increase({counter}[$__range] @ end())))"
    return f"sum by ({by}) (rate({counter}[$__rate_interval])) and {grown}"


def like(column: str) -> str:
    """A condition of SQL: what the variable of that name says. Quoted so that Xi'an is a value like others."""
    return f"{column} ~ $re$^${{{column}:regex}}$$re$"


def yuan(metric: str, by: str = "") -> str:
    """A sum of fen as yuan."""
    return f"sum{f' by ({by})' if by else ''} ({metric}) / 100"

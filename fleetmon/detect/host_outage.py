"""A host (acquirer, issuer, switch, institution) fails: it signed off, or answers that it cannot work.

Evidence are the response codes of ISO 8583 field 39 that speak of the host and not of the card: 68 reply
too late, 91 issuer or switch inoperative, 92 no route, 96 system malfunction, 98 no answer. Other declines
are ordinary business. Work that the host has announced opens nothing.
Where it can be wrong: a switch whose one large issuer fails reports many 91 although it works itself.
"""

from fleetmon.model.detector import HostDetector
from fleetmon.model.events import HostHealth
from fleetmon.model.incident import Policy

_FAILED = ("68", "91", "92", "96", "98")
_FEW = 10  # requests that prove nothing either way


def breached(health: HostHealth) -> bool:
    """Signed off, or a third of the requests failed at the host."""
    return health.signed_on is False or (health.requests >= _FEW and _failed(health) >= health.requests / 3)


def recovered(health: HostHealth) -> bool:
    """Signed on, and hardly any request fails at the host."""
    return health.signed_on is not False and _failed(health) <= health.requests / 10


def _failed(health: HostHealth) -> int:
    return sum(health.codes.get(code, 0) for code in _FAILED)


HOST_OUTAGE = HostDetector(
    kind="host_outage",
    policy=Policy(severity="critical", pages=True, hold_ms=90_000, keep_ms=0),
    breached=breached,
    recovered=recovered,
)

"""Terminals fail together that share what no other kind names: a provider's, a model on one carrier, all on cable.

Asked last. The scope says what they share; who is to be called follows from it.
Where it can be wrong: attributes that always go together cannot be told apart; the scan names the first of them.
"""

from fleetmon.model.detector import GroupDetector, Tally
from fleetmon.model.incident import Policy

ATTRIBUTE_OUTAGE = GroupDetector(
    kind="attribute_outage",
    policy=Policy(severity="critical", pages=True, hold_ms=15_000, keep_ms=60_000),
    names=lambda attributes: bool(attributes) and "site" not in attributes,
    breached=Tally.is_shared,
    partly=Tally.is_of_part,
    recovered=Tally.is_over,
)

"""A model or a firmware fails together, wherever it is: an update that went wrong, a certificate that expired.

Evidence as for a carrier; other models in the same places and on the same networks speak against anything else.
Where it can be wrong: an update that is rolled out over hours silences nobody together, and shows as lone terminals
until most of those whom it reached are down.
"""

from fleetmon.model.detector import GroupDetector, Tally
from fleetmon.model.incident import Policy

MODEL_FAULT = GroupDetector(
    kind="model_fault",
    policy=Policy(severity="critical", pages=True, hold_ms=15_000, keep_ms=60_000),
    names=lambda attributes: bool(attributes) and attributes <= {"model", "firmware"},
    breached=Tally.is_shared,
    partly=Tally.is_of_part,
    recovered=Tally.is_over,
)

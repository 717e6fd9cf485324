"""Errors by whose fault they are: the kind tells who must act."""

from collections.abc import Mapping, Sequence
from typing import Final

# Why a message may be refused; the label `reason` of the metrics.
REASONS: Final = ("field", "json", "pan", "too_large", "topic", "unknown_host", "unregistered_limit")


class FleetmonError(Exception):
    """Everything fleetmon raises on purpose."""


class ConfigError(FleetmonError):
    """The operator's fault: every problem found, each as `path: what is wrong and what to do`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ScheduleError(ConfigError):
    """Planned work that cannot be planned so: every problem found, each as `field: what is wrong and what to do`."""


class GuardError(FleetmonError):
    """Planned work that breaks a guard rail: rules with their facts, which `locale.objection` says in words."""

    def __init__(self, objections: Sequence[tuple[str, Mapping[str, int | str]]]) -> None:
        super().__init__(", ".join(rule for rule, _ in objections))
        self.objections = objections


class DecodeError(FleetmonError):
    """The sender's fault: counted by `reason` (one of REASONS) and kept aside; never leaves ingest."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


class SinkError(FleetmonError):
    """The neighbour's fault; `retryable` says whether the same call may go through later."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class StoreError(FleetmonError):
    """The database's fault; `retryable` says whether the same call may go through later."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class ConflictError(FleetmonError):
    """The asker's fault: what they want cannot be done as things are."""


class ForbiddenError(FleetmonError):
    """The asker's fault: what they want is not theirs to do."""


class IllegalTransitionError(FleetmonError):
    """Our own fault: an incident was to change in a way its table does not know. Crash loudly."""

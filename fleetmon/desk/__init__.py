"""The support desk: `fleetmon explain` asks a daemon or a recording why money has not come, and says it in words."""

from fleetmon.desk.command import explain

__all__ = ["explain"]

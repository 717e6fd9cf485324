"""fleetmon: why the card money has not come, and whose turn it is to act."""

__version__ = "0.1.0"

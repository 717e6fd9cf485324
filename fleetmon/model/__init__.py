"""The nouns of the house. Pure: no clock, no I/O, nothing from outside but msgspec."""

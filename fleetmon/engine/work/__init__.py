"""Planned work: what is in force for whom, and who does not come back."""

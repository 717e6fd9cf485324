"""Stories of small fleets in virtual time."""

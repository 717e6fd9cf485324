"""Planned work of operators and calendars: local times, rules and iCal files become the core's occurrences."""

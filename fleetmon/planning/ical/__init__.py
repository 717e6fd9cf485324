"""iCalendar (RFC 5545) in and out: calendars of others become schedules, ours become feeds."""

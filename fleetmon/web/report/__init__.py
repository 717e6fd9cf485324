"""The morning report: as JSON, as text, and as a page that can be mailed."""

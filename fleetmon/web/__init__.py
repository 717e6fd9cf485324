"""HTTP: health, metrics and the JSON API."""

"""Unit tests; a package, so that those of money share a till."""

"""Hosts that fail, by their own word and by the answers that terminals get."""

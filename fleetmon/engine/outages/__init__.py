"""Outages that terminals share: found, told from our own deafness, followed until they are over."""

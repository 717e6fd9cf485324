"""Measurements with real servers: `make bench`. What is measured, and how, is said in each module."""

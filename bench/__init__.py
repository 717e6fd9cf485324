"""Measurements: `make bench` and `make soak` with real servers, `make score` with recordings whose truth is known.

What is measured, and how, is said in each module.
"""

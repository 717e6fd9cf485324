"""Planned work and visits as people see, judge and change them."""

"""Tests against real servers; a package, so that those of the store share their databases."""

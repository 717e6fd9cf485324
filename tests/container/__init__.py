"""The ways to deploy, each tried as production does it."""

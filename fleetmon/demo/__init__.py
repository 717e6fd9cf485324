"""The whole thing on one machine, to be looked at: broker, fleet, daemon, and a story."""

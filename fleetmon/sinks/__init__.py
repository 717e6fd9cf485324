"""The edge out: what Prometheus reads and what Alertmanagers are told."""

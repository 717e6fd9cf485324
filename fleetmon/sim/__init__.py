"""Simulated terminals and hosts: real MQTT clients that live through a scenario.

Start with `simulator.simulate`; `synthesis.synthesise` makes a fleet, `scenario.load` reads a story for it.
"""

"""Simulated terminals and hosts: real MQTT clients, or a recording of them, that live through a scenario.

Start with `simulator.simulate` against a broker and `recorder.record` for a file in virtual time, with
`truth.write` beside it. `synthesis.synthesise` makes a fleet, `scenario.load` reads a story for it, and
`habits` says how true to life it is: `fate` deals out what befalls the fleet by itself, and each terminal
has its line (`air`), its customers (`demand`, `till`), its batches (`drawer`) and its wear. The `hosts` tell
how they are, and the acquirers among them pay (`payers`).
"""

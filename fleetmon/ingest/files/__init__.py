"""Settlement files and bank statements become the same events as over MQTT.

`unpack` bytes of a file -> `table` rows or `camt` entries -> `settlement` and `statement` events, with `known`
for what was said of payouts before. What cannot be taken goes into the `outcome` with its line and reason.
"""

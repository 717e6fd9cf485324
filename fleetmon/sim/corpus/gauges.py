"""What a heartbeat shows of the terminal: line, power, parts, stored sales, open batch, place."""

from typing import Final

from fleetmon.sim.corpus.device import Device, Fields

_CELLULAR: Final = "4g"
_EMPTY: Final[Fields] = {"count": 0}


class Gauges:
    """The instruments of one terminal."""

    def __init__(self, device: Device) -> None:
        chance = device.chance
        self._device = device
        self._random = chance.random
        self._interval = {"interval_s": device.row.interval_s or 60}
        self._rssi = chance.uniform(-92, -66)
        self._rtt = chance.uniform(45, 160)
        self._net: Fields = {"type": device.row.network, "link": True, "internet": True, "host": True}
        if device.row.network == _CELLULAR:
            self._net["carrier"] = device.row.carrier
        self._mains = chance.random() < 0.6
        self._inserts = chance.randint(0, 400)
        self._crashes = chance.choice((0, 0, 0, 1))
        self._parts: Fields = {
            "poi": {"status": "OK", "security": True, "ped": True, "reader": True, "printer": "OK"},
            "signed_on": True,
        }

    def read(self, at: int, since: int) -> Fields:
        """The fields of a heartbeat at that moment; `since` is when the connection began."""
        device = self._device
        if device.detail == "thin":
            return self._interval
        luck = self._random()
        net = {**self._net, "rtt_ms": int(self._rtt * (0.8 + 0.7 * luck))}
        if net["type"] == _CELLULAR:
            net["rssi_dbm"] = int(self._rssi + 8 * luck - 4)
        shown: Fields = {"net": net, "pending": self._pending(at) if device.pending else _EMPTY}
        if device.detail == "rich":
            self._add_parts(shown, at, since, luck)
        if device.reversals:
            shown["reversals"] = sum(low <= at < high for low, high in device.reversals)
        for overlay in device.overlays:
            if overlay.start <= at < overlay.end:
                _lay(shown, overlay.group, overlay.values, at)
        return shown

    def _pending(self, at: int) -> Fields:
        held = [(stored, amount) for stored, uploaded, amount in self._device.pending if stored <= at < uploaded]
        if not held:
            return _EMPTY
        amounts = sum(amount for _, amount in held)
        oldest = min(stored for stored, _ in held)
        return {"count": len(held), "amount": amounts, "oldest_at": oldest + self._device.skew_at(oldest)}

    def _add_parts(self, shown: Fields, at: int, since: int, luck: float) -> None:
        lat, lng = self._device.position
        battery = 1.0 if self._mains else round(0.95 - 0.5 * ((at // 60_000) % 480) / 480, 2)
        self._inserts += luck < 0.1
        shown |= self._parts
        shown["uptime_s"] = (at - since) // 1000
        shown["power"] = {"battery": battery, "charging": self._mains}
        shown["counters"] = {
            "card_inserts": self._inserts, "read_errors": self._inserts // 90, "reboots": 0,
            "app_crashes": self._crashes,
        }  # fmt: skip
        shown["geo"] = {"lat": round(lat + luck * 3e-4, 5), "lng": round(lng - luck * 3e-4, 5)}
        if self._device.batches:
            self._add_batch(shown, at)

    def _add_batch(self, shown: Fields, at: int) -> None:
        """Under terminal capture the open batch, with the sales approved in it so far."""
        for batch in self._device.batches:
            if batch.opened_at <= at < batch.closed_at:
                amounts = [amount for sold, amount in batch.sales if sold <= at]
                opened_at = batch.opened_at + self._device.skew_at(batch.opened_at)
                shown["batch"] = {
                    "no": batch.no, "opened_at": opened_at, "count": len(amounts), "amount": sum(amounts),
                }  # fmt: skip


def _lay(shown: Fields, group: str, values: dict[str, object], at: int) -> None:
    """Put what a story shows over what is usual."""
    found = {name: value(at) if callable(value) else value for name, value in values.items()}
    if group:
        shown[group] = {**shown.get(group, {}), **found}
    else:
        shown |= found

"""What one heartbeat shows that is not as it should be.

Not incidents: signs, from which detectors and causes judge. What only many heartbeats or sales show (`LASTING`) is
worked out by the engine with the other files here, and is a sign like these. The limits are those at which payments
begin to suffer: below -100 dBm on a mobile network (-80 on WiFi) answers take seconds; a clock one minute off
puts a sale on the wrong side of a cut-off; a kilometre from the shop is no longer the shop.
Where it can be wrong: modules report signal in several scales; we read RSSI as it is said.
"""

import math
from typing import Final

from fleetmon.model.events import Heartbeat, Poi

SIGNS: Final = (
    "weak", "no_host", "pending", "reversals", "unsigned", "low_battery", "insecure", "no_ped", "no_reader",
    "no_communication", "printer", "unreachable", "maintenance_status", "moved", "skewed",
)  # fmt: skip
LASTING: Final = (
    "worn_reader", "sinking", "weak_cell", "looping", "wrong_clock", "cloned", "keys_refused", "garbled", "cannot_pay",
    "failing", "quiet",
)  # fmt: skip
NO_HOST: Final = 1.0  # how bad `no_host` is: the host is not reached,
NO_INTERNET: Final = 2.0  # or nothing behind the link is
WEAK_DBM: Final = -100.0
WEAK_WIFI_DBM: Final = -80.0
SLOW_MS: Final = 1_500.0
LOSSY: Final = 0.15
FLAT: Final = 0.1
SKEWED_MS: Final = 60_000
FAR_KM: Final = 1.0
_WELL: Final = ("OK", "Busy", None)
_PRINTS: Final = ("OK", "PaperLow", None)
_PRINTER: Final = ("NoPaper", "PaperJam", "OutOfOrder")
_EXPLAINED: Final = frozenset({"insecure", "no_ped", "no_reader", "no_communication", "printer", "unsigned"})
_KM_PER_DEGREE: Final = 111.2


def remarkable(beat: Heartbeat, now: int) -> bool:
    """Whether a heartbeat may show a sign. Quick, because nearly none does; sure when it says no, but for places."""
    net, power, poi, pending = beat.net, beat.power, beat.poi, beat.pending
    if net is not None:
        rssi, rtt, loss = net.rssi_dbm, net.rtt_ms, net.loss
        if (
            net.internet is False
            or net.host is False
            or (rssi is not None and rssi < WEAK_WIFI_DBM and (net.type == "wifi" or rssi < WEAK_DBM))
            or (rtt is not None and rtt > SLOW_MS)
            or (loss is not None and loss > LOSSY)
        ):
            return True
    return (
        (power is not None and power.battery is not None and power.battery < FLAT)
        or (poi is not None and _is_unwell(poi))
        or (pending is not None and bool(pending.count))
        or beat.signed_on is False
        or bool(beat.reversals)
        or beat.geo is not None
        or not -SKEWED_MS < now - beat.at < SKEWED_MS
        or (beat.counters is not None and bool(beat.counters.app_crashes))
    )


def signs(beat: Heartbeat, now: int, place: tuple[float, float] | None) -> dict[str, float]:
    """Every sign and how bad it is (dBm, ms, fen, seconds, km or a count); `place` is where the shop is."""
    found: dict[str, float] = {}
    _network(beat, found)
    _device(beat, found)
    if beat.pending is not None and beat.pending.count:
        found["pending"] = float(beat.pending.amount or 0)
    if beat.reversals:
        found["reversals"] = float(beat.reversals)
    if beat.signed_on is False:
        found["unsigned"] = 1.0
    if beat.poi is not None and beat.poi.status == "Unreachable" and _EXPLAINED.isdisjoint(found):
        found["unreachable"] = 1.0
    if abs(now - beat.at) >= SKEWED_MS:
        found["skewed"] = (beat.at - now) / 1000
    if beat.geo is not None and place is not None and beat.geo.lat is not None and beat.geo.lng is not None:
        away = distance_km(place, (beat.geo.lat, beat.geo.lng))
        if away > FAR_KM:
            found["moved"] = away
    return found


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Between two places (latitude, longitude in degrees), good to a percent below 100 km."""
    north = (one[0] - other[0]) * _KM_PER_DEGREE
    east = (one[1] - other[1]) * _KM_PER_DEGREE * math.cos(math.radians(one[0]))
    return math.hypot(north, east)


def _network(beat: Heartbeat, found: dict[str, float]) -> None:
    net = beat.net
    if net is None:
        return
    if net.internet is False or net.host is False:
        found["no_host"] = NO_INTERNET if net.internet is False else NO_HOST
    weak = WEAK_WIFI_DBM if net.type == "wifi" else WEAK_DBM
    if net.rssi_dbm is not None and net.rssi_dbm < weak:
        found["weak"] = net.rssi_dbm
    elif net.rtt_ms is not None and net.rtt_ms > SLOW_MS:
        found["weak"] = net.rtt_ms
    elif net.loss is not None and net.loss > LOSSY:
        found["weak"] = net.loss * 100


def _device(beat: Heartbeat, found: dict[str, float]) -> None:
    power = beat.power
    if power is not None and power.battery is not None and power.battery < FLAT and not power.charging:
        found["low_battery"] = power.battery
    poi = beat.poi
    if poi is None:
        return
    for name, ok in (
        ("insecure", poi.security), ("no_ped", poi.ped), ("no_reader", poi.reader),
        ("no_communication", poi.communication),
    ):  # fmt: skip
        if ok is False:
            found[name] = 1.0
    if poi.printer in _PRINTER:
        found["printer"] = 1.0
    if poi.status == "Maintenance":
        found["maintenance_status"] = 1.0


def _is_unwell(poi: Poi) -> bool:
    fine = poi.status in _WELL and poi.printer in _PRINTS
    return not fine or False in (poi.security, poi.ped, poi.reader, poi.communication)

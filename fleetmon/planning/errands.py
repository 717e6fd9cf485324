"""What a technician is sent for: why, for how long it has to have lasted, what is taken along, what it costs till then.

One line for each reason. `lost` is the share of its sales that a terminal cannot make: all without its keys, some
without a printer, none with a battery that will fail. A terminal without its reader still takes QR codes.
Where it can be wrong: the shares are judged, not measured.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fleetmon.model.days import DAY

_HOUR: Final = 3_600_000


class Need(NamedTuple):
    """`part`: what is taken along; empty for nothing. `after`: who is well again so soon needs nobody, in ms."""

    part: str
    lost: float
    after: int = 0


REASONS: Final[Mapping[str, Need]] = {
    "tamper": Need("terminal", 1.0),
    "keys": Need("keys", 1.0, 4 * _HOUR),
    "reader": Need("reader", 0.6),
    "ped": Need("ped", 0.6),
    "storage": Need("terminal", 1.0),
    "power": Need("power", 1.0, _HOUR),
    "printer": Need("printer", 0.2, _HOUR),
    "paper": Need("paper", 0.2, _HOUR),
    "modem": Need("modem", 0.6, 4 * _HOUR),
    "unreachable": Need("terminal", 1.0, 4 * _HOUR),
    "software_fault": Need("software", 1.0),
    "battery": Need("battery", 0.3, 4 * _HOUR),
    "sim_problem": Need("sim", 1.0),
    "terminal_offline": Need("terminal", 1.0, 4 * _HOUR),
    "offline_pending": Need("antenna", 0.2, DAY),
    "flapping": Need("antenna", 0.2, DAY),
    "weak_signal": Need("antenna", 0.2, DAY),
    "no_host": Need("antenna", 1.0, DAY),
    "failing": Need("terminal", 1.0, 4 * _HOUR),
    "quiet": Need("", 0.5, DAY),
    "clock_skew": Need("", 0.0),
    "terminal_moved": Need("", 0.0),
    "dormant": Need("", 0.0),
    "old_firmware": Need("software", 0.0),
}
PARTS: Final = frozenset(need.part for need in REASONS.values()) - {""}
BY_ITSELF: Final = frozenset(  # of which an incident tells nothing more
    {
        "tamper", "keys", "software_fault", "battery", "sim_problem", "terminal_offline", "offline_pending", "flapping",
        "weak_signal", "clock_skew", "terminal_moved",
    }
)  # fmt: skip
OF_COMPONENT: Final[Mapping[str, str]] = {  # of a device event, or a sign -> reason
    "reader": "reader", "no_reader": "reader", "worn_reader": "reader", "ped": "ped", "no_ped": "ped",
    "printer": "printer", "storage": "storage", "power": "power", "no_communication": "modem", "network": "modem",
    "unreachable": "unreachable", "battery": "battery", "sinking": "battery", "weak_cell": "battery",
    "security": "tamper", "insecure": "tamper", "software": "software_fault", "crashed": "software_fault",
    "looping": "software_fault", "keys": "keys",
}  # fmt: skip


def reason(component: str, code: str) -> str | None:
    """Why somebody would go, by what a terminal said of a part or showed; None: for nothing that can be repaired."""
    return "paper" if code in ("NoPaper", "PaperLow") else OF_COMPONENT.get(component)

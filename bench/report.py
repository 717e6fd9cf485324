"""The figures with their targets: one table for people, one JSON file for programs."""

import json
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.servers import required

_STARTED: Final = time.monotonic()
_PACKAGES: Final = ("mqtt5", "msgspec", "sqlalchemy", "uvicorn", "litestar", "prometheus-client")


def say(text: str) -> None:
    """What is happening now, on standard error."""
    print(f"[{time.monotonic() - _STARTED:5.0f} s] {text}", file=sys.stderr, flush=True)


class Row(NamedTuple):
    """One figure: the median of its values."""

    key: str
    values: Sequence[float]
    text: str
    unit: str
    most: float | None
    least: float | None

    @property
    def median(self) -> float:
        """What stands for all values."""
        return statistics.median(self.values)

    @property
    def passed(self) -> bool | None:
        """None where there is no target."""
        if self.most is not None:
            return self.median <= self.most
        return self.median >= self.least if self.least is not None else None

    def cells(self) -> tuple[str, str, str, str, str]:
        """The row of the table."""
        spread = f"{_short(min(self.values))}-{_short(max(self.values))}, n={len(self.values)}"
        target = f"<= {_short(self.most)}" if self.most is not None else ""
        target = f">= {_short(self.least)}" if self.least is not None else target
        verdict = {True: "pass", False: "MISS", None: ""}[self.passed]
        value = f"{_short(self.median)} {self.unit}".strip()
        return self.text, value, spread if len(self.values) > 1 else "", target, verdict


class Report:
    """What was found so far."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.facts: dict[str, Any] = {}

    def add(
        self,
        key: str,
        values: Sequence[float],
        text: str,
        unit: str,
        *,
        most: float | None = None,
        least: float | None = None,
    ) -> None:
        """A figure; `most` and `least` are targets for the median."""
        row = Row(key, list(values), text, unit, most, least)
        self.rows.append(row)
        say(" | ".join(cell for cell in row.cells() if cell))

    def table(self) -> str:
        """Markdown that is readable as it is."""
        lines = [("figure", "median", "spread", "target", ""), *[row.cells() for row in self.rows]]
        widths = [max(len(line[column]) for line in lines) for column in range(5)]
        padded = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
        return "\n".join([padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]])

    def write(self, path: Path) -> None:
        """Medians by key, and beside them spreads, targets and the machine."""
        found: dict[str, Any] = {row.key: row.median for row in self.rows}
        found["spread"] = {row.key: [min(row.values), max(row.values), len(row.values)] for row in self.rows}
        found["targets"] = {
            row.key: {"most": row.most, "least": row.least, "passed": row.passed}
            for row in self.rows
            if row.passed is not None
        }
        path.write_text(json.dumps({**found, "facts": self.facts}, indent=2, default=float) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What was measured on, and with which versions."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    assert memory is not None
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": processor.group(1) if processor else platform.machine(),
        "cores": len(re.findall(r"^processor", Path("/proc/cpuinfo").read_text(), re.MULTILINE)),
        "memory_gib": round(int(memory.group(1)) / 2**20, 1),
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
        "load_at_start": Path("/proc/loadavg").read_text().split()[:3],
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        "mosquitto": _first_line([required("mosquitto", "mosquitto"), "-h"]),
    }


def peers() -> dict[str, str]:
    """The versions of the two exporters."""
    required("prometheus-mqtt-exporter", "prometheus-mqtt-exporter")  # which says nothing of its version
    debian = _first_line(["dpkg-query", "-W", "-f=${Version}", "prometheus-mqtt-exporter"])
    wanted = (Path(__file__).parent / "peers.txt").read_text(encoding="utf-8")
    pinned = re.search(r"^mqtt-exporter==([\d.]+)", wanted, re.MULTILINE)
    assert pinned is not None
    return {"prometheus-mqtt-exporter": debian, "mqtt-exporter": pinned.group(1)}


def _first_line(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return (result.stdout or result.stderr).partition("\n")[0].strip()


def _short(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if float(value).is_integer() and abs(value) >= 10 else f"{value:.3g}"

"""How long Prometheus takes for each query of each dashboard, on a day of a fleet of 10,000 terminals.

The whole day is shown, on a screen of 1,920 pixels, with a point for each pixel as Grafana asks; every query is asked
five times and the median counts. The day is made up (`bench.history`, some minutes) and scraped every 15 seconds,
which is what the shipped configuration says.
"""

import time
from pathlib import Path
from statistics import median
from typing import Final

from bench import history, viewer
from bench.report import Report, say
from bench.servers import LOOPBACK, answers, child, free_port, required

TERMINALS: Final = 10_000
_PIXELS: Final = 1_920
_TIMES: Final = 5


def dashboards(report: Report, folder: Path, hours: float) -> None:
    """The slowest query, and how many series a scrape has."""
    story = history.Story(end=1_795_777_200, terminals=TERMINALS)
    samples = history.write(folder, story, hours, viewer.SCRAPE_S)
    series = len(list(history.scrape(story, story.end)))
    say(f"{samples:,} samples of {series:,} series in {hours:g} hours")
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    port = free_port()
    command = [
        required("prometheus", "prometheus"), f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}", "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={LOOPBACK}:{port}",
    ]  # fmt: skip
    with child("prometheus", command, folder) as process:
        process.until(lambda: answers(port, "/-/ready"), "not ready")
        found = _timed(f"http://{LOOPBACK}:{port}", story.end, hours)
    for took, name, title in sorted(found, reverse=True)[:3]:
        say(f"{took:.0f} ms: {name}, {title}")
    report.add("dashboard_series", [series], "series of a fleet of 10,000 terminals", "", most=20_000)
    report.add("dashboard_query_ms", [max(found)[0]], "slowest query of a dashboard over a day of it", "ms", most=200)


def _timed(url: str, end: int, hours: float) -> list[tuple[float, str, str]]:
    found, seconds = [], round(hours * history.HOUR)
    for name, dashboard in viewer.dashboards().items():
        values = viewer.chosen(dashboard)
        for panel in viewer.panels(dashboard):
            points = _PIXELS * panel["gridPos"]["w"] // 24
            span = viewer.Span(end - seconds, end, max(seconds // points, viewer.SCRAPE_S))
            for target in viewer.targets(panel):
                took = []
                for _ in range(_TIMES):
                    begun = time.perf_counter()
                    viewer.ask(url, target, span, values)
                    took.append((time.perf_counter() - begun) * 1_000)
                found.append((median(took), name, panel["title"]))
    return found

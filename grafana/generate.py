"""Writes every dashboard as JSON: `python grafana/generate.py [FOLDER]`, by default the committed ones beside it."""

import json
import sys
from pathlib import Path
from typing import Final

from alerts import alerts
from cohort import cohort
from itself import itself
from overview import overview
from settlement import settlement

DASHBOARDS: Final = {
    "overview": overview,
    "cohort": cohort,
    "settlement": settlement,
    "alerts": alerts,
    "itself": itself,
}


def main(folder: Path) -> None:
    """Write them all into the folder."""
    for name, make in DASHBOARDS.items():
        text = json.dumps(make(), indent=2, sort_keys=True)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "dashboards")

"""Writes every dashboard as JSON: `python grafana/generate.py [FOLDER]`, by default the committed ones beside it."""

import json
import sys
from pathlib import Path
from typing import Final

from money import money
from overview import overview

DASHBOARDS: Final = {"overview": overview, "money": money}


def main(folder: Path) -> None:
    """Write them all into the folder."""
    for name, make in DASHBOARDS.items():
        text = json.dumps(make(), indent=2, sort_keys=True)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "dashboards")

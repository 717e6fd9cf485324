"""Where the recordings with a truth come from: seeds of the generated corpus, or folders like the contract's sample.

Development, calibration and test seeds are apart: causes are improved on the first, confidences fitted on
the second, and the third are looked at only as figures.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from fleetmon import config
from fleetmon.ingest.recording import Line, read
from fleetmon.model.registry import Registry
from fleetmon.sim.corpus import CALIBRATION, DEVELOPMENT, TEST, generate

_SETS: Final = {"dev": DEVELOPMENT, "calibration": CALIBRATION, "test": TEST}
_DECODE: Final = msgspec.json.Decoder(Line).decode


class Source(NamedTuple):
    """A seed, or a folder with `recording.ndjson`, `registry.yml` and `truth.json`."""

    seed: int = 0
    families: tuple[str, ...] | None = None
    folder: Path | None = None

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.folder.name if self.folder else f"seed {self.seed}"

    @property
    def part(self) -> str:
        """Which of the sets it belongs to."""
        if self.folder:
            return "folder"
        return next((name for name, seeds in _SETS.items() if self.seed in seeds), "other")


class Recording(NamedTuple):
    """What is heard, the fleet, and what is true."""

    lines: Sequence[Line]
    registry: Registry
    truth: dict[str, Any]


def load(source: Source) -> Recording:
    """Generate it, or read it."""
    if source.folder is not None:
        registry = config.load_registry(source.folder / "registry.yml")
        truth = json.loads((source.folder / "truth.json").read_text(encoding="utf-8"))
        return Recording(list(read(source.folder / "recording.ndjson")), registry, truth)
    corpus = generate(source.seed, source.families)
    return Recording([_DECODE(line) for line in corpus.lines], corpus.registry, corpus.truth)


def numbers(text: str) -> Iterator[int]:
    """`1-3,200` is 1, 2, 3, 200."""
    for word in text.split(","):
        first, _, last = word.partition("-")
        yield from range(int(first), int(last or first) + 1)

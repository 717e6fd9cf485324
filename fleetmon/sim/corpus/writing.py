"""A corpus as files: the recording, its registry and its truth."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from fleetmon.model.errors import ConfigError
from fleetmon.sim.corpus.families import FAMILIES
from fleetmon.sim.corpus.generate import Corpus, generate
from fleetmon.sim.recorder import writing

ALL = "all"


def write(wanted: str, seed: int, recording: Path, truth: Path | None, registry: Path | None) -> Corpus:
    """Write the corpus of these families, separated by commas, or of all; raises ConfigError."""
    names = _names(wanted)
    corpus = generate(seed, names)
    try:
        with writing(recording) as output:
            output.writelines(line + b"\n" for line in corpus.lines)
        if registry is not None:
            registry.write_bytes(msgspec.yaml.encode(corpus.registry))
        if truth is not None:
            truth.write_bytes(msgspec.json.format(msgspec.json.encode(corpus.truth), indent=1) + b"\n")
    except OSError as error:
        raise ConfigError([f"{error.filename or recording}: cannot be written: {error}"]) from None
    return corpus


def _names(wanted: str) -> Sequence[str] | None:
    if wanted == ALL:
        return None
    names = wanted.split(",")
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        raise ConfigError([f"--corpus: {name} is no family; one of {ALL}, {', '.join(FAMILIES)}" for name in unknown])
    return names

"""A registry that was accepted once: taken as it was kept while its file is the same, and only then."""

from pathlib import Path

import msgspec
import pytest

from fleetmon import accepted, config
from fleetmon.model.errors import ConfigError
from fleetmon.model.registry import Registry, Site, Terminal
from fleetmon.sim.synthesis import synthesise

NAME = b"n" * 32


@pytest.fixture
def daemon(tmp_path: Path) -> Path:
    """A configuration with a small fleet."""
    (tmp_path / "registry.json").write_bytes(msgspec.json.encode(synthesise(20, hours=True)))
    path = tmp_path / "fleetmon.yml"
    path.write_text("registry: registry.json\nstore: {url: 'sqlite:///data/fleet.db'}\n")
    return path


def kept(daemon: Path) -> Path:
    return daemon.parent / "data/fleet.db.registry"


def load(daemon: Path) -> Registry:
    return config.load(daemon, {}, remember=True).registry


def plant(daemon: Path) -> Registry:
    """Keep another registry as if it were the accepted one, to see which of the two is taken."""
    name = accepted.digest(daemon.parent / "registry.json")
    assert name is not None
    other = Registry(terminals=[Terminal("OTHER")])
    accepted.keep(kept(daemon), name, accepted.pack(other))
    return other


@pytest.mark.parametrize("registry", [Registry(), synthesise(50, hours=True)])
def test_what_is_kept_comes_back_equal(registry: Registry, tmp_path: Path) -> None:
    accepted.keep(tmp_path / "kept", NAME, accepted.pack(registry))
    assert accepted.recall(tmp_path / "kept", NAME) == registry


def test_the_sample_comes_back_equal_and_terminals_share_their_strings(
    sample_registry: Registry, tmp_path: Path
) -> None:
    accepted.keep(tmp_path / "kept", NAME, accepted.pack(sample_registry))
    found = accepted.recall(tmp_path / "kept", NAME)
    assert found == sample_registry
    assert len({id(row.site) for row in found.terminals}) == len({row.site for row in found.terminals})


def test_a_start_takes_what_the_one_before_accepted(daemon: Path) -> None:
    first = load(daemon)
    assert kept(daemon).exists()
    assert load(daemon) == first
    other = plant(daemon)
    assert load(daemon) == other


def test_a_changed_file_is_read_again(daemon: Path) -> None:
    plant(daemon)
    registry = synthesise(21)
    (daemon.parent / "registry.json").write_bytes(msgspec.json.encode(registry))
    assert load(daemon) == registry
    assert load(daemon) == registry


def test_a_check_of_the_configuration_neither_keeps_nor_believes_anything(daemon: Path) -> None:
    config.load(daemon, {})
    assert not kept(daemon).exists()
    plant(daemon)
    assert len(config.load(daemon, {}).registry.terminals) == 20


def test_a_refused_registry_is_not_kept(daemon: Path) -> None:
    (daemon.parent / "registry.json").write_bytes(msgspec.json.encode(Registry(sites=[Site("s", merchant="nobody")])))
    for _ in range(2):
        with pytest.raises(ConfigError, match="nobody"):
            load(daemon)
    assert not kept(daemon).exists()


@pytest.mark.parametrize("place", [0, 40, -1])
def test_what_is_not_to_the_byte_what_was_kept_counts_as_nothing(daemon: Path, place: int) -> None:
    plant(daemon)
    content = bytearray(kept(daemon).read_bytes())
    content[place] ^= 1
    kept(daemon).write_bytes(content)
    assert len(load(daemon).terminals) == 20


@pytest.mark.parametrize("length", [0, 31, 60])
def test_what_is_not_whole_counts_as_nothing(daemon: Path, length: int) -> None:
    plant(daemon)
    kept(daemon).write_bytes(kept(daemon).read_bytes()[:length])
    assert len(load(daemon).terminals) == 20


def test_where_nothing_can_be_kept_every_start_reads_the_file(daemon: Path) -> None:
    kept(daemon).mkdir(parents=True)
    for _ in range(2):
        assert len(load(daemon).terminals) == 20


def test_a_missing_registry_is_told_as_ever(daemon: Path) -> None:
    (daemon.parent / "registry.json").unlink()
    with pytest.raises(ConfigError, match=r"registry\.json: cannot be read"):
        load(daemon)

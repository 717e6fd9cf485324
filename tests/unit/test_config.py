"""Configuration: every problem at once, with its path; secrets never shown."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon import config
from fleetmon.model.errors import ConfigError

ROOT = Path(__file__).parents[2]


def written(folder: Path, **sections: Any) -> Path:
    (folder / "registry.yml").write_text("terminals: [{id: T1}]")
    path = folder / "fleetmon.yml"
    path.write_text(yaml.safe_dump({"registry": "registry.yml", **sections}))
    return path


def problems(path: Path, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(path, environment or {})
    return [problem.replace(f"{path}: ", "") for problem in caught.value.problems]


def test_the_reference_configuration_is_valid_and_shows_every_default() -> None:
    loaded = config.load(ROOT / "config/fleetmon.yml", {})
    assert len(loaded.registry.terminals) == 100
    bare = config.Config(registry=loaded.config.registry)
    folder = ROOT / "config"
    assert loaded.config == config._absolute(bare, folder), "a default in the file differs from the code's"


def test_every_problem_is_reported_with_its_path(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        mqtt={"port": 70_000, "hots": "x", "tls": {"ca_file": 3}},
        alertmanager={"urls": ["localhost:9093", "http://ok"], "language": "fr"},
        web={"host": "0.0.0.0"},
        nonsense=1,
    )
    found = "\n".join(problems(path))
    for wanted in (
        "mqtt.port:", 'mqtt.hots: unknown key; did you mean "host"?', "mqtt.tls.ca_file:", "alertmanager.urls[0]:",
        "alertmanager.language:", "web.host:", "nonsense: unknown key; known are registry",
    ):  # fmt: skip
        assert wanted in found
    assert found.count("\n") == 6


def test_problems_of_the_registry_and_of_the_files_come_together(tmp_path: Path) -> None:
    path = written(tmp_path, mqtt={"password_file": "nowhere", "canary_s": 60, "tls": {"ca_file": "none.pem"}})
    (tmp_path / "registry.yml").write_text(
        "sites: [{id: S1, hours: [daily]}]\nterminals: [{id: T1, site: S9}, {id: T1}, {id: '4111111111111111'}]"
    )
    found = "\n".join(problems(path))
    for wanted in (
        "mqtt.canary_s: must be less", "mqtt.tls", "mqtt.password_file", "sites[0].hours", 'terminals[0].site: "S9"',
        'terminals[1].id: "T1" is there twice', "terminals[2].id: looks like a card number",
    ):  # fmt: skip
        assert wanted in found, found


def test_a_missing_file_a_broken_one_and_a_key_that_stands_twice(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in problems(tmp_path / "none.yml")[0]
    path = tmp_path / "fleetmon.yml"
    path.write_text("registry: [")
    assert "not valid YAML" in problems(path)[0]
    path.write_text("registry: a\nregistry: b\n")
    assert 'the key "registry" stands twice' in problems(path)[0]
    path.write_text("mqtt: {}")
    assert problems(path) == ["registry: is missing"]
    path.write_text("- 1")
    assert problems(path)[0].startswith("the file: Expected `object`")


def test_secrets_come_from_files_or_the_environment_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush\n")
    loaded = config.load(written(tmp_path, mqtt={"username": "u", "password_file": "password"}), {})
    assert (loaded.username, loaded.password) == ("u", b"hush")
    assert "hush" not in repr(loaded)
    environment = {"FLEETMON_MQTT_USERNAME": "eve", "FLEETMON_MQTT_PASSWORD": "quiet"}
    loaded = config.load(written(tmp_path), environment)
    assert (loaded.username, loaded.password) == ("eve", b"quiet")


def test_file_names_count_from_the_configuration(tmp_path: Path) -> None:
    loaded = config.load(written(tmp_path, store={"path": "data/f.db"}), {})
    assert loaded.config.store.path == str(tmp_path / "data/f.db")
    assert config.load(written(tmp_path, store={"path": "/var/f.db"}), {}).config.store.path == "/var/f.db"

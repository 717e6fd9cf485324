"""Strict YAML to frozen structs; every problem is reported with its path, not only the first.

Secrets never stand in the configuration: they come from the file named in `*_file`, or from the
environment (`FLEETMON_MQTT_USERNAME`, `FLEETMON_MQTT_PASSWORD`), and are never printed.
"""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
import yaml
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from fleetmon.ingest.mqtt import tls_context
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.errors import ConfigError
from fleetmon.model.registry import Registry
from fleetmon.sinks.alertmanager import AlertmanagerSettings
from fleetmon.store import StoreSettings
from fleetmon.web.settings import WebSettings

T = TypeVar("T")
_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One line an event on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["logfmt", "json"] = "logfmt"


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration. Relative paths in it count from the folder of its file."""

    registry: str
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    alertmanager: AlertmanagerSettings = field(default_factory=AlertmanagerSettings)
    web: WebSettings = field(default_factory=WebSettings)
    log: LogSettings = field(default_factory=LogSettings)
    max_unregistered: Annotated[int, Meta(ge=0)] = 10_000


class Loaded(Struct, frozen=True):
    """A configuration that can be run: with its registry, its paths made absolute, and its secrets."""

    config: Config
    registry: Registry
    username: str | None
    password: bytes | None = field(default=None)

    def __repr__(self) -> str:
        """Never shows the secrets."""
        return f"Loaded({self.config!r})"


def load(path: Path, environment: Mapping[str, str]) -> Loaded:
    """Read a configuration and all that it names; raises ConfigError with every problem found."""
    config = read_strictly(path, Config)
    config = _absolute(config, path.parent)
    mqtt, problems = config.mqtt, _contradictions(config.mqtt)
    registry, username, password = Registry(), mqtt.username, None
    try:
        registry = load_registry(Path(config.registry))
    except ConfigError as error:
        problems += error.problems
    try:
        username = username or _secret(
            "mqtt.username_file", mqtt.username_file, environment.get("FLEETMON_MQTT_USERNAME")
        )
        password = _secret("mqtt.password_file", mqtt.password_file, environment.get("FLEETMON_MQTT_PASSWORD"))
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return Loaded(config, registry, username, password.encode() if password else None)


def _contradictions(mqtt: MqttSettings) -> list[str]:
    """What each field allows but all together do not."""
    problems = []
    if mqtt.username is not None and mqtt.username_file is not None:
        problems.append("mqtt: username and username_file exclude each other; remove one")
    if mqtt.canary_s >= mqtt.keep_alive_s:
        problems.append("mqtt.canary_s: must be less than keep_alive_s, as the canary keeps the connection alive")
    if mqtt.tls is not None:
        try:
            tls_context(mqtt.tls)
        except ConfigError as error:
            problems += error.problems
    return problems


def load_registry(path: Path) -> Registry:
    """Read a registry; raises ConfigError with every problem found."""
    registry = read_strictly(path, Registry)
    if problems := registry.problems():
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return registry


def read_strictly(path: Path, kind: type[T]) -> T:
    """Read a YAML file into a struct; raises ConfigError with every problem found."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not valid YAML: {' '.join(str(error).split())}"]) from None
    try:
        return msgspec.convert(document if document is not None else {}, kind)
    except msgspec.ValidationError as error:
        found = list(_problems(document or {}, kind, ""))
        raise ConfigError([f"{path}: {problem}" for problem in found or [str(error)]]) from None


class _StrictLoader(_YAML_LOADER):  # type: ignore[misc,valid-type]
    """Refuses a key that stands twice, of which YAML would keep the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT002
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key}" stands twice', key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]


def _problems(value: Any, kind: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any YAML, any annotation
    """Every problem of a value, as `path: what is wrong`."""
    for part in (kind, *get_args(kind)):  # a struct or a list, also where it may be None
        if isinstance(value, dict) and isinstance(part, type) and issubclass(part, Struct):
            yield from _struct_problems(value, part, path)
            return
        if isinstance(value, list) and get_origin(part) is list:
            for index, item in enumerate(value):
                yield from _problems(item, get_args(part)[0], f"{path}[{index}]")
            return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield f"{path or 'the file'}: {error}"


def _struct_problems(value: dict[Any, Any], kind: type[Struct], path: str) -> Iterator[str]:
    fields = {found.name: found for found in msgspec.structs.fields(kind)}
    for key, inner in value.items():
        where = f"{path}.{key}" if path else str(key)
        if key in fields:
            yield from _problems(inner, fields[key].type, where)
        else:
            near = difflib.get_close_matches(str(key), fields, 1)
            advice = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(fields)}"
            yield f"{where}: unknown key; {advice}"
    for name, found in fields.items():
        if found.required and name not in value:
            yield f"{path}.{name}: is missing".lstrip(".")


def _secret(where: str, file: str | None, from_environment: str | None) -> str | None:
    if file is None:
        return from_environment
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            [f"{where}: {file}: {getattr(error, 'strerror', error)}; make it readable for fleetmon"]
        ) from None


def _absolute(config: Config, folder: Path) -> Config:
    """The same configuration with every file name counted from the folder of the configuration."""

    def place(name: str | None) -> str | None:
        return None if name is None else str(folder / name)

    mqtt = config.mqtt
    tls = mqtt.tls and replace(
        mqtt.tls, **{name: place(getattr(mqtt.tls, name)) for name in mqtt.tls.__struct_fields__}
    )
    files = {name: place(getattr(mqtt, name)) for name in ("username_file", "password_file")}
    return replace(
        config,
        registry=str(folder / config.registry),
        store=replace(config.store, path=str(folder / config.store.path)),
        mqtt=replace(mqtt, tls=tls, **files),
    )

"""Strict YAML to frozen structs; every problem is reported with its path, not only the first.

Secrets never stand in the configuration: they come from the file named in `*_file`, or from the
environment (`FLEETMON_MQTT_USERNAME`, `FLEETMON_MQTT_PASSWORD`, `FLEETMON_STORE_PASSWORD`,
`FLEETMON_NOTICES_{ROUTE}_URL`), and are never printed.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct, convert, field
from msgspec.structs import fields, replace

from fleetmon import accepted, strict
from fleetmon.detect.settlement_overdue import PAGED_FROM
from fleetmon.engine.terminal.patience import SUSPICIONS, TICKETS
from fleetmon.ingest.settings import MqttSettings
from fleetmon.ingest.tls import tls_context
from fleetmon.model.days import EVERY_DAY, WorkingDays
from fleetmon.model.errors import ConfigError
from fleetmon.model.registry import Registry
from fleetmon.model.responses import Meaning
from fleetmon.planning import zones
from fleetmon.planning.feeds import SECRET_LEAST
from fleetmon.planning.settings import CalendarSettings, PlanningSettings
from fleetmon.sinks.alertmanager import AlertmanagerSettings
from fleetmon.sinks.notices import RouteSettings
from fleetmon.sinks.notices import problems as problems_of_routes
from fleetmon.store import StoreSettings
from fleetmon.web.access import Tokens
from fleetmon.web.report.settings import ReportSettings
from fleetmon.web.settings import WebSettings
from fleetmon.working_days import working_days

T = TypeVar("T")
Checkable = TypeVar("Checkable", Registry, Tokens)
_CREDENTIALS = "/run/credentials/"  # of systemd


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One line an event on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["logfmt", "json"] = "logfmt"


class DetectionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How sure one has to be before a terminal is called down, and before people are told."""

    false_suspicions_per_30_days: Annotated[float, Meta(gt=0)] = SUSPICIONS
    false_tickets_per_30_days: Annotated[float, Meta(gt=0)] = TICKETS


Code = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{2}$(?!\n)", description="two letters or digits, as 05")]


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration. Relative paths in it count from the folder of its file."""

    registry: str
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    alertmanager: AlertmanagerSettings = field(default_factory=AlertmanagerSettings)
    notices: list[RouteSettings] = []
    web: WebSettings = field(default_factory=WebSettings)
    log: LogSettings = field(default_factory=LogSettings)
    detection: DetectionSettings = field(default_factory=DetectionSettings)
    planning: PlanningSettings = field(default_factory=PlanningSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    max_unregistered: Annotated[int, Meta(ge=0)] = 10_000
    ledger_days: Annotated[int, Meta(ge=1, le=40)] = 40
    settlement_paged_from: Annotated[int, Meta(ge=0)] = PAGED_FROM
    response_codes: dict[str, dict[Code, Meaning]] = {}

    def check_reload(self, running: "Config") -> None:
        """Raise ConfigError where this differs from the running one in what only a restart can change."""
        fixed = ("mqtt", "store", "alertmanager", "notices", "report", "web")
        changed = [name for name in fixed if getattr(self, name) != getattr(running, name)]
        if self.planning != replace(running.planning, guards=self.planning.guards, visits=self.planning.visits):
            changed.append("planning.calendars")
        if changed:
            raise ConfigError([f"{name}: changed; restart fleetmon for it" for name in changed])


class Loaded(Struct, frozen=True):
    """A configuration that can be run: with its registry, its paths made absolute, and its secrets."""

    config: Config
    registry: Registry
    username: str | None
    password: bytes | None = field(default=None)
    tokens: Tokens | None = None  # who may use the API; None: anybody on this machine, to read
    store_password: str | None = None
    feed_secret: bytes | None = None  # of the links to feeds; None: there are none
    calendar_urls: dict[str, str] = {}  # by the names of calendars
    notice_urls: dict[str, str] = {}  # by the names of routes, as far as they are known
    days: WorkingDays = EVERY_DAY  # of the banks

    def __repr__(self) -> str:
        """Never shows the secrets."""
        return f"Loaded({self.config!r})"


def load(path: Path, environment: Mapping[str, str], *, remember: bool = False) -> Loaded:
    """Read a configuration and all that it names; raises ConfigError with every problem found.

    With `remember` a registry that was accepted before, to the byte, is taken as it was kept beside the store.
    """
    problems: list[str] = []

    def attempt(call: Callable[[], T], otherwise: T) -> T:
        try:
            return call()
        except ConfigError as error:
            problems.extend(error.problems)
            return otherwise

    found = strict.document(path)
    config = attempt(lambda: strict.convert(found, Config, str(path)), None) or _sound(found)
    named, config = config.registry, _absolute(config, path.parent)
    mqtt = config.mqtt
    accept = partial(_accept, kept=config.store.kept_registry) if remember else load_registry
    read_registry = partial(accept, Path(config.registry))
    registry = attempt(read_registry, None) if named else None
    tokens = attempt(lambda: load_tokens(config.web.tokens_file), None)
    username = attempt(lambda: _secret("mqtt.username", mqtt.username_file, environment), mqtt.username)
    password = attempt(lambda: _secret("mqtt.password", mqtt.password_file, environment), None)
    store_password = attempt(lambda: _secret("store.password", config.store.password_file, environment), None)
    feed_secret = attempt(lambda: _feed_secret(config.planning, environment), None)
    urls = {
        one.name: address
        for index, one in enumerate(config.planning.calendars)
        if (address := attempt(partial(_url, index, one, environment), None)) is not None
    }
    routes = {
        one.name: address
        for one in config.notices
        if (address := attempt(partial(_secret, f"notices.{one.name}.url", one.url_file, environment), None))
    }
    problems += [*_contradictions(mqtt), *config.web.problems(), *config.store.problems(), *config.planning.problems()]
    problems += _of_report(config.report, config.notices)
    if registry is not None:
        problems += _strangers(config, tokens, registry)
    if problems or registry is None:
        raise ConfigError(problems or ["registry: is missing"])
    secret = password.encode() if password else None
    days = working_days(registry.calendar)
    username = mqtt.username or username
    return Loaded(config, registry, username, secret, tokens, store_password, feed_secret, urls, routes, days)


def _sound(found: Any) -> Config:  # noqa: ANN401 - any YAML
    """The sections in which no value is wrong by itself, so that what else is wrong with them is told as well."""
    kinds = {one.name: one.type for one in fields(Config)} if isinstance(found, dict) else {}
    sound = {
        name: found[name] for name in kinds if name in found and not any(strict.problems(found[name], kinds[name]))
    }
    if "notices" in found and "notices" not in sound:
        sound.pop("report", None)  # who gets it is not known
    return convert({"registry": "", **sound}, Config, strict=False)


def _strangers(config: Config, tokens: Tokens | None, registry: Registry) -> list[str]:
    """What the registry does not know."""
    providers, hosts = {row.id for row in registry.providers}, {row.id for row in registry.hosts}
    return [
        *(tokens.strangers(providers) if tokens else ()),
        *config.planning.strangers(hosts | providers),
        *problems_of_routes(config.notices, providers),
        *(f"response_codes.{name}: is no host of the registry" for name in config.response_codes if name not in hosts),
    ]


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


def _of_report(report: ReportSettings, routes: Sequence[RouteSettings]) -> list[str]:
    """What is wrong with the report."""
    found = report.problems()
    if zones.find(report.zone) is None:
        found.append(f'report.zone: "{report.zone}" is no IANA time zone; {zones.advice(report.zone)}')
    if report.at is not None and not any(route.report for route in routes):
        found.append("report.at: nobody gets it; give one of notices report: true, or leave at out")
    return found


def nothing_to_read() -> Loaded:
    """The configuration of whoever has none to read again."""
    raise ConfigError(["this fleetmon was not started from a configuration file"])


def load_registry(path: Path) -> Registry:
    """Read a registry; raises ConfigError with every problem found."""
    return _checked(strict.read(path, Registry), path)


def _accept(path: Path, kept: Path | None) -> Registry:
    """The same, in the form that is best for an engine; `kept` is where an accepted one is kept."""
    name = accepted.digest(path) if kept else None
    registry = accepted.recall(kept, name) if kept and name else None
    if registry is not None:
        return registry
    packed = accepted.pack(load_registry(path))
    if kept and name and accepted.digest(path) == name:  # nobody wrote to it meanwhile
        accepted.keep(kept, name, packed)
    return accepted.unpack(packed)


def load_tokens(path: str | None) -> Tokens | None:
    """Read who may use the API; raises ConfigError with every problem found."""
    return None if path is None else _checked(strict.read(Path(path), Tokens), Path(path))


def _checked(found: Checkable, path: Path) -> Checkable:
    if problems := found.problems():
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return found


def _feed_secret(planning: PlanningSettings, environment: Mapping[str, str]) -> bytes | None:
    """What the links to feeds are made of; too short a one could be found by trying."""
    if planning.feed_secret_file is None:
        return None
    found = (_secret("planning.feed_secret", planning.feed_secret_file, environment) or "").encode()
    if len(found) < SECRET_LEAST:
        raise ConfigError(
            [f"planning.feed_secret_file: has fewer than {SECRET_LEAST} characters; use openssl rand -hex 32"]
        )
    return found


def _url(index: int, calendar: CalendarSettings, environment: Mapping[str, str]) -> str | None:
    """Where a calendar is; None for a file."""
    if calendar.url_file is None:
        return calendar.url
    return _secret(f"planning.calendars[{index}].url", calendar.url_file, environment)


def _secret(where: str, file: str | None, environment: Mapping[str, str]) -> str | None:
    """A secret from its file, else from the environment; `mqtt.password` is FLEETMON_MQTT_PASSWORD there."""
    if file is None:
        return environment.get(f"FLEETMON_{where.replace('.', '_').upper()}")
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", error)
        remedy = "make it readable for fleetmon"
        if file.startswith(_CREDENTIALS):
            remedy = "systemd puts it there while the service runs, so start that and see systemctl status"
        raise ConfigError([f"{where}_file: {file}: {reason}; {remedy}"]) from None


def _absolute(config: Config, folder: Path) -> Config:
    """The same configuration with every file name counted from the folder of the configuration."""

    def place(name: str | None) -> str | None:
        return None if name is None else str(folder / name)

    mqtt = config.mqtt
    tls = mqtt.tls and replace(
        mqtt.tls, **{name: place(getattr(mqtt.tls, name)) for name in mqtt.tls.__struct_fields__}
    )
    files = {name: place(getattr(mqtt, name)) for name in ("username_file", "password_file")}
    planning = config.planning
    calendars = [replace(one, url_file=place(one.url_file), file=place(one.file)) for one in planning.calendars]
    return replace(
        config,
        registry=str(folder / config.registry),
        notices=[replace(one, url_file=place(one.url_file)) for one in config.notices],
        planning=replace(planning, calendars=calendars, feed_secret_file=place(planning.feed_secret_file)),
        web=replace(config.web, tokens_file=place(config.web.tokens_file)),
        store=config.store.placed(folder),
        mqtt=replace(mqtt, tls=tls, **files),
    )

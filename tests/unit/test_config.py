"""Configuration: every problem at once, with its path; secrets never shown."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon import config
from fleetmon.dispatch import couriers
from fleetmon.model.days import day_from
from fleetmon.model.errors import ConfigError

ROOT = Path(__file__).parents[2]


def written(folder: Path, **sections: Any) -> Path:
    (folder / "registry.yml").write_text("terminals: [{id: T1}]")
    path = folder / "fleetmon.yml"
    path.write_text(yaml.safe_dump({"registry": "registry.yml"} | sections))
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
        mqtt={"port": 70_000, "hots": "x", "tls": {"ca_file": []}},
        alertmanager={"urls": ["localhost:9093", "http://ok/am", "http://me:hush@am:9093"], "language": "fr"},
        web={"port": -1},
        nonsense=1,
    )
    found = "\n".join(problems(path))
    for wanted in (
        "mqtt.port:", 'mqtt.hots: unknown key; did you mean "host"?', "mqtt.tls.ca_file:", "alertmanager.urls[0]:",
        "alertmanager.urls[2]:", "alertmanager.language:", "web.port:", "nonsense: unknown key; known are registry",
    ):  # fmt: skip
        assert wanted in found
    assert found.count("\n") == 7
    assert "hush" not in found


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


def test_a_mistake_in_one_section_hides_none_in_another(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        ledger_days="many",
        notices=[{"name": "oncall", "per_minute": 0}],
        report={"at": "08:00", "zone": "Asia/Peking"},
        store={"url": "mysql://x/y"},
        web={"host": "0.0.0.0"},
        planning={"calendars": [{"name": "a", "owner": "x", "url": "ftp://x"}]},
        mqtt={"password_file": "nowhere"},
    )
    (tmp_path / "registry.yml").write_text("terminals: [{id: T1}, {id: T1}]")
    found = problems(path)
    for wanted in (
        "ledger_days: must be a whole number, not a text", "notices[0].per_minute: must be at least 1", "store.url",
        "web", "planning.calendars[0].selector", "mqtt.password_file",
        'registry.yml: terminals[1].id: "T1" is there twice',
    ):  # fmt: skip
        assert [one for one in found if wanted in one], (wanted, found)
    assert not [one for one in found if one.startswith("report")], "who gets the report is not known"
    path = written(tmp_path, response_codes={"ACQ": {"A0": "card"}})
    (tmp_path / "registry.yml").write_text("hosts: [{id: ACQ, kind: bank}]")
    found = problems(path)
    assert len(found) == 1, "what the registry holds is not known"
    assert found[0].endswith("hosts[0].kind: 'bank' is not known; allowed are acquirer, issuer, switch, institution")


def test_a_list_without_its_dash_is_told_so(tmp_path: Path) -> None:
    found = problems(written(tmp_path, notices={"name": "oncall"}))
    assert [one for one in found if one.endswith("notices: must be a list, not names with values")], found


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
    assert problems(path) == ["the file: must be names with values, not a list"]
    path.write_text('registry: ""')
    assert problems(path) == ["registry: is missing"]


def test_secrets_come_from_files_or_the_environment_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush\n")
    loaded = config.load(written(tmp_path, mqtt={"username": "u", "password_file": "password"}), {})
    assert (loaded.username, loaded.password) == ("u", b"hush")
    assert "hush" not in repr(loaded)
    environment = {"FLEETMON_MQTT_USERNAME": "eve", "FLEETMON_MQTT_PASSWORD": "quiet"}
    loaded = config.load(written(tmp_path), environment)
    assert (loaded.username, loaded.password) == ("eve", b"quiet")


def test_file_names_count_from_the_configuration(tmp_path: Path) -> None:
    loaded = config.load(written(tmp_path, store={"url": "sqlite:///data/f.db"}), {})
    assert loaded.config.store.url == f"sqlite:///{tmp_path}/data/f.db"
    assert loaded.config.store.file == tmp_path / "data/f.db"
    away = {"url": "sqlite:////var/f.db"}
    assert config.load(written(tmp_path, store=away), {}).config.store.url == away["url"]


def test_the_password_of_the_store_never_stands_in_its_url(tmp_path: Path) -> None:
    for url in ("postgresql://f:hush@db/f", "postgresql://f@db/f?password=hush"):
        found = problems(written(tmp_path, store={"url": url}))
        assert len(found) == 1
        assert found[0].startswith("store.url: holds a password; take it out and name a file in store.password_file")
        assert "hush" not in found[0]
    (tmp_path / "password").write_text("hush\n")
    path = written(tmp_path, store={"url": "postgresql://f@db/f", "password_file": "password"})
    loaded = config.load(path, {})
    assert loaded.store_password == "hush"
    assert "hush" not in repr(loaded)
    assert config.load(written(tmp_path), {"FLEETMON_STORE_PASSWORD": "quiet"}).store_password == "quiet"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("fleetmon.db", "store.url: not a database URL; write sqlite:///FILE or postgresql://"),
        ("postgresql://f@db:port/f", "store.url: not a database URL"),
        ("postgresql:///f", "store.url: has no host"),
        ("postgresql://f@db", "store.url: has no database"),
        ("postgresql+psycopg://f@db/f", 'store.url: "postgresql+psycopg" is not known'),
        ("mysql://f@db/f", 'store.url: "mysql" is not known'),
        ("sqlite://", "store.url: SQLite needs a file"),
        ("sqlite:///:memory:", "store.url: SQLite needs a file"),
        ("sqlite:///f.db?mode=ro", "store.url: SQLite needs a file"),
        ("sqlite://data/f.db", "store.url: SQLite needs a file"),
    ],
)
def test_the_url_of_the_store_has_one_spelling(url: str, wanted: str, tmp_path: Path) -> None:
    found = problems(written(tmp_path, store={"url": url}))
    assert len(found) == 1
    assert found[0].startswith(wanted), found


def test_the_form_of_a_text_is_told_in_words(tmp_path: Path) -> None:
    file = written(tmp_path, report={"at": "8:00"}, notices=[{"name": "On-Call"}], mqtt={"prefix": "pos/#"})
    assert sorted(problem.partition(": ")[2] for problem in problems(file)) == [
        "write hours and minutes, as 08:00",
        "write no wildcards, no slash at an end",
        "write small letters, digits and _",
    ]


def test_what_codes_mean_to_an_acquirer_is_checked_by_path(tmp_path: Path) -> None:
    (tmp_path / "registry.yml").write_text("hosts: [{id: ACQ, kind: acquirer}]")
    file = tmp_path / "fleetmon.yml"
    file.write_text('registry: registry.yml\nresponse_codes: {ACQ: {A0: card, "77": kes, "7": keys}}\nledger_days: 41')
    words = "ok, card, entry, merchant, software, keys, host, cutover, duplicate, state"
    assert problems(file) == [
        f"response_codes.ACQ.77: 'kes' is not known; allowed are {words}",
        "response_codes.ACQ.7: write two letters or digits, as 05",
        "ledger_days: must be at most 40",
    ]
    file.write_text("registry: registry.yml\nresponse_codes: {ACQ: {A0: card}, AQC: {A0: card}}")
    with pytest.raises(ConfigError, match=r"response_codes\.AQC: is no host of the registry"):
        config.load(file, {})
    file.write_text("registry: registry.yml\nresponse_codes: {ACQ: {A0: card}}")
    loaded = config.load(file, {})
    assert loaded.config.response_codes == {"ACQ": {"A0": "card"}}
    assert not loaded.days.is_working(day_from("2026-10-01")), "a public holiday"


def test_a_registry_may_be_json(tmp_path: Path) -> None:
    path = written(tmp_path, registry="registry.json")
    (tmp_path / "registry.json").write_text('{"terminals": [{"id": "T1"}, {"id": "T2"}]}')
    assert len(config.load(path, {}).registry.terminals) == 2
    (tmp_path / "registry.json").write_text('{"terminals": [{"id": "T1", "modle": "x"}, {"id": ""}]}')
    found = "\n".join(problems(path))
    assert 'terminals[0].modle: unknown key; did you mean "model"?' in found
    assert "terminals[1].id" in found


def test_problems_of_calendars_and_feeds_are_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short")
    calendars = [
        {"name": "a", "owner": "A", "url": "https://example.org/a.ics", "selector": {"carrier": "CMCC"}},
        {"name": "a", "owner": "A", "file": "a.ics", "url": "https://example.org/a.ics", "host": "NOBODY"},
        {"name": "c", "owner": "C", "file": "c.ics", "zone": "Mars/Base", "zones": {"X": "Nowhere"}},
        {"name": "d", "owner": "D", "url_file": "none", "everything": True},
    ]
    planning = {"calendars": calendars, "feed_secret_file": "secret", "guards": {"longest_s": 5}}
    assert [one.split(":")[0] for one in problems(written(tmp_path, planning=planning))] == [
        "planning.guards.longest_s"
    ]
    del planning["guards"]
    found = "\n".join(problems(written(tmp_path, planning=planning)))
    for wanted in (
        'planning.calendars[1].name: "a" is there twice', "planning.calendars[1]: give one of url, url_file and file",
        'planning.calendars[1].host: "NOBODY" is no host or provider', 'planning.calendars[2].zone: "Mars/Base" is no',
        'planning.calendars[2].zones.X: "Nowhere" is no IANA', "planning.calendars[2].selector: may touch the whole",
        "planning.calendars[3].url_file: ", "planning.feed_secret_file: has fewer than 32 characters",
    ):  # fmt: skip
        assert wanted in found
    assert found.count("\n") == 7


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"at": "8:00"}, "report.at"),
        ({"at": "24:00"}, "report.at"),
        ({"since": "32d"}, "report.since: 32d is longer than 31 days"),
        ({"since": "90m"}, "report.since"),
        ({"zone": "Mars/Base"}, 'report.zone: "Mars/Base" is no IANA time zone'),
        ({"zone": "Asia/Peking"}, 'report.zone: "Asia/Peking" is no IANA time zone; did you mean "Asia/Shanghai"?'),
        ({"days": "sundays"}, "report.days"),
        ({"at": "08:00"}, "report.at: nobody gets it; give one of notices report: true"),
    ],
)
def test_a_report_that_cannot_be_sent_so_is_named(tmp_path: Path, section: dict[str, str], problem: str) -> None:
    [found] = problems(written(tmp_path, report=section))
    assert problem in found


def test_addresses_of_calendars_and_the_secret_of_feeds_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s" * 40 + "\n")
    (tmp_path / "url").write_text("https://example.org/hidden.ics\n")
    calendars = [
        {"name": "a", "owner": "A", "url_file": "url", "everything": True},
        {"name": "b", "owner": "B", "file": "b.ics", "everything": True},
    ]
    loaded = config.load(written(tmp_path, planning={"calendars": calendars, "feed_secret_file": "secret"}), {})
    assert (loaded.feed_secret, loaded.calendar_urls) == (b"s" * 40, {"a": "https://example.org/hidden.ics"})
    assert loaded.config.planning.calendars[1].file == str(tmp_path / "b.ics")
    assert "hidden" not in repr(loaded)
    assert "ssss" not in repr(loaded)


def test_guard_rails_may_change_while_running_and_calendars_may_not(tmp_path: Path) -> None:
    calendar = {"name": "a", "owner": "A", "url": "https://example.org/a.ics", "everything": True}
    running = config.load(written(tmp_path, planning={"calendars": [calendar]}), {}).config
    config.load(
        written(tmp_path, planning={"calendars": [calendar], "guards": {"holidays": True}}), {}
    ).config.check_reload(running)
    with pytest.raises(ConfigError, match=r"planning\.calendars: changed; restart fleetmon for it"):
        config.load(written(tmp_path), {}).config.check_reload(running)


def test_where_notices_go_is_a_secret_that_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "hook.url").write_text("json://localhost/s3cr3t\n")
    (tmp_path / "bad.url").write_text("nonsense://s3cr3t\n")
    routes = [{"name": "file", "url_file": "hook.url"}, {"name": "environment"}]
    path = written(tmp_path, notices=routes)
    loaded = config.load(path, {"FLEETMON_NOTICES_ENVIRONMENT_URL": "json://localhost/s3cr3t-2"})
    assert loaded.notice_urls == {"file": "json://localhost/s3cr3t", "environment": "json://localhost/s3cr3t-2"}
    assert "s3cr3t" not in f"{loaded!r}"
    path = written(tmp_path, notices=[*routes, {"name": "No"}])
    assert "notices[2].name" in "\n".join(problems(path))
    path = written(tmp_path, notices=[*routes, {"name": "no", "url_file": "nowhere"}])
    assert problems(path) == [
        f"notices.no.url_file: {tmp_path / 'nowhere'}: No such file or directory; make it readable for fleetmon"
    ]
    path = written(tmp_path, notices=[*routes, {"name": "bad", "url_file": "bad.url"}])
    with pytest.raises(ConfigError) as caught:
        couriers(config.load(path, {}))
    missing = "name a file with its Apprise address in url_file, or set FLEETMON_NOTICES_ENVIRONMENT_URL"
    assert caught.value.problems == [
        f"notices.environment: has no address; {missing}",
        "notices.bad: not an address that Apprise knows; see https://appriseit.com/services/",
    ]


def test_a_credential_of_systemd_is_looked_for_in_the_service(tmp_path: Path) -> None:
    file = "/run/credentials/fleetmon.service/mqtt-password"
    (problem,) = problems(written(tmp_path, mqtt={"password_file": file}))
    assert file in problem
    assert "systemctl status" in problem

"""The runbooks: a page for all that calls or tickets, in both languages, with nothing on it that does not exist."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import typer.main
import yaml
from litestar.testing import TestClient

from fleetmon.cli import cli
from fleetmon.detect import DETECTORS, POLICIES
from fleetmon.model.events import Notice
from fleetmon.model.incident import Incident
from fleetmon.sinks.alertmanager import WATCHDOG, AlertmanagerSettings, alert, alertname
from fleetmon.web.web import application

ROOT: Final = Path(__file__).parents[2]
RUNBOOKS: Final = ROOT / "docs/runbooks"
CONTRACT: Final = (ROOT / "tests/contract/v1/telemetry.md").read_text()
RULES: Final = ROOT / "deploy/prometheus/rules/fleetmon.yml"
SECTIONS: Final = {
    "en": [
        "Meaning", "What to look at", "First three actions", "Who to call", "When to escalate", "How to silence",
    ],
    "zh": ["含义", "看什么", "先做三件事", "联系谁", "何时升级", "如何静默"],
}  # fmt: skip
ACTORS: Final = {"merchant": "商户", "carrier": "运营商", "provider": "服务商", "acquirer": "收单机构"}
AGAIN: Final = re.compile(
    r"\b(?:swip|charg)\w*\b.*\b(?:again|once more|anew)\b|\bretr(?:y|ies)\b|重复刷|重新刷|再刷|重刷|重试", re.IGNORECASE
)
# Where an answer may be missing, the page has to say what is not to be done.
UNANSWERED: Final = (
    "carrier_outage", "region_outage", "site_outage", "terminal_offline", "host_outage", "weak_signal", "flapping",
)  # fmt: skip


def kinds() -> set[str]:
    """As the contract lists them, and as detectors have them."""
    listed = re.search(r"^Incident kinds:.*?\n\n", CONTRACT + "\n\n", re.MULTILINE | re.DOTALL)
    assert listed is not None
    return set(re.findall(r"`([a-z_]+)`", listed[0])) - {"scope"} | set(POLICIES)


def alerts() -> set[str]:
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    return {rule["alert"] for rule in rules if "alert" in rule} | {WATCHDOG}


PAGES: Final = {
    (lang, path.stem): path
    for lang, folder in (("en", RUNBOOKS), ("zh", RUNBOOKS / "zh"))
    for path in sorted(folder.glob("*.md"))
}
each = pytest.mark.parametrize(("lang", "name"), [key for key in PAGES if key[1] != "index"], ids=str)
every = pytest.mark.parametrize("path", PAGES.values(), ids=lambda path: str(path.relative_to(RUNBOOKS)))


def sections(lang: str, name: str) -> dict[str, str]:
    """Heading and text."""
    parts = re.split(r"^## (.+)$", PAGES[lang, name].read_text(), flags=re.MULTILINE)
    return {heading: text.strip() for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


def shell(text: str) -> Iterator[list[str]]:
    """The words of every command, in blocks and in sentences."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in "".join(blocks).splitlines():
        yield shlex.split(line)
    for words in re.findall(r"`((?:fleetmon|promtool) [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        yield shlex.split(words)


def test_the_contract_lists_its_kinds() -> None:
    assert len(kinds()) >= 26
    assert {detector.kind for detector in DETECTORS} <= kinds()


@pytest.mark.parametrize("lang", SECTIONS)
def test_every_kind_and_every_alert_has_its_page_and_nothing_else_has(lang: str) -> None:
    assert {name for found, name in PAGES if found == lang} == kinds() | alerts() | {"index"}


@each
def test_a_page_has_all_sections_and_three_actions(lang: str, name: str) -> None:
    text, found = PAGES[lang, name].read_text(), sections(lang, name)
    assert re.match(rf"# {name}(: |：)\S", text)
    assert list(found) == SECTIONS[lang]
    assert all(found.values())
    actions = re.findall(r"^(\d)\. \S", found[SECTIONS[lang][2]], re.MULTILINE)
    assert actions == ["1", "2", "3"]
    assert re.findall(r"[\u4e00-\u9fff]", text.replace("[中文]", "").replace("签到", "").replace("移机", "")) == [] or (
        lang == "zh" or name in ("provider_unlicensed", "merchant_rewritten", "offline_pending", "batch_not_closed")
    ), "an English page holds only the names of menus and of trades in Chinese"


@every
def test_every_link_leads_somewhere(path: Path) -> None:
    text = path.read_text()
    other = "../" + path.name if path.parent.name == "zh" else "zh/" + path.name
    links = re.findall(r"\]\(([^)#]+)(?:#([\w-]+))?\)", text)
    assert other in [target for target, _ in links], "the other language is one click away"
    for target, anchor in links:
        there = (path.parent / target).resolve()
        assert there.is_file(), target
        headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
        assert not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings}, anchor


@every
def test_every_command_of_ours_is_taken_by_the_command_line(path: Path) -> None:
    found = [words for words in shell(path.read_text()) if words[0] == "fleetmon"]
    assert found or path.stem in alerts()
    for words in found:
        command: Any = typer.main.get_command(cli)
        rest = words[1:]
        while rest and rest[0] in getattr(command, "commands", {}):
            command, rest = command.commands[rest[0]], rest[1:]
        if rest not in ([], ["--version"]):  # else it is the name of a command in a sentence
            assert not hasattr(command, "commands"), f"{rest[0]} is no command"
            command.make_context(" ".join(words), rest)  # a wrong option, choice or argument raises


@pytest.fixture(scope="module")
def paths() -> dict[str, set[str]]:
    """The paths of the API, and what each may be asked with."""
    with TestClient(application(Mock(tokens=lambda: None), lifecycle=True)) as client:
        document = client.get("/schema/openapi.json").json()
    return {
        path: {one["name"] for said in methods.values() for one in said.get("parameters", []) if one["in"] == "query"}
        for path, methods in document["paths"].items()
    }


@every
def test_every_address_is_one_of_the_api(path: Path, paths: dict[str, set[str]]) -> None:
    for found in re.findall(r"/(?:api/v1|-)/[\w/{}?&=.-]+", path.read_text()):
        asked = urlsplit(found)
        fitting = [
            names for known, names in paths.items()
            if re.fullmatch(re.sub(r"\{\w+\}", r"(?:[^/]+)", known), asked.path)
        ]  # fmt: skip
        host = path.read_text().split(found)[0].rsplit("localhost:", 1)[-1][:4]
        assert fitting or host in {"9090", "9093"}, f"{found} is nowhere"
        assert not asked.query or any(set(parse_qs(asked.query)) <= names for names in fitting), found


@every
def test_every_metric_is_exported_or_recorded(path: Path) -> None:
    exported = "".join(file.read_text() for file in (ROOT / "fleetmon/sinks").glob("*.py")) + RULES.read_text()
    for name in re.findall(r"`(?:\w+:)?(fleetmon_\w+)(?::\w+)?`", path.read_text()):
        assert f'"{name.removesuffix("_total")}"' in exported or f":{name}:" in exported, name


@each
def test_a_silence_names_the_alert_and_a_ticket_has_none(lang: str, name: str) -> None:
    text = sections(lang, name)[SECTIONS[lang][5]]
    silences = [words for words in shell(text) if words[:3] == ["amtool", "silence", "add"]]
    acknowledged = [words for words in shell(text) if words[:3] == ["fleetmon", "incidents", "ack"]]
    ours = name in kinds()
    assert len(acknowledged) == ours, "Prometheus' alerts are unknown to fleetmon"
    paged = re.search(r"Paged by default:(.*?)The rest", CONTRACT, re.DOTALL)
    assert paged is not None
    calls = f"`{name}`" in paged[1] if ours else "Watchdog" not in name
    assert len(silences) == calls
    for words in silences:
        labels = dict(word.split("=", 1) for word in words[3:] if not word.startswith("--"))
        assert labels.pop("alertname") == (alertname(name) if ours else name)
        assert not labels or set(labels) <= {"terminal", "merchant", "host", "carrier", "terminal_region", "provider",
                                             "firmware", "instance", "severity"}  # fmt: skip
        assert {"--duration=2h"} <= set(words)


@each
def test_nobody_is_charged_again_before_the_reversal_is_settled(lang: str, name: str) -> None:
    lines = [line for line in PAGES[lang, name].read_text().splitlines() if AGAIN.search(line)]
    assert [line for line in lines if "reversal" not in line and "冲正" not in line] == []
    if name in UNANSWERED:
        assert re.search("reversal" if lang == "en" else "冲正", sections(lang, name)[SECTIONS[lang][2]])


@pytest.mark.parametrize("lang", SECTIONS)
def test_who_is_called_is_who_acts_by_the_contract(lang: str) -> None:
    acts = dict(re.findall(r"^\| `(\w+)` \|.*\| (\w+) \|$", CONTRACT, re.MULTILINE))
    checked = sorted(kinds() & set(acts))
    assert len(checked) > 15
    for kind in checked:
        actor = acts[kind] if lang == "en" else ACTORS[acts[kind]]
        assert actor in sections(lang, kind)[SECTIONS[lang][3]].lower(), kind


@every
def test_a_notice_on_a_page_is_one(path: Path) -> None:
    for words in shell(path.read_text()):
        if words[0] == "mosquitto_pub":
            assert "-r" in words, "a notice is retained"
            notice = msgspec.convert(json.loads(words[-1]), Notice)
            assert notice.ends_at > notice.starts_at
            assert words[words.index("-t") + 1] == f"pos/v1/host/CMCC/notice/{notice.id}"


def test_alerts_of_ours_lead_to_their_pages() -> None:
    for lang, folder in (("en", "https://docs.example/runbooks/"), ("zh", "https://docs.example/runbooks/zh/")):
        settings = AlertmanagerSettings(runbook_url=folder)
        for kind in POLICIES:
            scope = (("merchant", "M1"), ("business_date", "d"), ("host", "h"), ("terminal", "t"), ("site", "s"),
                     ("carrier", "c"))  # fmt: skip
            made = alert(Incident("x", kind, scope, "critical", pages=True, opened_at=0), 0, settings)
            assert (lang, made["annotations"]["runbook_url"].removeprefix(folder)) in PAGES

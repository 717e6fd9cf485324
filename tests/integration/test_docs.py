"""The documentation, built as strictly as MkDocs can: each link leads somewhere, and what is made is complete."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from fleetmon.commands.manual import PAGES
from fleetmon.detect import DETECTORS
from fleetmon.explain import CAUSES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-3000:]
    return folder


def page(site: Path, name: str) -> str:
    text = (site / name / "index.html").read_text() if name else (site / "index.html").read_text()
    return unescape(re.sub(r"<[^>]+>", "", text[text.index("<article") :]))


def test_every_kind_and_cause_and_command_has_its_place(site: Path) -> None:
    told = {name: page(site, name) for name in ("detection", "explanations", "commands")}
    assert [one.kind for one in DETECTORS if one.kind not in told["detection"]] == []
    assert [one.id for one in CAUSES if one.id not in told["explanations"]] == []
    assert [name for name in PAGES if f"fleetmon {name}" not in told["commands"]] == []
    assert "银行" in told["explanations"]


def test_the_api_is_told_from_its_description(site: Path) -> None:
    told = page(site, "api")
    assert "GET /api/v1/settlements" in told
    assert "/-/reload" in told
    assert (site / "openapi.json").stat().st_size > 10_000


def test_what_is_kept_elsewhere_is_there_whole(site: Path) -> None:
    for name, source in {
        "contract": "tests/contract/v1/telemetry.md",
        "changelog": "CHANGELOG.md",
        "": "README.md",
    }.items():
        headings = re.findall(r"^## (.+)$", (ROOT / source).read_text(), re.MULTILINE)
        assert headings
        assert [one for one in headings if one.replace("`", "") not in page(site, name)] == []
    key = re.compile(r"^(\w+):", re.MULTILINE)
    assert [
        one for one in key.findall((ROOT / "config/fleetmon.yml").read_text()) if one not in page(site, "configuration")
    ] == []


def test_every_decision_and_runbook_is_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text()
    for folder in ("adr", "runbooks"):
        for path in (ROOT / "docs" / folder).rglob("*.md"):
            there = path.relative_to(ROOT / "docs").with_suffix("")
            assert f'href="{there.parent if there.name == "index" else there}/"' in home, there


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    fetched = re.compile(r'<(?:script|img|link rel="(?:stylesheet|preconnect|icon)")[^>]*(?:src|href)="(https?:[^"]+)"')
    for path in site.rglob("*.html"):
        assert fetched.findall(path.read_text()) == [], path


def test_no_table_was_left_out(site: Path) -> None:
    comments = ("<!-- kinds -->", "<!-- causes -->")
    assert [str(path) for path in site.rglob("*.html") if any(one in path.read_text() for one in comments)] == []

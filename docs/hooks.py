"""Pages of the documentation that are made from what is kept elsewhere, so that nothing is written twice.

MkDocs calls the functions named `on_...`. Where it can be wrong: a table shows the first sentence of a docstring, so
that sentence has to say it to people who do not read the code.
"""

import importlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from unittest.mock import Mock

import typer.main
from litestar.testing import TestClient
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from fleetmon.cli import cli
from fleetmon.detect import DETECTORS
from fleetmon.explain import CAUSES
from fleetmon.locale import name
from fleetmon.web.web import application

ROOT: Final = Path(__file__).parents[1]
_LINK: Final = re.compile(r"\[([^\]]*)\]\(([^)#]+)(#[^)]*)?\)")
_COPIES: Final = {
    "index.md": "README.md",
    "contract.md": "tests/contract/v1/telemetry.md",
    "changelog.md": "CHANGELOG.md",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Runbooks and decisions come into the navigation by themselves."""
    assert config.nav is not None
    for entry in config.nav:
        for title, folder in (("Runbooks", "runbooks"), ("Decisions", "adr")):
            if title in entry:
                entry[title] = _listed(ROOT / "docs" / folder)
    return config


def _listed(folder: Path) -> list[Any]:
    """The pages of a folder, its index first, and at the end those in Chinese."""
    pages = sorted(folder.glob("*.md"), key=lambda path: (path.name != "index.md", path))
    listed: list[Any] = [str(path.relative_to(ROOT / "docs")) for path in pages]
    return [*listed, {"中文": _listed(folder / "zh")}] if (folder / "zh").is_dir() else listed


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages that no file in docs holds."""
    document = _openapi()
    made = {page: _moved((ROOT / source).read_text(encoding="utf-8")) for page, source in _COPIES.items()}
    made |= {"commands.md": _commands(), "api.md": _api(document), "openapi.json": json.dumps(document, indent=1)}
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """A comment with the name of a table is where that table comes."""
    for comment, table in _TABLES.items():
        if comment in markdown:
            markdown = markdown.replace(comment, table())
    return markdown


def _moved(text: str) -> str:
    """Links to docs lead there from within docs; of links to other files of the repository the words are left."""

    def at(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        if "://" in target:
            return found[0]
        inside = target.startswith("docs/") and target.endswith(".md")
        return f"[{words}]({target.removeprefix('docs/')}{anchor})" if inside else words

    return _LINK.sub(at, text)


def _openapi() -> dict[str, Any]:
    ports = Mock(tokens=lambda: None)  # nothing is asked but the description
    with TestClient(application(ports, lifecycle=True)) as client:
        return dict(client.get("/schema/openapi.json").json())


def _api(document: dict[str, Any]) -> str:
    lines = [
        "# API",
        "",
        f"{document['info']['description']}",
        "",
        "The whole is OpenAPI 3.1: [openapi.json](openapi.json), or `/schema/openapi.json` of a running daemon.",
        "Who may ask is a matter of bearer tokens, see [Configuration](configuration.md).",
    ]
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            lines += ["", f"## {method.upper()} {path}", "", said.get("description", said["summary"])]
            if parameters := said.get("parameters"):
                lines += ["", "| parameter | in | |", "|---|---|---|"]
                lines += [
                    f"| `{one['name']}` | {one['in']} | {_cell(one.get('description', ''))} |" for one in parameters
                ]
            answers = ", ".join(f"{status} {_cell(one['description'])}" for status, one in said["responses"].items())
            lines += ["", f"Answers: {answers}"]
    return "\n".join(lines)


def _commands() -> str:
    lines = ["# Commands", "", "What `fleetmon COMMAND --help` says.", ""]
    for full, command in _each(typer.main.get_command(cli)):
        lines += [f"## fleetmon {full}".rstrip(), "", command.help or "", ""]
        options = [one for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
        if options:
            lines += ["| option | |", "|---|---|"]
            lines += [f"| `{', '.join(_names(one))}` | {_cell(getattr(one, 'help', None) or '')} |" for one in options]
        lines += ["", "```text", (command.epilog or "").rstrip(), "```", ""]
    return "\n".join(lines)


def _each(command: Any, full: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - Typer's own classes
    """The command without a name, and all that do something."""
    inner = getattr(command, "commands", {})
    if not inner or not full:
        yield full, command
    for word, one in inner.items():
        yield from _each(one, f"{full} {word}".strip())


def _names(option: Any) -> list[str]:  # noqa: ANN401
    return list(option.opts) if option.param_type_name == "option" else [option.metavar or option.name.upper()]


def _kinds() -> str:
    lines = ["| kind | calls people | what it says |", "|---|---|---|"]
    for detector in DETECTORS:
        module = importlib.import_module(f"fleetmon.detect.{detector.kind}")
        calls = "yes" if detector.policy.pages else "ticket"
        page = f"[`{detector.kind}`](runbooks/{detector.kind}.md)"
        lines.append(f"| {page} | {calls} | {_cell((module.__doc__ or '').split(chr(10) * 2)[0])} |")
    return "\n".join(lines)


def _causes() -> str:
    lines = ["| cause | in English | 中文 | who acts |", "|---|---|---|---|"]
    lines += [f"| `{one.id}` | {name(one.id, 'en')} | {name(one.id, 'zh')} | {one.actor} |" for one in CAUSES]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


_TABLES: Final[dict[str, Callable[[], str]]] = {"<!-- kinds -->": _kinds, "<!-- causes -->": _causes}

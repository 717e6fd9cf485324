"""What every command has, whoever adds it: a page at the end of its help, and completion in the shell."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from fleetmon.cli import cli
from fleetmon.commands import manual
from fleetmon.commands.files import PARTS
from fleetmon.locale import preferred

ROOT = Path(__file__).parents[2]


def commands(group: object, before: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Full name and end of the help of each command."""
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command.epilog or ""


FOUND = dict(commands(typer.main.get_command(cli)))


@pytest.mark.parametrize("name", FOUND)
def test_help_ends_with_examples_of_the_command_and_its_exit_status(name: str) -> None:
    page = FOUND[name]
    assert page, "give it a page in fleetmon/commands/manual.py"
    examples, *others = page.split("\n\n")
    assert examples.startswith("EXAMPLES\n")
    assert f"\n  fleetmon {name}" in examples
    assert any(part.startswith("EXIT STATUS\n  0 ") for part in others)
    assert max(len(line) for line in page.splitlines()) <= 78
    assert "[" not in page, "Typer takes it for markup"


def test_every_page_is_of_a_command() -> None:
    assert set(manual.PAGES) == set(FOUND)


def test_the_options_in_examples_exist() -> None:
    root = typer.main.get_command(cli)
    for name, page in FOUND.items():
        command = root
        for word in name.split():
            command = command.commands[word]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        for line in page.splitlines():
            if line.startswith(f"  fleetmon {name}"):
                used = {word.split("=")[0] for word in line.split() if word.startswith("--")}
                assert used <= known, line


WRONG = (
    ("explain", "explain: Missing option '--merchant'.", "explain：缺少选项 --merchant。"),
    ("explain --mercant x", "explain: No such option: --mercant", "explain：没有选项 --mercant；是否想用"),
    ("explan", "fleetmon: No such command 'explan'. Did you", "fleetmon：没有命令 explan；是否想用"),
    ("explain --merchant x y", "Got unexpected extra argument", "explain：多余的内容：y"),
    ("explain --merchant x --at noon", "--at: noon: write it as 18:30", "--at：“noon”看不懂；请写成 18:30"),
    ("explain --merchant x --date noon", "as 2026-11-28, or yesterday", "请写成 2026-11-28，或昨天"),
    ("incidents list --limit x", "--limit: Input should be a valid integer", "incidents list：--limit：不是整数"),
    ("incidents list --limit 0", "greater than or equal to 1", "--limit：不能小于 1"),
    ("report --lang fr", "'fr' is not one of 'zh', 'en'.", "--lang：没有“fr”，可用 'zh', 'en'。"),
    ("report --since 7", "--since 7: write it as 24h", "“--since 7”看不懂；请写成 24h"),
    ("maintenance preview --from 2026-13-30T01:00", "01:00: is in no calendar", "日历上没有这个时间：--from"),
    ("demo --once=1", "does not take a value", "后面不能有内容"),
)
CALLS = f"""
from typer.testing import CliRunner
from fleetmon.cli import cli
for words in {[words for words, *_ in WRONG]}:
    shown = CliRunner().invoke(cli, words.split(), prog_name="fleetmon")
    assert (shown.exit_code, shown.stdout) == (2, ""), words
    print(shown.stderr, end="")
"""


@pytest.mark.parametrize(("language", "column"), [("en_US.UTF-8", 1), ("zh_CN.UTF-8", 2)])
def test_wrong_usage_is_told_first_and_in_the_language_of_the_shell(language: str, column: int) -> None:
    environment = {**os.environ, "LC_ALL": language, "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", CALLS], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    assert [row[column] in line for row, line in zip(WRONG, lines[::2], strict=True)] == [True] * len(WRONG), lines
    assert all(line.endswith(" --help") for line in lines[1::2])


def test_another_language_can_be_asked_for() -> None:
    shown = CliRunner().invoke(cli, ["explain", "--amount", "x", "--merchant", "x", "--lang", "zh"])
    assert "“x”不是金额" in shown.stderr
    assert CliRunner().invoke(cli, ["incidents"]).stderr == "", "the help is all that is told"


def test_the_shell_says_which_language_is_spoken() -> None:
    assert [preferred({"LANG": said}) for said in ("zh_CN.UTF-8", "zh", "C", "de_DE", "")] == ["zh", "zh", *["en"] * 3]
    assert preferred({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}) == "en"
    assert preferred({"LC_ALL": "", "LC_MESSAGES": "zh_CN.GBK", "LANG": "en_US"}) == "zh"
    command = [sys.executable, "-m", "fleetmon", "incidents", "list", "--url", "http://127.0.0.1:9"]
    environment = {**os.environ, "LC_ALL": "zh_CN.UTF-8"}
    told = subprocess.run(command, env=environment, capture_output=True, check=False).stderr.decode()
    assert "：无法连接；请确认守护进程正在运行" in told


def completed(words: str, **more: str) -> list[str]:
    """What bash would offer after these words."""
    environment = {**os.environ, "_FLEETMON_COMPLETE": "complete_bash", "COMP_WORDS": words, **more}
    environment.setdefault("COMP_CWORD", str(len(words.split(" ")) - 1))
    command = [sys.executable, "-m", "fleetmon"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.split()


def test_the_shell_completes_commands_options_and_choices() -> None:
    assert completed("fleetmon che") == ["check-config"]
    assert completed("fleetmon store ") == ["backup", "check"]
    assert "--dry-run" in completed("fleetmon import --")
    assert set(completed("fleetmon explain --for ")) == {"merchant", "on-call", "provider"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_script_for_each_shell(shell: str) -> None:
    environment = {**os.environ, "_FLEETMON_COMPLETE": f"source_{shell}"}
    made = subprocess.run(
        [sys.executable, "-m", "fleetmon"], env=environment, capture_output=True, text=True, check=True
    )
    assert "_FLEETMON_COMPLETE=complete_" in made.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=made.stdout, text=True, check=True)


def test_files_lists_and_writes_what_is_kept_here(tmp_path: Path) -> None:
    def fleetmon(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fleetmon", "files", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    listed = fleetmon().stdout.splitlines()
    assert fleetmon(str(tmp_path / "new")).returncode == 0
    written = sorted(
        str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").rglob("*") if path.is_file()
    )
    assert sorted(listed) == written
    assert {part for part in PARTS if not any(name.startswith(part) for name in written)} == set()
    for name in written:
        assert (tmp_path / "new" / name).read_bytes() == (ROOT / name).read_bytes()
    again = fleetmon(str(tmp_path / "new"))
    assert (again.returncode, "is there already" in again.stderr, "Traceback" in again.stderr) == (1, True, False)
    refused = fleetmon("/proc/none/here")
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)


def test_a_calendar_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "gbk.ics").write_bytes("BEGIN:VCALENDAR\nSUMMARY:维护".encode("gbk"))
    for name, why in (("none.ics", "cannot be read: No such file or directory\n"), ("gbk.ics", "is not UTF-8: ")):
        file = tmp_path / name
        shown = CliRunner().invoke(cli, ["maintenance", "import", str(file), "--calendar", "bank"])
        assert shown.exit_code == 1
        assert shown.stderr.startswith(f"fleetmon: {file}: {why}")

"""What README.md and the other documents say is true: commands exist, code runs, numbers are the measured ones."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from deixis.cli import make_app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = ("README.md", "MODEL_CARD.md", "CONTRIBUTING.md", "SECURITY.md")
DOCUMENTS = [ROOT / name for name in PAGES] + sorted(ROOT.glob("docs/*.md"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def deixis_commands() -> list[list[str]]:
    names = "|".join(get_command(make_app()).commands)
    found = re.findall(rf"(?:^|[\s`/])deixis ((?:{names})\b[^`\n#&]*)", README)
    return [shlex.split(command) for command in found]


def test_the_readme_shows_every_command() -> None:
    assert {command[0] for command in deixis_commands()} == set(get_command(make_app()).commands)


@pytest.mark.parametrize("command", deixis_commands(), ids=" ".join)
def test_commands_of_the_readme_parse(command: list[str]) -> None:
    name, *arguments = command
    subcommand = get_command(make_app()).commands[name]
    if hasattr(subcommand, "commands"):  # a group
        name, *arguments = arguments
        subcommand = subcommand.commands[name]
    context = subcommand.make_context(name, arguments, resilient_parsing=False)
    assert not context.args


def test_python_of_the_readme_runs() -> None:
    (code,) = blocks("python")
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "(512, 512) bool"
    assert len(lines) == 4


def test_the_first_command_of_the_readme_segments_a_photograph(tmp_path: Path) -> None:
    """Its last part, in this environment: the installation itself is what CI does."""
    command = shlex.split(blocks("sh")[0].split("&&")[-1].strip())
    assert command[0] == ".venv/bin/deixis"
    arguments = [str(ROOT / part) if part.startswith("examples/") else part for part in command[1:]]
    result = subprocess.run(
        [sys.executable, "-m", "deixis", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "astronaut.woman.png").is_file()
    assert "astronaut.woman.png" in result.stdout


def test_the_second_command_is_what_ci_runs() -> None:
    install = "-e '.[train,dev]' -c requirements/dev.txt"
    assert install in blocks("sh")[1]
    assert install in (ROOT / "scripts" / "setup").read_text()


def test_tables_are_what_the_results_make_them() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "tables.py", "--check"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []

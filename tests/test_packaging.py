"""What is shipped: the wheel and the sdist have what they should and nothing else, and come out the same twice."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_WHEEL_BYTES = 40 << 20
TOP = re.compile(
    r"(src/deixis|tests|scripts|benchmarks|configs|docs|examples|requirements)/.+|[A-Z_]+\.md|LICENSE|CITATION\.cff"
    r"|mkdocs\.yml|pyproject\.toml|PKG-INFO|\.gitignore"
)
RUBBISH = re.compile(r"__pycache__|\.py[co]$|\.tmp|\.(p|pth|safetensors|mat)$|(^|/)\.(env|git|venv|idea)(/|$)|~$")


def build(kind: str, folder: Path) -> Path:
    """Without the network: with the hatchling that is installed here."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1577836800"}
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("hatchling", reason="hatchling is not installed, and building takes no network here")
    return {kind: build(kind, tmp_path_factory.mktemp(kind)) for kind in ("wheel", "sdist")}


def package_files() -> set[str]:
    """Files of the package, as they lie in the source."""
    paths = (path for path in (ROOT / "src" / "deixis").rglob("*") if path.is_file())
    return {f"deixis/{path.relative_to(ROOT / 'src' / 'deixis')}" for path in paths if "__pycache__" not in path.parts}


def test_the_wheel_is_the_package_and_its_metadata(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = set(wheel.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = wheel.read(metadata).decode()
    info = metadata.partition("/")[0]
    others = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}
    assert names == package_files() | others
    assert built["wheel"].stat().st_size <= MAX_WHEEL_BYTES
    assert "Requires-Dist: numpy" in text and "License-Expression: MIT" in text


def test_the_sdist_has_what_its_tests_need_and_no_rubbish(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as sdist:
        names = {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}
    assert [name for name in names if not TOP.fullmatch(name)] == []
    assert [name for name in names if RUBBISH.search(name)] == []
    assert {f"src/{name}" for name in package_files()} <= names
    tests = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py")}
    assert tests | {"README.md", "LICENSE", "pyproject.toml", "requirements/dev.txt", "scripts/test"} <= names


def test_building_again_gives_the_same_bytes(built: dict[str, Path], tmp_path: Path) -> None:
    for kind, first in built.items():
        assert build(kind, tmp_path / kind).read_bytes() == first.read_bytes(), kind

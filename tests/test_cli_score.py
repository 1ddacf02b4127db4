"""``deixis score``."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import Run, refused
from deixis.masks import encode_rle
from fakes import scene

HEIGHT, WIDTH = 80, 120


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """RefCOCO of one picture whose left half is meant: two phrases in val (1, 2), one in testA (3)."""
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    name = "COCO_train2014_000000000001.png"
    Image.fromarray(scene(HEIGHT, WIDTH, (0, 0, 60, 80))).save(root / "images" / name)
    annotation = {"id": 5, "image_id": 1, "category_id": 1, "bbox": [0, 0, 60, 80]}
    instances = {
        "categories": [{"id": 1, "name": "red"}],
        "images": [{"id": 1, "file_name": name, "height": HEIGHT, "width": WIDTH}],
        "annotations": [annotation | {"segmentation": [[0, 0, 60, 0, 60, 80, 0, 80]]}],
    }
    refs = [
        {"ref_id": ref_id, "ann_id": 5, "image_id": 1, "split": split, "sentences": sentences}
        for ref_id, split, sentences in [
            (0, "val", [{"sent_id": 1, "sent": "red"}, {"sent_id": 2, "sent": "left"}]),
            (1, "testA", [{"sent_id": 3, "sent": "red half"}]),
        ]
    ]
    (root / "refcoco").mkdir()
    (root / "refcoco" / "instances.json").write_text(json.dumps(instances))
    (root / "refcoco" / "refs(unc).p").write_bytes(pickle.dumps(refs))
    return root


def write(folder: Path, *sent_ids: int, columns: int = 30, width: int = WIDTH) -> Path:
    """PNG masks of the first columns."""
    folder.mkdir(exist_ok=True)
    mask = np.zeros((HEIGHT, width), dtype=np.uint8)
    mask[:, :columns] = 255
    for sent_id in sent_ids:
        Image.fromarray(mask).save(folder / f"{sent_id}.png")
    return folder


def test_it_prints_protocol_split_n_and_numbers(run: Run, root: Path) -> None:
    write(Path("masks"), 1, columns=60)
    write(Path("masks"), 2, columns=30)  # I 2400, U 4800
    outcome = run("score", "masks", "--truth", "refcoco:val", "--data", root, "--protocol", "strict")
    assert outcome.code == 0, outcome.err
    assert outcome.lines[0] == "protocol strict, refcoco val, n 2 expressions of 1 pictures"
    assert outcome.lines[1].startswith("assumed: ")
    assert "oIoU 75.00 (75.00 to 75.00)" in outcome.lines
    assert "mIoU 75.00 (75.00 to 75.00)" in outcome.lines
    assert "prec@0.5 100.00 (100.00 to 100.00)" in outcome.lines
    assert "prec@0.6 50.00 (50.00 to 50.00)" in outcome.lines


def test_cris_counts_above_and_gres_has_its_own_numbers(run: Run, root: Path) -> None:
    write(Path("masks"), 1, 2)
    arguments = ("score", "masks", "--truth", "refcoco:val", "--data", root, "--protocol")
    cris = run(*arguments, "cris")
    assert "prec@0.5 0.00 (0.00 to 0.00)" in cris.lines and "mIoU 50.00 (50.00 to 50.00)" in cris.lines
    gres = run(*arguments, "gres")
    names = [line.split()[0] for line in gres.lines[3:]]
    assert names == ["gIoU", "cIoU", "N-acc", "T-acc", "prec@0.7", "prec@0.8", "prec@0.9"]
    assert "N-acc undefined" in gres.lines and "T-acc 100.00 (100.00 to 100.00)" in gres.lines


def test_grefcoco_has_phrases_that_name_nothing(run: Run, root: Path) -> None:
    refs = [
        {
            "ref_id": sent_id,
            "ann_id": ann_id,
            "image_id": 1,
            "split": "val",
            "sentences": [{"sent_id": sent_id, "sent": "x"}],
        }
        for sent_id, ann_id in ((1, [5]), (2, [-1]), (3, [-1]))
    ]
    (root / "refcoco").rename(root / "grefcoco")
    (root / "grefcoco" / "grefs(unc).json").write_text(json.dumps(refs))
    (root / "grefcoco" / "refs(unc).p").unlink()
    write(Path("masks"), 1, columns=60)
    write(Path("masks"), 2, columns=0)
    write(Path("masks"), 3, columns=30)
    outcome = run("score", "masks", "--truth", "grefcoco:val", "--data", root, "--protocol", "gres")
    assert outcome.lines[0] == "protocol gres, grefcoco val, n 3 expressions of 1 pictures"
    assert "N-acc 50.00 (50.00 to 50.00)" in outcome.lines and "T-acc 100.00 (100.00 to 100.00)" in outcome.lines


@pytest.mark.parametrize("protocol", ["strict", "text-objseg-2016", "rmi-320", "lavt-480", "cris", "gres"])
def test_every_protocol_writes_json(run: Run, root: Path, protocol: str) -> None:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[:, :60] = True
    rows = [{"sent_id": sent_id, "segmentation": encode_rle(mask)} for sent_id in (2, 1)]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arguments = ("--truth", "refcoco:val", "--data", root, "--protocol", protocol, "--json", "out/score.json")
    assert run("score", "a.jsonl", *arguments).code == 0
    content = json.loads(Path("out/score.json").read_text())
    assert (content["protocol"], content["dataset"], content["split"], content["n"]) == (protocol, "refcoco", "val", 2)
    assert content["values"].keys() == content["intervals"].keys()
    assert content["values"]["prec@0.9"] == 1
    assert [record["sent_id"] for record in content["records"]] == [1, 2]
    if protocol == "gres":
        assert content["values"]["N-acc"] is None and content["intervals"]["N-acc"] == [None, None]


def test_what_does_not_fit_is_refused(run: Run, root: Path) -> None:
    def ask(masks: Path, truth: str = "refcoco:val", *more: object) -> None:
        refused(run("score", masks, "--truth", truth, "--data", root, *more), *words)

    words = ["1 are missing: sent_id 2;"]
    ask(write(Path("missing"), 1))
    words = ["3.png", "1 more are there: sent_id 3;", "splits are not mixed"]
    ask(write(Path("mixed"), 1, 2, 3))
    words = ["score each split on its own"]
    ask(Path("mixed"), "refcoco:val+testA")
    words = ["1.png", "expression 1", "expected a mask of 80 x 120", "got 80 x 90"]
    ask(write(Path("size"), 1, 2, width=90))
    words = ["expected a protocol of strict", "'lisa'"]
    ask(Path("mixed"), "refcoco:val", "--protocol", "lisa")
    words = ["found nothing there"]
    ask(Path("nowhere"))
    row = json.dumps({"sent_id": 1, "segmentation": {"size": [80, 120], "counts": "0"}})
    Path("twice.jsonl").write_text(f"{row}\n{row}\n")
    words = ["twice.jsonl:2", "1 a second time"]
    ask(Path("twice.jsonl"))
    Path("damaged.jsonl").write_text(row)
    words = ["damaged.jsonl:1", "the RLE cannot be decoded"]
    ask(Path("damaged.jsonl"))
    assert not list(Path().rglob("*.tmp*"))

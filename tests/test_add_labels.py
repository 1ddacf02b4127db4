"""What scripts/add_labels.py makes of outlines and of who people are."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from deixis import masks
from deixis.types import POSTURES

torch = pytest.importorskip("torch", reason="needs the extra train")

SIZE = 40
CATEGORIES = [{"id": 1, "name": "person"}, {"id": 2, "name": "bench"}, {"id": 3, "name": "cup"}]


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent.parent / "scripts"))
        yield importlib.import_module("add_labels")


def square(x0: float, y0: float, x1: float, y1: float) -> list[float]:
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def thing(category: str, box: list[float], *outline: list[float]) -> dict[str, Any]:
    return {"category": category, "box": box, "outline": list(outline)}


def content() -> dict[str, Any]:
    """Two pictures; in the first a person in the middle of the left half."""
    person = {
        "id": 5,
        "image_id": 1,
        "category_id": 1,
        "bbox": [5, 5, 10, 30],
        "segmentation": [square(5, 5, 15, 35)],
    }
    pictures = [{"id": key, "height": SIZE, "width": SIZE, "file_name": f"{key}.jpg"} for key in (1, 2)]
    return {"images": pictures, "annotations": [person], "categories": [dict(row) for row in CATEGORIES]}


def test_a_person_is_cut_out_of_what_carries_and_not_out_of_what_is_held(script: ModuleType) -> None:
    file, box = content(), [0.0, 20.0, 30.0, 35.0]
    things = {1: [thing(name, box, square(*box)) for name in ("bench", "cup")]}
    assert script.add_outlines(file, things, ()) == {"bench": 1, "cup": 1}
    bench, cup = (masks.decode(row["segmentation"], SIZE, SIZE) for row in file["annotations"][1:])
    assert not bench[20:35, 5:15].any() and bench[20:35, 15:30].all() and bench[20:35, :5].all()
    assert cup[20:35, :30].all() and cup.sum() == 15 * 30
    assert [row["id"] for row in file["annotations"]] == [5, 6, 7]


def test_boxes_alone_stay_boxes_and_repeated_ones_are_left_out(script: ModuleType) -> None:
    file = content()
    again = thing("person", [5.0, 6.0, 15.0, 35.0], square(5, 6, 15, 35))
    assert script.add_outlines(file, {1: [again, thing("cup", [20.0, 20.0, 24.0, 26.0])]}, ()) == {"cup": 1}
    assert file["annotations"][1]["bbox"] == [20.0, 20.0, 4.0, 6.0] and "segmentation" not in file["annotations"][1]


def test_an_outline_fills_the_box_of_a_labelled_object_that_has_no_mask(script: ModuleType) -> None:
    file = content()
    boxed = {"id": 6, "image_id": 1, "category_id": 3, "bbox": [20, 20, 10, 10]}
    file["annotations"].append(dict(boxed))
    cup = thing("cup", [20.0, 20.0, 30.0, 31.0], square(21, 21, 29, 30))
    assert not script.add_outlines(file, {1: [cup]}, ())
    found = masks.decode(file["annotations"][1]["segmentation"], SIZE, SIZE)
    assert found.sum() == 8 * 9 and file["annotations"][1]["bbox"] == [20, 20, 10, 10]
    drawn = file["annotations"][0]["segmentation"]
    script.add_outlines(file, {1: [thing("person", [5.0, 5.0, 15.0, 34.0], square(6, 6, 9, 9))]}, ())
    assert file["annotations"][0]["segmentation"] == drawn


def test_a_heap_is_not_complete(script: ModuleType) -> None:
    file = content()
    cups = [thing("cup", [float(4 * k), 0.0, float(4 * k + 3), 5.0]) for k in range(script.HEAP)]
    script.add_outlines(file, {1: [*cups[:1], thing("bench", [0.0, 0.0, 9.0, 9.0])], 2: cups}, ("person",))
    assert [picture["not_exhaustive_category_ids"] for picture in file["images"]] == [[], [2, 3]]
    script.add_outlines(file, {1: cups[:1]}, ())
    assert file["images"][0]["not_exhaustive_category_ids"] == [1, 2]


def test_the_script_writes_three_files(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("files", "labels", "out"):
        (tmp_path / folder).mkdir()
    for name in (script.COMPLETE, *script.FILES):
        (tmp_path / "files" / name).write_text(json.dumps(content()))
    row = thing("cup", [20.0, 20.0, 30.0, 30.0], square(20, 20, 30, 30)) | {"file": "boxes_person.json", "image": 2}
    (tmp_path / "labels/outlines.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "labels/people.json").write_text(json.dumps({script.COMPLETE: {"5": "girl"}}))
    monkeypatch.setattr(script, "LABELS", tmp_path / "labels")
    monkeypatch.setattr("sys.argv", ["add_labels.py", str(tmp_path / "files"), str(tmp_path / "out")])
    script.main()
    written = {name: json.loads((tmp_path / "out" / name).read_text()) for name in (script.COMPLETE, *script.FILES)}
    images = {name: [row["image_id"] for row in file["annotations"]] for name, file in written.items()}
    assert images == {script.COMPLETE: [1], "instances_partial.json": [1], "boxes_person.json": [1, 2]}
    assert written[script.COMPLETE]["annotations"][0]["names"] == ["person", "girl", "kid", "child"]
    assert "not_exhaustive_category_ids" not in written[script.COMPLETE]["images"][0]


def test_categories_are_added_and_ids_keep_their_meaning(script: ModuleType) -> None:
    file, other = content(), {"categories": [{"id": 3, "name": "cup"}, {"id": 9, "name": "dog"}]}
    script.add_categories(file, other)
    assert [row["id"] for row in file["categories"]] == [1, 2, 3, 9]
    with pytest.raises(SystemExit, match="category 3: expected 'vase', got 'cup'"):
        script.add_categories(file, {"categories": [{"id": 3, "name": "vase"}]})
    assert script.category_names({"categories": [{"id": 4, "name": "cellular_telephone"}]}) == {4: "cell phone"}


def test_who_cannot_be_told_loses_a_guessed_name(script: ModuleType) -> None:
    file = content()
    file["annotations"][0]["names"] = ["person", "man"]
    assert script.name_people(file, {"5": "adult"}) == 1
    assert file["annotations"][0]["names"] == ["person"] and "posture" not in file["annotations"][0]
    script.name_people(file, {"5": "man sitting"})
    assert file["annotations"][0]["names"][:2] == ["person", "man"] and file["annotations"][0]["posture"] == "sitting"
    script.name_people(file, {"5": "?"})
    assert "names" not in file["annotations"][0]


def test_the_labels_of_the_project_are_whole(script: ModuleType) -> None:
    people = json.loads((script.LABELS / "people.json").read_text())
    said = [value.partition(" ") for kinds in people.values() for value in kinds.values()]
    assert {kind for kind, _, _ in said} == set(script.KINDS) and {last for *_, last in said} == {"", *POSTURES}
    things = script.read_outlines(script.LABELS / "outlines.jsonl")
    assert set(things) == set(script.FILES)
    for pictures in things.values():
        for found in pictures.values():
            for item in found:
                x0, y0, x1, y1 = item["box"]
                assert x0 < x1 and y0 < y1 and all(len(part) >= 6 for part in item["outline"])

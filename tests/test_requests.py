from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deixis.data.requests import Request, find_requests
from deixis.errors import DataError, InputError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(source: object) -> list[str]:
    requests = find_requests(str(source), ["dog"])
    found = list(requests)
    assert len(found) == requests.count
    assert found == list(requests)  # as often as asked for
    assert [item.image_id for item in found] == list(range(1, len(found) + 1))
    return [Path(item.image).name for item in found]


def test_a_folder_is_searched_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "a.PNG", "deep/c.webp", "notes.txt", "x.json")
    assert names(tmp_path) == ["a.PNG", "b.jpg", "c.webp"]


def test_a_pattern_and_a_single_picture(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "a.jpg", "c.png", "deep/d.jpg")
    assert names(tmp_path / "*.jpg") == ["a.jpg", "b.jpg"]
    assert names(tmp_path / "**" / "*.jpg") == ["a.jpg", "b.jpg", "d.jpg"]
    assert names(tmp_path / "c.png") == ["c.png"]


def test_lines_bring_their_own_phrases_and_ids(tmp_path: Path) -> None:
    rows = [{"image": "a.jpg", "phrases": ["one", "two"], "image_id": 70}, {"image": "sub/b.jpg"}]
    path = tmp_path / "list.jsonl"
    path.write_text("\n\n".join(json.dumps(row) for row in rows) + "\n")
    found = find_requests(str(path), ["dog"])
    assert found.count == 2
    assert list(found) == [
        Request(str(tmp_path / "a.jpg"), ("one", "two"), 70),
        Request(str(tmp_path / "sub/b.jpg"), ("dog",), 2),
    ]
    assert next(iter(find_requests(str(path), [], Path("/pictures")))).image == "/pictures/a.jpg"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "list.jsonl:2: "),
        ("[1]", 'expected an object with "image"'),
        ('{"image": 3}', 'expected an object with "image"'),
        ('{"image": "a.jpg", "phrases": "dog"}', 'expected "phrases": a list'),
        ('{"image": "a.jpg", "phrases": []}', "at least one phrase"),
        ('{"image": "a.jpg"}', "at least one phrase"),
        ('{"image": "a.jpg", "phrases": ["x"], "image_id": "7"}', '"image_id" as a whole number'),
    ],
)
def test_a_bad_line_is_a_problem_of_its_own(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "list.jsonl"
    good = '{"image": "a.jpg", "phrases": ["dog"]}'
    path.write_text(f"{good}\n{line}\n{good}\n")
    first, bad, last = find_requests(str(path), [])
    assert problem in bad.problem and bad.image == f"{path}:2" and bad.phrases == ("",)
    assert not first.problem and not last.problem


def test_the_pictures_of_a_coco_file(tmp_path: Path, write_json: Callable[[str, Any], Path]) -> None:
    images = [{"id": 9, "file_name": "a.jpg", "height": 4, "width": 5}, {"id": 3, "file_name": "b.jpg"}]
    path = write_json("annotations/test.json", {"images": images[:1]})
    assert list(find_requests(str(path), ["dog"])) == [Request(str(tmp_path / "images" / "a.jpg"), ("dog",), 9)]
    broken = write_json("annotations/broken.json", {"images": images})
    with pytest.raises(DataError, match=r"broken\.json: images\[1\]"):
        find_requests(str(broken), ["dog"])


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "none", tmp_path / "*.jpg", tmp_path / "none.jsonl", tmp_path / "none.json"):
        with pytest.raises(DataError, match="expected a folder, a pattern"):
            find_requests(str(source), ["dog"])
    touch(tmp_path, "a.jpg")
    with pytest.raises(InputError, match="give --phrase"):
        find_requests(str(tmp_path), [])

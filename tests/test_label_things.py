"""What scripts/label_things.py and its parts make of captions and of what a network proposes."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="needs the extra train")

CLASSES = (
    "bicycle",
    "motorcycle",
    "bus",
    "train",
    "dog",
    "bear",
    "tie",
    "orange",
    "hot dog",
    "teddy bear",
    "surfboard",
)
KNOWN = ("person", "dog", "bus", "tie")


@pytest.fixture(scope="module")
def folder() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent.parent / "scripts"))
        yield


@pytest.fixture(scope="module")
def words(folder: None) -> ModuleType:
    return importlib.import_module("caption_things")


@pytest.fixture(scope="module")
def find(folder: None) -> ModuleType:
    return importlib.import_module("find_things")


@pytest.fixture(scope="module")
def script(folder: None) -> ModuleType:
    return importlib.import_module("label_things")


@pytest.mark.parametrize(
    ("captions", "expected"),
    [
        (["A dog on a couch.", "The brown dog sleeps"], {"dog": 1}),
        (["A dog on a couch.", "Someone sleeps"], {}),
        (["Two dogs run", "a pair of dogs"], {"dog": 2}),
        (["Dogs run", "a dog"], {"dog": 6}),
        (["A hot dog with mustard", "Two hot dogs"], {"hot dog": 2}),
        (["A teddy bear", "A bear on a bed", "a stuffed bear"], {"teddy bear": 1}),
        (["A bus stop", "people at a bus stop"], {}),
        (["He wants to train his dog", "they train in a gym"], {}),
        (["An orange bus", "a bus in orange"], {"bus": 1}),
        (["A bike on a road", "a bike"], {}),
        (["A bike on a road", "a motorcycle"], {"motorcycle": 1}),
        (["A man surfing a wave", "a surfer"], {"surfboard": 1}),
    ],
)
def test_what_captions_name(words: ModuleType, captions: list[str], expected: dict[str, int]) -> None:
    assert words.mentioned(captions, CLASSES) == expected


def box(top: int, left: int, height: int = 20, width: int = 20) -> NDArray[np.bool_]:
    mask = np.zeros((80, 80), dtype=bool)
    mask[top : top + height, left : left + width] = True
    return mask


def candidates(
    find: ModuleType, masks: list[NDArray[np.bool_]], scores: list[list[float]], shares: list[list[float]]
) -> Any:
    """Certain and well drawn ones; scores and shares of the classes ``KNOWN``."""
    chances = torch.from_numpy(np.stack(masks)).float()
    sure = torch.full((len(masks),), 0.9)
    areas = (chances > 0.5).sum((1, 2)) * 16.0
    return find.Candidates(chances, areas, torch.tensor(scores), sure, sure, torch.tensor(shares))


def chosen(
    find: ModuleType, found: Any, wanted: dict[str, int], labelled: tuple[tuple[str, Any], ...] = ()
) -> list[tuple[str, int]]:
    known = [find.Labelled(name, mask, mask) for name, mask in labelled]
    return [tuple(thing) for thing in find.choose(found, wanted, KNOWN, known, 320.0 * 320)]


def test_a_mentioned_thing_is_where_most_of_its_class_is(find: ModuleType) -> None:
    masks = [box(0, 0), box(40, 40)]
    found = candidates(find, masks, [[0, 0.4, 0, 0], [0, 0.4, 0, 0]], [[0, 0.2, 0, 0], [0, 0.7, 0, 0]])
    assert chosen(find, found, {"dog": 1}) == [("dog", 1)]
    assert chosen(find, found, {"dog": 2}) == [("dog", 1)], "too little of the class for a second one"
    assert chosen(find, found, {"bus": 1}) == []
    assert chosen(find, found._replace(agreement=torch.tensor([0.9, 0.6])), {"dog": 1}) == []
    assert chosen(find, found._replace(areas=torch.tensor([6400.0, 100.0])), {"dog": 1}) == []


def test_one_object_or_several(find: ModuleType) -> None:
    masks = [box(0, 0), box(40, 40), box(41, 41)]
    found = candidates(find, masks, [[0, 0.8, 0, 0]] * 3, [[0, 0.3, 0, 0], [0, 0.6, 0, 0], [0, 0.55, 0, 0]])
    assert chosen(find, found, {"dog": 1}) == [("dog", 1)]
    assert chosen(find, found, {"dog": 6}) == [("dog", 1), ("dog", 0)], "the third one is the second once more"


def test_people_and_other_things_are_not_taken(find: ModuleType) -> None:
    found = candidates(find, [box(0, 0)], [[0.9, 0.2, 0, 0]], [[0, 0.9, 0, 0]])
    assert chosen(find, found, {"dog": 1}) == []
    found = candidates(find, [box(0, 0)], [[0, 0.2, 0.9, 0]], [[0, 0.9, 0, 0]])
    assert chosen(find, found, {"dog": 1}) == [], "the network takes it for a bus"
    found = candidates(find, [box(0, 0)], [[0, 0.6, 0, 0.6]], [[0, 0.9, 0, 0.9]])
    assert chosen(find, found, {"dog": 1}, (("bus", box(0, 0)),)) == []
    assert chosen(find, found, {"dog": 1}, (("person", box(0, 0, 60, 60)),)) == []
    assert chosen(find, found, {"tie": 1}, (("person", box(0, 0, 60, 60)),)) == [("tie", 0)]


class Painter:
    """Proposes what is bright in a picture, and the left edge whatever the picture is; its one class is the bright."""

    def encode_image(self, images: Any) -> Any:
        from deixis.model.outputs import EncodedImage

        bright = torch.nn.functional.avg_pool2d(images[:, 0], 4)
        edge = torch.zeros_like(bright)
        edge[..., :10] = 1
        classes = torch.tensor([[[0.2], [0.4]], [[0.6], [0.4]]])
        maps = torch.nn.functional.avg_pool2d(bright, 2)[:, None]
        masks = torch.stack([bright, edge], dim=1)
        return EncodedImage(p_image=maps, masks=masks, classes=classes, objectness=classes[..., 0])


def test_a_picture_and_its_mirror_image_propose_the_same(find: ModuleType) -> None:
    square = torch.zeros(1, 3, 320, 320)
    square[..., 80:160, 200:280] = 1
    found = find.propose(Painter(), square, [0])
    assert found.agreement.tolist() == [1, 0], "the edge is at the other side of the mirrored picture"
    assert (found.chances[0].numpy() == box(20, 50)).all() and found.areas[0] == 80 * 80
    assert found.scores[0].item() == pytest.approx(0.4) and found.objectness[0].item() == pytest.approx(0.4)
    assert found.shares[0].item() == pytest.approx(1)


def content(*rows: tuple[int, str]) -> dict[str, Any]:
    """A COCO file of one picture 40 x 30 with objects of 100 pixels."""
    from deixis import masks

    full = np.zeros((30, 40), dtype=bool)
    full[:10, :10] = True
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "height": 30, "width": 40}],
        "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "necktie"}],
        "annotations": [
            {"id": number, "image_id": 7, "category_id": {"person": 1, "tie": 3}[name], **masks.coco_row(full)}
            for number, name in rows
        ],
    }


class Finder:
    """Finds every wanted thing in one place."""

    classes = KNOWN

    def __init__(self, top: int = 0) -> None:
        self.mask = np.zeros((30, 40), dtype=bool)
        self.mask[top : top + 10, :10] = True

    def __call__(self, _: str, wanted: dict[str, int], *__: object) -> list[tuple[str, NDArray[np.bool_]]]:
        return [(name, self.mask) for name in wanted]


def test_things_are_added_beside_what_is_labelled(script: ModuleType, tmp_path: Path) -> None:
    from deixis.data.coco import load_coco

    file = content((12, "person"), (40, "tie"))
    complete = {"categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}, {"id": 32, "name": "tie"}]}
    script.add_categories(file, complete)
    captions = {7: ["a dog and a man in a tie", "the dog bites a tie"]}
    assert script.add_things(file, captions, Finder(5), {"dog": 18, "tie": 32}) == {"dog": 1}, "the tie is labelled"
    (tmp_path / "a.json").write_text(json.dumps(file))
    added = load_coco(tmp_path / "a.json").annotations[-1]
    assert (added.id, added.category, added.box_xyxy, added.is_crowd) == (41, "dog", (0, 5, 10, 15), False)
    mask = added.mask(30, 40)
    assert mask is not None and (mask == Finder(5).mask).all()


def test_categories_of_another_meaning_are_refused(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="category 3: expected 'car', got 'necktie'"):
        script.add_categories(content((1, "person")), {"categories": [{"id": 3, "name": "car"}]})


def test_the_check_hides_and_finds(script: ModuleType) -> None:
    file = content((1, "person"), (2, "tie"))
    captions = {7: ["a man in a tie", "a tie and a dog", "a dog"]}
    assert script.check(file, captions, Finder(0), "") == (1, 1)
    assert script.check(file, captions, Finder(15), "") == (0, 1)
    assert script.check(file, {}, Finder(0), "") == (0, 0)
    assert script.check(file, None, Finder(0), "") == (1, 1), "it covers a twelfth of the picture"


def test_added_things_say_nothing_of_other_things(tmp_path: Path) -> None:
    """A thing in a file of which only people are labelled gives no phrase, and makes none about them false."""
    from PIL import Image

    from deixis.data.scenes import SceneSource
    from deixis.data.synthesize import synthesize
    from deixis.image import Letterbox
    from deixis.train.targets import class_targets
    from deixis.trainconfig import SourceConfig

    file = content((1, "person"), (2, "tie"))
    (tmp_path / "a.json").write_text(json.dumps(file))
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg")
    scene = SceneSource(SourceConfig("a.json", ".", labelled=("person",)), tmp_path).scene(0)
    assert len(scene.objects) == 2 and scene.labelled == {"person"}
    phrases = synthesize(scene, np.random.default_rng(0), 20)
    assert phrases and all(set(phrase.target_ids) <= {1} for phrase in phrases)
    maps, known = class_targets(scene, Letterbox.fit(30, 40, 64), {"person": 0, "necktie": 1})
    assert known.tolist() == [True, False] and maps[1].any(), "where it is is known, not where it is not"

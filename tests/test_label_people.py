"""What scripts/label_people.py makes of captions and of a mask head."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent.parent / "scripts"))
        yield importlib.import_module("label_people")


def test_captions_have_the_last_word(script: ModuleType) -> None:
    sex = script.TRAITS[0]
    assert script.decide([0.5, -0.5], ["Two women at a table"], sex) == ["female", "female"]
    assert script.decide([0.5, -0.5], ["Two people at a table"], sex) == [None, None], "too little to be sure"
    assert script.decide([2.0, -2.0], [], sex) == ["female", "male"]
    assert script.decide([-0.3, -3.0, -2.0], ["A man and a woman", "Three men"], sex) == ["female", "male", "male"]


def test_nouns_of_sex_and_age(script: ModuleType) -> None:
    assert "man" in script.names(("male", None)) and "boy" not in script.names(("male", None))
    assert "boy" in script.names(("male", "child")) and "woman" not in script.names(("male", "child"))
    assert script.names((None, "adult")) == []
    assert {"kid", "child"} < set(script.names((None, "child")))


def test_a_trait_is_learned(script: ModuleType) -> None:
    features = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))
    truth = (features[:, 2] > 0).float()
    trait = script.Trait(features[:60], truth[:60])
    right = (trait.logits(features[60:]) > 0) == (truth[60:] > 0)
    assert right.float().mean() >= 0.9


def test_masks_stay_in_their_boxes_and_apart(script: ModuleType) -> None:
    from deixis.config import ModelConfig
    from deixis.model.build import build

    network = build(ModelConfig(categories=("person",), input_size=script.SIDE), seed=0).eval()
    torch.nn.init.constant_(network.objects.filters.bias, 5.0)  # type: ignore[union-attr]
    boxes = np.array([[10.0, 20, 60, 80], [50, 30, 40, 60]])
    found = script.draw(network, np.zeros((120, 100, 3), dtype=np.uint8), boxes)
    assert found.shape == (2, 120, 100) and found.any(axis=(1, 2)).all()
    assert not (found[0] & found[1]).any()
    for mask, (x, y, width, height) in zip(found, boxes, strict=True):
        rows, columns = np.nonzero(mask)
        assert rows.min() >= y - 1 and rows.max() <= y + height and columns.min() >= x - 1
        assert columns.max() <= x + width


def test_only_masks_that_fill_their_boxes_are_kept(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    full, half = np.zeros((20, 20), dtype=bool), np.zeros((20, 20), dtype=bool)
    full[2:10, 2:10] = half[12:15, 2:10] = True
    monkeypatch.setattr(script, "draw", lambda *_: np.stack([full, half]))
    rows = [{"bbox": [2, 2, 8, 8]}, {"bbox": [2, 12, 8, 8]}]
    assert script.add_masks(None, np.zeros((20, 20, 3), dtype=np.uint8), rows) == 1
    assert "segmentation" in rows[0] and "segmentation" not in rows[1]

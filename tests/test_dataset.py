"""Every dataset by name."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from deixis.data.dataset import DATASETS, open_dataset, parse_spec
from deixis.data.splits import SPLITS
from deixis.errors import DataError, InputError
from releases import INSTANCES, write_pictures


def test_names_are_those_of_the_published_splits() -> None:
    assert list(DATASETS) == list(SPLITS)


@pytest.mark.parametrize("name", [name for name in DATASETS if "refc" in name and name != "grefcoco"])
def test_the_name_chooses_folder_and_division(tmp_path: Path, name: str) -> None:
    folder, _, division = name.partition("-")
    division = division or ("umd" if folder == "refcocog" else "unc")
    row = {"ref_id": 0, "ann_id": 10, "image_id": 1, "split": "val", "sentences": [{"sent_id": 1, "sent": "x"}]}
    (tmp_path / folder).mkdir()
    (tmp_path / folder / f"refs({division}).p").write_bytes(pickle.dumps([row], protocol=2))
    (tmp_path / folder / "instances.json").write_text(json.dumps(INSTANCES))
    write_pictures(tmp_path / "images")
    dataset = open_dataset(tmp_path, f"{name}:val")
    assert (dataset.name, dataset.split, len(dataset)) == (name, "val", 1)
    assert [sample.dataset for sample in dataset] == [name]


@pytest.mark.parametrize("name", DATASETS)
def test_an_empty_folder_is_answered_with_what_is_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path}/.*found nothing|{tmp_path}/.*found neither"):
        open_dataset(tmp_path, f"{name}:{SPLITS[name][0].name}")


@pytest.mark.parametrize("spec", ["refcoco", "refcoco:", ":val", ""])
def test_another_form_is_refused(spec: str) -> None:
    with pytest.raises(InputError, match=r"expected DATASET:SPLIT such as refcoco:val, got .*; datasets: refcoco, "):
        parse_spec(spec)


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a dataset of refcoco, .*flickr30k_entities; got 'coco'"):
        open_dataset(tmp_path, "coco:val")
    assert parse_spec("refcoco+:testA+testB") == ("refcoco+", "testA+testB")


def test_real_rows_by_name(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "refer", "refcocog:val")
    dataset.check_files()
    assert len(dataset) == dataset.counts.images == 6 and dataset.counts.expressions == len(list(dataset)) == 15

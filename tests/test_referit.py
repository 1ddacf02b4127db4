"""ReferIt: JSON tables and MATLAB masks."""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deixis.data.references import Counts
from deixis.data.referit import load_referit, read_mask
from deixis.data.splits import published, split_names
from deixis.errors import DataError

matlab = pytest.importorskip("scipy.io")

QUERY = {"8_2": ["left tree"], "25_1": ["sky"], "8_1": ["sky", "blue sky"]}
TABLES: dict[str, Any] = {
    "referit_query_val.json": QUERY,
    "referit_query_test.json": {"30_1": ["dog"]},
    "referit_imcrop.json": {"8.jpg": ["8_2", "8_1", "8_3"], "25.jpg": ["25_1"], "30.jpg": ["30_1"], "31.jpg": ["31_1"]},
    "referit_imsize.json": {"8.jpg": [6, 4], "25.jpg": [3, 2], "30.jpg": [3, 3], "31.jpg": [3, 3]},
}

BOXES = {"8_1": (0, 0, 6, 2), "8_2": (0, 1, 3, 4), "25_1": (0, 0, 1, 1), "30_1": (1, 1, 3, 3)}


def region_mask(region: str) -> np.ndarray:
    """True on the region's box."""
    left, top, right, bottom = BOXES[region]
    width, height = TABLES["referit_imsize.json"][f"{region.split('_')[0]}.jpg"]
    mask = np.zeros((height, width), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The release, with pictures and masks in the folders that it has."""
    folder = tmp_path / "referit"
    (folder / "images").mkdir(parents=True)
    (folder / "mask").mkdir()
    for name, table in TABLES.items():
        (folder / name).write_text(json.dumps(table))
    (folder / "referit_val_imlist.txt").write_text("25\n8\n31\n")  # 31 has no expression
    (folder / "referit_test_imlist.txt").write_text("30\n")
    for name in TABLES["referit_imsize.json"]:
        (folder / "images" / name).touch()
    for region in BOXES:
        matlab.savemat(folder / "mask" / f"{region}.mat", {"segimg_t": (~region_mask(region)).astype(np.uint8)})
    return tmp_path


def rewrite(root: Path, name: str, content: Any) -> None:
    (root / "referit" / name).write_text(content if isinstance(content, str) else json.dumps(content))


def test_samples_have_masks_that_are_true_where_the_file_is_zero(root: Path) -> None:
    samples = list(load_referit(root, "val"))
    assert [(row.image_id, row.sent_id, row.phrase) for row in samples] == [
        (8, 0, "left tree"),
        (8, 2, "sky"),
        (8, 3, "blue sky"),
        (25, 1, "sky"),
    ]
    assert [row.tags["region"] for row in samples] == ["8_2", "8_1", "8_1", "25_1"]
    for row in samples:
        assert row.mask.dtype == np.bool_
        np.testing.assert_array_equal(row.mask, region_mask(row.tags["region"]))
    assert samples[1].mask is samples[2].mask
    assert {(row.dataset, row.split) for row in samples} == {("referit", "val")}
    assert samples[0].image == root / "referit" / "images" / "8.jpg"


def test_pictures_and_masks_may_be_in_a_folder_of_their_own(root: Path) -> None:
    inner = root / "referit" / "referit-dataset"
    inner.mkdir()
    for name in ("images", "mask"):
        (root / "referit" / name).rename(inner / name)
    dataset = load_referit(root, "val")
    dataset.check_files()
    assert next(iter(dataset)).image == inner / "images" / "8.jpg"


def test_it_counts_without_pictures_and_masks(root: Path) -> None:
    for name in ("images", "mask"):
        (root / "referit" / name).rename(root / name)
    dataset = load_referit(root, "val+test")
    assert dataset.counts == Counts(refs=4, expressions=5, images=3)
    assert [reference.split for picture in dataset.pictures for reference in picture.references][-1] == "test"
    with pytest.raises(DataError, match=r"image 8: expected 8\.jpg in .*images"):
        dataset.check_files()


def test_a_missing_mask_is_named(root: Path) -> None:
    dataset = load_referit(root, "val")
    (root / "referit" / "mask" / "25_1.mat").unlink()
    for ask in (dataset.check_files, lambda: dataset.samples(1)):
        with pytest.raises(
            DataError, match=r"mask/25_1\.mat: expected the mask of a region there or in .*referit-data"
        ):
            ask()
    assert dataset.samples(0)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32, np.float64])
def test_masks_of_every_number_type(tmp_path: Path, dtype: Any) -> None:
    background = np.array([[1, 0, 1], [1, 1, 0]])
    matlab.savemat(tmp_path / "m.mat", {"segimg_t": background.astype(dtype), "other": np.ones(3)})
    np.testing.assert_array_equal(read_mask(tmp_path / "m.mat", (2, 3)), background == 0)


def test_masks_that_are_no_masks_are_named(tmp_path: Path) -> None:
    path = tmp_path / "m.mat"
    for content, size, message in (
        ({"segimg_t": np.ones((2, 3))}, (3, 2), r"of the picture's height and width \(3, 2\), got \(2, 3\)"),
        ({"mask": np.ones((2, 3))}, (2, 3), "got no such array but mask"),
        ({"segimg_t": np.array([["a", "b"]], dtype=object)}, (1, 2), "as numbers, got"),
    ):
        matlab.savemat(path, content)
        with pytest.raises(DataError, match=rf"m\.mat: expected 'segimg_t' .*{message}"):
            read_mask(path, size)
    whole = path.read_bytes()
    for damaged in (b"", b"rubbish", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"m\.mat: expected a MATLAB file .*damaged"):
            read_mask(path, (1, 2))


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_masks_are_refused_and_crash_nothing(tmp_path: Path, packed: bool) -> None:
    """SciPy's reader takes an unknown type of numbers for an address."""
    path = tmp_path / "m.mat"
    matlab.savemat(path, {"segimg_t": np.eye(4, 6, dtype=np.uint8)}, do_compression=packed)
    whole = path.read_bytes()
    head, body = whole[:128], zlib.decompress(whole[136:]) if packed else whole[128:]
    refused = 0
    for at in range(len(body)):
        for value in (0, 0x7F, 0xFF):
            changed = body[:at] + bytes([value]) + body[at + 1 :]
            if packed:
                changed = zlib.compress(changed)
                changed = struct.pack("<II", 15, len(changed)) + changed
            path.write_bytes(head + changed)
            with contextlib.suppress(DataError):
                assert read_mask(path, (4, 6)).shape == (4, 6)
                continue
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("referit_query_val.json", [], "expected a JSON object by region or picture, got a list"),
        ("referit_query_val.json", {"8_2": "tree"}, r"'8_2': expected a list of strings, at least one, got 'tree'"),
        ("referit_query_val.json", {"8_2": []}, r"'8_2': expected a list of strings, at least one, got \[\]"),
        ("referit_query_val.json", {"8": ["x"]}, r"'8': expected a key such as '1000_1'"),
        ("referit_query_val.json", {"9_1": ["x"]}, r"9_1: expected a region of a picture in referit_val_imlist\.txt"),
        ("referit_query_val.json", {"8_9": ["x"]}, r"8_9: expected a region of a picture in referit_val_imlist\.txt"),
        ("referit_query_val.json", {"30_1": ["x"]}, r"30_1: expected a region of a picture in referit_val_imlist"),
        ("referit_query_val.json", '{"8_2": ["a"], "8_2": ["b"]}', "expected every record once, got '8_2' a second"),
        ("referit_query_val.json", '{"8_2": ["a"', "expected JSON, got something else"),
        ("referit_imsize.json", {"8.jpg": [6]}, r"'8\.jpg': expected \[width, height\] as 2 whole numbers, got \[6\]"),
        ("referit_imsize.json", {"8.jpg": [0, 4]}, r"'8\.jpg': expected a height and width of 1 to"),
        ("referit_imsize.json", {"8": [6, 4]}, r"'8': expected a key such as '1000\.jpg'"),
        ("referit_imcrop.json", {"8.jpg": [8]}, r"'8\.jpg': expected a list of strings"),
        ("referit_val_imlist.txt", "8\n25\n8\n", r":3: expected the id of a picture, once, got '8'"),
        ("referit_val_imlist.txt", "8.jpg\n", r":1: expected the id of a picture, once, got '8\.jpg'"),
    ],
)
def test_malformed_files_are_named(root: Path, name: str, content: Any, message: str) -> None:
    rewrite(root, name, content)
    with pytest.raises(DataError, match=rf"{name}:? ?{message}"):
        load_referit(root, "val")


def test_missing_files_and_splits_are_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a split of train, val, trainval, test, got 'testA'"):
        load_referit(root, "testA")
    with pytest.raises(DataError, match=r"referit_train_imlist\.txt: expected the list of the split's pictures"):
        load_referit(root, "train")
    with pytest.raises(DataError, match=r"nowhere/referit/referit_imsize\.json: expected a JSON file, found nothing"):
        load_referit(tmp_path / "nowhere", "val")


@pytest.mark.parametrize("split", split_names("referit"))
def test_the_real_release_has_the_published_counts(shared_data: Path, split: str) -> None:
    counts = load_referit(shared_data, split).counts
    expected = published("referit", split)
    assert (counts.refs, counts.expressions, counts.images) == (expected.refs, expected.expressions, expected.images)

"""The catalogue: complete, consistent with the loaders, and honest about what is not known."""

from __future__ import annotations

import re
import urllib.parse

import pytest

from deixis.data.catalogue import CATALOGUE, Entry, entry_named
from deixis.data.dataset import DATASETS
from deixis.errors import InputError

ENTRIES = list(CATALOGUE.values())


def test_every_dataset_that_can_be_opened_has_an_entry() -> None:
    divisions = {"refcoco-google", "refcocog-google", "refclef-berkeley"}  # other files of the same folders
    assert set(DATASETS) - divisions == set(CATALOGUE) - {"coco", "glove", "vgg16"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_is_complete(entry: Entry) -> None:
    assert entry.title and entry.licence and entry.homepage.startswith("https://")
    assert bool(entry.files) != bool(entry.how_to_ask)
    assert all(needed in CATALOGUE for needed in entry.needs)
    assert len({file.name for file in entry.files}) == len(entry.files)
    assert {file.into for file in entry.files} <= {"", "images", entry.name, "weights"}
    for file in entry.files:
        assert file.urls and len(set(file.urls)) == len(file.urls)
        for url in file.urls:
            parts = urllib.parse.urlsplit(url)
            assert parts.scheme in ("http", "https") and parts.netloc == parts.netloc.lower()
            assert url.endswith(f"/{file.name}")
            if parts.netloc == "raw.githubusercontent.com":  # a whole commit, which never changes
                assert re.match(r"/[a-z]+/[a-z_-]+/[0-9a-f]{40}/[a-z]", parts.path)
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size is None or file.size > 0


@pytest.mark.parametrize("name", ["refcoco", "refcoco+", "refcocog", "refclef"])
def test_the_snapshot_comes_before_the_host_that_is_gone(name: str) -> None:
    for file in entry_named(name).files:
        snapshot, original = file.urls
        assert re.fullmatch(r"https://web\.archive\.org/web/[0-9]{14}/" + re.escape(original), snapshot)


def test_checksums_are_known_or_nothing() -> None:
    digests = {entry.files[0].name: entry.files[0].sha256 for entry in ENTRIES if entry.files}
    assert digests["vgg16-397923af.pth"] and digests["vgg16-397923af.pth"].startswith(
        "397923af"
    )  # as torchvision names it
    assert digests["refcoco.zip"] is None, "nobody has published it; it is not made up"


def test_archives_are_told_by_their_names() -> None:
    archives = {file.name for entry in ENTRIES for file in entry.files if file.is_archive}
    assert {"train2014.zip", "refcoco+.zip", "referitdata.tar.gz"} <= archives
    assert archives.isdisjoint({"grefs(unc).json", "vgg16-397923af.pth", "referit_train_imlist.txt"})


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"expected a dataset of coco, refcoco, .*; got 'refcoc'"):
        entry_named("refcoc")

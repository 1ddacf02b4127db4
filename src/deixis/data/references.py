"""What every dataset of referring expressions becomes: pictures, what was referred to in each, and a way to its masks.

A loader of one format reads its files into ``Picture`` and ``Reference``; what is done with them is the same for all
and lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from deixis.errors import DataError
from deixis.types import BoolMask, Sample

HUMAN: Mapping[str, str] = {"kind": "human"}


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that was referred to, and what was said of it.

    Attributes:
        split: the published split that it is of.
        sentences: (sent_id, words) in file order; a sent_id is unique in its dataset and split.
        target: what the dataset's ``decode`` makes the mask of; equal targets of a picture share one mask.
        rival: target of the object that is marked when WHICH one is not understood; None where there is none.
        category: class name of the target, None when unknown.
        tags: labels for slices.
    """

    split: str
    sentences: tuple[tuple[int, str], ...]
    target: Hashable
    rival: Hashable = None
    category: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: HUMAN)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and the references to things in it.

    Attributes:
        id: unique in the dataset.
        file: its name below one of the dataset's folders, for example "VG_100K/1.jpg".
        references: in file order, at least one.
    """

    id: int
    file: str
    references: tuple[Reference, ...]


@dataclass(frozen=True)
class Counts:
    """How much there is in a split: things referred to, expressions, and pictures with expressions."""

    refs: int
    expressions: int
    images: int


@dataclass(frozen=True, eq=False)
class ExpressionDataset:
    """One split of a dataset, opened: everything but pictures and masks is read and checked.

    Iterating gives every sample, those of one picture next to each other, in an order that depends on the files only;
    the masks of one picture at a time are in memory.

    Attributes:
        name: for example "refcoco".
        split: as asked, for example "testA+testB".
        source: the file of the expressions, for messages.
        folders: where its pictures may be.
        pictures: those with expressions.
        decode: picture and target to the (H, W) bool mask at the picture's size.
        box_only: the dataset has boxes and no masks, and a mask is its filled boxes.
        locate: where a target's mask is, in a dataset with a file a mask; raises DataError when it is not there.
    """

    name: str
    split: str
    source: Path
    folders: tuple[Path, ...]
    pictures: tuple[Picture, ...]
    decode: Callable[[int, Any], BoolMask]
    box_only: bool = False
    locate: Callable[[int, Any], Path] | None = None

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.pictures)

    def __iter__(self) -> Iterator[Sample]:
        """All samples, picture by picture."""
        for index in range(len(self)):
            yield from self.samples(index)

    def samples(self, index: int) -> list[Sample]:
        """The samples of one picture, one per sentence; its masks are decoded now, each once and read-only.

        Raises:
            DataError: the picture is not there, or a mask is missing or malformed; names file and record.
            MissingExtra: a package that reads the masks is not installed.
        """
        picture, path = self.pictures[index], self.path(index)
        masks: dict[Hashable, BoolMask] = {}

        def mask_of(target: Hashable) -> BoolMask:
            if target not in masks:
                masks[target] = self.decode(picture.id, target)
                masks[target].setflags(write=False)  # the sentences of one reference share it
            return masks[target]

        return [
            Sample(
                dataset=self.name,
                split=reference.split,
                image_id=picture.id,
                sent_id=sent_id,
                image=path,
                phrase=phrase,
                mask=mask_of(reference.target),
                category=reference.category,
                tags=reference.tags,
                distractor=None if reference.rival is None else mask_of(reference.rival),
                box_only=self.box_only,
            )
            for reference in picture.references
            for sent_id, phrase in reference.sentences
        ]

    def path(self, index: int) -> Path:
        """Where a picture is.

        Raises:
            DataError: it is in none of the dataset's folders.
        """
        picture = self.pictures[index]
        inside = PurePosixPath(picture.file)
        names = [inside.name] if inside.is_absolute() or ".." in inside.parts else [picture.file, inside.name]
        for folder in self.folders:
            for name in names:
                if (folder / name).is_file():
                    return folder / name
        raise DataError(
            f"{self.source}: image {picture.id}: expected {inside.name} in {', '.join(map(str, self.folders))}, found "
            f"nothing; unpack the pictures of {self.name} there"
        )

    def check_files(self) -> None:
        """Look for every picture and file, and decode the first mask: better to know before hours of work.

        Raises:
            DataError: a picture or mask is missing, or the first mask is malformed.
            MissingExtra: a package that reads the masks is not installed.
        """
        for index, picture in enumerate(self.pictures):
            self.path(index)
            if self.locate is not None:
                for reference in picture.references:
                    self.locate(picture.id, reference.target)
        if self.pictures:
            self.decode(self.pictures[0].id, self.pictures[0].references[0].target)

    @property
    def counts(self) -> Counts:
        """How much there is; needs neither pictures nor masks."""
        references = [reference for picture in self.pictures for reference in picture.references]
        return Counts(len(references), sum(len(item.sentences) for item in references), len(self.pictures))


def by_picture(source: Path, rows: Iterable[tuple[int, str, Reference]]) -> tuple[Picture, ...]:
    """References with the id and the file of their picture, put together in order of first appearance.

    References of which nothing was said are left out.

    Raises:
        DataError: two expressions of a split have one sent_id.
    """
    files: dict[int, str] = {}
    references: dict[int, list[Reference]] = {}
    seen: set[tuple[str, int]] = set()
    for image_id, file, reference in rows:
        if not reference.sentences:
            continue
        for sent_id, _ in reference.sentences:
            if (reference.split, sent_id) in seen:
                raise DataError(
                    f"{source}: image {image_id}: expected every sent_id once in {reference.split}, got {sent_id} a "
                    "second time; remove one of the two"
                )
            seen.add((reference.split, sent_id))
        files.setdefault(image_id, file)
        references.setdefault(image_id, []).append(reference)
    return tuple(Picture(image_id, file, tuple(references[image_id])) for image_id, file in files.items())

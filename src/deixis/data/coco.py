"""COCO files: instances (objects with boxes and masks) and captions (https://cocodataset.org/#format-data)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from deixis import masks
from deixis.data import nouns
from deixis.data.records import at, check_size, integer, is_number, string
from deixis.errors import DataError
from deixis.files import read_json
from deixis.types import POSTURES, BoolMask, Box

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class CocoImage:
    """A picture of a COCO file.

    Attributes:
        id: the file's own id.
        path: where the picture should be; whether it is there is not checked.
        height, width: in pixels, as the file says.
        incomplete: names of classes of which not every object in it is annotated (LVIS's
            ``not_exhaustive_category_ids``).
    """

    id: int
    path: Path
    height: int
    width: int
    incomplete: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class CocoAnnotation:
    """A labelled object.

    Attributes:
        id: unique in the file.
        image_id: the picture it lies in.
        category: class name.
        segmentation: as in the file: polygons, RLE or a list of RLE; empty when only the box is known.
        box_xyxy: in pixels, right and bottom exclusive.
        area: in pixels, as the file says; that of the box when it does not.
        is_crowd: the mask covers a group that was not told apart.
        names: what people call this very object; not COCO's, but a list that a file may have ("names").
        posture: of a person, "upright" or "sitting"; not COCO's either ("posture"). Empty when it is not there.
    """

    id: int
    image_id: int
    category: str
    segmentation: Any
    box_xyxy: Box
    area: float
    is_crowd: bool
    names: tuple[str, ...] = ()
    posture: str = ""

    def mask(self, height: int, width: int) -> BoolMask | None:
        """(height, width) bool, the union of the polygons; None when the file has only a box.

        Raises:
            DataError: the segmentation is malformed or of another size.
        """
        return masks.decode(self.segmentation, height, width) if self.segmentation else None


@dataclass(frozen=True, eq=False)
class CocoDataset:
    """A COCO instances file, checked: every annotation has its picture and its category.

    Attributes:
        source: the file, for messages.
        images: in file order, those without objects too.
        annotations: in file order.
        categories: class names in the order of their ids.
    """

    source: Path
    images: tuple[CocoImage, ...]
    annotations: tuple[CocoAnnotation, ...]
    categories: tuple[str, ...]

    @cached_property
    def _by_id(self) -> dict[int, CocoImage]:
        return {image.id: image for image in self.images}

    @cached_property
    def _by_image(self) -> dict[int, tuple[CocoAnnotation, ...]]:
        by_image: dict[int, list[CocoAnnotation]] = {}
        for annotation in self.annotations:
            by_image.setdefault(annotation.image_id, []).append(annotation)
        return {image_id: tuple(found) for image_id, found in by_image.items()}

    def image(self, image_id: int) -> CocoImage:
        """The picture with this id.

        Raises:
            DataError: there is none.
        """
        if image_id not in self._by_id:
            raise DataError(f"{self.source}: expected the id of one of its {len(self._by_id)} images, got {image_id}")
        return self._by_id[image_id]

    def annotations_of(self, image_id: int) -> tuple[CocoAnnotation, ...]:
        """The objects of a picture in file order; empty when it has none.

        Raises:
            DataError: there is no such picture.
        """
        return self._by_image.get(self.image(image_id).id, ())

    def mask_of(self, annotation: CocoAnnotation) -> BoolMask | None:
        """(H, W) bool at the size of the annotation's picture; None when the file has only a box.

        Raises:
            DataError: the segmentation is malformed or of another size; names file and record.
        """
        image = self.image(annotation.image_id)
        with at(f"{self.source}: annotation {annotation.id} of image {image.id}"):
            return annotation.mask(image.height, image.width)


def load_coco(annotations: Path, images: Path | None = None) -> CocoDataset:
    """Read a COCO instances file. Masks are decoded later, on demand.

    Args:
        annotations: the JSON file.
        images: folder of the pictures; by default ``images`` beside the annotation file's folder.

    Raises:
        DataError: missing or malformed file, duplicate ids, an annotation of an unknown image or category, an RLE
            of another size than its image; names file and record.
    """
    content = read_json(annotations)
    names = _unique(annotations, "categories", content, _category)
    pictures = _pictures(annotations, content, images, names)
    objects = _unique(annotations, "annotations", content, lambda row: _annotation(row, pictures, names))
    return CocoDataset(
        source=annotations,
        images=tuple(pictures.values()),
        annotations=tuple(objects.values()),
        categories=tuple(names[key] for key in sorted(names)),
    )


def load_images(annotations: Path, images: Path | None = None) -> tuple[CocoImage, ...]:
    """The pictures alone, of any COCO file, in file order; arguments and errors as those of ``load_coco``."""
    return tuple(_pictures(annotations, read_json(annotations), images, {}).values())


def load_captions(path: Path) -> dict[int, tuple[str, ...]]:
    """Read a COCO captions file: image id -> its captions in file order, outer blanks removed.

    Raises:
        DataError: missing or malformed file; names file and record.
    """
    captions: dict[int, list[str]] = {}
    for index, row in enumerate(_rows(path, "annotations", read_json(path))):
        with at(f"{path}: annotations[{index}]"):
            captions.setdefault(integer(row, "image_id"), []).append(string(row, "caption").strip())
    return {key: tuple(value) for key, value in captions.items()}


def _rows(path: Path, key: str, content: Any) -> Sequence[Any]:
    rows = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(rows, list):
        got = f"keys {sorted(content)}" if isinstance(content, Mapping) else f"a JSON {type(content).__name__}"
        raise DataError(f"{path}: expected a COCO file, an object with a list {key!r}, got {got}")
    return rows


def _unique(path: Path, key: str, content: Any, parse: Callable[[Any], _Item]) -> dict[int, _Item]:
    """Parse the rows of one list by id, in file order; name file and record in every error."""
    items: dict[int, _Item] = {}
    for index, row in enumerate(_rows(path, key, content)):
        shown = f" (id {row['id']!r})" if isinstance(row, Mapping) and "id" in row else ""
        with at(f"{path}: {key}[{index}]{shown}"):
            identity = integer(row, "id")
            if identity in items:
                raise DataError(f"expected unique ids, got {identity} a second time; remove one of the two")
            items[identity] = parse(row)
    return items


def _pictures(path: Path, content: Any, images: Path | None, categories: Mapping[int, str]) -> dict[int, CocoImage]:
    folder = images if images is not None else path.parent.parent / "images"
    return _unique(path, "images", content, lambda row: _image(row, folder, categories))


def _category(row: Any) -> str:
    return string(row, "name")


def _image(row: Any, folder: Path, categories: Mapping[int, str]) -> CocoImage:
    height, width = check_size(integer(row, "height"), integer(row, "width"))
    ids = row.get("not_exhaustive_category_ids") or []
    if not isinstance(ids, list) or not all(type(value) is int for value in ids):
        raise DataError(f"expected not_exhaustive_category_ids as a list of integers, got {ids!r:.60}")
    incomplete = frozenset(categories[value] for value in ids if value in categories)
    return CocoImage(integer(row, "id"), folder / string(row, "file_name"), height, width, incomplete)


def _annotation(row: Any, images: Mapping[int, CocoImage], categories: Mapping[int, str]) -> CocoAnnotation:
    image = images.get(integer(row, "image_id"))
    if image is None:
        raise DataError(f"expected an image_id of this file's images, got {row['image_id']}")
    category = categories.get(integer(row, "category_id"))
    if category is None:
        raise DataError(f"expected a category_id of this file's categories, got {row['category_id']}")
    left, top, width, height = _box_xywh(row)
    area = row.get("area", width * height)
    if not is_number(area):
        raise DataError(f"expected a number as area, got {area!r}")
    return CocoAnnotation(
        id=integer(row, "id"),
        image_id=image.id,
        category=category,
        segmentation=_segmentation(row, image),
        box_xyxy=(left, top, left + width, top + height),
        area=float(area),
        is_crowd=bool(row.get("iscrowd", 0)),
        names=_names(row),
        posture=_posture(row),
    )


def _names(row: Any) -> tuple[str, ...]:
    names = row.get("names") or []
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise DataError(f"expected names as a list of words, got {names!r:.60}")
    return tuple(nouns.clean(name) for name in names)


def _posture(row: Any) -> str:
    posture = row.get("posture") or ""
    if posture not in ("", *POSTURES):
        raise DataError(f"expected one of {', '.join(POSTURES)} as posture, got {posture!r:.60}")
    return str(posture)


def _segmentation(row: Any, image: CocoImage) -> Any:
    segmentation = row.get("segmentation") or []
    if not isinstance(segmentation, (list, Mapping)):
        raise DataError(f"expected a list of polygons or an RLE object as segmentation, got {segmentation!r:.60}")
    parts = [segmentation] if isinstance(segmentation, Mapping) else segmentation
    for part in parts:  # polygons, or the one or several RLE of RefCLEF
        if isinstance(part, Mapping) and part.get("size") != [image.height, image.width]:
            raise DataError(
                f"expected RLE of the image's size {[image.height, image.width]}, got size {part.get('size')}; "
                "the annotation belongs to another picture or another scale"
            )
    return segmentation


def _box_xywh(row: Any) -> tuple[float, float, float, float]:
    box = row.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(is_number(value) for value in box):
        raise DataError(f"expected bbox as four numbers [x, y, width, height], got {box!r:.60}")
    left, top, width, height = (float(value) for value in box)
    if width < 0 or height < 0:
        raise DataError(f"expected bbox [x, y, width, height] with no negative side, got {box}")
    return left, top, width, height

"""What reads files and words of strangers, each with good input to begin with. Only a DeixisError may come out."""

from __future__ import annotations

import io
import json
import pickle
import resource
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

import deixis.data.records
import deixis.image
from deixis.configfile import read_config
from deixis.data.captions import person_expressions
from deixis.data.coco import load_captions, load_coco
from deixis.data.predictions import read_predictions
from deixis.data.refer import load_refer
from deixis.data.referit import load_referit, read_mask
from deixis.embeddings import WordVectors
from deixis.errors import DeixisError
from deixis.glove.textfile import read_glove
from deixis.graphcheck import check_graph
from deixis.image import open_image
from deixis.masks import encode_rle
from deixis.modelfile import ModelFile
from deixis.segmenter import DEFAULT_MODEL
from deixis.text import depends_on_frame, mirror
from deixis.trainconfig import TrainConfig
from fakes import colour_segmenter, colour_vectors, scene
from fuzz.mutate import mutate_bytes, mutate_json, mutate_value, text
from releases import INSTANCES, write_pictures

Mutate = Callable[[bytes, Random], bytes]
PIXELS = 1_000_000


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        seeds: good contents; made when they are needed.
        mutate: damages one.
        read: takes the damaged content and an empty folder of its own.
    """

    seeds: Callable[[], tuple[bytes, ...]]
    mutate: Mutate
    read: Callable[[bytes, Path], object]

    def once(self, random: Random, folder: Path) -> None:
        """One damaged input.

        Raises:
            Exception: anything but a DeixisError came out.
        """
        content = self.mutate(random.choice(self.seeds()), random)
        try:
            self.read(content, folder)
        except DeixisError as error:
            str(error).encode("utf-8", "backslashreplace")


def small_pictures() -> None:
    """Nothing larger is decoded from now on, so that a damaged size costs no time."""
    deixis.image.MAX_PIXELS = deixis.data.records.MAX_PIXELS = PIXELS


def limit_memory(extra: int = 2 << 30) -> None:
    """No more bytes from now on than these beyond what the process has; to be called after everything is imported."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + extra
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _file(name: str, read: Callable[[Path], object], content: bytes, folder: Path) -> object:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return read(path)


def file_target(
    name: str, read: Callable[[Path], object], seeds: Callable[[], tuple[bytes, ...]], mutate: Mutate = mutate_bytes
) -> Target:
    return Target(seeds, mutate, partial(_file, name, read))


# --- pictures and phrases ----------------------------------------------------------------------------------------


@cache
def _pictures() -> tuple[bytes, ...]:
    picture = Image.fromarray(scene(12, 17, (0, 0, 6, 9)))
    exif = Image.Exif()
    exif[0x0112] = 6
    frames: dict[str, Any] = {"save_all": True, "append_images": [picture.rotate(90)]}
    variants: tuple[tuple[Image.Image, str, dict[str, Any]], ...] = (
        (picture, "JPEG", {"exif": exif}),
        (picture.convert("CMYK"), "JPEG", {"progressive": True}),
        (picture, "PNG", {"exif": exif}),
        (picture.convert("P"), "PNG", {"transparency": 0}),
        (Image.fromarray(np.arange(204, dtype=np.uint16).reshape(12, 17)), "PNG", {}),
        (picture.convert("RGBA"), "PNG", frames),
        (picture.convert("P"), "GIF", frames),
        (picture, "TIFF", {"compression": "tiff_lzw", "exif": exif}),
        (picture, "TIFF", {"compression": "jpeg"}),
        (picture.convert("1"), "TIFF", {"compression": "group4"}),
        (picture.convert("F"), "TIFF", {}),
        (picture, "WEBP", {"exif": exif}),
        (picture.convert("RGBA"), "WEBP", {"lossless": True, **frames}),
        (picture, "BMP", {}),
        (picture.convert("1"), "BMP", {}),
    )
    return tuple(_saved(*variant) for variant in variants)


def _saved(picture: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def _ask(content: bytes, _: Path) -> None:
    phrase = content.decode("utf-8", "surrogateescape")
    mirror(phrase), depends_on_frame(phrase), person_expressions([phrase], 1)
    segmenter = colour_segmenter()
    segmenter.words(phrase)
    segmenter.explain(scene(8, 12, (0, 0, 6, 8)), phrase)


# --- datasets ----------------------------------------------------------------------------------------------------


def _json_of(*values: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


RLE = encode_rle(np.eye(4, 6, dtype=bool))
COCO = {
    **INSTANCES,
    "annotations": [
        *INSTANCES["annotations"],
        {"id": 30, "image_id": 2, "category_id": 1, "segmentation": RLE, "bbox": [0, 0, 6, 4], "iscrowd": 1},
        {"id": 31, "image_id": 2, "category_id": 1, "segmentation": [RLE], "bbox": [0, 0, 6, 4], "area": 3.5},
        {
            "id": 32,
            "image_id": 2,
            "category_id": 1,
            "segmentation": {"size": [4, 6], "counts": [3, 4, 17]},
            "bbox": [0, 0, 6, 4],
        },
    ],
}
REFS = [
    {"ref_id": 0, "ann_id": 10, "image_id": 1, "category_id": 18, "split": "val", "file_name": "a_1.jpg"}
    | {"sent_ids": [5], "sentences": [{"sent_id": 5, "sent": "left dog", "raw": "Left dog", "tokens": ["left", "dog"]}]}
]
REFERIT = {
    "referit_query_val.json": {"8_1": ["sky", "blue sky"]},
    "referit_imcrop.json": {"8.jpg": ["8_1"]},
    "referit_imsize.json": {"8.jpg": [6, 4]},
}


def _coco(path: Path) -> None:
    coco = load_coco(path)
    for annotation in coco.annotations:
        coco.mask_of(annotation)


def _damage_pickle(content: bytes, random: Random) -> bytes:
    if random.randint(0, 1):
        return mutate_bytes(content, random)
    return pickle.dumps(mutate_value(pickle.loads(content), random), protocol=random.randint(0, 5))


def _refer(dataset: str, refs: str, content: bytes, folder: Path) -> None:
    (folder / dataset).mkdir()
    (folder / dataset / refs).write_bytes(content)
    (folder / dataset / "instances.json").write_text(json.dumps(COCO))
    write_pictures(folder / "images")
    list(load_refer(folder, dataset, "val"))


def _referit(content: bytes, folder: Path) -> None:
    first, _, table = content.partition(b"|")
    name = first.decode("utf-8", "replace")
    if name not in REFERIT:
        return
    root = folder / "referit"
    (root / "mask").mkdir(parents=True)
    (root / "images").mkdir()
    (root / "images" / "8.jpg").touch()
    (root / "mask" / "8_1.mat").write_bytes(_mat()[0])
    (root / "referit_val_imlist.txt").write_text("8\n")
    for other, values in REFERIT.items():
        (root / other).write_text(json.dumps(values))
    (root / name).write_bytes(table)
    list(load_referit(folder, "val"))


def _damage_table(content: bytes, random: Random) -> bytes:
    name, _, table = content.partition(b"|")
    return name + b"|" + mutate_json(table, random)


@cache
def _mat() -> tuple[bytes, ...]:
    import scipy.io

    made = []
    for compressed in (False, True):
        stream = io.BytesIO()
        scipy.io.savemat(stream, {"segimg_t": np.eye(4, 6, dtype=np.uint8)}, do_compression=compressed)
        made.append(stream.getvalue())
    return tuple(made)


def _predictions(path: Path) -> None:
    for prediction in read_predictions(path).values():
        if prediction.size == (4, 6):  # the others are refused before they are decoded
            prediction.read()


def _png_folder(path: Path) -> None:
    _predictions(path.parent)


# --- models, vectors, settings -----------------------------------------------------------------------------------


@cache
def _models() -> tuple[bytes, ...]:
    """The bundled model's header, with graphs of a few bytes."""
    stored = ModelFile.read(DEFAULT_MODEL)
    stream = io.BytesIO()
    with zipfile.ZipFile(DEFAULT_MODEL) as bundled, zipfile.ZipFile(stream, "w") as small:
        small.writestr("model.json", bundled.read("model.json"))
        small.writestr("image.onnx", stored.image_graph[:60])
        small.writestr("phrase.onnx", stored.phrase_graph[:60])
    return (stream.getvalue(),)


@cache
def _headers() -> tuple[bytes, ...]:
    with zipfile.ZipFile(DEFAULT_MODEL) as bundled:
        return (bundled.read("model.json"),)


def _model_of(content: bytes, folder: Path) -> None:
    path = folder / "m.deixis"
    with zipfile.ZipFile(path, "w") as made:
        for name, part in (("model.json", content), ("image.onnx", b""), ("phrase.onnx", b"")):
            made.writestr(name, part)
    ModelFile.read(path)


@cache
def _graphs() -> tuple[bytes, ...]:
    """The end of the bundled graph, behind its weights, as a graph of its own."""
    graph = ModelFile.read(DEFAULT_MODEL).phrase_graph
    return (graph, graph[-600:], b"\x3a\x06\x0a\x04\x3a\x02ai")


@cache
def _arrays() -> tuple[bytes, ...]:
    made = []
    for array in (np.zeros((4, 3), np.int8), np.ones(4, np.float16)):
        stream = io.BytesIO()
        np.save(stream, array)
        made.append(stream.getvalue())
    return tuple(made)


def _vectors(content: bytes, folder: Path) -> None:
    colour_vectors().save(folder)
    for name in ("vectors.npy", "scales.npy", "words.txt", "fingerprint.txt", "about.json"):
        before = (folder / name).read_bytes() if (folder / name).exists() else None
        (folder / name).write_bytes(content)
        try:
            vectors = WordVectors.load(folder)
            vectors.encode(["red", "a"], 3)
            assert len(vectors.words) == len(vectors)
        except DeixisError:
            pass
        (folder / name).unlink() if before is None else (folder / name).write_bytes(before)


@cache
def _checkpoint() -> tuple[bytes, ...]:
    from safetensors.torch import save
    from torch import zeros

    config = json.loads(_headers()[0])["config"]
    header = {"format": "1", "config": json.dumps(config), "vectors": "a", "step": "1", "about": "{}"}
    return (save({"model.a": zeros(2)}, header),)


def _load_checkpoint(path: Path) -> None:
    from deixis.train.checkpoint import load_checkpoint

    load_checkpoint(path)


@cache
def _weights() -> tuple[bytes, ...]:
    import torch

    made = []
    for new in (True, False):
        stream = io.BytesIO()
        torch.save({"a": torch.zeros(2)}, stream, _use_new_zipfile_serialization=new)
        made.append(stream.getvalue())
    return tuple(made)


def _load_weights(path: Path) -> None:
    from deixis.model.weights import read_weights

    read_weights(path)


CONFIG = {
    "model": {"categories": ["a"], "input_size": 64, "word_dim": 8},
    "sources": [{"annotations": "a.json", "images": "b"}],
    "validation": {"annotations": "a.json", "images": "b"},
    "augment": {},
    "steps": 3,
    "learning_rate": 0.1,
}
TOML = b'steps = 3\nleave_out = []\n[model]\ncategories = ["a"]\n[[sources]]\nannotations = "a.json"\nimages = "b"\n'
GLOVE = b"red 1 -0.5 2e-3\ngreen 0 0 1\n. . . 1 2 3\nblue 0.1 0.2 0.3\n"
PREDICTIONS = [{"sent_id": 42, "segmentation": RLE}, {"sent_id": 43, "segmentation": {"size": [4, 6], "counts": [24]}}]
LINES = b"\n".join(_json_of(*PREDICTIONS))
CAPTIONS = {"annotations": [{"id": 1, "image_id": 1, "caption": "A man rides."}]}

TARGETS: dict[str, Target] = {
    "image": file_target("picture", open_image, _pictures),
    "phrase": Target(lambda: (b"",), lambda _, random: text(random).encode("utf-8", "surrogatepass"), _ask),
    "coco": file_target("annotations/instances.json", _coco, lambda: _json_of(COCO), mutate_json),
    "captions": file_target("captions.json", load_captions, lambda: _json_of(CAPTIONS), mutate_json),
    "refer": Target(
        lambda: (pickle.dumps(REFS, protocol=2),), _damage_pickle, partial(_refer, "refcoco", "refs(unc).p")
    ),
    "grefcoco": Target(lambda: _json_of(REFS), mutate_json, partial(_refer, "grefcoco", "grefs(unc).json")),
    "referit": Target(
        lambda: tuple(f"{name}|{json.dumps(table)}".encode() for name, table in REFERIT.items()),
        _damage_table,
        _referit,
    ),
    "referit-mask": file_target("8_1.mat", partial(read_mask, size=(4, 6)), _mat),
    "model": file_target("m.deixis", ModelFile.read, _models),
    "model-header": Target(_headers, mutate_json, _model_of),
    "graph": Target(_graphs, mutate_bytes, lambda content, _: check_graph(content)),
    "vectors": Target(_arrays, mutate_bytes, _vectors),
    "checkpoint": file_target("last.safetensors", _load_checkpoint, _checkpoint),
    "weights": file_target("vgg16.pth", _load_weights, _weights),
    "glove": file_target("glove.txt", lambda path: list(read_glove(path)), lambda: (GLOVE, b"2 3\n" + GLOVE)),
    "config": file_target("c.json", partial(read_config, TrainConfig), lambda: _json_of(CONFIG), mutate_json),
    "toml": file_target("c.toml", partial(read_config, TrainConfig), lambda: (TOML,)),
    "predictions": file_target("p.json", _predictions, lambda: _json_of(PREDICTIONS), mutate_json),
    "prediction-lines": file_target("p.jsonl", _predictions, lambda: (LINES,)),
    "prediction-png": file_target("masks/42.png", _png_folder, lambda: (_saved(Image.new("1", (6, 4)), "PNG", {}),)),
}
NEEDS = {"referit": "scipy", "referit-mask": "scipy", "checkpoint": "safetensors", "weights": "torch"}

"""Files from strangers: nothing in them is run, and nothing asks for more memory than it may."""

from __future__ import annotations

import ast
import copyreg
import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deixis import embeddings
from deixis.configfile import from_mapping, read_config
from deixis.data.refer import load_refer
from deixis.embeddings import WordVectors
from deixis.errors import CheckpointError, ConfigError, DataError, ImageError
from deixis.image import open_image
from deixis.modelfile import ModelFile
from deixis.trainconfig import TrainConfig
from fakes import CONFIG, colour_vectors

SOURCE = Path(embeddings.__file__).parent


# --- source ------------------------------------------------------------------------------------------------------

FORBIDDEN = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_OF = {
    "pickle": {"load", "loads"},
    "yaml": {"load", "unsafe_load", "full_load"},
    "os": {"system", "popen"},
    "marshal": {"load", "loads"},
    "shelve": {"open"},
}


def dangerous(code: str) -> list[str]:
    """Calls that run what a file says; of torch and NumPy those without their guard."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        options = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
        match node.func:
            case ast.Name(name) if name in FORBIDDEN:
                found.append(name)
            case ast.Attribute(ast.Name(module), name):
                unguarded = (module, name) == ("torch", "load") and options.get("weights_only") is not True
                unguarded |= (module, name) == ("np", "load") and options.get("allow_pickle") is not False
                unguarded |= options.get("shell") is True
                if unguarded or name in FORBIDDEN_OF.get(module, ()):
                    found.append(f"{module}.{name}")
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_source_runs_nothing_that_a_file_says(path: Path) -> None:
    assert dangerous(path.read_text("utf-8")) == []


def test_the_search_finds_what_it_looks_for() -> None:
    for code in ("eval('1')", "exec(x)", "pickle.load(f)", "yaml.load(f)", "torch.load(f)", "np.load(f)"):
        assert dangerous(code) == [code.partition("(")[0]]
    assert dangerous("torch.load(f, weights_only=True); network.eval(); json.load(f); re.compile('')") == []
    assert dangerous("subprocess.run(c, shell=True)") == ["subprocess.run"]


# --- pickles -----------------------------------------------------------------------------------------------------


class Call:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


class Persistent(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return ("os", "system") if value == "here" else None


def persistent() -> bytes:
    stream = io.BytesIO()
    Persistent(stream, protocol=2).dump(["here"])
    return stream.getvalue()


def payloads(target: Path) -> dict[str, bytes]:
    """Pickles that make the file ``target`` when they are loaded with Python's own ``pickle``."""
    touch = f"touch '{target}'"
    code = f"open({str(target)!r}, 'w').close()"
    text = touch.encode()
    return {
        "system": pickle.dumps(Call(os.system, touch)),
        "system, protocol 0": pickle.dumps(Call(os.system, touch), protocol=0),
        "eval": pickle.dumps(Call(eval, code)),
        "exec, protocol 2": pickle.dumps(Call(exec, code), protocol=2),
        "in a row": pickle.dumps([{"ref_id": 1, "sentences": [{"sent": Call(eval, code)}]}], protocol=2),
        "nested": pickle.dumps(Call(getattr, Call(__import__, "os"), "system")),
        "nested call": pickle.dumps(Call(map, Call(getattr, Call(__import__, "os"), "system"), [touch])),
        "inst": b"(S'" + text.replace(b"'", b"") + b"'\nios\nsystem\n.",
        "obj": b"(cos\nsystem\nS'" + text.replace(b"'", b"") + b"'\no.",
        "extension": b"\x80\x02\x82\x51U" + bytes([len(text)]) + text + b"\x85R.",
    }


HARMLESS_ALONE = {
    "persistent": persistent(),
    "persistent, protocol 0": b"Pos.system\n.",
    "unknown extension": b"\x80\x02\x83\x00\x70.",
    "build": b"\x80\x02]}U\x05classU\x01xsb.",
    "huge memo": b"\x80\x02]r\xff\xff\xff\x3f.",
    "huge string": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"a.",
    "huge bytes": b"\x80\x05\x96" + struct.pack("<Q", 1 << 36) + b"a.",
    "endless stack": b"\x80\x02" + b"(" * 100_000 + b".",
}


@pytest.fixture
def extension() -> Any:
    copyreg.add_extension("posix", "system", 0x51)
    yield
    copyreg.remove_extension("posix", "system", 0x51)


def load(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "refcoco").mkdir(exist_ok=True)
    (tmp_path / "refcoco" / "refs(unc).p").write_bytes(content)
    load_refer(tmp_path, "refcoco", "val")


@pytest.mark.parametrize("name", payloads(Path("x")))
def test_no_pickle_runs_anything(tmp_path: Path, extension: None, name: str) -> None:
    target = tmp_path / "pwned"
    content = payloads(target)[name]
    if name != "nested":  # which gets hold of os.system and does not call it
        value = pickle.loads(content)
        list(value) if isinstance(value, map) else None
        assert target.exists(), "the payload works where nobody looks"
        target.unlink()
    copyreg._extension_cache.clear()  # type: ignore[attr-defined]  # which what is above has filled
    with pytest.raises(DataError, match=r"refs\(unc\)\.p: expected .*; do not trust it"):
        load(tmp_path, content)
    assert not target.exists()


@pytest.mark.parametrize("name", HARMLESS_ALONE)
def test_odd_pickles_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"refs\(unc\)\.p: expected"):
        load(tmp_path, HARMLESS_ALONE[name])


def test_weights_run_nothing(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from deixis.model.efficientnet import EfficientNetLite0
    from deixis.model.paper.vgg import Vgg16

    target, path = tmp_path / "pwned", tmp_path / "evil.pth"
    call = Call(os.system, f"touch '{target}'")
    contents: list[Callable[[], object]] = [
        lambda: torch.save({"weight": call}, path),
        lambda: torch.save({"weight": call}, path, _use_new_zipfile_serialization=False),
        lambda: path.write_bytes(pickle.dumps(call)),
        lambda: torch.save([1, 2], path),
        lambda: torch.save({"weight": "a"}, path),
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(b"PK\x03\x04"),
        path.unlink,
    ]
    networks = EfficientNetLite0(), Vgg16(width=1)  # timm's backbones read theirs the same way
    for write in contents:
        write()
        for network in networks:
            with pytest.raises(CheckpointError, match=r"evil\.pth: expected a"):
                network.load_weights(path)
    assert not target.exists()


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["os.system", "!!python/name:os.system", {"_target_": "os.system"}, os.system])
def test_no_setting_names_a_callable(value: object) -> None:
    """A config is numbers, strings from fixed lists, and paths; nothing in it is imported or called."""
    for name in ("optimiser", "_target_", "sources", "steps", "augment", "model"):
        with pytest.raises(ConfigError):
            from_mapping(TrainConfig, {"model": {"categories": ["a"]}, "sources": [], name: value})
    for name in ("fusion", "backbone"):
        with pytest.raises(ConfigError):
            from_mapping(TrainConfig, {"model": {"categories": ["a"], name: value}, "sources": []})


@pytest.mark.parametrize("name", ["c.toml", "c.json"])
def test_settings_of_endless_depth_are_refused(tmp_path: Path, name: str) -> None:
    """Python's parsers for TOML and JSON recurse."""
    (tmp_path / name).write_text(("a = " if name == "c.toml" else "") + "[" * 100_000)
    with pytest.raises(ConfigError, match=rf"{name}: not valid"):
        read_config(TrainConfig, tmp_path / name)


# --- model files and word vectors --------------------------------------------------------------------------------


def archive(path: Path, *members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in members:
            made.writestr(name, content)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_are_ours_once_and_not_packed(tmp_path: Path) -> None:
    whole = (("model.json", b"{}"), ("image.onnx", b"a"), ("phrase.onnx", b"b"))
    path = tmp_path / "m.deixis"
    for members in ((*whole, whole[1]), (*whole, ("../evil", b"")), whole[:2]):
        with pytest.raises(CheckpointError, match=r"m\.deixis .*expected image\.onnx, .* each once, got"):
            ModelFile.read(archive(path, *members))
    bomb = (whole[0], ("image.onnx", b"\0" * 5_000_000), whole[2])
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        with pytest.raises(CheckpointError, match=r"m\.deixis .*stored as it is, got it packed"):
            ModelFile.read(archive(path, *bomb, compression=compression))


def test_a_member_that_declares_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "m.deixis"
    ModelFile(CONFIG, b"image", b"phrase", "f").write(path)
    content = path.read_bytes()
    small = struct.pack("<II", 5, 5)
    for size in (6, 1 << 20, (1 << 32) - 2):
        assert content.count(small) == 2
        path.write_bytes(content.replace(small, struct.pack("<II", size, size)))
        with pytest.raises(CheckpointError, match=r"m\.deixis is not a deixis model or is damaged"):
            ModelFile.read(path)


def npy(header: str, data: bytes = b"\0" * 64) -> bytes:
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def header(dtype: str, shape: str) -> str:
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}"


BAD_ARRAYS = {
    "huge": npy(header("'|i1'", "(1000000000000, 300)")),
    "beyond 64 bits": npy(header("'|i1'", "(4000000000, 4000000000, 4000000000)")),
    "negative": npy(header("'|i1'", "(-4, 3)")),
    "objects": npy(header("'|O'", "(4, 3)")),
    "structured": npy(header("[('a', '|i1')]", "(4, 3)")),
    "swapped": npy(header("'>f2'", "(4,)")),
    "another dtype": npy(header("'<f8'", "(4, 2)")),
    "another shape": npy(header("'|i1'", "(4, 3, 1)")),
    "no number as shape": npy(header("'|i1'", "('a',)")),
    "call": npy("__import__('os').system('true')"),
    "deep": npy("(" * 5000),
    "long": b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 31) + b" " * 100,
    "pickle": pickle.dumps([1, 2]),
    "truncated": npy(header("'|i1'", "(4, 3)"), b"\0" * 11),
    "empty": b"",
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
@pytest.mark.parametrize("file", ["vectors.npy", "scales.npy"])
def test_word_vectors_of_another_shape_or_kind_are_refused(tmp_path: Path, name: str, file: str) -> None:
    colour_vectors().save(tmp_path)
    (tmp_path / file).write_bytes(BAD_ARRAYS[name])
    with pytest.raises(CheckpointError, match="expected"):
        WordVectors.load(tmp_path)


def test_an_archive_in_place_of_an_array_and_words_that_are_no_text(tmp_path: Path) -> None:
    colour_vectors().save(tmp_path)
    np.savez(tmp_path / "a.npz", a=np.zeros(3, np.int8))
    (tmp_path / "vectors.npy").write_bytes((tmp_path / "a.npz").read_bytes())
    with pytest.raises(CheckpointError, match=r"vectors\.npy: expected a \.npy file"):
        WordVectors.load(tmp_path)
    colour_vectors().save(tmp_path)
    (tmp_path / "words.txt").write_bytes(b"red\ngreen\nblue\n\xff\xfe")
    with pytest.raises(CheckpointError, match="damaged"):
        WordVectors.load(tmp_path)
    colour_vectors().save(tmp_path)
    np.save(tmp_path / "scales.npy", np.array([1, 2, np.nan, 4], np.float16))
    with pytest.raises(CheckpointError, match=r"scales\.npy: expected finite numbers"):
        WordVectors.load(tmp_path)


# --- pictures ----------------------------------------------------------------------------------------------------

SIDES = (13_360, 15_000)  # squared more than MAX_PIXELS; the first is what Pillow itself does not refuse


def picture_bytes(kind: str, **options: Any) -> bytearray:
    stream = io.BytesIO()
    Image.new("RGB" if kind in ("WEBP", "JPEG") else "L", (8, 8)).save(stream, kind, **options)
    return bytearray(stream.getvalue())


def bomb(kind: str, side: int) -> bytes:
    """A small file whose header says side x side pixels."""
    content = picture_bytes(kind, **({"lossless": True} if kind == "WEBP" else {}))
    if kind == "TIFF":
        for tag in (256, 257):
            at = next(at for size in (3, 4) if (at := content.find(struct.pack("<HHI", tag, size, 1))) >= 0)
            content[at : at + 12] = struct.pack("<HHII", tag, 4, 1, side)
    elif kind == "WEBP":
        at = content.index(b"VP8L") + 9  # behind the signature: 14 bits of width - 1, 14 of height - 1
        content[at : at + 4] = struct.pack("<I", (side - 1) | (side - 1) << 14)
    else:
        sides = {"PNG": ">II", "GIF": "<HH", "BMP": "<ii", "JPEG": ">HH"}[kind]
        content = content.replace(struct.pack(sides, 8, 8), struct.pack(sides, side, side), 2)
    if kind == "PNG":
        at = content.index(b"IHDR")
        content[at + 17 : at + 21] = struct.pack(">I", zlib.crc32(content[at : at + 17]))
    return bytes(content)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "JPEG", "TIFF", "WEBP"])
def test_pictures_are_refused_by_their_pixels_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, side: int
) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("the picture was decoded")

    path = tmp_path / "bomb"
    path.write_bytes(bomb(kind, side))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile.load", decoded)
    with pytest.raises(ImageError, match="bomb: expected at most 120,000,000 pixels"):
        open_image(path)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_of_many_frames_the_first_is_taken(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "frames"
    shades = [Image.new("L", (8, 8), shade).convert("RGB") for shade in range(0, 250, 5)]
    shades[0].save(path, kind, save_all=True, append_images=shades[1:])
    with Image.open(path) as stored:
        assert stored.n_frames == 50
    assert open_image(path).max() == 0


def test_formats_that_call_programs_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path, "EPS")
    with pytest.raises(ImageError, match=r"a\.png: not an image that can be read"):
        open_image(path)

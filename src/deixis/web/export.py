"""``deixis web-export``: the page with the network inside, as files that any static host serves."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from deixis.embeddings import WordVectors
from deixis.errors import DataError, InputError
from deixis.files import atomic_write
from deixis.image import PIXEL_MEAN, PIXEL_STD
from deixis.modelfile import ModelFile
from deixis.text import MAX_TOKENS
from deixis.web.static_files import page_files

ORT_VERSION = "1.30.0"
ORT_URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{ORT_VERSION}.tgz"
ORT_SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
ORT_SCRIPT, ORT_WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
ORT_MAX_BYTES = 64_000_000
TIMEOUT_SECONDS = 60
MAX_BYTES = 45_000_000  # of what a visitor loads
POLICY = (  # as the server's, and WebAssembly; frame-ancestors is for headers only
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class WebExport:
    """What was written.

    Attributes:
        folder: to be put on a static host.
        sizes: bytes of each file that a visitor loads.
    """

    folder: Path
    sizes: dict[str, int]

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes.values())

    def __str__(self) -> str:
        largest = sorted(self.sizes, key=lambda name: -self.sizes[name])[:4]
        parts = ", ".join(f"{name} {self.sizes[name] / 1e6:.1f}" for name in largest)
        return f"{self.folder}: {len(self.sizes)} files, {self.total / 1e6:.1f} MB to load ({parts})"


def export_page(model: ModelFile, vectors: WordVectors, folder: Path, ort: Path | None = None) -> WebExport:
    """Write the folder.

    Args:
        model: the network.
        vectors: those that it was trained with.
        folder: to write to; files of an earlier export are replaced.
        ort: the npm package onnxruntime-web as a .tgz, fetched from the npm registry when not given.

    Raises:
        DataError: the package cannot be had or is another one.
        InputError: what a visitor would load exceeds ``MAX_BYTES``.
    """
    model.check_vectors(vectors)
    runtime = read_runtime(ort.read_bytes() if ort is not None else fetch_runtime(), str(ort or ORT_URL))
    files = {name: _localised(content) if name == "index.html" else content for name, content in page_files().items()}
    files[f"ort/{ORT_SCRIPT}"] = runtime[ORT_SCRIPT]
    packed = _packed(model, vectors, runtime[ORT_WASM])
    files.update({f"model/{name}": content for name, content in packed.items()})
    header = {**_header(model), "files": {name: len(content) for name, content in packed.items()}}
    files["model/model.json"] = json.dumps(header).encode("utf-8")
    result = WebExport(folder, {name: len(content) for name, content in files.items()})
    if result.total > MAX_BYTES:
        raise InputError(f"expected at most {MAX_BYTES / 1e6:.0f} MB for a visitor to load; {result}")
    for name, content in files.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_bytes(content)
    return result


def fetch_runtime() -> bytes:
    """The pinned onnxruntime-web from the npm registry.

    Raises:
        DataError: it cannot be fetched.
    """
    try:
        with urllib.request.urlopen(ORT_URL, timeout=TIMEOUT_SECONDS) as response:
            return bytes(response.read(ORT_MAX_BYTES))
    except (urllib.error.URLError, OSError) as error:
        raise DataError(
            f"{ORT_URL}: cannot be fetched ({error}); on another machine run 'npm pack onnxruntime-web@{ORT_VERSION}' "
            "and name the file with --ort"
        ) from error


def read_runtime(package: bytes, name: str) -> dict[str, bytes]:
    """The script and the WebAssembly of the npm package.

    Args:
        package: the .tgz.
        name: for the error.

    Raises:
        DataError: its SHA-512 is not the pinned one.
    """
    got = sha512(package)
    if got != ORT_SHA512:
        raise DataError(
            f"{name}: expected onnxruntime-web {ORT_VERSION} with SHA-512 {ORT_SHA512[:16]}..., got {got[:16]}...; "
            f"fetch it with 'npm pack onnxruntime-web@{ORT_VERSION}'"
        )
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        members = {wanted: archive.extractfile(f"package/dist/{wanted}") for wanted in (ORT_SCRIPT, ORT_WASM)}
        return {wanted: member.read() for wanted, member in members.items() if member is not None}


def sha512(content: bytes) -> str:
    """The digest in base64, as npm writes it."""
    return base64.b64encode(hashlib.sha512(content).digest()).decode("ascii")


def _localised(page: bytes) -> bytes:
    """The page with the other backend and, since there is no server to send it, the policy inside."""
    text = page.decode("utf-8")
    text = text.replace('data-backend="server"', 'data-backend="local"', 1)
    policy = f'<meta charset="utf-8">\n  <meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return text.replace('<meta charset="utf-8">', policy, 1).encode("utf-8")


def _packed(model: ModelFile, vectors: WordVectors, wasm: bytes) -> dict[str, bytes]:
    """The large files, gzipped here, because many static hosts do not."""
    codes, scales = vectors.raw()
    contents = {
        "image.onnx": model.image_graph,
        "phrase.onnx": model.phrase_graph,
        "words.txt": "\n".join(vectors.words).encode("utf-8"),
        "vectors.i8": codes.tobytes(),
        "scales.f16": scales.astype("<f2").tobytes(),
        "ort.wasm": wasm,
    }
    return {f"{name}.gz": gzip.compress(content, 6, mtime=0) for name, content in contents.items()}


def _header(model: ModelFile) -> dict[str, object]:
    """What the page must know of the model."""
    return {
        "side": model.config.input_size,
        "stride": model.config.frame_stride,
        "tokens": MAX_TOKENS,
        "categories": [*model.config.categories, "none"],
        "terms": model.config.terms,
        "mean": [round(float(value), 6) for value in PIXEL_MEAN],
        "std": [round(float(value), 6) for value in PIXEL_STD],
    }

"""One file a model: config, image graph and phrase graph in an uncompressed zip archive (``.deixis``)."""

from __future__ import annotations

import json
import reprlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deixis.config import ModelConfig
from deixis.configfile import from_mapping, to_mapping
from deixis.embeddings import WordVectors
from deixis.errors import CheckpointError, ConfigError
from deixis.files import atomic_write

FORMAT = 3  # 1 had no weights of the terms, 2 saw the whole square
MEMBERS = ("model.json", "image.onnx", "phrase.onnx")
MAX_BYTES = 2 << 30
_ENCRYPTED = 0x1  # a flag of a zip member
_DAMAGED = "is not a deixis model or is damaged"
_AGAIN = "export it again with 'deixis export'"
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes


@dataclass(frozen=True)
class ModelFile:
    """A model as it is stored.

    Attributes:
        config: shape of the network.
        image_graph, phrase_graph: serialised ONNX models without external data.
        vectors: fingerprint of the word vectors that it was trained with.
        about: where it comes from: command, steps, scores.
    """

    config: ModelConfig
    image_graph: bytes
    phrase_graph: bytes
    vectors: str
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> ModelFile:
        """Open a .deixis file.

        Raises:
            CheckpointError: no such file, or not a model of this format.
        """
        if not path.is_file():
            raise CheckpointError(f"{path}: expected a model file (.deixis), found nothing there")
        header, image_graph, phrase_graph = _members(path)
        try:
            values = json.loads(header)
            if values.get("format") != FORMAT:
                raise CheckpointError(
                    f"{path}: expected format {FORMAT}, got {values.get('format')}; install the deixis that made it"
                )
            config = from_mapping(ModelConfig, values["config"])
            vectors, about = values["vectors"], values.get("about", {})
            if not isinstance(vectors, str) or not isinstance(about, dict):
                raise TypeError("expected 'vectors' as a string and 'about' as an object")
            return cls(config, image_graph, phrase_graph, vectors, about)
        except CheckpointError:
            raise
        except ConfigError as error:
            raise CheckpointError(f"{path} has a wrong setting: {error}; {_AGAIN}") from error
        except (KeyError, ValueError, AttributeError, TypeError, RecursionError) as error:
            raise CheckpointError(f"{path} {_DAMAGED}: model.json: {error}; {_AGAIN}") from error

    def write(self, path: Path) -> None:
        """Write the file that ``read`` opens; the same model gives the same bytes."""
        header = {
            "format": FORMAT,
            "config": to_mapping(self.config),
            "vectors": self.vectors,
            "about": dict(self.about),
        }
        contents = (json.dumps(header, indent=1).encode("utf-8"), self.image_graph, self.phrase_graph)
        with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, content in zip(MEMBERS, contents, strict=True):
                archive.writestr(zipfile.ZipInfo(name, _TIMESTAMP), content)

    def check_vectors(self, vectors: WordVectors) -> None:
        """Refuse word vectors other than those of the training.

        Raises:
            CheckpointError: they differ.
        """
        if vectors.fingerprint != self.vectors:
            raise CheckpointError(
                f"expected the word vectors {self.vectors} ({self.config.word_dim} numbers a word) that the model was "
                f"trained with, got {vectors.fingerprint} ({vectors.dim}); give their folder with --vectors"
            )


def _members(path: Path) -> list[bytes]:
    """The contents of ``MEMBERS``, in their order."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            _check_members(archive.infolist())
            return [archive.read(name) for name in MEMBERS]
    except OSError as error:
        if error.filename is not None:  # the file cannot be opened
            raise
        raise CheckpointError(f"{path} {_DAMAGED}: {error}; {_AGAIN}") from error
    except Exception as error:  # a damaged archive makes zipfile raise struct.error, NotImplementedError, ...
        raise CheckpointError(f"{path} {_DAMAGED}: {error}; {_AGAIN}") from error


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Exactly our members, each once and stored as it is: reading takes no more memory than the file has bytes."""
    if (names := sorted(member.filename for member in members)) != sorted(MEMBERS):
        raise CheckpointError(f"expected {', '.join(sorted(MEMBERS))} in it, each once, got {reprlib.repr(names)}")
    for member in members:
        stored = member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size
        if not stored or member.flag_bits & _ENCRYPTED:
            raise CheckpointError(f"expected {member.filename} stored as it is, got it packed")
    if (total := sum(member.file_size for member in members)) > MAX_BYTES:
        raise CheckpointError(f"expected at most {MAX_BYTES:,} bytes, got {total:,}")

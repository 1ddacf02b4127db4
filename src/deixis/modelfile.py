"""One file a model: config, image graph and phrase graph in an uncompressed zip archive (``.deixis``)."""

from __future__ import annotations

import json
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

FORMAT = 2  # 1 had no weights of the terms
MEMBERS = ("model.json", "image.onnx", "phrase.onnx")
MAX_BYTES = 2 << 30
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
        try:
            with zipfile.ZipFile(path) as archive:
                sizes = [archive.getinfo(name).file_size for name in MEMBERS]
                if sum(sizes) > MAX_BYTES:
                    raise CheckpointError(f"{path}: expected at most {MAX_BYTES:,} bytes, got {sum(sizes):,}")
                header, image_graph, phrase_graph = (archive.read(name) for name in MEMBERS)
            values = json.loads(header)
            if values.get("format") != FORMAT:
                raise CheckpointError(
                    f"{path}: expected format {FORMAT}, got {values.get('format')}; install the deixis that made it"
                )
            config = from_mapping(ModelConfig, values["config"])
            return cls(config, image_graph, phrase_graph, values["vectors"], values.get("about", {}))
        except (zipfile.BadZipFile, KeyError, ValueError, AttributeError, TypeError, EOFError) as error:
            if isinstance(error, CheckpointError):
                raise
            kind = "has a wrong setting" if isinstance(error, ConfigError) else "is not a deixis model or is damaged"
            raise CheckpointError(f"{path} {kind}: {error}; export it again with 'deixis export'") from error

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

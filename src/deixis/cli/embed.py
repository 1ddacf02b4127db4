"""``deixis embed``: word vectors from text files or a corpus, and a look at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deixis.cli.console import command, counter
from deixis.cli.options import Vectors
from deixis.trainconfig import GloveConfig

if TYPE_CHECKING:
    from deixis.embeddings import WordVectors

app = typer.Typer(no_args_is_help=True, help="Make word vectors from text, and look at them.")


@app.command()
@command
def convert(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="GloVe text file: 'word v1 ... vD' a line.", show_default=False)
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.", show_default=False)],
    words: Annotated[
        int | None, typer.Option(min=1, help="Take the first lines only.", show_default="all")
    ] = None,
    licence: Annotated[str, typer.Option(metavar="TEXT", help="Kept with the vectors.", show_default=False)] = "",
) -> None:
    """Compress a GloVe text file into a folder for --vectors."""
    from deixis.glove.textfile import convert as convert_file

    with counter("words") as count:
        made = convert_file(file, out, words, licence, count)
    if made.left_out:
        typer.echo(f"left out {made.left_out:,} lines whose word is empty or came before", err=True)
    typer.echo(_summary(out, made.vectors))


@app.command()
@command
def train(
    corpus: Annotated[
        list[Path],
        typer.Argument(metavar="CORPUS...", help="Text files, one sentence a line; - for stdin.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to make.", show_default=False)],
    dim: Annotated[int, typer.Option(min=1, help="Length of a vector.")] = GloveConfig.dim,
    window: Annotated[int, typer.Option(min=1, help="Words to each side that count.")] = GloveConfig.window,
    min_count: Annotated[int, typer.Option(min=1, help="Leave out rarer words.")] = GloveConfig.min_count,
    max_words: Annotated[int, typer.Option(min=1, help="Words at most.")] = GloveConfig.max_words,
    x_max: Annotated[float, typer.Option(help="Co-occurrences from which on a pair weighs 1.")] = GloveConfig.x_max,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over all pairs.")] = GloveConfig.epochs,
    learning_rate: Annotated[float, typer.Option(help="Of AdaGrad.")] = GloveConfig.learning_rate,
    buffer: Annotated[int, typer.Option(min=1, help="Pairs in memory, 100 bytes each.")] = GloveConfig.buffer,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same vectors.")] = GloveConfig.seed,
) -> None:
    """Train GloVe vectors on text; Ctrl-C leaves nothing behind."""
    from deixis.files import atomic_folder
    from deixis.glove.corpus import read_sentences
    from deixis.glove.fit import Epoch
    from deixis.glove.fit import train as train_vectors

    config = GloveConfig(
        dim=dim,
        window=window,
        min_count=min_count,
        max_words=max_words,
        x_max=x_max,
        epochs=epochs,
        learning_rate=learning_rate,
        buffer=buffer,
        seed=seed,
    )

    def show(epoch: Epoch) -> None:
        typer.echo(f"epoch {epoch.number}/{epoch.of}  loss {epoch.loss:.5f}", err=True)

    with atomic_folder(out) as made, counter("sentences") as count:
        origin = ", ".join(path.name for path in corpus)
        vectors = train_vectors(read_sentences(corpus, count), config, made, show, origin)
        vectors.save(made)
    typer.echo(_summary(out, vectors))


@app.command()
@command
def info(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Word vectors.", show_default="the bundled ones")
    ] = None,
) -> None:
    """Words, dimension, size, fingerprint and origin of a folder of word vectors."""
    path, vectors = _load(folder)
    size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    typer.echo(f"folder {path}\nwords {len(vectors):,}\ndimension {vectors.dim}\nsize {size / 1e6:.1f} MB")
    typer.echo(f"fingerprint {vectors.fingerprint}")
    for name in ("origin", "licence"):
        typer.echo(f"{name} {vectors.about.get(name) or 'not recorded'}")


@app.command()
@command
def neighbours(
    word: Annotated[str, typer.Argument(metavar="WORD", show_default=False)],
    vectors: Vectors = None,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
) -> None:
    """Words whose vectors have the largest cosine with that of WORD."""
    _, loaded = _load(vectors)
    for other, cosine in loaded.nearest(word, count):
        typer.echo(f"{cosine:.3f} {other}")


def _load(folder: Path | None) -> tuple[Path, WordVectors]:
    from deixis.embeddings import WordVectors
    from deixis.segmenter import DEFAULT_VECTORS

    path = folder or DEFAULT_VECTORS
    return path, WordVectors.load(path)


def _summary(folder: Path, vectors: WordVectors) -> str:
    return f"{folder}  ({len(vectors):,} words of {vectors.dim} numbers, fingerprint {vectors.fingerprint})"

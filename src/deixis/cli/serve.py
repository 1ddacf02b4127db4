"""``deixis serve``: the web page and the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deixis.cli import options
from deixis.cli.console import command, needs_extra
from deixis.config import ServeConfig
from deixis.errors import InputError

DEFAULT = ServeConfig()
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN_VARIABLE = "DEIXIS_TOKEN"


@command
def run(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for the whole network.")] = DEFAULT.host,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = DEFAULT.port,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Holds the token to ask for; or set {TOKEN_VARIABLE}.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Threads that compute.")] = DEFAULT.workers,
    waiting: Annotated[int, typer.Option(min=1, help="Requests that may wait for them.")] = DEFAULT.waiting,
    max_bytes: Annotated[int, typer.Option(min=1, help="Of a request.")] = DEFAULT.max_bytes,
    max_pixels: Annotated[int, typer.Option(min=1, help="Of a picture.")] = DEFAULT.max_pixels,
    model: options.Model = None,
    vectors: options.Vectors = None,
    threads: options.Threads = 0,
    device: options.OnDevice = options.Device.cpu,
) -> None:
    """Serve the web page and the API of docs/serving.md."""
    limits = ServeConfig(
        host=host, port=port, workers=workers, waiting=waiting, max_bytes=max_bytes, max_pixels=max_pixels
    )
    token = _read_token(token_file)
    if not token and host not in LOOPBACK:
        typer.echo(f"deixis: whoever reaches {host} can use this server; --token-file asks for a token", err=True)
    with needs_extra("web"):
        from deixis.web.app import create_app
        from deixis.web.server import serve
    from deixis.segmenter import Segmenter

    app = create_app(Segmenter.load(model, vectors=vectors, threads=threads, device=device.value), limits, token)
    serve(app, limits, lambda address: typer.echo(f"deixis: {address}  (Ctrl-C ends it)"))


def _read_token(file: Path | None) -> str:
    """From the file, else from the environment; never from the arguments, which every user of a machine can read."""
    import os

    if file is None:
        return os.environ.get(TOKEN_VARIABLE, "").strip()
    try:
        token = file.read_text("utf-8").strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: expected a token as text, got something else") from error
    if not token:
        raise InputError(f"{file}: expected a token, got an empty file")
    return token

"""Pickles of lists, dicts, strings and numbers, from strangers: nothing in them is run or takes more than its share.

``find_class`` is where a pickle gets hold of code, so it always refuses. A pickle can also name a place of the
unpickler's memory far beyond its own length ("put this at 2,000,000,000"), and Python makes that memory; so the
opcodes are walked through first (``pickletools`` describes them, and takes four times as long as loading does).
"""

from __future__ import annotations

import io
import pickle
import re
from typing import Any, NoReturn

from deixis.errors import DataError

# Opcodes of a fixed length: plain values, calls of what ``find_class`` gave, the memory's lower 16 million places.
_FIXED = re.compile(
    rb"(?:[]})(NtdlsauE02e1\x85-\x89\x8f-\x91\x94]|[Ro\x81\x92\x93]|[qhK\x80].|M..|[Jj]....|r...\0|[G\x95].{8})*",
    re.DOTALL,
)
_LENGTHS = {b"U": 1, b"C": 1, b"\x8c": 1, b"\x8a": 1, b"X": 4, b"T": 4, b"B": 4, b"\x8b": 4}
_LENGTHS |= {b"\x8d": 8, b"\x8e": 8, b"\x96": 8}  # bytes of the length of what follows
_LINES = {b"S": 1, b"V": 1, b"I": 1, b"L": 1, b"F": 1, b"g": 1, b"c": 2, b"i": 2}  # lines that follow
_PUT = re.compile(rb"p\d{1,7}\n")


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise DataError(f"expected lists, dicts, strings and numbers, got the global {module}.{name}; do not trust it")


def load_plain(content: bytes) -> Any:
    """The value that was pickled, by Python 2 or 3.

    Raises:
        DataError: it holds anything else than lists, dicts, strings and numbers, or is damaged.
    """
    try:
        _walk(content)
        try:
            return _PlainUnpickler(io.BytesIO(content), encoding="utf-8").load()
        except UnicodeDecodeError:  # Python 2 wrote its byte strings in whatever encoding they had
            return _PlainUnpickler(io.BytesIO(content), encoding="latin-1").load()
    except DataError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(
            f"expected a pickle of references, it is damaged or incomplete ({error or type(error).__name__}); "
            "fetch it again"
        ) from error


def _walk(content: bytes) -> None:
    """Refuse opcodes that do without ``find_class`` and make no plain value, and places that no such file fills."""
    position = 0
    while True:
        run = _FIXED.match(content, position)
        assert run is not None  # an empty run matches
        start = run.end()
        opcode = content[start : start + 1]
        if opcode == b".":
            return
        if opcode in _LENGTHS:
            begin = start + 1 + _LENGTHS[opcode]
            position = begin + int.from_bytes(content[start + 1 : begin], "little")
        elif opcode in _LINES:
            position = start
            for _ in range(_LINES[opcode]):
                position = content.find(b"\n", position) + 1 or len(content)
        elif put := _PUT.match(content, start):
            position = put.end()
        elif not opcode:
            raise EOFError("no end")
        else:
            raise DataError(
                f"expected a pickle of references, it is damaged or has code (opcode {opcode!r} at byte {start}); "
                "do not trust it"
            )

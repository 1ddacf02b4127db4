"""The numbers in a MATLAB file (versions 5 to 7.2), in Python alone: SciPy's reader can crash on a damaged file.

The format: "MAT-File Format", The MathWorks, level 5. A file is a head of 128 bytes and elements, each a tag (type,
bytes) and data; a matrix is an element that holds others: flags, shape, name, numbers.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

HEAD_BYTES = 128
ORDERS = {b"IM": "<", b"MI": ">"}
MATRIX, COMPRESSED = 14, 15  # types of elements; the others here are numbers
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
FULL_CLASSES = range(6, 16)  # of a matrix: double, single and integers; not cells, structures, text, sparse ones
COMPLEX = 0x800
MAX_NESTED_BYTES = 1 << 12  # what a matrix has beside its numbers


@dataclass(frozen=True)
class Variable:
    """One matrix of a file.

    Attributes:
        shape: as it says.
        numbers: of that shape, as they are stored; None where it is not full and real, or there are fewer.
    """

    shape: tuple[int, ...]
    numbers: NDArray[np.generic] | None


def read_variables(content: bytes, max_numbers: int) -> dict[str, Variable]:
    """The matrices of a file by name; of a packed one no more is unpacked than ``max_numbers`` doubles need.

    Raises:
        ValueError: not such a file, or damaged; also as struct.error, which is none, or zlib.error.
    """
    order = ORDERS.get(content[HEAD_BYTES - 2 : HEAD_BYTES])
    if order is None:
        raise ValueError("no MATLAB file of version 5 to 7.2")
    found = {}
    for kind, data, size in _elements(content[HEAD_BYTES:], order):
        if len(data) < size:
            raise ValueError("it is cut off")
        if kind == COMPRESSED:
            unpacked = zlib.decompressobj().decompress(data, 8 * max_numbers + MAX_NESTED_BYTES)
            kind, data, _ = next(_elements(unpacked, order), (0, b"", 0))
        if kind == MATRIX:
            name, variable = _matrix(data, order)
            found[name] = variable
    return found


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes, int]]:
    """Type, data, and the size that they should have, of each."""
    at = 0
    while at < len(content):
        kind, size = struct.unpack_from(f"{order}II", content, at)
        if kind >> 16:  # a small one: type and size share four bytes, the data are the next four
            yield kind & 0xFFFF, content[at + 4 : at + 4 + min(kind >> 16, 4)], kind >> 16
            at += 8
            continue
        yield kind, content[at + 8 : at + 8 + size], size
        at += 8 + size + (0 if kind == COMPRESSED else -size % 8)


def _matrix(content: bytes, order: str) -> tuple[str, Variable]:
    parts = list(islice(_elements(content, order), 4))
    if len(parts) < 3:
        raise ValueError("a matrix without flags, shape or name")
    (flags,) = struct.unpack_from(f"{order}I", parts[0][1])
    shape = tuple(int(side) for side in np.frombuffer(parts[1][1], f"{order}i4"))
    name = parts[2][1].decode("ascii")
    numbers = None
    if flags & 0xFF in FULL_CLASSES and not flags & COMPLEX and len(parts) == 4 and min(shape, default=-1) >= 0:
        numbers = _numbers(parts[3][0], parts[3][1], shape, order)
    return name, Variable(shape, numbers)


def _numbers(kind: int, data: bytes, shape: tuple[int, ...], order: str) -> NDArray[np.generic] | None:
    count = math.prod(shape)
    if kind not in NUMBERS:
        return None
    stored = np.dtype(f"{order}{NUMBERS[kind]}")
    if len(data) < count * stored.itemsize:
        return None
    return np.frombuffer(data, stored, count).reshape(shape, order="F")

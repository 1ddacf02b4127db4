"""A look into a serialised ONNX model before ONNX Runtime opens it: nothing but the standard's own operators and data.

ONNX lets a tensor lie in another file ("external data", any path), lets a node come from any domain, and has
functions and training graphs of its own. The graphs that deixis writes have none of these, so a file that has them is
refused. Only the wire format of protocol buffers is read (https://protobuf.dev/programming-guides/encoding), along
the messages of ``onnx.proto3`` that can hold a node or a tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deixis.errors import CheckpointError

STANDARD = (b"", b"ai.onnx")  # the two names of the standard's domain
MAX_DEPTH = 16  # of graphs in graphs
_NO_GRAPH = "expected an ONNX graph, got something else or half of one"
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5  # wire types; 3 and 4 are groups, which ONNX never had


@dataclass(frozen=True)
class _Message:
    """Which fields of a message matter here.

    Attributes:
        inner: messages to go down into, by field number.
        domains: fields that name a domain.
        refused: fields that must not be there (a 0 is), by number, and what they would mean.
    """

    inner: Mapping[int, str] = field(default_factory=dict)
    domains: tuple[int, ...] = ()
    refused: Mapping[int, str] = field(default_factory=dict)


_MESSAGES = {
    "model": _Message(inner={7: "graph", 8: "opset"}, refused={20: "a training graph", 25: "functions of its own"}),
    "opset": _Message(domains=(1,)),
    "graph": _Message(inner={1: "node", 5: "tensor", 15: "sparse tensor"}),
    "node": _Message(inner={5: "attribute"}, domains=(7,)),
    "attribute": _Message(
        inner={5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"}
    ),
    "sparse tensor": _Message(inner={1: "tensor", 2: "tensor"}),
    "tensor": _Message(refused={13: "data in another file", 14: "data in another file"}),
}


def check_graph(content: bytes) -> None:
    """Refuse a serialised ONNX model that is more than a graph of standard operators with its data inside.

    Raises:
        CheckpointError: external data, operators of another domain, functions, a training graph, or no ONNX at all.
    """
    _check("model", memoryview(content), MAX_DEPTH)


def _check(kind: str, content: memoryview, depth: int) -> None:
    message = _MESSAGES[kind]
    for number, value in _fields(content):
        if number in message.refused and value != 0:
            raise CheckpointError(f"expected an ONNX graph with all it needs inside, got {message.refused[number]}")
        if isinstance(value, int):
            continue
        if number in message.domains and bytes(value) not in STANDARD:
            domain = bytes(value[:60]).decode("utf-8", "replace")
            raise CheckpointError(f"expected operators of the ONNX standard, got the domain {domain!r}")
        if number in message.inner:
            inner = message.inner[number]
            left = depth - (inner == "graph")
            if left < 0:
                raise CheckpointError(f"expected at most {MAX_DEPTH} ONNX graphs in one another, got more")
            _check(inner, value, left)


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field; values of fixed width, which nothing here asks for, are 0."""
    position = 0
    while position < len(content):
        tag, position = _varint(content, position)
        wire, value = tag & 7, 0
        if tag >= 1 << 32:  # readers differ in what they make of the rest
            raise CheckpointError(_NO_GRAPH)
        if wire == _BYTES:
            size, start = _varint(content, position)
            position = start + size
            if position <= len(content):
                yield tag >> 3, content[start:position]
                continue
        elif wire == _VARINT:
            value, position = _varint(content, position)
        else:
            position += {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(wire, len(content) + 1)
        if position > len(content):
            raise CheckpointError(_NO_GRAPH)
        yield tag >> 3, value


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    """A number of 7 bits a byte, lowest first, and where it ends."""
    if position < len(content) and (first := content[position]) < 0x80:  # nearly all have one byte
        return first, position + 1
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(content):
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise CheckpointError(_NO_GRAPH)

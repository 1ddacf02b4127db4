"""Small damages to good files, by chance that the caller gives: Hypothesis in the tests, a clock in scripts/fuzz."""

from __future__ import annotations

import copy
import json
import math
import sys
from random import Random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 255, 256, 1 << 31, -(1 << 31), (1 << 63) - 1, 1 << 64, 10**30),
    *(0.5, -0.0, 1e-320, 1e308, math.nan, math.inf, -math.inf),
    *("", "a", "1", "..", "../../etc/passwd", "/", "\0", "\ud800", "\U0001f415", "a" * 5000, "os.system", "nan"),
    *([], {}, [[]], [1], [1, 2, 3, 4], [[0, 0, 5, 5]], {"size": [4, 6], "counts": "1"}, [[[[[[]]]]]]),
)
ODD_BYTES = (b"\0" * 8, b"\xff" * 8, b"\xff\xff\xff\x7f", b"\n", b'"', b"PK\x05\x06", b"\x80", b"[" * 200_000)
RANGES = ((0, 0x20), (0x20, 0x7F), (0x7F, 0x250), (0x300, 0x370), (0x600, 0x700), (0x4E00, 0x4F00), (0xD800, 0xE000))
RANGES += ((0x1F300, 0x1F700), (0xE0000, 0xE0080), (0x2000, 0x2070), (0, sys.maxunicode + 1))


def mutate_bytes(content: bytes, random: Random) -> bytes:
    """Up to eight bytes changed, parts cut, doubled, moved or put in; now and then the end cut off."""
    damaged = bytearray(content)
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(damaged))
        end = min(len(damaged), start + random.choice((1, 2, 4, 8, 64)))
        part = bytes(damaged[start:end])
        match random.randint(0, 6):
            case 0 | 1:
                damaged[start:end] = bytes(random.randint(0, 255) for _ in part)
            case 2:
                del damaged[start:end]
            case 3:
                damaged[start:start] = random.choice(ODD_BYTES)
            case 4:
                damaged[start:start] = part * random.randint(1, 50)
            case 5:
                damaged[start:end] = random.choice(ODD_BYTES)[: len(part)]
            case 6:
                del damaged[max(start, len(damaged) // 4) :]
    return bytes(damaged)


def mutate_value(value: Any, random: Random) -> Any:
    """One to three values of a tree of lists and dicts replaced, left out, doubled or given another key."""
    root = [copy.deepcopy(value)]
    for _ in range(random.randint(1, 3)):
        holder: Any = root
        key: Any = 0
        while isinstance(holder[key], (list, dict)) and holder[key] and random.randint(0, 5):
            holder = holder[key]
            key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        odd = copy.deepcopy(random.choice(ODD_VALUES))
        match random.randint(0, 4):
            case 0 if holder is not root:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[str(odd)[:20]] = holder.pop(key)
            case 2 if isinstance(holder, list) and holder is not root:
                holder.append(copy.deepcopy(holder[key]))
            case _:
                holder[key] = odd
    return root[0]


def mutate_json(content: bytes, random: Random) -> bytes:
    """JSON whose values are odd, or which is not quite JSON."""
    if random.randint(0, 3) == 0:
        return mutate_bytes(content, random)
    return json.dumps(mutate_value(json.loads(content), random)).encode("utf-8")


def text(random: Random) -> str:
    """Any characters, of one script or of all, lone surrogates and what does not print too."""
    size = random.choice((0, 1, 3, 10, 60, 600))
    start, end = random.choice(RANGES)
    return "".join(
        random.choice(("red", "left", " ", chr(random.randrange(start, end)), chr(random.randrange(start, end))))
        for _ in range(size)
    )

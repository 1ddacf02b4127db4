"""What the benchmarks share: results that are checked, and stages that are timed where they happen."""

from __future__ import annotations

import math
import sys
import types
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))
import record
import timing

SHAPE = {"n": int, "times": {str: record.QUARTILES}, "points": [{"x": float}]}
RESULT: dict[str, Any] = {
    "n": 3,
    "times": {"a": {"median": 1.5, "low": 1, "high": 2.0}},
    "points": [{"x": 0.5}],
}


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    record.write(tmp_path / "a.json", RESULT, SHAPE)
    assert record.read(tmp_path / "a.json", SHAPE) == RESULT


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 2.5}, "a.json: n: expected int, got 2.5"),
        ({"n": True}, "a.json: n: expected int, got True"),
        ({"times": {}}, "a.json: times: expected an object"),
        ({"times": {"a": {"median": 1}}}, "a.json: times: a: expected median, low, high; got median"),
        ({"points": []}, "a.json: points: expected a list of at least one"),
        ({"points": [{"x": math.nan}]}, r"a.json: points\[0\]: x: expected a finite number, got nan"),
        ({"points": [{"x": "1"}]}, "expected a finite number, got '1'"),
        ({"more": 1}, "a.json: expected n, times, points; got n, times, points, more"),
    ],
)
def test_a_wrong_result_is_neither_written_nor_read(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(ValueError, match=message):
        record.write(path, {**RESULT, **change}, SHAPE)
    assert not path.exists()
    record.write(path, {**RESULT, **change}, {str: object})
    with pytest.raises(ValueError, match=message):
        record.read(path, SHAPE)


def test_quartiles() -> None:
    assert timing.quartiles([4, 1, 3, 2, 5]) == {"median": 3, "low": 2, "high": 4}
    assert timing.quartiles([7.0]) == {"median": 7, "low": 7, "high": 7}


def test_stages_are_timed_in_place_and_nested_ones_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def inner() -> None:
        now[0] += 2

    def outer() -> str:
        now[0] += 1
        room.inner()
        return "answer"

    room = types.SimpleNamespace(inner=inner, outer=outer)
    stages = timing.Stages({"in": (room, "inner"), "out": (room, "outer")})
    with stages.watched():
        assert room.outer() == "answer"
        room.inner()
    assert stages.milliseconds == {"in": 2000, "out": 3000}
    assert (room.inner, room.outer) == (inner, outer)


def test_a_command_that_fails_ends_the_benchmark() -> None:
    assert timing.cold([sys.executable, "-c", ""])[1] > 0
    with pytest.raises(SystemExit, match="left with 3"):
        timing.cold([sys.executable, "-c", "raise SystemExit(3)"])

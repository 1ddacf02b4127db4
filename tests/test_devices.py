from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from commands import deixis_process
from deixis.cli.options import Device
from deixis.devices import CPU, CUDA, PROVIDERS, TENSORRT, DeviceWarning, providers_of
from deixis.errors import InputError
from deixis.segmenter import Segmenter

PHOTO = Path(__file__).resolve().parent.parent / "examples" / "photos" / "chelsea.jpg"
EVERYWHERE = (TENSORRT, CUDA, CPU)


@pytest.mark.parametrize(
    ("device", "available", "providers"),
    [
        ("cpu", EVERYWHERE, [CPU]),
        ("auto", EVERYWHERE, [CUDA, CPU]),
        ("auto", (CPU,), [CPU]),
        ("cuda", EVERYWHERE, [CUDA, CPU]),
        ("cuda", ("AzureExecutionProvider", CPU), [CPU]),
        ("tensorrt", EVERYWHERE, [TENSORRT, CUDA, CPU]),
        ("tensorrt", (CUDA, CPU), [CUDA, CPU]),
    ],
)
def test_providers_are_those_of_the_device_that_are_there(
    device: str, available: tuple[str, ...], providers: list[str]
) -> None:
    assert providers_of(device, available) == providers


def test_an_unknown_device_is_refused_before_any_file_is_read() -> None:
    with pytest.raises(InputError, match="device: expected one of cpu, auto, cuda, tensorrt, got 'gpu'"):
        Segmenter.load("none.deixis", device="gpu")


def test_the_command_line_offers_the_same_devices() -> None:
    assert {device.value for device in Device} == set(PROVIDERS)


without_gpu = pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA")


@without_gpu
def test_where_there_is_no_gpu_the_cpu_answers_the_same() -> None:
    expected = Segmenter.load(threads=1).segment(PHOTO, "cat")
    for device in ("cuda", "tensorrt"):
        with pytest.warns(DeviceWarning, match=f"for '{device}', .* onnxruntime-gpu"):
            segmenter = Segmenter.load(threads=1, device=device)
        np.testing.assert_array_equal(segmenter.segment(PHOTO, "cat").probability, expected.probability)
    silent = Segmenter.load(threads=1, device="auto").segment(PHOTO, "cat")
    np.testing.assert_array_equal(silent.probability, expected.probability)


def test_both_graphs_get_the_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Session(onnxruntime.InferenceSession):
        def __init__(self, graph: bytes, options: object, providers: list[str]) -> None:
            asked.append(providers)
            super().__init__(graph, options, providers=[CPU])  # as where CUDA's libraries cannot be opened

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(EVERYWHERE))
    with pytest.warns(DeviceWarning, match="expected CUDAExecutionProvider"):
        Segmenter.load(threads=1, device="cuda")
    assert asked == [[CUDA, CPU]] * 2


@without_gpu
def test_the_command_says_so_in_one_line(tmp_path: Path) -> None:
    arguments = ("segment", str(PHOTO), "cat", "-o", str(tmp_path / "cat.png"), "--device", "cuda")
    _, error = deixis_process(*arguments).communicate(timeout=60)
    assert error.startswith("deixis: device: expected CUDA") and error.count("\n") == 1
    assert (tmp_path / "cat.png").is_file()

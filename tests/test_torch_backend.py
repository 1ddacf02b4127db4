"""The two graphs on PyTorch, where a device's name says."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from commands import Run, refused  # noqa: E402
from deixis.devices import DeviceWarning  # noqa: E402
from deixis.errors import InputError  # noqa: E402
from deixis.segmenter import Segmenter  # noqa: E402
from deixis.train.ablate import open_run  # noqa: E402
from deixis.train.torch_backend import TorchBackend, place  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINT, PHOTO = ROOT / "runs" / "bundled" / "best.safetensors", ROOT / "examples" / "photos" / "chelsea.jpg"
pytestmark = pytest.mark.skipif(not CHECKPOINT.exists(), reason="the source distribution has no runs/")
without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch has a GPU here")


def test_in_bfloat16_the_answer_is_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda function, **_: compiled.append(function) or function)
    exact = open_run(CHECKPOINT)
    network = exact._backend.network  # type: ignore[attr-defined]
    fast = Segmenter(TorchBackend(network, fast=True), exact.config, exact.vectors)
    assert compiled == [network.encode_image, network.answer]
    expected, found = (model.segment(PHOTO, "cat").probability for model in (exact, fast))
    assert not np.array_equal(found, expected), "something was computed in bfloat16"
    assert np.abs(found - expected).mean() < 0.02


@without_gpu
def test_where_there_is_no_gpu_the_cpu_answers_the_same() -> None:
    expected = open_run(CHECKPOINT).segment(PHOTO, "cat")
    for device in ("cuda", "tensorrt"):
        with pytest.warns(DeviceWarning, match=f"expected a GPU for '{device}'"):
            found = open_run(CHECKPOINT, device=device)
        np.testing.assert_array_equal(found.segment(PHOTO, "cat").probability, expected.probability)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_run(CHECKPOINT, device="auto")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(InputError, match="got 'gpu'"):
        place(open_run(CHECKPOINT)._backend.network, "gpu")  # type: ignore[attr-defined]


def test_a_checkpoint_answers_as_its_export() -> None:
    """Both are of one training; the export sees larger pictures, so only the marked share is compared."""
    run, bundled = open_run(CHECKPOINT, own_threshold=True), Segmenter.load()
    shares = [model.segment(PHOTO, "cat").mask.mean() for model in (run, bundled)]
    assert shares[0] == pytest.approx(shares[1], rel=0.2)
    assert open_run(CHECKPOINT).segment(PHOTO, "cat").mask.sum() < run.segment(PHOTO, "cat").mask.sum()


def test_evaluate_takes_a_checkpoint(run: Run, refer: Path) -> None:
    arguments = ("evaluate", "refcoco:val", "--data", refer, "--no-baselines", "--model")
    outcome = run(*arguments, CHECKPOINT)
    assert outcome.code == 0 and any(line.startswith("deixis, refcoco val: oIoU ") for line in outcome.lines)
    damaged = refer / "damaged.safetensors"
    damaged.write_bytes(CHECKPOINT.read_bytes()[:1000])
    refused(run(*arguments, damaged), "damaged.safetensors")

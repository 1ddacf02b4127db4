"""Where the graphs run: names that people know, to ONNX Runtime's execution providers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from deixis.errors import InputError

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
PROVIDERS = {"cpu": (CPU,), "auto": (CUDA, CPU), "cuda": (CUDA, CPU), "tensorrt": (TENSORRT, CUDA, CPU)}


class DeviceWarning(UserWarning):
    """The device that was asked for is not there, so the network runs on another: as right, and slower."""


def check_device(device: str) -> None:
    """Refuse an unknown name.

    Raises:
        InputError: no such device.
    """
    if device not in PROVIDERS:
        raise InputError(f"device: expected one of {', '.join(PROVIDERS)}, got {device!r}")


def providers_of(device: str, available: Sequence[str]) -> list[str]:
    """Those of a device's execution providers that this installation of ONNX Runtime has, the wanted one first."""
    check_device(device)
    return [name for name in PROVIDERS[device] if name in available]


def warn_of_fallback(device: str, used: Sequence[str]) -> None:
    """Warn (``DeviceWarning``) when a session does not use what the device stands for; "auto" takes what there is."""
    wanted = PROVIDERS[device][0]
    if device != "auto" and wanted not in used:
        warnings.warn(
            f"device: expected {wanted} for {device!r}, ONNX Runtime has {', '.join(used)} only, so the network runs "
            "there; install onnxruntime-gpu in place of onnxruntime, and the CUDA libraries that it needs",
            DeviceWarning,
            stacklevel=3,
        )

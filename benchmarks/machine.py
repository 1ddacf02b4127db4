"""Machine and versions, for the head of every result."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe(*packages: str) -> dict[str, str | int]:
    """Also the versions of the packages named."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("deixis", "onnxruntime", "numpy", "pillow", *packages)},
    }


def _cpu() -> str:
    """Its name, family and model: a cloud's "AMD EPYC" may be any generation, one twice as fast as another."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "model name" not in values:
        return platform.processor()
    return f"{values['model name']} (family {values.get('cpu family', '?')}, model {values.get('model', '?')})"

"""Every reader of strangers' files on damaged input gives a DeixisError or an answer; scripts/fuzz does it longer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.targets import NEEDS, PIXELS, TARGETS


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is decoded that is larger, so that a damaged size costs no time."""
    monkeypatch.setattr("deixis.image.MAX_PIXELS", PIXELS)
    monkeypatch.setattr("deixis.data.records.MAX_PIXELS", PIXELS)
    yield


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damage that it can live with
@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False))
def test_damaged_input_is_answered_or_refused(name: str, random: Random) -> None:
    pytest.importorskip(NEEDS.get(name, "deixis"))
    with tempfile.TemporaryDirectory() as folder:
        TARGETS[name].once(random, Path(folder))

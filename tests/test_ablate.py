"""The rows of the tables from configuration to records, on drawn pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

from commands import Run, refused
from deixis.configfile import to_mapping
from deixis.errors import CheckpointError, ConfigError
from deixis.evaluate import read_records
from deixis.export import export
from deixis.train.ablate import HELD_OUT, ablate, open_run
from deixis.train.ablations import ROWS, stages
from deixis.train.presets import dataset, preset
from deixis.trainconfig import SourceConfig, TrainConfig
from tiny import tiny_run, write_refer


def full_config(folder: Path) -> TrainConfig:
    """Sentences of a drawn RefCOCO, class names of other drawn pictures."""
    write_refer(folder)
    sentences = SourceConfig(expressions="refcoco:train", images=".", phrases="given")
    names = SourceConfig("train/instances.json", "train/images", phrases="names")
    return tiny_run(folder, sources=(sentences, names), steps=2, validate_every=2, held_out_words=("triangle",))


def test_all_rows_from_the_command_line(run: Run, tmp_path: Path) -> None:
    config = full_config(tmp_path)
    (tmp_path / "full.json").write_text(json.dumps(to_mapping(config)))
    command = ["ablate", "--base", tmp_path / "full.json", "--data", tmp_path, "--runs", tmp_path / "runs"]
    outcome = run(*command, "--test", "refcoco:val")
    assert outcome.code == 0, outcome.err
    for row in ROWS:
        folder = tmp_path / "runs" / row / "seed0"
        records = read_records(folder / "records" / "refcoco-val.jsonl")
        assert {record.dataset for record in records} == {"refcoco"} and len(records) >= 1
        held_out = read_records(folder / "records" / f"{HELD_OUT}.jsonl")
        marked = [record for record in held_out if record.tags["held_out_word"] == "True"]
        assert marked and all("triangle" in record.phrase for record in marked)
        log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        assert ("alpha" in log[-1]) == (row in ("full", "full+objects"))
    before = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.jsonl")}
    assert run(*command, "--test", "refcoco:val").code == 0
    assert before == {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.jsonl")}, "nothing done twice"


def test_a_learned_embedding_lives_in_its_run(tmp_path: Path) -> None:
    config = full_config(tmp_path)
    ablate(config, ["lstm-cnn"], [3], {}, tmp_path / "runs", tmp_path, lambda name, progress: None)
    best = tmp_path / "runs" / "lstm-cnn" / "seed3" / "best.safetensors"
    segmenter = open_run(best)
    assert segmenter.config.terms == ("p1",) and segmenter.config.vocabulary > 2
    assert "square" in segmenter.vectors and "triangle" not in segmenter.vectors, "it was held out"
    with pytest.raises(CheckpointError, match="expected a network with fixed word vectors"):
        export(best, tmp_path / "x.deixis")


def test_rows_change_one_thing_each(tmp_path: Path) -> None:
    full = full_config(tmp_path)
    rows = {name: row(full) for name, row in ROWS.items()}
    assert {name: config.model.terms for name, config in rows.items()} == {
        "lstm-cnn": ("p1",),
        "+embedding": ("p1",),
        "+embedding+synthesized": ("p1",),
        "category": ("p2",),
        "full": ("p1", "p2"),
        "full+objects": ("p1", "p2", "p3"),
    }
    assert replace(rows["lstm-cnn"], embedding="fixed") == rows["+embedding"]
    assert replace(rows["+embedding"], sources=full.sources) == rows["+embedding+synthesized"]
    assert rows["full+objects"] == full
    assert [stage.run for stage in stages("full", full, Path("runs"))] == [Path("runs/full/seed0")]
    with pytest.raises(ConfigError, match="expected one with sentences"):
        ROWS["lstm-cnn"](replace(full, sources=full.sources[1:]))


def test_presets_choose_checkpoints_on_pictures_that_are_not_measured() -> None:
    for name in ("g-ref", "unc-ref", "referit", "refcoco+"):
        for kind in ("paper", "compact"):
            config, found = preset(kind, dataset(name)), dataset(name)
            trained, chosen = config.sources[0], config.validation
            assert trained.expressions == chosen.expressions == found.train and trained.part[1] == chosen.part[0]
            assert found.train not in found.tests
            assert [source.phrases for source in config.sources] == ["given", "names"]
    with pytest.raises(ConfigError, match="expected paper or compact, got 'large'"):
        preset("large", dataset("g-ref"))


def test_what_the_command_refuses(run: Run, tmp_path: Path) -> None:
    write_refer(tmp_path)
    command = ["ablate", "--data", tmp_path, "--runs", tmp_path / "runs", "--dataset", "refcoco"]
    refused(run(*command, "--rows", "full,best"), "--rows: expected names of lstm-cnn", "'best'")
    refused(run(*command, "--seeds", "0,a"), "--seeds: expected whole numbers", "'0,a'")
    refused(run(*command, "--preset", "large"), "expected paper or compact")
    refused(run(*command, "--test", "refcoco:dev"), "dev")
    refused(run(*command, "--rows", "full"), "instances_train2014.json")

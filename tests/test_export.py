from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import onnx
import torch
from PIL import Image

from commands import Run, refused
from deixis import export as exporting
from deixis.data.shapes import draw_scene
from deixis.errors import CheckpointError, ConfigError, InputError
from deixis.export import ParityError, check_parity, export, fuse_batch_norms
from deixis.model.build import build
from deixis.model.compact import CompactNetwork
from deixis.modelfile import ModelFile
from deixis.precision import HALF, halve, quantise, widen
from deixis.segmenter import DEFAULT_MODEL, Segmenter
from deixis.train.checkpoint import MODEL, Checkpoint, load_checkpoint, save_checkpoint, weights_of
from deixis.train.torch_backend import TorchBackend
from tiny import tiny_model, tiny_vectors

PICTURE = np.random.default_rng(3).integers(0, 256, (48, 61, 3), dtype=np.uint8)


def trained_looking(seed: int = 0, **terms: bool) -> CompactNetwork:
    """A network whose batch norms have statistics of their own, as after training."""
    network = build(tiny_model(**terms), seed)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(seed)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
        if network.objects is not None:
            network.objects.heat.weight.normal_(0, 2)  # some cells are clearly higher than others
    return network.eval()


def checkpoint_of(network: CompactNetwork, folder: Path) -> Path:
    path = folder / "best.safetensors"
    tensors = weights_of(network, MODEL)
    save_checkpoint(path, Checkpoint(network.config, tiny_vectors().fingerprint, 7, tensors, {"best_score": 0.5}))
    return path


@pytest.mark.parametrize(
    "terms", [{}, {"objects": False}, {"objects": False, "p2": False}, {"objects": False, "p1": False}], ids=str
)
def test_an_exported_model_answers_like_the_network(tmp_path: Path, terms: dict[str, bool]) -> None:
    network = trained_looking(**terms)
    tiny_vectors().save(tmp_path / "vectors")
    report = export(checkpoint_of(network, tmp_path), tmp_path / "m.deixis")
    assert report.difference <= exporting.TOLERANCE
    assert report.size == (tmp_path / "m.deixis").stat().st_size

    ours = Segmenter(TorchBackend(network), network.config, tiny_vectors())
    theirs = Segmenter.load(tmp_path / "m.deixis", vectors=tmp_path / "vectors")
    for phrase in ("left circle", "red square"):
        expected, got = ours.segment(PICTURE, phrase), theirs.segment(PICTURE, phrase)
        assert got.mask.shape == (48, 61)
        # The stored weights are rounded to float16, the network's are not.
        np.testing.assert_allclose(got.probability, expected.probability, atol=0.01)
        assert got.score == pytest.approx(expected.score, abs=0.01)


def test_the_file_says_where_it_comes_from(tmp_path: Path) -> None:
    export(checkpoint_of(trained_looking(), tmp_path), tmp_path / "m.deixis")
    model = ModelFile.read(tmp_path / "m.deixis")
    assert model.config == tiny_model()
    assert model.vectors == tiny_vectors().fingerprint
    assert model.about == {"step": 7, "alpha": 0.5, "best_score": 0.5}


def test_the_threshold_of_the_validation_is_in_the_graph(tmp_path: Path) -> None:
    network = trained_looking()
    stored = load_checkpoint(checkpoint_of(network, tmp_path))
    save_checkpoint(tmp_path / "low.safetensors", replace(stored, about={"validation": {"threshold": 0.3}}))
    tiny_vectors().save(tmp_path / "vectors")
    odds = []
    for name in ("best", "low"):
        export(tmp_path / f"{name}.safetensors", tmp_path / f"{name}.deixis")
        segmenter = Segmenter.load(tmp_path / f"{name}.deixis", vectors=tmp_path / "vectors")
        p = segmenter.explain(PICTURE, "red square").probability.astype(np.float64)
        odds.append(np.log(p / (1 - p)))
    np.testing.assert_allclose(odds[1] - odds[0], np.log(0.7 / 0.3), atol=1e-2)


def test_another_input_size(tmp_path: Path) -> None:
    tiny_vectors().save(tmp_path / "vectors")
    export(checkpoint_of(trained_looking(), tmp_path), tmp_path / "m.deixis", input_size=96)
    features = Segmenter.load(tmp_path / "m.deixis", vectors=tmp_path / "vectors").encode_image(PICTURE)
    assert features.input_size == 96 and features.arrays["p_image"].shape[-2:] == (12, 12)
    with pytest.raises(ConfigError, match="expected a positive multiple of 32, got 100"):
        export(tmp_path / "best.safetensors", tmp_path / "m.deixis", input_size=100)


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path) -> None:
    path = checkpoint_of(trained_looking(), tmp_path)
    export(path, tmp_path / "a.deixis")
    export(path, tmp_path / "b.deixis")
    assert (tmp_path / "a.deixis").read_bytes() == (tmp_path / "b.deixis").read_bytes()


def test_parity_check_raises_when_the_graphs_are_of_another_network(tmp_path: Path) -> None:
    export(checkpoint_of(trained_looking(seed=0), tmp_path), tmp_path / "m.deixis")
    model = ModelFile.read(tmp_path / "m.deixis")
    other = trained_looking(seed=0)
    with torch.no_grad():
        other.lstm_cnn.classify.bias += 0.1
    with pytest.raises(ParityError, match="differs from PyTorch by"):
        check_parity(other, model.image_graph, model.phrase_graph)
    with pytest.raises(ParityError, match="propose different objects"):
        check_parity(trained_looking(seed=1), model.image_graph, model.phrase_graph)


def test_nothing_is_written_when_parity_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "TOLERANCE", -1.0)
    with pytest.raises(ParityError):
        export(checkpoint_of(trained_looking(), tmp_path), tmp_path / "m.deixis")
    assert not (tmp_path / "m.deixis").exists()


def test_fused_batch_norms_compute_the_same() -> None:
    network = trained_looking()
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = network.encode_image(images)
        fuse_batch_norms(network)
        after = network.encode_image(images)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(after.p_image, before.p_image, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(after.p1_part, before.p1_part, atol=1e-4, rtol=1e-4)


def test_large_weights_are_stored_in_half_precision(tmp_path: Path) -> None:
    export(checkpoint_of(trained_looking(), tmp_path), tmp_path / "m.deixis")
    graph = onnx.load_from_string(ModelFile.read(tmp_path / "m.deixis").image_graph).graph
    sizes = {tensor.data_type: 0 for tensor in graph.initializer}
    for tensor in graph.initializer:
        sizes[tensor.data_type] += int(np.prod(tensor.dims))
    assert sizes[onnx.TensorProto.FLOAT16] > 10 * sizes[onnx.TensorProto.FLOAT]


def test_nothing_is_left_in_the_graphs_that_no_input_changes(tmp_path: Path) -> None:
    export(checkpoint_of(trained_looking(), tmp_path), tmp_path / "m.deixis")
    model = ModelFile.read(tmp_path / "m.deixis")
    for content in (model.image_graph, model.phrase_graph):
        graph = onnx.load_from_string(content).graph
        constant = {weight.name for weight in graph.initializer}
        left = [node.op_type for node in graph.node if set(node.input) - {""} <= constant]
        halves = [weight for weight in graph.initializer if weight.name.endswith(HALF)]
        assert left == ["Cast"] * len(halves) and halves


def test_the_lowest_runtime_knows_every_kind_of_argmax() -> None:
    """ONNX Runtime 1.18 finds the largest of 32-bit integers, and not of 64-bit ones."""
    graph = onnx.load_from_string(ModelFile.read(DEFAULT_MODEL).phrase_graph).graph
    types = {node.output[0]: node.attribute[0].i for node in graph.node if node.op_type == "Cast"}
    found = [types[node.input[0]] for node in graph.node if node.op_type == "ArgMax"]
    assert found == [onnx.TensorProto.INT32]


def test_numbers_that_float16_does_not_have_are_not_stored_in_it() -> None:
    values = {"exact": np.full((20, 20), 0.125, np.float32), "other": np.full((20, 20), 0.1, np.float32)}
    weights = [onnx.numpy_helper.from_array(value, name) for name, value in values.items()]
    added = onnx.helper.make_node("Add", ["exact", "other"], ["sum"])
    sums = [onnx.helper.make_tensor_value_info("sum", onnx.TensorProto.FLOAT, (20, 20))]
    graph = onnx.helper.make_graph([added], "g", [], sums, weights)
    content = halve(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", exporting.OPSET)]))
    names = {weight.name for weight in onnx.load_from_string(content).graph.initializer}
    assert names == {"exact" + HALF, "other"}


def test_an_int8_model_is_smaller_and_answers_alike(tmp_path: Path) -> None:
    photos = [tmp_path / f"{number}.png" for number in range(4)]
    for number, photo in enumerate(photos):
        Image.fromarray(draw_scene(number, 64).image).save(photo)
    tiny_vectors().save(tmp_path / "vectors")
    export(checkpoint_of(trained_looking(), tmp_path), tmp_path / "m.deixis")
    plain = ModelFile.read(tmp_path / "m.deixis")
    small = quantise(plain, photos)
    small.write(tmp_path / "int8.deixis")
    assert len(small.image_graph) < 0.8 * len(plain.image_graph)
    assert small.phrase_graph == plain.phrase_graph and small.about["precision"] == "int8"
    kinds = {tensor.data_type for tensor in onnx.load_from_string(small.image_graph).graph.initializer}
    assert onnx.TensorProto.INT8 in kinds
    expected, got = (
        Segmenter.load(tmp_path / name, vectors=tmp_path / "vectors").segment(photos[0], "left circle").probability
        for name in ("m.deixis", "int8.deixis")
    )
    assert 0 < np.abs(got - expected).mean() < 0.05


def test_int8_needs_photographs(tmp_path: Path) -> None:
    export(checkpoint_of(trained_looking(), tmp_path), tmp_path / "m.deixis")
    with pytest.raises(InputError, match="expected at least one picture"):
        quantise(ModelFile.read(tmp_path / "m.deixis"), [])


def test_the_int8_command_writes_one_file_or_none(run: Run, tmp_path: Path) -> None:
    checkpoint, photos, output = checkpoint_of(trained_looking(), tmp_path), tmp_path / "photos", tmp_path / "m.deixis"
    photos.mkdir()
    (photos / "broken.png").write_bytes(b"no picture")
    refused(run("export", checkpoint, "--output", output, "--int8", photos), "broken.png")
    assert not output.exists()
    Image.fromarray(draw_scene(1, 64).image).save(photos / "broken.png")
    told = run("export", checkpoint, "--output", output, "--int8", photos).out
    assert told.startswith(f"{output}: ") and told.endswith(" MB in int8\n")
    assert ModelFile.read(output).about["precision"] == "int8"


def test_widening_takes_halving_back(tmp_path: Path) -> None:
    export(checkpoint_of(trained_looking(), tmp_path), tmp_path / "m.deixis")
    graph = ModelFile.read(tmp_path / "m.deixis").image_graph
    wide = widen(graph)
    onnx.checker.check_model(wide)
    assert all(weight.data_type != onnx.TensorProto.FLOAT16 for weight in wide.graph.initializer)
    assert halve(wide) == graph


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match=r"x\.safetensors"):
        export(tmp_path / "x.safetensors", tmp_path / "m.deixis")

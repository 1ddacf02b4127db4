"""The paper's network against its published architecture, and every row of its tables trained on eight pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from torch import nn
from torch.nn import functional as F

from deixis.config import ModelConfig
from deixis.data.shapes import SHAPES, write_coco
from deixis.errors import CheckpointError, ConfigError
from deixis.model.build import build, parameter_count
from deixis.model.paper.fcn import Fcn
from deixis.model.paper.lstm_cnn import BaselineLstmCnn, BaselineTextEncoder
from deixis.model.paper.network import PaperNetwork
from deixis.model.paper.vgg import Vgg16
from deixis.train.ablations import ROWS, Stage, stages
from deixis.train.checkpoint import MODEL, Checkpoint, weights_of
from deixis.train.loop import start_from, train
from deixis.train.presets import dataset, preset
from deixis.train.progress import Progress
from deixis.trainconfig import SourceConfig, TrainConfig
from tiny import DIM, tiny_vectors

CONVOLUTIONS = 14_714_688  # of VGG-16's published 138,357,544 parameters
FC6, FC7, FC8 = 512 * 49 * 4096 + 4096, 4096 * 4096 + 4096, 4096 * 1000 + 1000
PAPER = preset("paper", dataset("unc-ref"))


def on_meta(make: type[nn.Module], *arguments: object) -> nn.Module:
    """A module without memory for its weights: full-size shapes cost nothing."""
    with torch.device("meta"):
        return make(*arguments)


def test_vgg16_is_the_published_one() -> None:
    network = on_meta(Vgg16)
    assert parameter_count(network) == 138_357_544 == CONVOLUTIONS + FC6 + FC7 + FC8
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    layers = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]  # torchvision's keys
    expected = [f"features.{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    expected += [f"classifier.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")]
    assert list(shapes) == expected
    assert shapes["features.28.weight"] == (512, 512, 3, 3) and shapes["classifier.0.weight"] == (4096, 25088)


def test_maps_of_a_512_px_picture() -> None:
    network = on_meta(Vgg16)
    assert isinstance(network, Vgg16)
    maps = network(torch.zeros(1, 3, 512, 512, device="meta"))
    assert (maps.pool3.shape, maps.pool4.shape) == ((1, 256, 64, 64), (1, 512, 32, 32))
    assert network.fc8(maps.fc7).shape == (1, 1000, 16, 16)


def test_a_fully_connected_layer_is_the_middle_of_its_convolution() -> None:
    torch.manual_seed(0)
    network = Vgg16(width=2).eval()
    images = torch.randn(1, 3, 224, 224)
    features = network.features(images)
    assert features.shape[-2:] == (7, 7)
    convolved = network(images).fc7
    assert torch.allclose(network.classifier[:6](features.flatten(1))[0], convolved[0, :, 3, 3], atol=1e-4)


def test_torchvision_weights_load_with_and_without_the_classifier(tmp_path: Path) -> None:
    stored = Vgg16(width=1)
    torch.save(stored.state_dict(), tmp_path / "vgg16.pth")
    for fc8 in (True, False):
        network = Vgg16(width=1, fc8=fc8)
        network.load_weights(tmp_path / "vgg16.pth")
        assert torch.equal(network.features[0].weight, stored.features[0].weight)
    with pytest.raises(CheckpointError, match=r"expected torchvision's vgg16 weights"):
        Vgg16(width=2).load_weights(tmp_path / "vgg16.pth")


@pytest.mark.parametrize(("stride", "scores"), [(32, 4096 + 1), (16, 4096 + 512 + 2), (8, 4096 + 512 + 256 + 3)])
def test_the_fcn_is_the_published_one(stride: int, scores: int) -> None:
    network = on_meta(Fcn, 64, 20, stride)
    assert parameter_count(network) == CONVOLUTIONS + FC6 + FC7 + 21 * scores
    assert network(torch.zeros(1, 3, 512, 512, device="meta")).shape == (1, 21, 512, 512)


def test_a_finer_fcn_starts_as_the_coarser_one() -> None:
    coarse, fine = Fcn(2, 3, 32), Fcn(2, 3, 8)
    nn.init.normal_(coarse.score_fc7.weight)
    fine.load_state_dict(coarse.state_dict(), strict=False)
    images = torch.randn(1, 3, 96, 64)
    scores = coarse.score_fc7(coarse.backbone.eval()(images).fc7)
    assert torch.allclose(coarse(images), F.interpolate(scores, scale_factor=32.0, mode="bilinear"), atol=1e-6)
    for factor in (2.0, 2.0, 8.0):
        scores = F.interpolate(scores, scale_factor=factor, mode="bilinear")
    assert torch.allclose(fine.eval()(images), scores, atol=1e-6)


def test_the_lstm_cnn_is_the_published_one() -> None:
    network = on_meta(BaselineLstmCnn, 64, 1000, 500, True)
    assert isinstance(network, BaselineLstmCnn)
    head = (1000 + 1000 + 8) * 500 + 500 + (500 + 1) + 64 * 64
    assert parameter_count(network) == 138_357_544 + head
    part = network.image_part(torch.zeros(2, 3, 512, 512, device="meta"))
    assert part.shape == (2, 500, 16, 16)
    assert network(part, torch.zeros(2, 3, 1000, device="meta")).shape == (2, 3, 512, 512)
    lstm = on_meta(BaselineTextEncoder, 1000, 1000)
    assert parameter_count(lstm) == 4 * (1000 * 1000 + 1000 * 1000 + 2 * 1000)


def test_the_deconvolution_starts_as_bilinear_interpolation() -> None:
    layer = BaselineLstmCnn(1, 4, 4, True).deconvolve
    assert layer is not None
    scores = torch.randn(1, 1, 5, 5)
    expected = F.interpolate(scores, scale_factor=32.0, mode="bilinear", align_corners=False)
    inner = slice(16, -16)  # at the border, interpolation repeats the edge and a deconvolution sees zeros
    assert torch.allclose(layer(scores)[..., inner, inner], expected[..., inner, inner], atol=1e-5)


def test_the_preset_is_that_of_the_baseline() -> None:
    low, high = stages("+embedding", PAPER, Path("runs"))
    assert (low.config.steps, low.config.drop_every, low.config.loss.background) == (30_000, 10_000, 1.0)
    assert (high.config.steps, high.config.drop_every, high.config.loss.background) == (18_000, 6_000, 1 / 3)
    assert high.config.initial == (str((Path("runs/+embedding/seed0/low/best.safetensors")).absolute()),)
    assert (low.config.model.mask_stride, high.config.model.mask_stride) == (32, 1)
    for config in (low.config, high.config):
        assert (config.optimiser, config.learning_rate, config.momentum) == ("sgd", 0.01, 0.9)
        assert config.weight_decay == 5e-4
        assert (config.images, config.frozen_stride, config.model.input_size) == (10, 32, 512)
    baseline = ROWS["lstm-cnn"](PAPER)
    assert (baseline.embedding, baseline.model.word_dim, baseline.model.text_width) == ("learned", 1000, 1000)
    assert [source.phrases for source in baseline.sources] == ["given"]
    assert [source.phrases for source in ROWS["full"](PAPER).sources] == ["given", "names"]
    assert [stage.config.model.fcn_stride for stage in stages("category", PAPER, Path("runs"))] == [32, 16, 8]


def test_conv1_to_conv5_of_the_lstm_cnn_are_fixed() -> None:
    network = build(small(Path()).model)
    assert isinstance(network, PaperNetwork)
    network.freeze(32)
    fixed = {name for name, value in network.named_parameters() if not value.requires_grad}
    assert fixed == {name for name, _ in network.named_parameters() if name.startswith("lstm_cnn.backbone.features.")}


def test_a_run_starts_from_the_weights_that_fit(tmp_path: Path) -> None:
    config = small(tmp_path).model
    coarse = build(replace(config, p1=False, fcn_stride=32), seed=1)
    fine = build(config, seed=2)
    start_from(fine, Checkpoint(config, "", 0, weights_of(coarse, MODEL), {}), "here")
    assert torch.equal(fine.state_dict()["category.score_fc7.weight"], coarse.state_dict()["category.score_fc7.weight"])
    other = {f"{MODEL}another.weight": torch.zeros(1)}
    with pytest.raises(CheckpointError, match="here: expected weights of this network"):
        start_from(fine, Checkpoint(config, "", 0, other, {}), "here")


def test_what_is_renewed_keeps_its_first_weights(tmp_path: Path) -> None:
    config = small(tmp_path).model
    before, after, fresh = (build(config, seed=seed) for seed in (1, 2, 2))
    start_from(after, Checkpoint(config, "", 0, weights_of(before, MODEL), {}), "here", ("expression_classifier",))
    taken, new, given = (network.state_dict() for network in (after, fresh, before))
    for name, value in taken.items():
        assert torch.equal(value, (new if name.startswith("expression_classifier.") else given)[name]), name
    with pytest.raises(ConfigError, match=r"renewed: expected parts of the network, .*lstm_cnn.*, got 'text'"):
        start_from(after, Checkpoint(config, "", 0, weights_of(before, MODEL), {}), "here", ("text",))


def small(folder: Path) -> TrainConfig:
    """The paper's preset at reduced size: 128 px and VGG-16 with 4 instead of 64 channels in its first block."""
    source = SourceConfig("train/instances.json", "train/images")
    model = ModelConfig(
        SHAPES, "paper", "vgg16", 128, DIM, width=4, text_width=32, p1_width=32, objects=False, dropout=0.0
    )
    return replace(
        PAPER,
        model=model,
        sources=(source, replace(source, phrases="names")),
        validation=source,
        vectors=str(folder / "vectors"),
        frozen_stride=0,  # nothing is learned from ImageNet here
        steps=60,
        drop_every=0,
        images=4,
        phrases=4,
        optimiser="adamw",
        learning_rate=2e-3,
        backbone_rate=2e-3,
        workers=0,
        validate_every=1000,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[Progress]]]:
    """What each stage of each row reported, trained on eight pictures of one to three large shapes."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("paper")
    tiny_vectors().save(folder / "vectors")
    write_coco(folder / "train", 8, seed=1, size=128, radii=(0.2, 0.28))
    reports: dict[str, list[list[Progress]]] = {}
    for row in list(ROWS)[:5]:
        for stage in stages(row, small(folder), folder / "runs"):
            reports.setdefault(row, []).append(_run(stage, folder))
    return reports


def _run(stage: Stage, folder: Path) -> list[Progress]:
    seen: list[Progress] = []
    train(stage.config, stage.run, folder, seen.append)
    return seen


# A coarse grid of 4 x 4 cells bounds p1; the FCN reads finer maps. Its row alone cannot tell a thing from its like.
@pytest.mark.parametrize(
    ("row", "stages", "miou"),
    [
        ("lstm-cnn", 2, 0.4),
        ("+embedding", 2, 0.4),
        ("+embedding+synthesized", 2, 0.35),
        ("category", 3, 0.35),
        ("full", 1, 0.5),
    ],
)
def test_every_row_overfits(trained: dict[str, list[list[Progress]]], row: str, stages: int, miou: float) -> None:
    reports = trained[row]
    assert len(reports) == stages
    assert all(report[-1].losses["total"] < 0.85 * report[0].losses["total"] for report in reports)
    last = reports[-1][-1].validation
    assert last is not None
    assert (last.kinds["class"] if row == "category" else last.miou) > miou

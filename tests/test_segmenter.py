from __future__ import annotations

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deixis.config import DEFAULT_PRESENCE
from deixis.errors import CheckpointError, ImageError, InputError, PhraseError
from deixis.image import open_image
from deixis.modelfile import ModelFile
from deixis.segmenter import DEFAULT_MODEL, PHRASES_AT_ONCE, Segmenter, Words
from fakes import CONFIG, ColourBackend, colour_segmenter, colour_vectors, scene


def iou(left: np.ndarray, right: np.ndarray) -> float:
    return float((left & right).sum() / (left | right).sum())


def box_mask(height: int, width: int, box: tuple[int, int, int, int]) -> np.ndarray:
    return scene(height, width, box)[..., 0] > 0


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        (64, 64, (16, 16, 48, 48)),
        (480, 640, (400, 100, 600, 300)),
        (640, 480, (0, 0, 200, 200)),
        (333, 501, (250, 200, 501, 333)),
        (100, 1000, (700, 0, 900, 100)),
    ],
)
def test_the_mask_lies_on_the_object_at_the_original_size(
    height: int, width: int, box: tuple[int, int, int, int]
) -> None:
    result = colour_segmenter().segment(scene(height, width, box), "red")
    assert result.mask.shape == result.probability.shape == (height, width)
    assert (result.mask.dtype, result.probability.dtype) == (np.bool_, np.float32)
    # The grid's cell, and with it the error at each side of the box, is 1/16 of the longer side.
    assert iou(result.mask, box_mask(height, width, box)) > 0.75
    rows, columns = np.nonzero(result.mask)
    cell = max(height, width) / 16
    assert abs(columns.mean() - (box[0] + box[2] - 1) / 2) < cell / 2
    assert abs(rows.mean() - (box[1] + box[3] - 1) / 2) < cell / 2


@given(st.integers(1, 200), st.integers(1, 200))
def test_any_size_comes_back(height: int, width: int) -> None:
    image = np.full((height, width, 3), (255, 0, 0), dtype=np.uint8)
    red, green = colour_segmenter().segment_many(image, ["red", "green"])
    assert red.mask.shape == (height, width) and not green.mask.any()
    if 8 * min(height, width) > max(height, width):  # the picture fills at least one cell of the grid
        assert red.mask.any()
    assert red.probability.min() >= 0 and red.probability.max() <= 1
    assert 0 <= red.score <= 1


def test_paths_pil_images_arrays_and_features_are_the_same(tmp_path: Path) -> None:
    pixels = scene(90, 120, (10, 10, 60, 60))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    segmenter = colour_segmenter()
    expected = segmenter.segment(pixels, "red").probability
    sources = [tmp_path / "a.png", str(tmp_path / "a.png"), Image.fromarray(pixels), segmenter.encode_image(pixels)]
    for source in sources:
        np.testing.assert_array_equal(segmenter.segment(source, "red").probability, expected)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_has_a_mask_of_its_own_size(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    Image.fromarray(scene(900, 1200, (200, 100, 700, 500))).save(path, exif=exif)
    segmenter = colour_segmenter()
    reduced, whole = segmenter.segment(path, "red"), segmenter.segment(open_image(path), "red")
    assert reduced.mask.shape == whole.mask.shape == ((1200, 900) if orientation == 6 else (900, 1200))
    assert iou(reduced.mask, whole.mask) > 0.97
    assert reduced.overlay(path).shape == (*whole.mask.shape, 3)


def test_many_phrases_share_one_encoding_and_come_in_chunks() -> None:
    backend = ColourBackend()
    phrases = [("red", "green", "blue")[index % 3] + " thing" * (index % 5) for index in range(2 * PHRASES_AT_ONCE + 3)]
    results = colour_segmenter(backend).segment_many(scene(50, 70, (5, 5, 40, 40)), phrases)
    assert backend.encoded == 1
    assert backend.asked == [PHRASES_AT_ONCE, PHRASES_AT_ONCE, 3]
    assert [result.phrase for result in results] == phrases


def test_a_phrase_has_the_same_answer_alone_and_among_others() -> None:
    segmenter = colour_segmenter()
    features = segmenter.encode_image(scene(50, 70, (5, 5, 40, 40), "green"))
    phrases = ["red", "green thing", "blue", "green"]
    for phrase, together in zip(phrases, segmenter.segment_many(features, phrases), strict=True):
        alone = segmenter.segment(features, phrase)
        np.testing.assert_array_equal(alone.probability, together.probability)
        assert alone.score == together.score


def test_no_phrases_no_answers() -> None:
    assert colour_segmenter().segment_many(scene(9, 9, (0, 0, 9, 9)), []) == []


def test_the_threshold_is_inclusive() -> None:
    segmenter, image = colour_segmenter(), scene(64, 64, (16, 16, 48, 48))
    probability = segmenter.segment(image, "red").probability
    for threshold in (0.0, 0.1, 0.5, 0.9):
        mask = segmenter.segment(image, "red", threshold=threshold).mask
        np.testing.assert_array_equal(mask, probability >= threshold)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_wrong_threshold_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="expected a threshold between 0 and 1"):
        colour_segmenter().segment(scene(9, 9, (0, 0, 9, 9)), "red", threshold=threshold)


def test_a_score_below_presence_leaves_the_mask_empty() -> None:
    segmenter, image = colour_segmenter(), scene(64, 64, (16, 16, 48, 48))
    plain = segmenter.segment(image, "green", threshold=0)
    assert segmenter.presence == 0 and plain.mask.all()
    for ask in (segmenter.segment, segmenter.explain):
        inclusive = ask(image, "green", threshold=0, presence=plain.score)
        above = ask(image, "green", threshold=0, presence=2 * plain.score)
        assert inclusive.mask.all() and not above.mask.any()
        assert above.score == plain.score
        np.testing.assert_array_equal(above.probability, plain.probability)
    careful = Segmenter(ColourBackend(), CONFIG, colour_vectors(), presence=0.5)
    assert [answer.mask.any() for answer in careful.segment_many(image, ["red", "green"], threshold=0)] == [True, False]
    assert careful.segment(image, "green", threshold=0, presence=0).mask.all()


@pytest.mark.parametrize("presence", [-0.1, 1.1, float("nan")])
def test_a_wrong_presence_is_refused(presence: float) -> None:
    with pytest.raises(InputError, match="expected a presence between 0 and 1"):
        colour_segmenter().segment(scene(9, 9, (0, 0, 9, 9)), "red", presence=presence)


def test_only_the_bundled_model_refuses_by_itself(tmp_path: Path) -> None:
    shutil.copy(DEFAULT_MODEL, tmp_path / "other.deixis")
    assert Segmenter.load().presence == Segmenter.load(DEFAULT_MODEL).presence == DEFAULT_PRESENCE > 0
    assert Segmenter.load(tmp_path / "other.deixis").presence == 0


@pytest.mark.parametrize("phrase", ["", "  \t\n", "."])
def test_an_empty_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(PhraseError, match="got only blanks"):
        colour_segmenter().segment(scene(9, 9, (0, 0, 9, 9)), phrase)


@pytest.mark.parametrize("phrase", ["qwertz", "\U0001f415", "\u0643\u0644\u0628", "?!", "zz " * 500])
def test_a_phrase_of_unknown_words_is_refused_in_few_words(phrase: str) -> None:
    with pytest.raises(PhraseError, match=r"none of the words in .* is known") as caught:
        colour_segmenter().segment(scene(9, 9, (0, 0, 9, 9)), phrase)
    assert len(str(caught.value)) < 180


def test_unknown_words_among_known_ones_change_nothing() -> None:
    segmenter, image = colour_segmenter(), scene(64, 64, (16, 16, 48, 48))
    expected = segmenter.segment(image, "red thing").probability
    for phrase in ("red \U0001f415 thing", "the RED, qwertz thing!", "red\u00a0thing."):
        np.testing.assert_array_equal(segmenter.segment(image, phrase).probability, expected)


def test_how_words_are_understood() -> None:
    words = colour_segmenter().words("Red, qwertz")
    assert words == Words(("red", ",", "qwertz"), (("red",), (), ()))
    assert (words.known, words.taken_for, words.ignored) == ((True, False, False), {}, ("qwertz",))


def test_a_string_instead_of_a_list_is_refused() -> None:
    with pytest.raises(InputError, match="got one string; use segment"):
        colour_segmenter().segment_many(scene(9, 9, (0, 0, 9, 9)), "red")


def test_features_of_another_model_are_refused() -> None:
    segmenter = colour_segmenter()
    features = dataclasses.replace(segmenter.encode_image(scene(9, 9, (0, 0, 9, 9))), input_size=96)
    with pytest.raises(InputError, match="expected features of a 64 px model, got 96 px ones"):
        segmenter.segment(features, "red")


def test_an_explanation_checks_as_the_answer_does() -> None:
    segmenter, image = colour_segmenter(), scene(9, 9, (0, 0, 9, 9))
    with pytest.raises(InputError, match="expected a threshold between 0 and 1"):
        segmenter.explain(image, "red", threshold=1.1)
    with pytest.raises(InputError, match="expected features of a 64 px model, got 96 px ones"):
        segmenter.explain(dataclasses.replace(segmenter.encode_image(image), input_size=96), "red")


def test_a_picture_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(ImageError, match=r"a\.jpg: not an image"):
        colour_segmenter().segment(tmp_path / "a.jpg", "red")


def test_an_explanation_agrees_with_the_answer() -> None:
    segmenter, image = colour_segmenter(), scene(50, 70, (5, 5, 40, 40))
    answer, explained = segmenter.segment(image, "red qwertz"), segmenter.explain(image, "red qwertz")
    np.testing.assert_array_equal(answer.probability, explained.probability)
    assert (answer.score, dict(answer.terms)) == (explained.score, {})
    assert set(explained.terms) == {"p1", "p2", "weights", "categories", "words"}
    assert explained.terms["p1"].shape == explained.terms["p2"].shape == (50, 70)
    assert explained.terms["p1"].max() > 0.99 and explained.terms["p2"].max() < 0.41
    assert explained.terms["categories"] == {"red": 1.0, "green": 0.0, "none": 0.0}
    assert explained.terms["words"].known == (True, False)


def test_many_explanations_are_those_of_one_each() -> None:
    backend = ColourBackend()
    segmenter, image = colour_segmenter(backend), scene(50, 70, (5, 5, 40, 40))
    many = segmenter.explain_many(image, ["red", "green thing"])
    assert backend.encoded == 1 and backend.asked == [2]
    for found, phrase in zip(many, ["red", "green thing"], strict=True):
        alone = segmenter.explain(image, phrase)
        assert (found.phrase, found.score) == (phrase, alone.score)
        assert found.terms["categories"] == alone.terms["categories"]
        np.testing.assert_array_equal(found.probability, alone.probability)
        np.testing.assert_array_equal(found.terms["p2"], alone.terms["p2"])


def test_the_bundled_models_alpha_does_not_depend_on_the_phrase() -> None:
    photograph = Path(__file__).resolve().parent.parent / "examples" / "photos" / "astronaut.jpg"
    answers = Segmenter.load().explain_many(photograph, ["left woman", "helmet", "flag"])
    weights = [answer.terms["weights"] for answer in answers]
    assert all(sum(found.values()) == pytest.approx(1, abs=1e-4) for found in weights)
    alphas = [found["p1"] / (found["p1"] + found["p2"]) for found in weights]
    assert 0 < alphas[0] < 1 and alphas == pytest.approx([alphas[0]] * 3, abs=1e-4)


# --- loading -----------------------------------------------------------------------------------------------------


def test_a_model_of_other_word_vectors_is_refused(tmp_path: Path) -> None:
    colour_vectors().save(tmp_path / "vectors")
    ModelFile(CONFIG, b"image", b"phrase", "0123456789abcdef").write(tmp_path / "a.deixis")
    with pytest.raises(CheckpointError, match=r"expected the word vectors 0123456789abcdef .* --vectors"):
        Segmenter.load(tmp_path / "a.deixis", vectors=tmp_path / "vectors")


def test_a_missing_or_damaged_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.deixis: expected a model file"):
        Segmenter.load(tmp_path / "none.deixis")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("model.json", json.dumps({}))
    with pytest.raises(CheckpointError, match=r"a\.zip"):
        Segmenter.load(str(tmp_path / "a.zip"))

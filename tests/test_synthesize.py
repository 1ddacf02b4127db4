"""Truth of synthesized expressions, on scenes drawn as rectangles."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deixis.data import nouns
from deixis.data.synthesize import KINDS, SynthesisOptions, describe, synthesize
from deixis.data.synthesize import says as says_one_of
from deixis.data.templates import WORDINGS
from deixis.text import depends_on_frame
from deixis.types import Expression, Scene, SceneObject

SIZE = 200
RED, GREEN, BLUE, WHITE, BLACK = (220, 20, 20), (30, 160, 40), (20, 40, 200), (250, 250, 250), (5, 5, 5)
Colour = tuple[int, int, int]


class Drawn:
    """A scene made of rectangles; coordinates are in pixels of a 200 x 200 picture."""

    def __init__(self, *labelled: str) -> None:
        self.image = np.full((SIZE, SIZE, 3), 128, dtype=np.uint8)
        self.objects: list[SceneObject] = []
        self.labelled = frozenset(labelled)

    def add(
        self, category: str, box: tuple[int, int, int, int], colour: Colour | None = None, **flags: Any
    ) -> SceneObject:
        x0, y0, x1, y1 = box
        mask = None
        if not flags.pop("box_only", False):
            mask = np.zeros((SIZE, SIZE), dtype=bool)
            mask[y0:y1, x0:x1] = True
        if colour is not None:
            self.image[y0:y1, x0:x1] = colour
        item = SceneObject(len(self.objects) + 1, category, (x0, y0, x1, y1), mask, **flags)
        self.objects.append(item)
        return item

    def scene(self) -> Scene:
        return Scene(self.image, tuple(self.objects), self.labelled)


def only(*kinds: str, **rest: float) -> SynthesisOptions:
    weights = {f"{kind}_weight": float(kind in kinds) for kind in KINDS}
    return SynthesisOptions(**weights, **{"noise": 0.0, **rest})  # type: ignore[arg-type]


def everything(scene: Scene, options: SynthesisOptions | None = None, draws: int = 40) -> list[Expression]:
    """What comes out of many draws, so that rare wordings are seen too."""
    options = options or SynthesisOptions(noise=0.0)
    found: dict[tuple[str, tuple[int, ...]], Expression] = {}
    for seed in range(draws):
        for item in synthesize(scene, np.random.default_rng(seed), 12, options):
            found[item.text, item.target_ids] = item
    return list(found.values())


def texts(found: list[Expression], item: SceneObject) -> set[str]:
    return {expression.text for expression in found if expression.target_ids == (item.id,)}


def says(found: set[str], pattern: str) -> bool:
    return any(re.search(pattern, text) for text in found)


def two_dogs() -> tuple[Drawn, SceneObject, SceneObject]:
    drawn = Drawn("dog", "cat", "car")
    left = drawn.add("dog", (20, 100, 60, 150), RED)
    right = drawn.add("dog", (140, 100, 180, 150), BLUE)
    return drawn, left, right


def test_one_instance_is_named_by_its_class() -> None:
    drawn = Drawn("couch")
    couch = drawn.add("couch", (50, 80, 150, 160))
    found = texts(everything(drawn.scene(), only("class")), couch)
    assert found == {"couch", "sofa", "the couch", "the sofa"}


def test_a_class_too_small_to_name_does_not_silence_the_next() -> None:
    drawn = Drawn("apple", "dog")
    drawn.add("apple", (10, 10, 14, 14))
    drawn.add("dog", (60, 60, 120, 150))
    found = everything(drawn.scene(), only("class"))
    assert {(item.kind, item.target_ids) for item in found} == {("class", (2,))}


def test_several_instances_are_named_together() -> None:
    drawn, left, right = two_dogs()
    found = everything(drawn.scene(), only("class"))
    assert {item.target_ids for item in found} == {(left.id, right.id)}
    said = {item.text for item in found}
    assert {"dogs", "the two dogs", "both dogs"} <= said
    assert not any("three" in text for text in said)


def test_left_and_right() -> None:
    drawn, left, right = two_dogs()
    found = everything(drawn.scene(), only("location"))
    assert says(texts(found, left), r"\bleft dog") and says(texts(found, right), r"\bdog on (the )?right")
    assert not says(texts(found, left), "right") and not says(texts(found, right), "left")
    assert all(depends_on_frame(item.text) for item in found)


def test_left_needs_a_margin() -> None:
    drawn = Drawn("dog")
    drawn.add("dog", (60, 100, 100, 150))
    drawn.add("dog", (70, 100, 110, 150))
    assert everything(drawn.scene(), only("location", "ordinal", "size", "colour")) == []


def test_a_very_small_object_competes_and_is_no_target() -> None:
    drawn = Drawn("dog")
    drawn.add("dog", (2, 100, 6, 104))
    drawn.add("dog", (140, 100, 180, 150))
    found = everything(drawn.scene())
    assert not any(item.target_ids == (1,) for item in found)
    assert not says({item.text for item in found}, "left")
    assert not any(item.text == "dog" for item in found)


def test_ellipsis_only_among_one_class() -> None:
    drawn, left, _ = two_dogs()
    assert "left one" in texts(everything(drawn.scene(), only("location")), left)
    drawn.add("cat", (80, 20, 130, 60))
    mixed = {item.text for item in everything(drawn.scene(), only("location"))}
    assert mixed and all(re.search("|".join(nouns.names("dog") + nouns.names("cat")), text) for text in mixed)


def test_ordinals() -> None:
    drawn = Drawn("dog")
    row = [drawn.add("dog", (10 + 50 * k, 100, 40 + 50 * k, 140)) for k in range(4)]
    found = everything(drawn.scene(), only("ordinal"))
    assert says(texts(found, row[1]), "(second|2nd).*from (the )?left")
    assert says(texts(found, row[1]), "(third|3rd).*from (the )?right")
    assert not says(texts(found, row[0]), ".") and not says(texts(found, row[3]), ".")
    assert all(depends_on_frame(item.text) for item in found)


def test_ordinals_stop_at_a_tie() -> None:
    drawn = Drawn("dog")
    for left in (10, 90, 95, 150):
        drawn.add("dog", (left, 100, left + 30, 140))
    assert everything(drawn.scene(), only("ordinal")) == []


def test_middle_of_three() -> None:
    drawn = Drawn("dog")
    row = [drawn.add("dog", (left, 100, left + 30, 140)) for left in (10, 85, 160)]
    found = everything(drawn.scene(), only("location"))
    middle = [item for item in found if re.search("middle|center", item.text)]
    assert middle and {item.target_ids for item in middle} == {(row[1].id,)}


def test_corners() -> None:
    drawn = Drawn("bowl")
    bowls = {
        name: drawn.add("bowl", (x, y, x + 40, y + 40))
        for name, x, y in (("top left", 10, 10), ("top right", 150, 10), ("bottom left", 10, 150))
    }
    found = everything(drawn.scene(), only("location"))
    for name, bowl in bowls.items():
        assert says(texts(found, bowl), name)
    assert not says({item.text for item in found}, "(bottom|lower) right")


def test_sizes_need_a_ratio() -> None:
    drawn = Drawn("car")
    big = drawn.add("car", (10, 60, 110, 160))
    small = drawn.add("car", (140, 100, 180, 140))
    found = everything(drawn.scene(), only("size"))
    assert says(texts(found, big), "big|large|closest") and says(texts(found, small), "small")
    assert not says(texts(found, big), "small|far") and not says(texts(found, small), "big|large|close")
    alike = Drawn("car")
    alike.add("car", (10, 60, 60, 110))
    alike.add("car", (100, 60, 150, 105))
    assert everything(alike.scene(), only("size")) == []


def test_colours_of_things() -> None:
    drawn, left, right = two_dogs()
    found = everything(drawn.scene(), only("colour"))
    assert "red dog" in texts(found, left) and "blue dog" in texts(found, right)
    assert not says(texts(found, left), "blue")


def test_a_very_small_object_is_not_told_by_its_colour() -> None:
    drawn, _, _ = two_dogs()
    small = drawn.add("dog", (100, 100, 106, 106), GREEN)
    found = everything(drawn.scene(), only("colour"))
    assert found and texts(found, small) == set()


def test_no_colour_where_another_one_might_have_it() -> None:
    drawn = Drawn("car")
    drawn.add("car", (10, 100, 60, 150), RED)
    drawn.add("car", (80, 100, 120, 150), (255, 120, 0))  # orange: somebody may say red
    drawn.add("car", (140, 100, 180, 150), GREEN)
    found = everything(drawn.scene(), only("colour"))
    assert not any(item.text == "red car" for item in found)
    assert any(item.text == "green car" for item in found)


def test_colour_and_side_together() -> None:
    drawn = Drawn("car")
    drawn.add("car", (2, 100, 32, 150), GREEN)
    target = drawn.add("car", (50, 100, 80, 150), RED)
    drawn.add("car", (160, 100, 190, 150), RED)
    found = texts(everything(drawn.scene(), only("colour")), target)
    assert says(found, "left") and all("red" in text for text in found)


def person(drawn: Drawn, left: int, top: Colour, legs: Colour) -> SceneObject:
    """A standing person of 40 x 140 pixels with a torso and legs of two colours."""
    x = left
    item = drawn.add("person", (x, 30, x + 40, 170))
    drawn.image[30:55, x : x + 40] = (215, 170, 140)
    drawn.image[55:105, x : x + 40] = top
    drawn.image[105:170, x : x + 40] = legs
    return item


def test_persons_by_torso_and_legs() -> None:
    drawn = Drawn("person")
    white = person(drawn, 20, WHITE, BLACK)
    red = person(drawn, 120, RED, WHITE)
    found = everything(drawn.scene(), only("colour"))
    assert says(texts(found, white), "in white|white shirt") and says(texts(found, white), "black pants")
    assert says(texts(found, red), "in red|red shirt") and says(texts(found, red), "white pants")
    assert not says(texts(found, white), "red")


def test_things_with_only_a_box_have_no_colour_but_places() -> None:
    drawn = Drawn("dog")
    first = drawn.add("dog", (20, 40, 60, 180), RED, box_only=True)
    drawn.add("dog", (130, 40, 170, 180), BLUE, box_only=True)
    assert everything(drawn.scene(), only("colour")) == []
    assert says(texts(everything(drawn.scene(), only("location")), first), "left")


def boxed(drawn: Drawn, left: int, top: Colour, legs: Colour) -> SceneObject:
    """A standing person of whom only the box is known, with another wall on either side in the box."""
    item = person(drawn, left, top, legs)
    drawn.image[30:170, left : left + 10] = drawn.image[30:170, left + 30 : left + 40] = GREEN
    drawn.objects[-1] = replace(item, mask=None)
    return drawn.objects[-1]


def test_a_person_with_only_a_box_wears_above_what_its_middle_shows() -> None:
    drawn = Drawn("person")
    red, blue = boxed(drawn, 20, RED, WHITE), boxed(drawn, 120, BLUE, BLACK)
    found = everything(drawn.scene(), only("colour"))
    assert "person in red" in texts(found, red) and "person in blue" in texts(found, blue)
    assert not any(says({item.text}, "green|white|black|pants|jeans") for item in found)


def test_whose_torso_is_not_seen_is_a_rival_only_with_the_colour_anywhere() -> None:
    drawn = Drawn("person")
    red = person(drawn, 20, RED, WHITE)
    lying = drawn.add("person", (80, 120, 190, 160), BLUE)
    assert "person in red" in texts(everything(drawn.scene(), only("colour")), red)
    assert texts(everything(drawn.scene(), only("colour")), lying) == set()
    drawn.image[120:160, 80:100] = RED  # less than a fifth of whoever lies there
    assert "person in red" not in texts(everything(drawn.scene(), only("colour")), red)


def test_colours_need_not_tell_from_somebody_far_away() -> None:
    drawn = Drawn("person")
    red = person(drawn, 20, RED, WHITE)
    person(drawn, 120, BLUE, WHITE)
    drawn.add("person", (90, 10, 98, 34), RED)
    found = everything(drawn.scene(), only("colour"))
    assert "person in red" in texts(found, red)
    drawn.add("person", (70, 10, 90, 70), RED)
    assert "person in red" not in texts(everything(drawn.scene(), only("colour")), red)


def test_nothing_about_classes_that_are_not_labelled() -> None:
    drawn, _, _ = two_dogs()
    drawn.labelled = frozenset({"car"})
    assert {item.kind for item in everything(drawn.scene())} == {"absent"}
    drawn.labelled = frozenset()
    assert everything(drawn.scene()) == []
    assert everything(drawn.scene(), SynthesisOptions(class_names_only=True)) == []


def test_a_crowd_leaves_only_the_plural() -> None:
    drawn, _, _ = two_dogs()
    drawn.add("dog", (80, 20, 120, 60), GREEN, is_crowd=True)
    found = [item for item in everything(drawn.scene()) if item.kind != "absent"]
    assert {item.kind for item in found} == {"class"}
    assert {item.target_ids for item in found} == {(1, 2, 3)}
    assert not says({item.text for item in found}, r"\b(two|three|both)\b")


def test_one_object_and_a_crowd_are_not_one() -> None:
    drawn = Drawn("person", "bus")
    drawn.add("person", (20, 40, 60, 180))
    drawn.add("person", (100, 40, 190, 180), is_crowd=True)
    found = everything(drawn.scene(), only("class"))
    assert {item.target_ids for item in found} == {(1, 2)}
    assert "people" in {item.text for item in found}


def test_relations() -> None:
    drawn = Drawn("person", "bicycle")
    near = drawn.add("person", (60, 60, 90, 160))
    far = drawn.add("person", (170, 60, 195, 160))
    drawn.add("bicycle", (95, 100, 125, 160))
    found = everything(drawn.scene(), only("relation"))
    assert says(texts(found, near), r"(next to|by|beside|near) (the )?bi") and says(texts(found, near), r"left of")
    assert not says(texts(found, far), "next|by|beside|near")
    assert says(texts(found, far), "right of")


def test_relation_needs_a_single_landmark_and_a_single_target() -> None:
    drawn = Drawn("person", "bicycle")
    drawn.add("person", (60, 60, 90, 160))
    drawn.add("bicycle", (95, 100, 125, 160))
    drawn.add("bicycle", (150, 100, 180, 160))
    assert everything(drawn.scene(), only("relation"))
    assert not says({item.text for item in everything(drawn.scene(), only("relation"))}, "(next to|by|near).* bi")
    both = Drawn("person", "bicycle")
    both.add("person", (60, 60, 90, 160))
    both.add("person", (130, 60, 160, 160))
    both.add("bicycle", (95, 100, 125, 160))
    assert not says({item.text for item in everything(both.scene(), only("relation"))}, "next to|beside")


def test_riding() -> None:
    drawn = Drawn("person", "horse")
    rider = drawn.add("person", (85, 20, 115, 125))
    drawn.add("horse", (50, 70, 150, 160))
    drawn.add("person", (5, 60, 30, 160))
    found = everything(drawn.scene(), only("relation"))
    assert says(texts(found, rider), "(on|riding) (the |a )?horse")


def test_on_the_table_needs_the_tables_pixels() -> None:
    drawn = Drawn("cup", "dining table")
    cup = drawn.add("cup", (80, 70, 110, 120))
    drawn.add("dining table", (20, 90, 180, 190))
    assert says(texts(everything(drawn.scene(), only("relation")), cup), "on (top of )?(the )?(dining )?table")
    boxes = Drawn("cup", "dining table")
    boxes.add("cup", (80, 70, 110, 120))
    boxes.add("dining table", (20, 90, 180, 190), box_only=True)
    assert everything(boxes.scene(), only("relation")) == []


def test_absent_things() -> None:
    drawn, _, _ = two_dogs()
    found = everything(drawn.scene(), only("absent"))
    assert found and all(item.target_ids == () and item.kind == "absent" for item in found)
    assert {item.category for item in found} == {"car"}, "a dog may be taken for a cat"


def test_absence_respects_synonyms_and_the_vocabulary() -> None:
    drawn = Drawn("person", "truck", "car", "handbag", "backpack", "clock", "zebra")
    drawn.add("truck", (50, 50, 150, 150))
    drawn.add("backpack", (160, 100, 190, 140))
    categories = {item.category for item in everything(drawn.scene(), only("absent"))}
    assert categories == {"person", "clock", "zebra"}
    options = replace(only("absent"), vocabulary=("zebra", "kite"))
    assert {item.category for item in everything(drawn.scene(), options)} == {"zebra"}


def dressed(drawn: Drawn, left: int, shirt: Colour, garment: str = "shirt") -> tuple[SceneObject, ...]:
    """A person with a garment, jeans and a bag as parts."""
    whole = drawn.add("person", (left, 20, left + 60, 180), (215, 170, 140))
    top = drawn.add(garment, (left, 55, left + 60, 105), shirt, is_part=True)
    jeans = drawn.add("jeans", (left, 105, left + 60, 170), (20, 40, 160), is_part=True)
    return whole, top, jeans


CLOTHES: tuple[str, ...] = (
    "person",
    "shirt",
    "blouse",
    "t-shirt",
    "top",
    "bodysuit",
    "sweatshirt",
    "sweater",
    "jumper",
    "cardigan",
)
CLOTHES += (
    "hoodie",
    "jeans",
    "pants",
    "leggings",
    "tights",
    "stockings",
    "bag",
    "purse",
    "wallet",
    "hat",
    "accessories",
)


def test_coloured_clothes_mean_the_person_and_bare_ones_the_region() -> None:
    drawn = Drawn(*CLOTHES)
    whole, shirt, _ = dressed(drawn, 70, RED)
    found = everything(drawn.scene())
    assert "red shirt" in texts(found, whole) and says(texts(found, whole), "in (the )?(a )?red shirt")
    assert "shirt" in texts(found, shirt)
    assert not says(texts(found, shirt), "red")


def test_coloured_bags_mean_the_bag() -> None:
    drawn = Drawn(*CLOTHES)
    whole, _, _ = dressed(drawn, 70, WHITE)
    bag = drawn.add("bag", (75, 110, 100, 140), RED, is_part=True)
    found = everything(drawn.scene())
    assert "red bag" in texts(found, bag)
    assert says(texts(found, whole), "with (a |the )?(red )?bag")
    assert "red bag" not in texts(found, whole)


def mosaic(
    first: Colour, second: Colour, garments: tuple[str, str] = ("shirt", "shirt")
) -> tuple[Drawn, list[SceneObject]]:
    drawn = Drawn(*CLOTHES)
    left = dressed(drawn, 20, first, garments[0])
    right = dressed(drawn, 120, second, garments[1])
    return drawn, [left[0], right[0], left[1], right[1]]


def test_mosaic_tells_persons_by_their_clothes() -> None:
    drawn, (left, right, left_shirt, right_shirt) = mosaic(RED, WHITE)
    found = everything(drawn.scene())
    assert "red shirt" in texts(found, left) and "white shirt" in texts(found, right)
    assert "left one" in texts(found, left)
    assert not any(item.text == "shirt" for item in found)
    assert (left_shirt.id, right_shirt.id) in {item.target_ids for item in found}
    assert not any("jeans" in text and "red" not in text for text in texts(found, left)), "both wear jeans"


def test_clothes_are_named_more_readily_where_they_tell_people_apart() -> None:
    def share(scene: Scene) -> float:
        kinds = [item.kind for seed in range(200) for item in synthesize(scene, np.random.default_rng(seed), 1)]
        return sum(kind in ("clothing", "colour") for kind in kinds) / len(kinds)

    together, _ = mosaic(RED, WHITE)
    alone = Drawn(*CLOTHES)
    dressed(alone, 20, RED)
    assert share(together.scene()) > 1.5 * share(alone.scene()) > 0


def test_mosaic_with_the_same_colours_says_none() -> None:
    drawn, _ = mosaic(RED, RED)
    assert everything(drawn.scene(), only("clothing")) == []


def test_mosaic_where_a_garment_could_be_called_the_same() -> None:
    drawn, _ = mosaic(RED, RED, ("shirt", "blouse"))
    assert everything(drawn.scene(), only("clothing")) == []


def test_a_garment_that_may_be_of_either_person_is_of_nobody() -> None:
    drawn, _ = mosaic(RED, WHITE)
    assert everything(drawn.scene(), only("clothing"))
    drawn.add("hat", (70, 20, 130, 40), BLUE, is_part=True)
    assert everything(drawn.scene(), only("clothing")) == []


def test_a_garment_that_is_not_labelled_tells_nobody() -> None:
    drawn = Drawn("person")
    dressed(drawn, 70, RED)
    assert everything(drawn.scene(), only("clothing")) == []


def test_clothes_of_a_person_without_parts_are_unknown() -> None:
    drawn = Drawn(*CLOTHES)
    dressed(drawn, 20, RED)
    drawn.add("person", (120, 20, 180, 180), WHITE)
    assert everything(drawn.scene(), only("clothing")) == []


def test_class_names_only() -> None:
    drawn, left, right = two_dogs()
    found = synthesize(drawn.scene(), np.random.default_rng(0), 9, SynthesisOptions(class_names_only=True))
    assert sorted((item.text, item.target_ids) for item in found) == [("dog", (left.id,)), ("dog", (right.id,))]
    assert {(item.kind, item.category) for item in found} == {("class", "dog")}


def test_held_out_names_are_never_said() -> None:
    drawn = Drawn("couch", "dog", "person", "bicycle")
    drawn.add("couch", (20, 80, 120, 160))
    drawn.add("dog", (40, 90, 80, 140))
    drawn.add("person", (150, 40, 180, 160))
    options = SynthesisOptions(held_out_names=frozenset({"couch", "person", "man", "dog"}))
    said = " ".join(item.text for item in everything(drawn.scene(), options)).lower()
    assert "sofa" in said
    assert not re.search(r"\b(couch|person|people|man|dogs?)\b", said)


def test_what_a_phrase_says_one_of() -> None:
    held_out = frozenset({"bike", "stop sign"})
    assert says_one_of("Two men on Bikes.", held_out) and says_one_of("stop signs", held_out)
    assert not says_one_of("biker at a sign", held_out) and not says_one_of("bike", frozenset())


def test_the_same_generator_gives_the_same_expressions() -> None:
    drawn, _, _ = two_dogs()
    first = synthesize(drawn.scene(), np.random.default_rng(7), 10)
    assert first == synthesize(drawn.scene(), np.random.default_rng(7), 10)
    assert first != synthesize(drawn.scene(), np.random.default_rng(8), 10)
    assert len({item.text.lower() for item in first}) == len(first) <= 10


def test_limit_zero_and_an_empty_scene() -> None:
    drawn, _, _ = two_dogs()
    assert synthesize(drawn.scene(), np.random.default_rng(0), 0) == []
    assert synthesize(Drawn().scene(), np.random.default_rng(0), 5) == []


def test_an_object_that_a_crop_left_nothing_of_is_not_there() -> None:
    drawn = Drawn("dog")
    dog = drawn.add("dog", (50, 50, 150, 150))
    drawn.add("dog", (0, 0, 0, 0))
    found = everything(drawn.scene(), only("class"))
    assert {item.target_ids for item in found} == {(dog.id,)}


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="at least 0, got class_weight=-1"):
        SynthesisOptions(class_weight=-1)
    with pytest.raises(ValueError, match="probability for noise, got 2"):
        SynthesisOptions(noise=2)


def test_noise_changes_only_case_and_the_end() -> None:
    drawn, _, _ = two_dogs()
    for item in everything(drawn.scene(), SynthesisOptions(noise=1.0)):
        assert item.text.isupper() or item.text[0].isupper() or item.text[-1] in ".!"
        assert re.fullmatch(r"[a-z ,]+[.!]?", item.text.lower())


def test_noise_makes_no_second_text_of_one() -> None:
    drawn, _, _ = two_dogs()
    for seed in range(20):
        found = synthesize(drawn.scene(), np.random.default_rng(seed), 30, only("class", noise=1.0))
        assert len({item.text.lower().rstrip(".!") for item in found}) == len(found)


def test_one_claim_is_worded_three_times_at_most() -> None:
    drawn = Drawn("dog")
    drawn.add("dog", (20, 80, 60, 120))
    counts = {len(synthesize(drawn.scene(), np.random.default_rng(seed), 30, only("location"))) for seed in range(20)}
    assert max(counts) == 3, "of its side alone something can be said"


def test_a_colour_beside_a_place_is_in_every_wording() -> None:
    drawn, left, right = two_dogs()
    found = everything(drawn.scene(), only("location", decoration=1.0))
    assert texts(found, left) and all("red" in text for text in texts(found, left))
    assert texts(found, right) and all("blue" in text for text in texts(found, right))


def test_places_of_what_is_alone_of_its_class_are_seldom_said() -> None:
    def places(second: str) -> int:
        """How often the third phrase is of a place, when both kinds have been drawn or may be."""
        drawn = Drawn("dog", "cat")
        drawn.add("dog", (10, 60, 50, 100))
        drawn.add(second, (140, 120, 180, 160))
        options = only("location", "class")
        thirds = (synthesize(drawn.scene(), np.random.default_rng(seed), 3, options)[2:] for seed in range(60))
        return sum(item.kind == "location" for third in thirds for item in third)

    assert places("dog") > 1.5 * places("cat") > 0


def test_describe() -> None:
    assert describe([Expression("left dog", (1,), "location")]).split() == ["location", "1", "left", "dog"]


def test_every_wording_has_a_template_that_is_always_possible() -> None:
    for name, rows in WORDINGS.items():
        assert any(not need for _, _, need in rows), name


def test_words_of_place_order_and_size_are_known_to_depend_on_the_frame() -> None:
    for name in ("side", "vertical", "corner", "middle", "front", "back", "ordinal", "big", "small", "tall", "near"):
        for text, _, _ in WORDINGS[name]:
            filled = re.sub(
                r"\{(\w+)\}", lambda slot: {"s": "left", "v": "top", "w": "upper", "k": "2nd"}.get(slot[1], ""), text
            )
            assert depends_on_frame(filled), text


boxes = st.tuples(st.integers(0, 170), st.integers(0, 170), st.integers(8, 60), st.integers(8, 60)).map(
    lambda b: (b[0], b[1], min(b[0] + b[2], SIZE), min(b[1] + b[3], SIZE))
)


def _centre(item: SceneObject) -> float:
    return (item.box_xyxy[0] + item.box_xyxy[2]) / 2 / SIZE


def _area(item: SceneObject) -> float:
    assert item.mask is not None
    return float(item.mask.mean())


RANKS = {"second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3}


def check(expression: Expression, dogs: list[SceneObject]) -> None:
    """Recompute from the words which object is meant, and by what margin."""
    text = expression.text.lower()
    target = next(dog for dog in dogs if dog.id == expression.target_ids[0])
    rank = next((place for name, place in RANKS.items() if re.search(rf"\b{name}\b", text)), None)
    order = sorted(dogs, key=_centre, reverse="right" in text)
    if rank is not None:
        assert order[rank] is target, text
        assert all(abs(_centre(a) - _centre(b)) > 0.06 for a, b in pairwise(order[: rank + 2])), text
    elif re.search("left|right", text) and not re.search("top|bottom|upper|lower", text):
        assert order[0] is target, text
        assert len(dogs) == 1 or abs(_centre(order[1]) - _centre(target)) > 0.06, text
    if re.search(r"\bbig|large|closest|nearest", text):
        assert all(_area(target) > 1.5 * _area(dog) for dog in dogs if dog is not target), text
    if re.search("small|farthest|furthest (dog|doggy|away|back)", text):
        assert all(1.5 * _area(target) < _area(dog) for dog in dogs if dog is not target), text
    if re.search("top|upper", text):
        assert target.box_xyxy[1] + target.box_xyxy[3] < 1.2 * SIZE, text
    if re.search(r"\b(front|closest)\b", text):
        assert max(dogs, key=lambda dog: dog.box_xyxy[3]) is target, text
    if re.search(r"\b(back|farthest)\b", text):
        assert min(dogs, key=lambda dog: dog.box_xyxy[3]) is target, text


@settings(max_examples=120, deadline=None)
@given(st.lists(boxes, min_size=1, max_size=6), st.integers(0, 1000))
def test_places_ranks_and_sizes_are_right_when_recomputed(
    drawn_boxes: list[tuple[int, int, int, int]], seed: int
) -> None:
    drawn = Drawn("dog")
    for box in drawn_boxes:
        drawn.add("dog", box)
    found = synthesize(drawn.scene(), np.random.default_rng(seed), 20, only("location", "ordinal", "size"))
    for expression in found:
        assert _area(drawn.objects[expression.target_ids[0] - 1]) >= 0.0015
        check(expression, drawn.objects)


def test_the_check_can_fail() -> None:
    drawn, left, right = two_dogs()
    check(Expression("left dog", (left.id,), "location"), drawn.objects)
    with pytest.raises(AssertionError, match="left dog"):
        check(Expression("left dog", (right.id,), "location"), drawn.objects)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["dog", "person", "car"]), boxes), max_size=8), st.integers(0, 1000))
def test_no_text_names_two_different_targets(things: list[tuple[str, tuple[int, int, int, int]]], seed: int) -> None:
    drawn = Drawn("dog", "person", "car", "kite")
    for index, (category, box) in enumerate(things):
        drawn.add(category, box, (RED, GREEN, BLUE, WHITE)[index % 4])
    meaning: dict[str, tuple[int, ...]] = {}
    for offset in range(3):
        for item in synthesize(drawn.scene(), np.random.default_rng([seed, offset]), 12, SynthesisOptions(noise=0.0)):
            assert meaning.setdefault(item.text, item.target_ids) == item.target_ids, item.text


MAN, WOMAN = ("person", "man", "guy"), ("person", "woman", "lady")


def named_people(*names: tuple[str, ...]) -> Drawn:
    """People in a row, equally large, who are called so."""
    drawn = Drawn("person")
    for place, own in enumerate(names):
        item = drawn.add("person", (10 + 48 * place, 60, 40 + 48 * place, 150))
        drawn.objects[-1] = replace(item, names=own)
    return drawn


def targets_of(scene: Scene, pattern: str, options: SynthesisOptions | None = None) -> set[tuple[int, ...]]:
    return {item.target_ids for item in everything(scene, options) if re.fullmatch(pattern, item.text)}


def test_own_names_are_said_of_those_who_have_them() -> None:
    scene = named_people(MAN, WOMAN, WOMAN, WOMAN).scene()
    assert targets_of(scene, "(the )?(man|guy)") == {(1,)}
    assert targets_of(scene, "(the )?women|(the )?ladies") == {(2, 3, 4)}
    assert targets_of(scene, "(the )?(woman|lady)") == set(), "three are"
    assert targets_of(scene, "right (woman|lady)") == {(4,)}
    assert targets_of(scene, "right man|right guy|left woman|left lady") == {(2,)}, "the leftmost of the women alone"


def test_counting_goes_by_the_noun() -> None:
    texts = everything(named_people(MAN, WOMAN, WOMAN, WOMAN).scene(), only("ordinal"))
    second = {item.target_ids for item in texts if re.search(r"(second|2nd).*left", item.text)}
    women = {item.target_ids for item in texts if re.search(r"(second|2nd).*(woman|lady).*left", item.text)}
    assert women == {(3,)}, "the man does not count"
    assert (2,) in second and not any("man" in item.text.split() or "guy" in item.text.split() for item in texts)


def test_a_noun_that_may_fit_somebody_else_picks_out_nobody() -> None:
    scene = named_people(MAN, WOMAN, ()).scene()
    assert targets_of(scene, "(the )?(man|guy|woman|lady|person)") == set()
    assert targets_of(scene, "left (man|guy)") == {(1,)} and targets_of(scene, "left (woman|lady)") == set()


ANYTHING = (
    "person", "dog", "cat", "car", "truck", "couch", "dining table", "cup", "bicycle", "umbrella", "laptop", "tie",
    "backpack", "orange", "skateboard", "horse", "bed", "vase", "wine glass", "traffic light", "hot dog",
)  # fmt: skip
PAINTS = (RED, GREEN, BLUE, WHITE, BLACK, (110, 65, 25), (215, 185, 140), (240, 220, 30), (128, 128, 128))
NAMES = ((), ("person", "man", "guy"), ("person", "woman", "lady"), ("person", "girl", "kid"))


def at_random(seed: int) -> Scene:
    """Rectangles of a few classes anywhere: boxes without masks, crowds and names of people among them."""
    rng = np.random.default_rng([seed, 1])
    classes = [ANYTHING[int(index)] for index in rng.choice(len(ANYTHING), int(rng.integers(1, 5)), replace=False)]
    drawn = Drawn(*ANYTHING[: int(rng.integers(12, len(ANYTHING) + 1))])
    named = rng.random() < 0.5
    for _ in range(int(rng.integers(1, 8))):
        width, height = (int(side) for side in rng.integers(6, 120, 2))
        x0, y0 = int(rng.integers(0, SIZE - width + 1)), int(rng.integers(0, SIZE - height + 1))
        category = classes[int(rng.integers(len(classes)))]
        flags = {"box_only": bool(rng.random() < 0.1), "is_crowd": bool(rng.random() < 0.05)}
        item = drawn.add(category, (x0, y0, x0 + width, y0 + height), PAINTS[int(rng.integers(len(PAINTS)))], **flags)
        if named and category == "person":
            drawn.objects[-1] = replace(item, names=NAMES[int(rng.integers(len(NAMES)))])
    return drawn.scene()


def people_at_random(seed: int) -> Scene:
    """One to three dressed people beside one another, some with a bag, a hat or shoes."""
    rng = np.random.default_rng([seed, 2])
    drawn = Drawn(*CLOTHES, "shoes", "skirt", "coat")
    for place in range(int(rng.integers(1, 4))):
        garment = ("shirt", "coat", "sweater", "skirt")[int(rng.integers(4))]
        dressed(drawn, 5 + 65 * place, PAINTS[int(rng.integers(len(PAINTS)))], garment)
        for extra, (top, bottom) in {"bag": (110, 140), "hat": (20, 35), "shoes": (170, 180)}.items():
            if rng.random() < 0.4:
                paint = PAINTS[int(rng.integers(len(PAINTS)))]
                drawn.add(extra, (10 + 65 * place, top, 40 + 65 * place, bottom), paint, is_part=True)
    return drawn.scene()


def test_a_seed_says_the_same_in_every_version() -> None:
    """Numbers on synthesized phrases compare only while these stay what they are.

    Whoever changes what is said, or how often, puts the new digest here and says so in CHANGELOG.md.
    """
    options = SynthesisOptions(vocabulary=ANYTHING)
    said = [
        describe(synthesize(draw(seed), np.random.default_rng(seed), 12, options))
        for draw in (at_random, people_at_random)
        for seed in range(120)
    ]
    names = [
        describe(synthesize(at_random(seed), np.random.default_rng(seed), 4, replace(options, class_names_only=True)))
        for seed in range(20)
    ]
    digest = hashlib.sha256("\n\n".join([*said, *names]).encode()).hexdigest()[:16]
    assert digest == "fcacfd9dc1342e4e"


def postures(*of_people: str) -> tuple[list[Expression], list[SceneObject]]:
    """What is said of people side by side in these postures, and the people."""
    drawn = Drawn("person")
    people = [drawn.add("person", (48 * k, 40, 48 * k + 40, 180), posture=said) for k, said in enumerate(of_people)]
    return everything(drawn.scene(), only("posture")), people


def test_the_one_who_sits_is_told_by_that() -> None:
    found, (first, second, third) = postures("upright", "sitting", "upright")
    assert {"person sitting", "sitting person", "woman sitting down"} <= texts(found, second)
    assert says(texts(found, first), "standing on (the )?left$")
    assert says(texts(found, third), "standing on (the )?right$")
    assert not any(says({item.text}, "^[a-z]+ standing( up)?$") for item in found if len(item.target_ids) == 1)
    assert {item.target_ids for item in found if item.text == "people standing"} == {(first.id, third.id)}
    assert {item.kind for item in found} == {"posture"}


def test_a_posture_is_not_said_where_somebody_elses_is_unknown() -> None:
    assert postures("sitting", "upright")[0]
    assert not postures("sitting", "upright", "")[0]
    assert not postures("", "")[0]


def test_a_posture_is_not_said_where_somebody_too_small_to_be_named_has_it_too() -> None:
    drawn = Drawn("person")
    drawn.add("person", (10, 10, 18, 18), posture="sitting")
    drawn.add("person", (90, 10, 97, 17), posture="upright")
    assert everything(drawn.scene(), only("posture"))
    drawn.add("person", (150, 10, 157, 17), posture="sitting")
    assert not everything(drawn.scene(), only("posture"))


def test_pictures_without_postures_draw_the_same_phrases_whatever_a_posture_weighs() -> None:
    scene = mosaic(RED, WHITE)[0].scene()
    without, often = SynthesisOptions(posture_weight=0.0), SynthesisOptions(posture_weight=5.0)
    drawn = [describe(synthesize(scene, np.random.default_rng(3), 12, options)) for options in (without, often)]
    assert drawn[0] == drawn[1] != ""

"""Which of COCO's classes captions name, and how many objects of each there may be.

Captions are what people wrote of whole pictures. Of a class that nobody names nothing follows. Words that have several
meanings ("orange", "train", "bear") count where the words around them, or the other captions, leave no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from deixis.data import nouns

SEVERAL = 6  # how many a plural without a number allows
AGREEING = 2  # captions that have to name a class
_BEFORE = 3  # words before a noun among which its number is looked for
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "couple": 2, "pair": 2, "both": 2}
_VERB_AFTER = nouns.listed("to, will, can, could, would, they, we, you, i")  # "to train", "they ski"
# Names that the table of nouns lacks, singular; what somebody does or is stands for what it is done with.
_MORE = {
    "motorcycle": "motor bike, dirt bike, motor cycle, moped, motorcyclist, biker, scooter",
    "bicycle": "bicyclist, cyclist, bicycling",
    "airplane": "airliner, jetliner, air plane",
    "boat": "sailboat, canoe, kayak, sail boat, row boat, rowboat, motorboat",
    "traffic light": "stop light",
    "truck": "firetruck, fire truck, pickup truck, pick up truck, pickup",
    "bus": "school bus",
    "cat": "kitten",
    "dog": "puppy",
    "horse": "pony",
    "sheep": "lamb",
    "cow": "bull, calf, cattle",
    "snowboard": "snowboarder, snowboarding, snow board, snow boarder",
    "skateboard": "skateboarder, skateboarding, skate board, skate boarder",
    "surfboard": "surfer, surfing",
    "tennis racket": "tennis racquet, tennis player",
    "wine glass": "wineglass, glass of wine",
    "sports ball": "soccer ball, tennis ball, basket ball, beach ball",
    "cup": "mug, cup of coffee, coffee cup",
    "tv": "flat screen, television set, television screen, tv screen",
    "remote": "remote controller, wii remote, wii controller, game controller, wiimote",
    "cell phone": "smart phone, smartphone",
    "laptop": "lap top, notebook computer",
    "couch": "love seat, loveseat",
    "teddy bear": "stuffed teddy bear",
    "kite": "parasail",
    "handbag": "hand bag",
    "suitcase": "suit case",
}
# Words that name none of the classes, though a part of them would.
_OTHERS = nouns.listed(
    """
    train station, train track, train platform, train yard, train car, rail car, cable car, street car, car seat,
    car park, car show, bus stop, bus station, bus driver, truck driver, truck bed, flower bed, bed of a truck,
    bed of the truck, jet ski, phone booth, horse race, hot dog stand, hot dog cart, hot dog vendor, dog house,
    dog park, dog food, cat food, bird house, bird cage, mickey mouse, book shelf, book store, book case, toilet paper,
    pizza box, pizza parlor, pizza place, pizza shop, cake pan, cup cake, tea cup, world cup, fruit bowl, bowl cut,
    bowl haircut, wheel chair, chair lift, tie dye, tie dyed, sink hole, boat house, boat dock, bike rack, bike lane,
    bike path, oven mitt, oven door, oven glove, refrigerator magnet, umbrella hat, keyboard player, bat man
    """
)
# Nouns of the table that say nothing without another one, and those that say too little by themselves.
_DROPPED = nouns.listed("animal, board, glass, computer, meter, orange")
_VAGUE = nouns.listed("bag, screen, disc, luggage, controller, ski")


class Meaning(NamedTuple):
    """The classes that a noun names, several if they share it."""

    categories: tuple[str, ...] = ()
    doubtful: bool = False
    plural: bool = False


class Named(NamedTuple):
    """What a caption says of a class: how many objects there may be, and whether only doubtful nouns say so."""

    most: int
    doubtful: bool


@cache
def _meanings(classes: tuple[str, ...]) -> dict[tuple[str, ...], Meaning]:
    """What the words of each noun, in singular and plural, name."""
    found: dict[tuple[str, ...], Meaning] = {}
    for category in classes:
        own = nouns.names(category)
        for noun in (*own, *sorted(nouns.listed(_MORE[category]) if category in _MORE else ())):
            doubtful = noun in _VAGUE or (noun != category and bool(nouns.also_fits(category, noun)))
            for form, many in ((noun, False), (_plural(noun), True)):
                if noun in _DROPPED and form != "oranges":
                    continue
                words = tuple(form.split())
                old = found.get(words, Meaning(doubtful=True))
                if old.doubtful:
                    shared = old.categories if doubtful else ()
                    found[words] = Meaning((*shared, category), doubtful, many and form != noun)
    return found | {tuple(form.split()): Meaning() for text in _OTHERS for form in (text, _plural(text))}


def _plural(noun: str) -> str:
    if noun == "calf":
        return "calves"
    if noun == "cattle" or noun.endswith("ing"):
        return noun
    first, of, rest = noun.partition(" of ")
    return nouns.plural(first) + of + rest


def named(caption: str, classes: tuple[str, ...]) -> dict[str, Named]:
    """The classes that one caption names."""
    meanings = _meanings(classes)
    words = re.findall("[a-z]+", caption.lower().replace("t.v.", "tv"))
    found: dict[str, Named] = {}
    place = 0
    while place < len(words):
        longest = min(max(map(len, meanings)), len(words) - place)
        lengths = (length for length in range(longest, 0, -1) if tuple(words[place : place + length]) in meanings)
        length = next(lengths, 0)
        before = words[max(0, place - _BEFORE) : place]
        meaning = meanings.get(tuple(words[place : place + length]), Meaning())
        place += max(length, 1)
        if before and before[-1] in _VERB_AFTER:
            continue
        numbers = [_NUMBERS[word] for word in before if word in _NUMBERS]
        most = (numbers[-1] if numbers else SEVERAL) if meaning.plural else 1
        for category in meaning.categories:
            old = found.get(category, Named(0, True))
            found[category] = Named(max(old.most, most), old.doubtful and meaning.doubtful)
    return found


def mentioned(captions: Sequence[str], classes: tuple[str, ...]) -> dict[str, int]:
    """Classes that several captions of a picture name, one of them beyond doubt: how many objects there may be."""
    each = [named(text, classes) for text in captions]
    found = {}
    for category in classes:
        entries = [entry[category] for entry in each if category in entry]
        if len(entries) >= AGREEING and not all(entry.doubtful for entry in entries):
            found[category] = max(entry.most for entry in entries)
    return found

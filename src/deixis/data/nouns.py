"""What people call things: names for categories, their plurals, and which other things a name would fit too.

These tables only GENERATE expressions; no phrase is ever parsed with them.
"""

from __future__ import annotations

import re
from functools import lru_cache

# How often people say each of these of a person, in parts of the sum; gender and age are not annotated.
PERSON_NOUNS: dict[str, float] = {
    "person": 18.0,
    "man": 16.0,
    "guy": 16.5,
    "woman": 9.0,
    "girl": 7.5,
    "boy": 4.5,
    "lady": 5.5,
    "kid": 2.5,
    "dude": 2.5,
    "child": 1.0,
    "player": 0.5,
    "human": 0.4,
    "gentleman": 0.2,
    "adult": 0.2,
}
WOMEN_NOUNS = ("woman", "girl", "lady", "person")


def listed(text: str) -> frozenset[str]:
    """The names in a comma-separated text."""
    return frozenset(" ".join(name.split()) for name in text.split(","))


_COCO = listed(
    """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
    parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove,
    skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple,
    sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining
    table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink,
    refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush
    """
)
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "bicycle": ("bike", "cycle"),
    "car": ("vehicle", "automobile", "van", "taxi", "cab", "suv"),
    "motorcycle": ("motorbike", "bike", "scooter", "moped"),
    "airplane": ("plane", "aeroplane", "jet", "aircraft"),
    "train": ("tram",),
    "truck": ("pickup", "van"),
    "boat": ("ship", "sailboat", "canoe"),
    "traffic light": ("stoplight", "traffic signal"),
    "fire hydrant": ("hydrant",),
    "parking meter": ("meter",),
    "bird": ("duck", "pigeon", "parrot", "gull"),
    "cat": ("kitty", "kitten"),
    "dog": ("doggy", "puppy", "pup"),
    "horse": ("animal", "pony"),
    "sheep": ("animal", "lamb"),
    "cow": ("animal", "cattle", "calf", "bull"),
    "elephant": ("animal",),
    "bear": ("animal",),
    "zebra": ("animal",),
    "giraffe": ("animal",),
    "backpack": ("bag", "rucksack"),
    "umbrella": ("parasol",),
    "handbag": ("bag", "purse"),
    "tie": ("necktie",),
    "suitcase": ("luggage", "bag", "baggage", "briefcase"),
    "frisbee": ("disc",),
    "skis": ("ski",),
    "snowboard": ("board",),
    "sports ball": ("ball", "football", "basketball"),
    "baseball bat": ("bat",),
    "baseball glove": ("glove", "mitt"),
    "skateboard": ("board",),
    "surfboard": ("board", "surf board"),
    "tennis racket": ("racket", "racquet"),
    "bottle": ("jar",),
    "wine glass": ("glass",),
    "cup": ("mug",),
    "bowl": ("dish",),
    "banana": ("fruit",),
    "apple": ("fruit",),
    "sandwich": ("burger",),
    "orange": ("fruit",),
    "broccoli": ("vegetable",),
    "carrot": ("vegetable",),
    "hot dog": ("hotdog", "sausage"),
    "donut": ("doughnut", "pastry"),
    "cake": ("dessert", "cupcake"),
    "chair": ("seat", "armchair", "stool"),
    "couch": ("sofa",),
    "potted plant": ("plant", "flower"),
    "bed": ("mattress",),
    "dining table": ("table", "desk"),
    "tv": ("television", "screen", "monitor", "display"),
    "laptop": ("computer", "laptop computer", "macbook"),
    "mouse": ("computer mouse",),
    "remote": ("remote control", "controller"),
    "cell phone": ("phone", "cellphone", "mobile phone", "smartphone", "iphone"),
    "microwave": ("microwave oven",),
    "oven": ("stove",),
    "sink": ("basin",),
    "refrigerator": ("fridge", "freezer"),
    "book": ("magazine", "novel"),
    "vase": ("jar",),
    "teddy bear": ("teddy", "stuffed bear", "bear", "stuffed animal"),
    "hair drier": ("hair dryer", "blow dryer"),
}

# Clothing Co-Parsing: 58 labels and what else people call them.
_CLOTHING = listed(
    """
    accessories, bag, belt, blazer, blouse, bodysuit, boots, bra, bracelet, cape, cardigan, clogs, coat, dress,
    earrings, flats, glasses, gloves, hair, hat, heels, hoodie, intimate, jacket, jeans, jumper, leggings,
    loafers, necklace, panties, pants, pumps, purse, ring, romper, sandals, scarf, shirt, shoes, shorts, skin,
    skirt, sneakers, socks, stockings, suit, sunglasses, sweater, sweatshirt, swimwear, t-shirt, tie, tights,
    top, vest, wallet, watch, wedges
    """
)
_CLOTHING_SYNONYMS: dict[str, tuple[str, ...]] = {
    "blazer": ("jacket",),
    "blouse": ("shirt", "top"),
    "cardigan": ("sweater",),
    "clogs": ("shoes",),
    "coat": ("overcoat",),
    "dress": ("gown",),
    "flats": ("shoes",),
    "glasses": ("eyeglasses", "spectacles"),
    "hat": ("cap", "beanie"),
    "heels": ("shoes", "high heels"),
    "jeans": ("pants",),
    "jumper": ("sweater",),
    "leggings": ("pants",),
    "loafers": ("shoes",),
    "pants": ("trousers", "slacks"),
    "pumps": ("shoes", "heels"),
    "purse": ("bag", "handbag"),
    "sandals": ("shoes",),
    "scarf": ("shawl",),
    "shoes": ("footwear",),
    "sneakers": ("shoes", "tennis shoes"),
    "suit": ("tuxedo",),
    "sunglasses": ("shades", "glasses"),
    "swimwear": ("swimsuit",),
    "t-shirt": ("shirt", "tee shirt", "tshirt"),
    "tie": ("necktie",),
    "top": ("shirt",),
    "watch": ("wristwatch",),
    "wedges": ("shoes",),
}

# Said far less often than the other names of the same thing.
_RARE = listed(
    """
    animal, parasol, disc, rucksack, jet, basin, aeroplane, doggy, kitty, necktie, laptop computer, tee shirt, tshirt,
    stuffed animal, computer mouse, microwave oven, traffic signal, wristwatch, eyeglasses, tennis shoes, blow dryer,
    cycle, vehicle, automobile, van, taxi, cab, suv, scooter, moped, aircraft, tram, pickup, ship, sailboat, canoe,
    duck, pigeon, parrot, gull, kitten, puppy, pup, pony, lamb, cattle, calf, bull, baggage, briefcase, football,
    basketball, jar, mug, dish, fruit, burger, vegetable, sausage, pastry, dessert, cupcake, seat, armchair, stool,
    flower, mattress, desk, display, macbook, smartphone, iphone, freezer, magazine, novel, overcoat, gown,
    spectacles, beanie, slacks, shawl, footwear, tuxedo
    """
)

_VEHICLES = listed("car, truck, bus, train, motorcycle")
_ANIMALS = listed("bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe")

# A name that would also fit objects of other categories may single out nothing while one of those is there.
_ALSO_COCO: dict[str, frozenset[str]] = {
    "animal": _ANIMALS | {"teddy bear"},
    "vehicle": _VEHICLES,
    "van": frozenset({"car", "truck", "bus"}),
    "pickup": frozenset({"truck", "car"}),
    "bike": frozenset({"bicycle", "motorcycle"}),
    "bag": frozenset({"handbag", "backpack", "suitcase"}),
    "purse": frozenset({"handbag"}),
    "luggage": frozenset({"suitcase", "backpack", "handbag"}),
    "board": frozenset({"skateboard", "surfboard", "snowboard", "skis"}),
    "glass": frozenset({"wine glass", "cup", "vase", "bottle"}),
    "cup": frozenset({"cup", "wine glass"}),
    "jar": frozenset({"bottle", "vase", "cup"}),
    "dish": frozenset({"bowl", "cake", "sandwich", "pizza"}),
    "fruit": frozenset({"banana", "apple", "orange"}),
    "vegetable": frozenset({"broccoli", "carrot"}),
    "dessert": frozenset({"cake", "donut"}),
    "pastry": frozenset({"donut", "cake"}),
    "seat": frozenset({"chair", "bench", "couch", "toilet"}),
    "stool": frozenset({"chair", "bench"}),
    "flower": frozenset({"potted plant", "vase"}),
    "bear": frozenset({"bear", "teddy bear"}),
    "stuffed animal": frozenset({"teddy bear"}),
    "screen": frozenset({"tv", "laptop", "cell phone"}),
    "monitor": frozenset({"tv", "laptop"}),
    "display": frozenset({"tv", "laptop", "cell phone"}),
    "computer": frozenset({"laptop", "tv", "keyboard", "mouse"}),
    "controller": frozenset({"remote"}),
    "phone": frozenset({"cell phone"}),
    "chair": frozenset({"chair"}),
    "disc": frozenset({"frisbee"}),
    "oven": frozenset({"oven", "microwave", "toaster"}),
    "stove": frozenset({"oven"}),
    "table": frozenset({"dining table"}),
}

# Clothing that people, and annotators, do not keep apart.
_CLOTHING_FAMILIES: tuple[frozenset[str], ...] = tuple(
    frozenset(words.split())
    for words in (
        "shirt blouse t-shirt top bodysuit sweatshirt",
        "top sweater jumper sweatshirt cardigan hoodie",
        "jacket blazer coat cape cardigan suit hoodie vest",
        "dress romper swimwear skirt",
        "pants jeans leggings tights stockings",
        "socks stockings tights",
        "shoes boots clogs flats heels loafers pumps sandals sneakers wedges",
        "bag purse wallet",
        "glasses sunglasses",
        "necklace bracelet ring earrings watch accessories",
        "hat accessories",
        "bra panties intimate swimwear bodysuit",
        "scarf cape",
    )
)

# Absence of one is not claimed while another one is there: people's words, or the annotation, may differ.
_NEIGHBOURS: tuple[frozenset[str], ...] = (
    frozenset({"car", "truck", "bus", "train"}),
    frozenset({"bicycle", "motorcycle"}),
    frozenset({"cup", "wine glass", "bottle", "bowl", "vase", "potted plant"}),
    frozenset({"chair", "couch", "bench", "bed"}),
    frozenset({"handbag", "backpack", "suitcase"}),
    frozenset({"tv", "laptop", "keyboard", "mouse", "cell phone", "remote"}),
    frozenset({"skis", "snowboard", "surfboard", "skateboard", "boat"}),
    frozenset({"fork", "knife", "spoon"}),
    frozenset({"sandwich", "hot dog", "pizza", "donut", "cake"}),
    frozenset({"apple", "orange", "banana"}),
    frozenset({"broccoli", "carrot", "potted plant"}),
    frozenset({"oven", "microwave", "toaster"}),
    frozenset({"horse", "cow", "sheep", "zebra"}),
    frozenset({"bear", "teddy bear", "dog", "cat"}),
    frozenset({"kite", "bird", "airplane", "frisbee", "sports ball"}),
    frozenset({"dining table", "bowl", "cup", "fork", "knife", "spoon", "pizza"}),
    frozenset({"traffic light", "stop sign"}),
)

PLURAL_FORMS = listed(
    """
    accessories, boots, broccoli, clogs, earrings, eyeglasses, flats, glasses, gloves, hair, heels, high heels,
    jeans, leggings, loafers, luggage, panties, pants, pumps, sandals, scissors, shades, shoes, shorts, skin,
    skis, sneakers, socks, stockings, sunglasses, swimwear, tennis shoes, tights, trousers, wedges
    """
)
_IRREGULAR = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "lady": "ladies",
    "knife": "knives",
    "mouse": "mice",
    "sheep": "sheep",
    "scarf": "scarves",
    "computer mouse": "computer mice",
}
_PARENTHESIS = re.compile(r"\s*\([^)]*\)")


@lru_cache(maxsize=4096)
def clean(category: str) -> str:
    """A category name as words: "baseball_bat" gives "baseball bat", "cab_(taxi)" gives "cab"."""
    words = _PARENTHESIS.sub("", category.replace("_", " ")).split(",")[0].lower()
    return " ".join(words.split()) or " ".join(category.replace("_", " ").lower().split())


@lru_cache(maxsize=4096)
def names(category: str) -> tuple[str, ...]:
    """The singular names of a category: the cleaned class name first, then synonyms."""
    name = clean(category)
    if name == "person":
        return tuple(PERSON_NOUNS)
    return (name, *(_SYNONYMS.get(name) or _CLOTHING_SYNONYMS.get(name, ())))


@lru_cache(maxsize=4096)
def frequencies(options: tuple[str, ...]) -> list[float]:
    """How often people say each of several nouns of one thing, relative to each other.

    Of a one-word class name most use just that; instead of "dining table" and "cell phone" most say the synonym.
    """
    if options[0] in PERSON_NOUNS:
        return [PERSON_NOUNS.get(noun, 1.0) for noun in options]
    first = 1.0 if " " in options[0] else 3.0
    return [first, *(0.15 if noun in _RARE else 1.5 / place for place, noun in enumerate(options[1:], 1))]


def usual(options: tuple[str, ...]) -> str:
    """The most frequent one of several nouns."""
    weights = frequencies(options)
    return options[weights.index(max(weights))]


def is_person(category: str) -> bool:
    """Whether objects of the category are people."""
    return clean(category) in {"person", "man", "woman", "boy", "girl", "child", "pedestrian"}


@lru_cache(maxsize=4096)
def plural(noun: str) -> str:
    """The plural of a singular noun; nouns that are used in one form only stay as they are."""
    if noun in PLURAL_FORMS:
        return noun
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    return noun + "s"


@lru_cache(maxsize=4096)
def also_fits(category: str, noun: str) -> frozenset[str]:
    """Other categories whose objects the noun would name as well, or that are easily taken for this one."""
    name = clean(category)
    fits = _ALSO_COCO.get(noun, frozenset()) if name in _COCO else frozenset()
    if name in _CLOTHING and (name not in _COCO or name == "tie"):
        fits = frozenset().union(*(family for family in _CLOTHING_FAMILIES if name in family))
    return fits - {name}


@lru_cache(maxsize=4096)
def neighbours(category: str) -> frozenset[str]:
    """Categories that make it doubtful to say that this one is absent."""
    name = clean(category)
    near = [group for group in (*_NEIGHBOURS, *_CLOTHING_FAMILIES) if name in group]
    fits = [also_fits(category, noun) for noun in names(category)]
    return frozenset().union(*near, *fits) - {name}

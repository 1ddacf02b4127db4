"""Wordings. The statistics follow the ReferIt game: short, lower case, mostly without an article.

A template is (text, weight, need). ``{n}`` is the noun, ``{ns}`` its plural, ``{the}`` an article that is mostly
left out, ``{a}`` an indefinite article or nothing, ``{an}`` the landmark's indefinite article, ``{s}`` left or right,
``{v}`` top or bottom, ``{c}`` a colour, ``{g}`` a garment, ``{m}`` a landmark, ``{k}`` an ordinal, ``{count}`` a
number. A text without ``{n}`` or ``{ns}`` that is marked "one" is an ellipsis. Other needs: "abs" the target lies on
that side of the picture, "half" entirely so, "far" near the edge, "two" there are exactly two, "many" at least three,
"contrast" others of the class are there.
Words that depend on the frame are all in ``deixis.text.FRAME_WORDS``.
"""

from __future__ import annotations

Template = tuple[str, float, frozenset[str]]


def _table(*rows: tuple[str, float] | tuple[str, float, str]) -> tuple[Template, ...]:
    return tuple((row[0], row[1], frozenset(row[2].split() if len(row) > 2 else ())) for row in rows)


WORDINGS: dict[str, tuple[Template, ...]] = {
    "name": _table(("{n}", 10)),
    "all": _table(
        ("{ns}", 6),
        ("all {the}{ns}", 4),
        ("all {ns}", 2),
        ("all of the {ns}", 1),
        ("the {ns}", 2),
        ("{count} {ns}", 2, "count"),
        ("the {count} {ns}", 3, "count"),
        ("all {count} {ns}", 1, "count many"),
        ("both {ns}", 3, "two count"),
        ("every {n}", 1, "single"),
    ),
    "everyone": _table(
        ("people", 10),
        ("all {the}people", 4),
        ("everyone", 3),
        ("everybody", 1),
        ("the people", 2),
        ("all people", 1),
        ("{count} people", 2, "count"),
        ("the {count} people", 3, "count"),
        ("both people", 3, "two count"),
        ("all persons", 0.3),
    ),
    "side": _table(
        ("{s} {n}", 10),
        ("{n} on {the}{s}", 14, "abs"),
        ("{n} {s}", 5, "abs"),
        ("{s}most {n}", 2),
        ("{s} most {n}", 0.6),
        ("far {s} {n}", 3, "far"),
        ("{n} far {s}", 3, "far"),
        ("{n} on {the}far {s}", 3.5, "far"),
        ("{n} to {the}{s}", 1, "abs"),
        ("{n} on {the}{s} side", 1.5, "half"),
        ("{n} all the way {s}", 0.4, "far"),
        ("{n} furthest {s}", 0.5),
        ("{n} furthest to the {s}", 0.5),
        ("{n} at {the}{s}", 0.7, "abs"),
        ("{s} side {n}", 0.6, "half"),
        ("{n}, {s}", 0.4, "abs"),
        ("{n} on {the}{s} edge", 0.2, "far"),
        ("{s}", 5, "one half"),
        ("{s} one", 6, "one"),
        ("one on {the}{s}", 2, "one abs"),
        ("the one on the {s}", 1, "one abs"),
        ("far {s}", 4, "one far"),
        ("{s}most", 1, "one"),
        ("{s} most", 0.5, "one"),
        ("on {the}{s}", 1.5, "one abs"),
        ("on {the}far {s}", 1, "one far"),
        ("{s} side", 0.8, "one half"),
    ),
    "vertical": _table(
        ("{v} {n}", 8),
        ("{n} on {v}", 3, "abs"),
        ("{n} at {the}{v}", 4, "abs"),
        ("{n} on the {v}", 2, "abs"),
        ("{w} {n}", 2, "abs"),
        ("{n} {v}", 1.5, "abs"),
        ("{v} most {n}", 0.3),
        ("{v} one", 4, "one"),
        ("{v}", 3, "one abs"),
        ("one on {v}", 1, "one abs"),
    ),
    "corner": _table(
        ("{v} {s} {n}", 8),
        ("{n} {v} {s}", 5),
        ("{n} on {the}{v} {s}", 3),
        ("{n} in {the}{v} {s}", 2),
        ("{n} in {the}{v} {s} corner", 2, "far"),
        ("{w} {s} {n}", 3),
        ("{n} {w} {s}", 1.5),
        ("{n} at {v} {s}", 1),
        ("{v} {s}", 5, "one"),
        ("{w} {s}", 2, "one"),
        ("{v} {s} one", 2, "one"),
        ("{v} {s} corner", 2, "one far"),
    ),
    "middle": _table(
        ("middle {n}", 8),
        ("{n} in {the}middle", 12),
        ("center {n}", 2),
        ("{n} in {the}center", 4),
        ("{n} middle", 1),
        ("{n} at center", 0.4),
        ("middle", 2, "one"),
        ("middle one", 4, "one"),
        ("one in {the}middle", 2, "one"),
        ("in {the}middle", 1, "one"),
        ("center one", 0.7, "one"),
        ("center", 0.7, "one"),
    ),
    "front": _table(
        ("front {n}", 6),
        ("{n} in front", 5),
        ("{n} in {the}front", 4),
        ("{n} up front", 1.5),
        ("{n} at the front", 0.7),
        ("front one", 2, "one"),
        ("one in front", 1.5, "one"),
        ("front", 0.5, "one"),
    ),
    "back": _table(
        ("back {n}", 5),
        ("{n} in {the}back", 8),
        ("{n} in back", 3),
        ("{n} at the back", 0.8),
        ("back one", 2, "one"),
        ("one in {the}back", 2, "one"),
    ),
    "ordinal": _table(
        ("{k} {n} from {the}{s}", 8),
        ("{n} {k} from {the}{s}", 3),
        ("{k} from {the}{s}", 5, "one"),
        ("{k} one from {the}{s}", 2, "one"),
        ("the {k} {n} from the {s}", 1),
    ),
    "big": _table(
        ("big {n}", 6),
        ("biggest {n}", 3),
        ("large {n}", 4),
        ("largest {n}", 3),
        ("bigger {n}", 2, "two"),
        ("larger {n}", 2, "two"),
        ("big one", 2, "one"),
        ("biggest", 0.7, "one"),
        ("the big one", 1, "one"),
        ("biggest one", 1, "one"),
        ("bigger one", 1, "one two"),
        ("larger one", 1, "one two"),
    ),
    "small": _table(
        ("small {n}", 6),
        ("smallest {n}", 3),
        ("smaller {n}", 3, "two"),
        ("small one", 1.5, "one"),
        ("smallest one", 1, "one"),
        ("smaller one", 1.5, "one two"),
    ),
    "tall": _table(
        ("tall {n}", 4),
        ("tallest {n}", 4),
        ("taller {n}", 3, "two"),
        ("tallest", 0.5, "one"),
        ("tall one", 1, "one"),
    ),
    "short": _table(("short {n}", 3), ("shortest {n}", 3), ("shorter {n}", 2, "two"), ("short one", 1, "one")),
    "near": _table(
        ("closest {n}", 6),
        ("{n} closest to us", 3),
        ("{n} closest", 1.5),
        ("nearest {n}", 2),
        ("{n} closest to camera", 1),
        ("closest", 1, "one"),
        ("closest one", 1.5, "one"),
        ("one closest to us", 1, "one"),
    ),
    "away": _table(
        ("farthest {n}", 3),
        ("furthest {n}", 3),
        ("{n} farthest away", 1.5),
        ("{n} furthest away", 1.5),
        ("{n} furthest back", 1.5),
        ("farthest one", 1, "one"),
    ),
    "colour": _table(
        ("{c} {n}", 10), ("the {c} {n}", 1.5), ("{n} that is {c}", 0.3), ("{c} one", 2, "one"), ("{c}", 0.4, "one")
    ),
    "in": _table(
        ("{n} in {c}", 12),
        ("{n} wearing {c}", 2),
        ("{n} in the {c}", 0.5),
        ("{c} shirt", 6),
        ("{n} in {c} shirt", 5),
        ("{n} with {c} shirt", 1.5),
        ("{n} {c} shirt", 1.5),
        ("{c} shirt {n}", 1.5),
        ("{n} in {a}{c} top", 0.6),
        ("in {c}", 0.8, "one"),
        ("one in {c}", 1, "one"),
    ),
    "clad": _table(("{n} in {c}", 12), ("{n} wearing {c}", 3), ("in {c}", 0.8, "one"), ("one in {c}", 1, "one")),
    "pants": _table(("{c} {g}", 5), ("{n} in {c} {g}", 5), ("{n} with {c} {g}", 1.5), ("{n} wearing {c} {g}", 1)),
    "worn": _table(
        ("{c} {g}", 8),
        ("{n} in {c} {g}", 6),
        ("{n} in {the}{c} {g}", 2),
        ("{n} wearing {a}{c} {g}", 2),
        ("{n} with {c} {g}", 1.5),
        ("{c} {g} {n}", 1.5),
        ("{n} {c} {g}", 1),
        ("one in {c} {g}", 0.7),
        ("the one in the {c} {g}", 0.5),
    ),
    "wearing": _table(
        ("{n} in {a}{g}", 6), ("{n} wearing {a}{g}", 4), ("{n} with {a}{g}", 0.4), ("the one in the {g}", 0.7)
    ),
    "with": _table(
        ("{n} with {a}{g}", 6), ("{n} with the {g}", 3), ("the one with the {g}", 1), ("{n} with {c} {g}", 5, "c")
    ),
    "outfit": _table(("{n} in {c} {g} and {h}", 4), ("{c} {g} and {h}", 1.5), ("{n} with {c} {g} and {h}", 1)),
    "upright": _table(
        ("{n} standing", 10),
        ("standing {n}", 4),
        ("{n} standing up", 3),
        ("{n} who is standing", 0.7),
        ("one standing", 1, "one"),
    ),
    "upright at side": _table(("{n} standing on {the}{s}", 6), ("{n} standing {s}", 1), ("{s} {n} standing", 2)),
    "all upright": _table(("{ns} standing", 4), ("standing {ns}", 2), ("all {the}{ns} standing", 1)),
    "seated": _table(
        ("{n} sitting", 8),
        ("sitting {n}", 3),
        ("{n} sitting down", 4),
        ("seated {n}", 1.5),
        ("{n} seated", 1),
        ("{n} who is sitting", 0.7),
        ("one sitting", 1, "one"),
    ),
    "seated at side": _table(("{n} sitting on {the}{s}", 6), ("{n} sitting {s}", 1), ("{s} {n} sitting", 2)),
    "all seated": _table(("{ns} sitting", 4), ("{ns} sitting down", 1.5), ("seated {ns}", 1)),
    "absent": _table(("{n}", 8), ("{n} on {the}{s}", 1.5), ("{s} {n}", 1), ("{n} in {the}middle", 0.4)),
    "next": _table(
        ("{n} next to {the}{m}", 6), ("{n} by {the}{m}", 3), ("{n} beside {the}{m}", 1.5), ("{n} near {the}{m}", 1.5)
    ),
    "on": _table(("{n} on {the}{m}", 6), ("{n} on top of {the}{m}", 0.5)),
    "sitting": _table(("{n} on {the}{m}", 4), ("{n} sitting on {the}{m}", 3)),
    "riding": _table(("{n} on {the}{m}", 5), ("{n} riding {the}{m}", 4), ("{n} riding {an}{m}", 1)),
    "beside": _table(
        ("{n} {s} of {the}{m}", 4),
        ("{n} to {the}{s} of {the}{m}", 5),
        ("{n} on {the}{s} of {the}{m}", 1),
        ("{n} just {s} of {the}{m}", 0.7),
    ),
    "before": _table(("{n} in front of {the}{m}", 5)),
    "over": _table(("{n} above {the}{m}", 5), ("{n} over {the}{m}", 1)),
    "under": _table(("{n} under {the}{m}", 4), ("{n} below {the}{m}", 3)),
    "carrying": _table(("{n} with {the}{m}", 6), ("{n} with {an}{m}", 2), ("{n} holding {the}{m}", 3)),
    "bearing": _table(("{n} with {the}{m}", 6), ("{n} with {an}{m}", 2)),
}
KIND_OF = {
    **dict.fromkeys(("side", "vertical", "corner", "middle", "front", "back"), "location"),
    "ordinal": "ordinal",
    **dict.fromkeys(("big", "small", "tall", "short", "near", "away"), "size"),
    **dict.fromkeys(("colour", "in", "clad", "pants"), "colour"),
    **dict.fromkeys(("upright", "upright at side", "seated", "seated at side"), "posture"),
}
RELATIONS = ("next", "on", "sitting", "riding", "beside", "before", "over", "under", "carrying", "bearing")
COUNT_WORDS = {2: "two", 3: "three", 4: "four", 5: "five"}
ORDINALS = {2: ("second", "2nd"), 3: ("third", "3rd"), 4: ("fourth", "4th")}
AS_PEOPLE_SAY = {"gray": ("gray", "grey"), "tan": ("tan", "beige")}
# What may follow a person whose torso has the colour; the first three also where the garments have other names.
SUFFIXES = (" in {c}", " in {c}", " wearing {c}", " {c} shirt", " in {c} shirt", ", {c} shirt")
UNNAMED_SUFFIXES = SUFFIXES[:3]

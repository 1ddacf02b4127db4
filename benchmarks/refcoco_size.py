"""How long does an evaluation of the size of RefCOCO's testA and testB take, and what bounds it? See method.md.

    python benchmarks/refcoco_size.py [--json FILE] [--share 0.125]

Takes one to two minutes. 1,500 photographs with 10,752 expressions, of which --share is drawn (JPEG, as many pixels as
640 x 480) and written as the REFER release lies on the disk; then they are evaluated as `deixis evaluate` does, without
and with its baselines. The whole is extrapolated: the fixed part once, the rest by the number of expressions.
"""

from __future__ import annotations

import argparse
import json
import pickle
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe
from record import MACHINE, write
from timing import Stages, peak_memory_mb

PHOTOS, EXPRESSIONS = 1500, 10_752  # RefCOCO testA and testB (unc)
SIZE = 554  # as many pixels as 640 x 480
FORMS = ("the {}", "left {}", "right {}", "biggest {}", "{} in the middle", "small {}", "second {} from left", "top {}")
LONG = EXPRESSIONS - 7 * PHOTOS  # photographs with eight expressions; the others have seven
RUN = {"fixed, s": float, "evaluation, s": float, "whole, minutes": float}
SHAPE = {
    "machine": MACHINE, "photos": int, "expressions": int, "share": float,
    "without baselines": RUN, "with baselines": RUN, "numbers and intervals, s": float,
    "shares of the evaluation": {str: float},
    "peak memory, MB": int,
}  # fmt: skip


def write_release(root: Path, photos: int) -> int:
    """Write ``root/images`` and ``root/refcoco``; gives the number of expressions."""
    from PIL import Image

    from deixis.data.shapes import SHAPES, write_coco

    path = write_coco(root / "refcoco", photos, size=SIZE)
    (root / "refcoco" / "images").rename(root / "images")
    instances = json.loads(path.read_text("utf-8"))
    for row in instances["images"]:
        drawn = root / "images" / row["file_name"]
        row["file_name"] = drawn.with_suffix(".jpg").name
        Image.open(drawn).save(drawn.with_suffix(".jpg"), quality=90)
        drawn.unlink()
    path.write_text(json.dumps(instances), "utf-8")
    objects: dict[int, list[dict[str, Any]]] = {}
    for item in instances["annotations"]:
        objects.setdefault(item["image_id"], []).append(item)
    refs: list[dict[str, Any]] = []
    total = 0
    for image_id, there in objects.items():
        mine = [
            {"ref_id": item["id"], "ann_id": item["id"], "image_id": image_id, "category_id": item["category_id"]}
            | {"split": "testA", "file_name": "x_1.jpg", "sentences": []}
            for item in there
        ]
        count = 8 if image_id * PHOTOS // photos <= LONG else 7
        for index in range(count):
            ref = mine[index % len(mine)]
            text = FORMS[index].format(SHAPES[ref["category_id"] - 1])
            sentence = {"sent_id": total, "sent": text, "raw": text, "tokens": text.split()}
            ref["sentences"].append(sentence)
            total += 1
        refs += [ref for ref in mine if ref["sentences"]]
    (root / "refcoco" / "refs(unc).p").write_bytes(pickle.dumps(refs, protocol=2))
    return total


def run(root: Path, expressions: int, blind: bool) -> tuple[dict[str, float], dict[str, float], float]:
    """Seconds of a run, the share of each stage, and the seconds of its numbers with intervals."""
    import deixis.evaluate as evaluation
    from deixis import segmenter as module
    from deixis.backend import OnnxBackend
    from deixis.baselines import baselines_of
    from deixis.data.dataset import open_dataset
    from deixis.summary import results

    start = time.perf_counter()
    dataset = open_dataset(root, "refcoco:testA")
    segmenter = module.Segmenter.load()
    fixed = time.perf_counter() - start
    watch = Stages(
        {
            "open the photograph": (evaluation, "open_image"),
            "encode the photograph": (module.Segmenter, "encode_image"),
            "phrase: words": (module.Segmenter, "_encode_phrase"),
            "phrase: graph": (OnnxBackend, "answer"),
            "phrase: mask at its own size": (module, "_together"),
            "compare with the truth": (evaluation, "overlap"),
        }
    )
    start = time.perf_counter()
    with watch.watched():
        ours, others = evaluation.compare(segmenter, baselines_of(segmenter) if blind else {}, dataset)
    seconds = time.perf_counter() - start
    if len(ours) != expressions:
        raise SystemExit(f"expected {expressions} records, got {len(ours)}")
    start = time.perf_counter()
    results(ours, others)
    numbers = time.perf_counter() - start
    shares = {name: round(value / 1000 / seconds, 3) for name, value in watch.milliseconds.items()}
    shares["truth masks and the rest"] = round(1 - sum(shares.values()), 3)
    whole = (fixed + (seconds + numbers) * EXPRESSIONS / expressions) / 60
    row = {"fixed, s": round(fixed, 2), "evaluation, s": round(seconds, 2), "whole, minutes": round(whole, 2)}
    return row, shares, round(numbers, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--share", type=float, default=0.125)
    given = parser.parse_args()
    photos = max(2, round(PHOTOS * given.share))
    with tempfile.TemporaryDirectory() as folder:
        expressions = write_release(Path(folder), photos)
        plain, shares, _ = run(Path(folder), expressions, blind=False)
        print(f"{expressions} expressions of {photos} photographs: {plain}\n{shares}", flush=True)
        blind, _, numbers = run(Path(folder), expressions, blind=True)
    print(f"with baselines: {blind}")
    result = {
        "machine": describe(),
        "photos": photos,
        "expressions": expressions,
        "share": round(expressions / EXPRESSIONS, 4),
        "without baselines": plain,
        "with baselines": blind,
        "numbers and intervals, s": numbers,
        "shares of the evaluation": shares,
        "peak memory, MB": peak_memory_mb(),
    }
    if given.json:
        write(given.json, result, SHAPE)


if __name__ == "__main__":
    main()

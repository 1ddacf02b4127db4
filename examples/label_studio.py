"""A machine-learning backend for Label Studio: labels become phrases, objects become brush or polygon regions.

python examples/label_studio.py --root /path/to/label-studio/media --port 9090

Add http://localhost:9090 under Settings, Model. A label's value is the phrase that is asked; its hint, when it has
one, comes in its place:

    <BrushLabels name="tag" toName="image"><Label value="Dog" hint="the dog on the left"/></BrushLabels>

Requests and responses: https://labelstud.io/guide/ml_create, https://labelstud.io/tags/brushlabels and polygonlabels.
"""

from __future__ import annotations

import argparse
import io
import json
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deixis import Features, ImageError, InputError, PhraseError, Segmenter, __version__
from deixis.image import open_image
from deixis.types import BoolMask, ImageArray, Segmentation

VERSION = f"deixis-{__version__}"
SURE = 0.5  # answers with a lower score are not proposed
TOLERANCE = 1.5  # pixels by which a polygon may leave the mask, so that it has few enough corners to be moved by hand
RUN_BITS = (3, 4, 8, 16)  # widths of a run's length


@dataclass(frozen=True)
class Control:
    """A labelling tag: its kind ("brushlabels", "polygonlabels"), names, the task's image key, phrase by label."""

    kind: str
    name: str
    to_name: str
    key: str
    phrases: dict[str, str]


def read_controls(label_config: str) -> list[Control]:
    """The brush and polygon tags of a labelling configuration (XML)."""
    try:
        root = ElementTree.fromstring(label_config)
    except ElementTree.ParseError as error:
        raise InputError(f"label_config: expected Label Studio's XML, got something else ({error})") from error
    images = {tag.get("name", ""): tag.get("value", "").lstrip("$") for tag in root.iter("Image")}
    return [
        Control(
            tag.tag.lower(),
            tag.get("name", ""),
            tag.get("toName", ""),
            images[tag.get("toName", "")],
            {label.get("value", ""): label.get("hint") or label.get("value", "") for label in tag.iter("Label")},
        )
        for tag in root.iter()
        if tag.tag in ("BrushLabels", "PolygonLabels") and tag.get("toName", "") in images
    ]


def predict(segmenter: Segmenter, request: dict[str, Any], root: Path) -> dict[str, Any]:
    """The response to ``POST /predict``: one prediction a task, in order; an image that cannot be read has no regions.

    Raises:
        InputError: the request is not one of Label Studio's.
    """
    tasks, config = request.get("tasks"), request.get("label_config")
    if not isinstance(tasks, list) or not isinstance(config, str):
        raise InputError(f"expected an object with 'tasks' and 'label_config', got the keys {sorted(request)}")
    controls = read_controls(config)
    return {"results": [predict_task(segmenter, task, controls, root) for task in tasks], "model_version": VERSION}


def predict_task(segmenter: Segmenter, task: dict[str, Any], controls: list[Control], root: Path) -> dict[str, Any]:
    """A prediction: regions of all labels, and the mean of their scores."""
    regions = []
    for control in controls:
        try:
            features = segmenter.encode_image(fetch(str(task["data"][control.key]), root))
            for label, phrase in control.phrases.items():
                regions += [
                    region
                    for instance in find(segmenter, features, phrase)
                    for region in to_regions(control, label, instance)
                ]
        except (ImageError, OSError, KeyError) as error:
            print(f"task {task.get('id')}: {error}")
    score = float(np.mean([region["score"] for region in regions])) if regions else 0.0
    return {"result": regions, "score": score, "model_version": VERSION}


def find(segmenter: Segmenter, features: Features, phrase: str) -> list[Segmentation]:
    """The objects that a phrase names; none when none of its words is known."""
    try:
        answer = segmenter.segment(features, phrase)
    except PhraseError as error:
        print(error)
        return []
    return answer.instances if answer.score >= SURE else []


def to_regions(control: Control, label: str, instance: Segmentation) -> list[dict[str, Any]]:
    """An object as regions: one with a brush; with polygons one a connected part."""
    height, width = instance.mask.shape
    values: list[dict[str, Any]]
    if control.kind == "brushlabels":
        values = [{"format": "rle", "rle": encode_brush(instance.mask)}]
    else:
        percent = np.array([100 / width, 100 / height])
        values = [
            {"points": (points * percent).round(3).tolist(), "closed": True}
            for points in instance.to_polygons(TOLERANCE)
        ]
    return [
        {
            "id": uuid.uuid4().hex[:10],
            "type": control.kind,
            "from_name": control.name,
            "to_name": control.to_name,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": instance.score,
            "value": {**value, control.kind: [label]},
        }
        for value in values
    ]


def encode_brush(mask: BoolMask) -> list[int]:
    """The bytes of Label Studio's brush RLE (thi.ng/rle-pack over the mask as RGBA pixels).

    32 bits number of bytes, 5 bits bytes' width - 1, 4 times 4 bits run widths - 1; then for each run 1 bit "repeated",
    2 bits which run width, length - 1, and the byte.
    """
    flat = np.repeat(mask.ravel(), 4)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    bits = [f"{flat.size:032b}", f"{7:05b}", *(f"{width - 1:04b}" for width in RUN_BITS)]
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        value = "1" * 8 if flat[start] else "0" * 8
        for length in (*[1 << 16] * ((end - start) >> 16), (end - start) & 0xFFFF):
            if length:
                which = next(index for index, width in enumerate(RUN_BITS) if length <= 1 << width)
                bits.append(f"1{which:02b}{length - 1:0{RUN_BITS[which]}b}{value}")
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


def fetch(address: str, root: Path) -> ImageArray:
    """A task's picture: a web address, or a file that Label Studio serves from below ``root``."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme in ("http", "https"):
        with urllib.request.urlopen(address, timeout=30) as response:
            return open_image(Image.open(io.BytesIO(response.read())))
    local = urllib.parse.parse_qs(parts.query).get("d")  # /data/local-files/?d=folder/a.jpg
    name = local[0] if local else urllib.parse.unquote(parts.path).removeprefix("/data/")
    path = (root / name.lstrip("/")).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ImageError(f"{address}: expected a file below {root}, got one outside of it")
    return open_image(path)


def make_server(segmenter: Segmenter, root: Path, port: int) -> ThreadingHTTPServer:
    """A server on this machine; port 0 chooses a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(200, {"status": "UP", "model_class": "deixis"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                request = json.loads(body or b"{}")
                answer = predict(segmenter, request, root) if self.path == "/predict" else {"model_version": VERSION}
            except ValueError as error:  # not JSON; InputError is one, too
                self.reply(400, {"error": str(error)})
            else:
                self.reply(200, answer)

        def reply(self, status: int, content: dict[str, Any]) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(), help="folder that Label Studio serves files from")
    parser.add_argument("--port", type=int, default=9090)
    options = parser.parse_args()
    print(f"http://localhost:{options.port}")
    make_server(Segmenter.load(), options.root, options.port).serve_forever()

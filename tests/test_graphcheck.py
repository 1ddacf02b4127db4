"""ONNX graphs that reach for more than standard operators and their own data are refused, before they are opened."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from deixis.backend import OnnxBackend
from deixis.errors import CheckpointError
from deixis.graphcheck import check_graph
from deixis.modelfile import ModelFile
from deixis.segmenter import DEFAULT_MODEL, Segmenter
from fakes import CONFIG, colour_vectors

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402


def graph_of(*nodes: Any, initializers: Any = (), sparse: Any = ()) -> Any:
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    got = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    return helper.make_graph(list(nodes), "g", [given], [got], list(initializers), sparse_initializer=list(sparse))


def model_of(graph: Any, **changes: Any) -> Any:
    options = {"opset_imports": [helper.make_opsetid("", 18)], "ir_version": 8} | changes
    return helper.make_model(graph, **options)


def tensor(external: bool = True, name: str = "w") -> Any:
    made = helper.make_tensor(name, TensorProto.FLOAT, [2], [1.0, 2.0])
    if external:
        made.ClearField("float_data")
        made.data_location = TensorProto.EXTERNAL
        made.external_data.add(key="location", value="../../etc/passwd")
    return made


ADD = helper.make_node("Add", ["x", "w"], ["y"])
CUSTOM = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")


def constant(external: bool = True) -> Any:
    return helper.make_node("Constant", [], ["y"], value=tensor(external))


def branch(body: Any, depth: int = 1) -> Any:
    for _ in range(depth):
        body = helper.make_graph(
            [helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)], "b", [], list(body.output)
        )
    return body.node[0]


def sparse_tensor() -> Any:
    values = tensor()
    indices = helper.make_tensor("i", TensorProto.INT64, [2], [0, 1])
    return helper.make_sparse_tensor(values, indices, [2])


def only_located() -> Any:
    made = tensor()
    del made.external_data[:]
    return made


def with_training() -> Any:
    model = model_of(graph_of(ADD, initializers=[tensor(False)]))
    model.training_info.add().initialization.CopyFrom(graph_of(CUSTOM))
    return model


def with_function() -> Any:
    model = model_of(graph_of(ADD, initializers=[tensor(False)]))
    opsets = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("", "Mine", ["x"], ["y"], [ADD], opsets))
    return model


BAD: dict[str, tuple[Any, str]] = {
    "initializer": (model_of(graph_of(ADD, initializers=[tensor()])), "data in another file"),
    "location without a path": (model_of(graph_of(ADD, initializers=[only_located()])), "data in another file"),
    "constant": (model_of(graph_of(constant())), "data in another file"),
    "sparse": (model_of(graph_of(ADD, sparse=[sparse_tensor()])), "data in another file"),
    "in a branch": (model_of(graph_of(branch(graph_of(constant())))), "data in another file"),
    "domain of a node": (model_of(graph_of(CUSTOM)), "got the domain 'com.microsoft'"),
    "domain in a branch": (model_of(graph_of(branch(graph_of(CUSTOM)))), "got the domain 'com.microsoft'"),
    "imported domain": (
        model_of(graph_of(ADD), opset_imports=[helper.make_opsetid("evil", 1)]),
        "got the domain 'evil'",
    ),
    "training": (with_training(), "a training graph"),
    "function": (with_function(), "functions of its own"),
    "depth": (model_of(graph_of(branch(graph_of(ADD), 17))), "at most 16 ONNX graphs"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_reaches_further_is_refused_before_onnx_runtime(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("ONNX Runtime opened it")

    model, message = BAD[name]
    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
    harmless = model_of(graph_of(ADD, initializers=[tensor(False)])).SerializeToString()
    for graphs in ((model.SerializeToString(), harmless), (harmless, model.SerializeToString())):
        with pytest.raises(CheckpointError, match=message):
            OnnxBackend(*graphs)


def test_the_file_is_named(tmp_path: Path) -> None:
    bad = BAD["initializer"][0].SerializeToString()
    ModelFile(CONFIG, bad, bad, colour_vectors().fingerprint).write(tmp_path / "evil.deixis")
    colour_vectors().save(tmp_path / "vectors")
    with pytest.raises(CheckpointError, match=r"evil\.deixis: expected an ONNX graph .*; do not trust it"):
        Segmenter.load(tmp_path / "evil.deixis", vectors=tmp_path / "vectors")


def test_plain_graphs_pass() -> None:
    for model in (
        model_of(graph_of(ADD, initializers=[tensor(False)])),
        model_of(graph_of(constant(False))),
        model_of(graph_of(branch(graph_of(constant(False)), 3))),
        model_of(graph_of(ADD), opset_imports=[helper.make_opsetid("ai.onnx", 18)]),
    ):
        check_graph(model.SerializeToString())
    bundled = ModelFile.read(DEFAULT_MODEL)
    check_graph(bundled.image_graph)
    check_graph(bundled.phrase_graph)


def test_encodings_that_readers_take_differently_are_refused() -> None:
    domain = b"\x3a\x04evil"  # of a node: field 7, wire type 2
    wide = bytes([0xBA, 0x80, 0x80, 0x80, 0x10])  # field 7 for who drops the bits beyond 32
    for node in (domain, wide + domain[1:]):
        graph = b"\x0a" + bytes([len(node)]) + node
        with pytest.raises(CheckpointError):
            check_graph(b"\x3a" + bytes([len(graph)]) + graph)


def test_half_a_graph_and_rubbish_are_refused() -> None:
    whole = model_of(graph_of(ADD, initializers=[tensor(False)])).SerializeToString()
    for content in (whole[:-1], b"\xff" * 12, b"\x3a\xff\xff\xff\xff\x0f", b"\x0b\x0c", b"\x80"):
        with pytest.raises(CheckpointError, match="something else or half of one"):
            check_graph(content)


def test_the_check_needs_no_onnx() -> None:
    source = Path(sys.modules["deixis.graphcheck"].__file__ or "").read_text("utf-8")
    assert "import onnx" not in source

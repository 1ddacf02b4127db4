"""Graphs whose constant parts are computed: they compute the same, and the runtime can rewrite them again."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra [train] is not installed")

import onnx
import onnxruntime as ort

from deixis.folding import MADE, fold
from deixis.types import FloatArray

SIDE = 4
WEIGHT = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
GIVEN = np.random.default_rng(1).normal(size=(1, 3, SIDE)).astype(np.float32)


def layers(first: int, last: int) -> list[onnx.NodeProto]:
    """Linear layers: x2 is computed of x1 by the weight of the layer and twice its bias."""
    return [
        onnx.helper.make_node(kind, inputs, [output])
        for k in range(first, last)
        for kind, inputs, output in (
            ("MatMul", [f"x{k}", "weight"], f"product{k}"),
            ("Add", ["bias", "bias"], f"bias{k}"),
            ("Add", [f"product{k}", f"bias{k}"], f"x{k + 1}"),
        )
    ]


def chain(length: int) -> onnx.ModelProto:
    values = {"weight": WEIGHT, "bias": np.ones(SIDE, np.float32)}
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, GIVEN.shape) for name in ("x0", f"x{length}")
    ]
    constants = [onnx.numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = onnx.helper.make_graph(layers(0, length), "chain", ends[:1], ends[1:], constants)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def computed(model: onnx.ModelProto) -> FloatArray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x0": GIVEN})[0])


def expected(length: int) -> FloatArray:
    value = GIVEN
    for _ in range(length):
        value = value @ WEIGHT + 2
    return value


def test_a_folded_graph_computes_the_same_with_less() -> None:
    folded = fold(chain(2))
    onnx.checker.check_model(folded)
    assert [node.op_type for node in folded.graph.node].count("Add") < 4
    np.testing.assert_allclose(computed(folded), expected(2), rtol=1e-5)


def test_a_folded_graph_may_grow_and_be_opened() -> None:
    """Some releases of ONNX Runtime call a constant as in the first rewriting, and find the name taken."""
    grown = fold(chain(2))
    grown.graph.node.extend(layers(2, 4))
    grown.graph.output[0].name = "x4"
    names = {weight.name for weight in grown.graph.initializer}
    grown.graph.initializer.extend(weight for weight in chain(1).graph.initializer if weight.name not in names)
    np.testing.assert_allclose(computed(grown), expected(4), rtol=1e-5)


def test_constants_that_the_runtime_makes_keep_none_of_its_names() -> None:
    given = {"weight", "bias", "bias0", "bias1"}
    made = {weight.name for weight in fold(chain(2)).graph.initializer} - given
    assert made and all(name.startswith(MADE) for name in made)

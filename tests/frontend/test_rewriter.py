"""The rewriter keeps numbers, counts readers, drops dead code, and refuses control flow."""

import numpy as np
from tvm import relax

from frontend.nodes import operator_name
from frontend.rewriter import FunctionRewriter, rewrite


def test_without_a_rule_nothing_changes(build_graph, evaluate, operators):
    def body(emit, x):
        y = emit(relax.op.add(x, x))
        emit(relax.op.multiply(y, y))  # nobody reads it
        return relax.Tuple([emit(relax.op.nn.relu(y)), x])

    module = build_graph({"x": (2, 3)}, body)
    after, fired = rewrite(module, FunctionRewriter())
    assert fired == 0
    assert operators(after) == ["relax.add", "relax.nn.relu"]
    x = np.array([[1, -2, 3], [-4, 5, -6]], np.float32)
    for got, expected in zip(evaluate(after, x), evaluate(module, x), strict=True):
        np.testing.assert_array_equal(got, expected)


class ReaderCounter(FunctionRewriter):
    def __init__(self):
        super().__init__()
        self.counted = {}

    def rewrite_call(self, variable, call):  # noqa: ARG002
        for argument in call.args:
            self.counted[operator_name(call), operator_name(self.producer(argument))] = self.readers(argument)


def test_readers_count_every_use(build_graph):
    def body(emit, x):
        y = emit(relax.op.add(x, x))
        z = emit(relax.op.nn.relu(y))
        return emit(relax.op.multiply(y, z))

    counter = ReaderCounter()
    rewrite(build_graph({"x": (2, 3)}, body), counter)
    assert counter.counted["relax.nn.relu", "relax.add"] == 2
    assert counter.counted["relax.multiply", "relax.nn.relu"] == 1


def test_a_known_tuple_is_looked_through(build_graph, operators):
    def body(emit, x):
        pair = emit(relax.Tuple([x, emit(relax.op.nn.relu(x))]))
        return emit(relax.op.add(emit(relax.TupleGetItem(pair, 1)), x))

    after, _ = rewrite(build_graph({"x": (2, 3)}, body), FunctionRewriter())
    assert operators(after) == ["relax.nn.relu", "relax.add"]

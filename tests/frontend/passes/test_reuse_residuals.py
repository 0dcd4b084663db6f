"""Floats are written over a residual only where a convolution made it and one reader alone is left."""

import numpy as np
import tvm
from node_samples import RNG, convolution, pack
from tvm import relax

from frontend.build import plan_memory
from frontend.nodes import PACKED_CONV2D, node_attributes, node_name
from frontend.passes.fuse_pack import fuse_pack
from frontend.passes.lower_kernels import lower_kernels
from frontend.passes.merge_branches import merge_branches
from frontend.passes.reuse_residuals import reuse_residuals
from frontend.rewriter import straight_line
from tvm_schedules.targets import resolve_target

SHAPE = (1, 6, 6, 5)


def in_place(module):
    nodes = (binding.value for binding in straight_line(module["main"]))
    return [node_attributes(node)["in_place"] for node in nodes if node_name(node) == PACKED_CONV2D]


def chain(emit, x, length, *, keep=()):
    """Convolutions with a skip each; `keep`: whose results are wanted too."""
    y, kept = x, []
    for index in range(length):
        y = convolution(emit, pack(emit, y), like=y, residual=y, relu=True)
        kept += [y] * (index in keep)
    return relax.Tuple([y, *kept])


def test_results_that_are_read_once_are_written_over(build_graph):
    module, _ = fuse_pack(build_graph({"x": SHAPE}, lambda emit, x: chain(emit, x, 4)))
    after, fired = reuse_residuals(module)
    # The first residual is the function's own parameter.
    assert fired == 3 and in_place(after) == [False, True, True, True]


def test_what_is_read_again_or_returned_is_kept(build_graph):
    unpacked, fired = reuse_residuals(build_graph({"x": SHAPE}, lambda emit, x: chain(emit, x, 3)))
    assert fired == 0 and not any(in_place(unpacked))  # packs read the floats too
    module, _ = fuse_pack(build_graph({"x": SHAPE}, lambda emit, x: chain(emit, x, 3, keep=(0,))))
    assert in_place(reuse_residuals(module)[0]) == [False, False, True]


def test_a_residual_of_several_branches_is_kept(build_graph):
    def body(emit, x):
        first = convolution(emit, pack(emit, x), like=x)
        words = pack(emit, first)
        return relax.Tuple([convolution(emit, words, like=x, residual=first) for _ in range(2)])

    module, _ = merge_branches(fuse_pack(build_graph({"x": SHAPE}, body))[0])
    assert reuse_residuals(module)[1] == 0


def test_planned_memory_keeps_what_was_written_over_alive(build_graph, evaluate):
    """Two long chains side by side, whose tensors the planner would mix if it lost one of them."""

    def body(emit, x):
        left, right = (chain(emit, x, 6, keep=(2,)) for _ in range(2))
        return relax.Tuple([*left.fields, *right.fields])

    module, _ = fuse_pack(build_graph({"x": SHAPE}, body))
    after, fired = reuse_residuals(module)
    assert fired == 8
    target = resolve_target("host")
    planned = plan_memory(lower_kernels(after, target)[0])
    machine = relax.VirtualMachine(tvm.compile(planned, target=target), tvm.cpu())
    x = RNG.normal(size=SHAPE).astype(np.float32)
    # Signs of values that rounding leaves near zero would differ: none of this seed's is.
    for got, expected in zip(machine["main"](tvm.runtime.tensor(x)), evaluate(module, x), strict=True):
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4, atol=1e-3)

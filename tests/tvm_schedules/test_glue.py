"""Glue: scheduled functions equal the unscheduled ones, and convolutions are refused."""

import numpy as np
import pytest
import tvm
from kernel_harness import CROSS_TARGETS, assembly, kernel_name, runnable_targets
from tvm import relax
from tvm.relax import op
from tvm.s_tir import Schedule

from tvm_schedules.errors import KernelError
from tvm_schedules.glue import schedule_glue, vector_length
from tvm_schedules.glue_blocks import all_blocks
from tvm_schedules.targets import resolve_target


def _fused(build, *shapes):
    """Legalise and fuse one Relax function into PrimFuncs, as a compile does."""
    inputs = [relax.Var(f"x{i}", relax.TensorType(shape, "float32")) for i, shape in enumerate(shapes)]
    builder = relax.BlockBuilder()
    with builder.function("main", inputs):
        with builder.dataflow():
            result = builder.emit_output(builder.normalize(build(*inputs)))
        builder.emit_func_output(result)
    passes = [
        relax.transform.LegalizeOps(),
        relax.transform.AnnotateTIROpPattern(),
        relax.transform.FuseOps(),
        relax.transform.FuseTIR(),
    ]
    module = tvm.transform.Sequential(passes)(builder.get())
    return [func for func in module.functions.values() if isinstance(func, tvm.tirx.PrimFunc)]


CASES = {
    "max_pool": (lambda x: op.nn.max_pool2d(x, (3, 3), (2, 2), (1, 1), layout="NHWC"), (1, 14, 14, 64)),
    "max_pool_odd": (lambda x: op.nn.max_pool2d(x, (3, 3), (2, 2), (1, 1), layout="NHWC"), (2, 7, 7, 17)),
    "max_pool_affine": (
        lambda x, a, b: op.add(op.multiply(op.nn.max_pool2d(x, (3, 3), (2, 2), (1, 1), layout="NHWC"), a), b),
        (2, 15, 9, 24),
        (24,),
        (24,),
    ),
    "avg_pool": (
        lambda x: op.nn.avg_pool2d(x, (2, 2), (2, 2), (0, 0), ceil_mode=True, layout="NHWC"),
        (1, 7, 7, 64),
    ),
    "mean": (lambda x: op.mean(x, [1, 2], True), (1, 7, 7, 512)),
    "residual": (
        lambda x, y, a, b: op.nn.relu(op.add(op.add(op.multiply(x, a), b), y)),
        *[(1, 5, 5, 100)] * 2,
        *[(100,)] * 2,
    ),
    "add_flat": (lambda x, y: op.nn.relu(op.add(x, y)), (1, 8, 16, 64), (1, 8, 16, 64)),
    "add_prime": (lambda x, y: op.add(x, y), (1, 3, 67, 1), (1, 3, 67, 1)),
    "scale_prime": (lambda x, a: op.multiply(x, a), (1, 5, 5, 67), (67,)),
    "softmax": (lambda x: op.nn.softmax(x, -1), (2, 3, 21)),
    "softmax_classes": (lambda x: op.nn.softmax(x, -1), (1, 1000)),
    "concat": (lambda x, y: op.concat([x, y], 3), (1, 5, 5, 16), (1, 5, 5, 7)),
    "concat_of_vectors": (lambda *x: op.concat(list(x), 3), *[(2, 9, 5, 64)] * 3),
    "transpose": (lambda x: op.permute_dims(x, [0, 2, 3, 1]), (1, 3, 16, 16)),
    "slice": (lambda x: op.strided_slice(x, [3], [0], [40], [2]), (1, 7, 9, 64)),
    "pad": (lambda x: op.nn.pad(x, (0, 0, 1, 1, 1, 1, 0, 0)), (1, 10, 10, 21)),
    "resize": (lambda x: op.image.resize2d(x, (20, 20), layout="NHWC"), (1, 10, 10, 21)),
    "reshape": (lambda x: op.reshape(x, (1, 512)), (1, 1, 1, 512)),
    "argmax": (lambda x: op.argmax(x, 3), (1, 5, 5, 21)),
    "max_of_prime": (lambda x: op.max(x, [1]), (4, 9, 67)),
    "variance": (lambda x: op.variance(x, [1, 2]), (1, 10, 10, 21)),
    "sum_of_all": (lambda x: op.sum(x), (3, 5)),
    "scalar": (lambda x: op.exp(x), ()),
}


@pytest.mark.parametrize("target_text", runnable_targets())
@pytest.mark.parametrize("case", CASES)
def test_equals_the_unscheduled_function(case, target_text):
    target = resolve_target(target_text)
    rng = np.random.default_rng(0)
    for func in _fused(*CASES[case]):
        scheduled = schedule_glue(func, target)
        results = []
        for version in (func.with_attr("global_symbol", "naive"), scheduled):
            arrays = [
                rng.standard_normal([int(extent) for extent in parameter.ty.shape]).astype(
                    str(parameter.ty.dtype)
                )
                for parameter in version.params
            ]
            rng = np.random.default_rng(0)
            tensors = [tvm.runtime.tensor(array) for array in arrays]
            tvm.compile(version, target=target)[str(version.attrs["global_symbol"])](*tensors)
            results.append(tensors[-1].numpy())
            rng = np.random.default_rng(0)
        # Sums of up to a thousand float32 in another order.
        np.testing.assert_allclose(results[1], results[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("target_text", CROSS_TARGETS)
@pytest.mark.parametrize("case", ["max_pool", "residual", "softmax", "concat"])
def test_compiles_for_every_instruction_set_under_a_name_of_the_grammar(case, target_text):
    target = resolve_target(target_text)
    for func in _fused(*CASES[case]):
        scheduled = schedule_glue(func, target)
        assert kernel_name(scheduled).startswith("glue_")
        assert scheduled.attrs["groupnet.kernel"] == "glue"
        assert scheduled.attrs["tirx.is_scheduled"]
        assert kernel_name(scheduled) in assembly(scheduled, target)


def test_elementwise_chains_become_one_loop():
    (func,) = _fused(*CASES["residual"])
    scheduled = schedule_glue(func, resolve_target("haswell"))
    before, after = (
        len(all_blocks(Schedule(version.with_attr("global_symbol", "main")))) for version in (func, scheduled)
    )
    assert (before, after) == (4, 1)
    assert "T.vectorized" in scheduled.script()


def test_what_follows_a_reduction_is_its_end():
    (func,) = _fused(*CASES["max_pool_affine"])
    scheduled = schedule_glue(func, resolve_target("haswell"))
    blocks = all_blocks(Schedule(scheduled.with_attr("global_symbol", "main")))
    assert [block.is_reduction for block in blocks] == [False, True, False]  # start, sums, end


def test_large_functions_are_parallel_and_small_ones_are_not():
    target = resolve_target("haswell")
    for rows, expected in ((64, True), (1, False)):
        (func,) = _fused(lambda x, y: op.add(x, y), (1, rows, 8, 64), (1, rows, 8, 64))
        assert ("T.parallel" in schedule_glue(func, target).script()) is expected


@pytest.mark.parametrize(
    ("build", "shapes"),
    [
        (lambda x, y: op.matmul(x, y), [(4, 8), (8, 5)]),
        (
            lambda x, w: op.nn.conv2d(x, w, padding=(1, 1), data_layout="NHWC", kernel_layout="OHWI"),
            [(1, 5, 5, 8), (4, 3, 3, 8)],
        ),
    ],
)
def test_products_of_two_tensors_are_refused(build, shapes):
    funcs = _fused(build, *shapes)
    with pytest.raises(KernelError, match=r"expected glue .* got a product of two tensors summed"):
        for func in funcs:
            schedule_glue(func, resolve_target("host"))


def test_symbolic_shapes_are_refused():
    rows = tvm.tirx.Var("rows", "int64")
    (func,) = _fused(lambda x: op.nn.relu(x), (rows, 4))
    with pytest.raises(KernelError, match="expected static shapes"):
        schedule_glue(func, resolve_target("host"))


@pytest.mark.parametrize(
    ("extent", "lanes", "expected"),
    [(64, 16, 16), (21, 16, 21), (100, 16, 50), (67, 16, 1), (3, 8, 3), (1001, 4, 13)],
)
def test_vector_length_divides_the_extent(extent, lanes, expected):
    assert vector_length(extent, lanes) == expected
    assert extent % expected == 0

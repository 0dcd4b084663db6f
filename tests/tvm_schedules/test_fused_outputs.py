"""Fused binary convolutions: residual, float and packed outputs, and branches, in every combination."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_harness import kernel_name, normal_with_zeros, run_kernel_with_outputs, runnable_targets

from tvm_schedules.binary_conv2d import (
    BinaryConv2dShape,
    BinaryEpilogue,
    fused_binary_conv2d_kernel,
    pack_weights,
)
from tvm_schedules.errors import KernelError
from tvm_schedules.packing import PackedOutput
from tvm_schedules.reference import binary_conv2d_reference
from tvm_schedules.targets import resolve_target
from tvm_schedules.words import pack_signs

TARGETS = st.sampled_from(runnable_targets())


def _run(shape, target_text, epilogue, words, weights, scale, shift, residual=None):
    """Floats and packed words of each branch; `weights` is one OIHW tensor per branch."""
    target = resolve_target(target_text)
    branches = len(weights)
    packed_weights = np.concatenate([pack_weights(weight, target) for weight in weights])
    outs = [(shape.out_shape, np.float32)] * branches * epilogue.floats
    if epilogue.packed:
        outs += [(epilogue.packed.shape(*shape.out_shape), np.uint32)] * branches
    results = run_kernel_with_outputs(
        fused_binary_conv2d_kernel(shape, target, epilogue, branches=branches),
        target,
        *(words, packed_weights, scale, shift),
        *([residual] if epilogue.residual else []),
        outs=outs,
    )
    split = branches * epilogue.floats
    return results[:split], results[split:]


@settings(max_examples=50, deadline=None)
@given(
    target=TARGETS,
    size=st.tuples(st.integers(1, 2), st.integers(1, 5), st.sampled_from([1, 3, 7, 17])),
    channels=st.sampled_from([1, 5, 31, 32, 33, 65]),
    out_channels=st.sampled_from([1, 5, 8, 16, 20, 31, 32, 33, 48, 64, 65, 96]),
    stride=st.integers(1, 2),
    branches=st.sampled_from([1, 1, 3, 5]),
    relu=st.booleans(),
    has_residual=st.booleans(),
    written=st.sampled_from(["floats", "packed", "both"]),
    border=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    pad_value=st.sampled_from([1, -1]),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_the_reference_exactly_on_exact_values(
    target,
    size,
    channels,
    out_channels,
    stride,
    branches,
    relu,
    has_residual,
    written,
    border,
    pad_value,
    seed,
):
    """Scales are powers of two or 0 and the rest small integers: nothing is rounded, and zeros are common."""
    rng = np.random.default_rng(seed)
    shape = BinaryConv2dShape(*size, channels, out_channels, (3, 3), (stride, stride), (1, 1), border=(1, 1))
    epilogue = BinaryEpilogue(
        relu,
        has_residual,
        written != "packed",
        PackedOutput(border, pad_value) if written != "floats" else None,
    )
    x = normal_with_zeros(rng, (*size, channels))
    weights = [normal_with_zeros(rng, (out_channels, channels, 3, 3)) for _ in range(branches)]
    scale = rng.choice([-2.0, -0.5, 0.0, 0.25, 1.0], branches * out_channels).astype(np.float32)
    shift = rng.integers(-3, 4, branches * out_channels).astype(np.float32)
    residual = rng.integers(-4, 5, shape.out_shape).astype(np.float32)
    floats, packed = _run(shape, target, epilogue, pack_signs(x, (1, 1)), weights, scale, shift, residual)
    for branch, weight in enumerate(weights):
        own = slice(branch * out_channels, (branch + 1) * out_channels)
        dot = binary_conv2d_reference(x, weight, shape.stride, shape.padding)
        expected = (np.maximum(dot, 0) if relu else dot) * scale[own] + shift[own]
        expected += residual if has_residual else 0
        if epilogue.floats:
            np.testing.assert_array_equal(floats[branch], expected)
        if epilogue.packed:
            np.testing.assert_array_equal(packed[branch], pack_signs(expected, border, pad_value))


@pytest.mark.parametrize("target_text", runnable_targets())
@pytest.mark.parametrize("out_channels", [20, 31, 64])
def test_floats_may_be_written_over_the_residual(target_text, out_channels):
    target = resolve_target(target_text)
    shape = BinaryConv2dShape(1, 5, 9, 33, out_channels, (3, 3), padding=(1, 1), border=(1, 1))
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 5, 9, 33)), rng.standard_normal((out_channels, 33, 3, 3))
    residual = rng.integers(-4, 5, shape.out_shape).astype(np.float32)
    epilogue = BinaryEpilogue(relu=True, residual=True, packed=PackedOutput((1, 1), 1), in_place=True)
    ones = np.ones(out_channels, np.float32)
    floats, packed = run_kernel_with_outputs(
        fused_binary_conv2d_kernel(shape, target, epilogue),
        target,
        *(pack_signs(x, (1, 1)), pack_weights(weight, target), ones, 0 * ones, residual),
        outs=[(epilogue.packed.shape(*shape.out_shape), np.uint32)],
        over=[4],
    )
    expected = np.maximum(binary_conv2d_reference(x, weight, padding=(1, 1)), 0) + residual
    np.testing.assert_array_equal(floats, expected)
    np.testing.assert_array_equal(packed, pack_signs(expected, (1, 1), 1))


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("out_channels", [5, 32])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_result_of_zero_packs_to_plus_one(target, out_channels, zero):
    """Zeros of either sign: from scale 0, and from a residual that cancels the dot product."""
    shape = BinaryConv2dShape(1, 2, 3, 32, out_channels, (1, 1))
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 2, 3, 32)), rng.standard_normal((out_channels, 32, 1, 1))
    dot = binary_conv2d_reference(x, weight).astype(np.float32)
    plus_one = pack_signs(np.ones(shape.out_shape, np.float32))
    epilogue = BinaryEpilogue(relu=False, residual=True, packed=PackedOutput((0, 0), 1))
    ones, zeros = np.ones(out_channels, np.float32), np.full(out_channels, zero, np.float32)
    for scale, residual in ((zeros, np.full_like(dot, zero)), (ones, -dot)):
        (floats,), (packed,) = _run(shape, target, epilogue, pack_signs(x), [weight], scale, zeros, residual)
        assert (floats == 0).all()
        np.testing.assert_array_equal(packed, plus_one)


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("out_channels", [16, 21, 64])
def test_rounded_values_pack_as_the_floats_that_are_written(target, out_channels):
    shape = BinaryConv2dShape(1, 5, 9, 33, out_channels, (3, 3))
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 5, 9, 33)), rng.standard_normal((out_channels, 33, 3, 3))
    scale, shift = rng.standard_normal((2, out_channels)).astype(np.float32)
    residual = rng.standard_normal(shape.out_shape).astype(np.float32)
    epilogue = BinaryEpilogue(relu=True, residual=True, packed=PackedOutput((1, 2), -1))
    (floats,), (packed,) = _run(shape, target, epilogue, pack_signs(x), [weight], scale, shift, residual)
    dot = np.maximum(binary_conv2d_reference(x, weight), 0).astype(np.float64)
    # The affine is rounded once (fused) or twice, the sum once: each to float32.
    np.testing.assert_allclose(floats, dot * scale + shift + residual, rtol=1e-6, atol=1e-5)
    np.testing.assert_array_equal(packed, pack_signs(floats, (1, 2), -1))


def test_a_kernel_without_outputs_or_branches_is_refused():
    with pytest.raises(KernelError, match="expected floats, packed or both"):
        BinaryEpilogue(relu=False, floats=False)
    shape = BinaryConv2dShape(1, 3, 3, 32, 64, (3, 3))
    with pytest.raises(KernelError, match="expected branches >= 1"):
        fused_binary_conv2d_kernel(shape, resolve_target("host"), BinaryEpilogue(relu=False), branches=0)
    with pytest.raises(KernelError, match="expected a residual and floats"):
        BinaryEpilogue(relu=False, in_place=True)
    epilogue = BinaryEpilogue(relu=False, residual=True, in_place=True)
    with pytest.raises(KernelError, match="expected one branch"):
        fused_binary_conv2d_kernel(shape, resolve_target("host"), epilogue, branches=2)


def test_different_fusions_have_different_names():
    target = resolve_target("arm64")
    shape = BinaryConv2dShape(1, 4, 4, 32, 16, (3, 3))
    packed = [None, PackedOutput((0, 0), 1), PackedOutput((1, 0), 1), PackedOutput((0, 0), -1)]
    epilogues = [
        BinaryEpilogue(*fields)
        for fields in product((False, True), (False, True), (False, True), packed)
        if fields[2] or fields[3]
    ]
    names = {
        kernel_name(fused_binary_conv2d_kernel(shape, target, epilogue, branches=branches))
        for epilogue in epilogues
        for branches in (1, 2)
    }
    assert len(names) == 2 * len(epilogues)

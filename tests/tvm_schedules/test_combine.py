"""The combination of branches equals NumPy's, in the same order of operations."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import kernel_name, run_kernel_with_outputs, runnable_targets

from tvm_schedules.combine import CombineShape, combine_kernel
from tvm_schedules.errors import KernelError
from tvm_schedules.packing import PackedOutput
from tvm_schedules.targets import resolve_target
from tvm_schedules.words import pack_signs


def _run(shape, target_text, y, factors, *, mixed, floats, packed):
    """Return (m or None, the x_k, the words of each x_k)."""
    target = resolve_target(target_text)
    outs = [(shape.tensor_shape, np.float32)] * (mixed + shape.branches * floats)
    if packed:
        outs += [(packed.shape(*shape.tensor_shape), np.uint32)] * shape.branches
    func = combine_kernel(shape, target, mixed=mixed, floats=floats, packed=packed)
    results = run_kernel_with_outputs(func, target, *y, *factors, outs=outs)
    m = results.pop(0) if mixed else None
    split = shape.branches * floats
    return m, results[:split], results[split:]


def _reference(y, own, weight, share):
    m = y[0] * weight[0]
    for k in range(1, len(y)):
        m = m + y[k] * weight[k]
    return m, [own[k] * y[k] + share[k] * m for k in range(len(y))]


@settings(max_examples=40, deadline=None)
@given(
    target=st.sampled_from(runnable_targets()),
    size=st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4)),
    channels=st.sampled_from([1, 3, 5, 8, 16, 31, 32, 33, 48, 63, 64, 65, 96]),
    branches=st.sampled_from([1, 2, 3, 5]),
    mixed=st.booleans(),
    floats=st.booleans(),
    is_packed=st.booleans(),
    border=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    pad_value=st.sampled_from([1, -1]),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_numpy_exactly_on_exact_values(
    target, size, channels, branches, mixed, floats, is_packed, border, pad_value, seed
):
    """Small integers times powers of two: nothing is rounded, so fused multiply-adds make no difference."""
    assume(mixed or floats or is_packed)
    shape = CombineShape(*size, channels, branches)
    packed = PackedOutput(border, pad_value) if is_packed else None
    rng = np.random.default_rng(seed)
    y = rng.integers(-8, 9, (branches, *shape.tensor_shape)).astype(np.float32)
    factors = rng.choice([-2.0, -0.5, 0.0, 0.25, 1.0], (3, branches)).astype(np.float32)
    m, x, words = _run(shape, target, y, factors, mixed=mixed, floats=floats, packed=packed)
    expected_m, expected_x = _reference(y, *factors)
    if mixed:
        np.testing.assert_array_equal(m, expected_m)
    for k in range(branches):
        if floats:
            np.testing.assert_array_equal(x[k], expected_x[k])
        if packed:
            np.testing.assert_array_equal(words[k], pack_signs(expected_x[k], border, pad_value))


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("channels", [20, 64])
def test_rounded_values_pack_as_the_floats_that_are_written(target, channels):
    shape = CombineShape(1, 5, 6, channels, 5)
    rng = np.random.default_rng(0)
    y = rng.standard_normal((5, *shape.tensor_shape)).astype(np.float32)
    factors = rng.standard_normal((3, 5)).astype(np.float32)
    packed = PackedOutput((1, 1), 1)
    m, x, words = _run(shape, target, y, factors, mixed=True, floats=True, packed=packed)
    expected_m, expected_x = _reference(y.astype(np.float64), *factors.astype(np.float64))
    # Five products and sums of numbers around 1, each rounded to float32 (eps 6e-8) at most twice.
    np.testing.assert_allclose(m, expected_m, rtol=0, atol=5e-6)
    for k in range(5):
        np.testing.assert_allclose(x[k], expected_x[k], rtol=0, atol=2e-5)
        np.testing.assert_array_equal(words[k], pack_signs(x[k], (1, 1), 1))


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("channels", [5, 32])
def test_zeros_of_either_sign_pack_to_plus_one(target, channels):
    shape = CombineShape(1, 1, 2, channels, 2)
    for zero in (0.0, -0.0):
        y = np.full((2, *shape.tensor_shape), zero, np.float32)
        factors = np.ones((3, 2), np.float32)
        *_, words = _run(shape, target, y, factors, mixed=False, floats=False, packed=PackedOutput((0, 0), 1))
        for of_branch in words:
            np.testing.assert_array_equal(of_branch, pack_signs(np.ones(shape.tensor_shape, np.float32)))


def test_a_kernel_without_outputs_and_an_empty_shape_are_refused():
    target = resolve_target("host")
    with pytest.raises(KernelError, match="expected mixed, floats, packed"):
        combine_kernel(CombineShape(1, 2, 2, 3, 2), target, mixed=False, floats=False, packed=None)
    with pytest.raises(KernelError, match="expected positive extents"):
        CombineShape(1, 2, 2, 3, 0)


def test_different_combinations_have_different_names():
    target = resolve_target("arm64")
    packed = [None, PackedOutput((1, 0), 1), PackedOutput((1, 0), -1)]
    names = [
        kernel_name(combine_kernel(CombineShape(1, 2, 2, 32, k), target, mixed=m, floats=f, packed=p))
        for k, m, f, p in product((1, 2), (False, True), (False, True), packed)
        if m or f or p
    ]
    assert len(set(names)) == len(names) == 22

"""The packing kernel equals the packing of the host, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_harness import normal_with_zeros, run_kernel, runnable_targets

from tvm_schedules.errors import KernelError
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.targets import resolve_target
from tvm_schedules.words import pack_signs

TARGETS = st.sampled_from(runnable_targets())


def _pack(shape, target_text, x):
    target = resolve_target(target_text)
    return run_kernel(pack_kernel(shape, target), target, x, out=(shape.out_shape, np.uint32))


@settings(max_examples=40, deadline=None)
@given(
    target=TARGETS,
    size=st.tuples(st.integers(1, 2), st.integers(1, 5), st.integers(1, 5)),
    channels=st.sampled_from([1, 3, 4, 15, 16, 20, 31, 32, 33, 63, 64, 65, 100, 128]),
    border=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    pad_value=st.sampled_from([1, -1]),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_the_hosts_packing(target, size, channels, border, pad_value, seed):
    shape = PackShape(*size, channels, border, pad_value)
    x = normal_with_zeros(np.random.default_rng(seed), shape.in_shape)
    np.testing.assert_array_equal(_pack(shape, target, x), pack_signs(x, border, pad_value))


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("channels", [40, 64])
def test_one_hot_channels(target, channels):
    x = np.where(np.eye(channels, dtype=bool), 1.0, -1.0).astype(np.float32)[None, None]
    packed = _pack(PackShape(1, 1, channels, channels), target, x)[0, 0]
    for channel in range(channels):
        expected = np.zeros(2, np.uint32)
        expected[channel // 32] = 1 << (channel % 32)
        np.testing.assert_array_equal(packed[channel], expected)


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("channels", [5, 32, 36])
def test_zeros_are_plus_one_and_nan_is_bit_zero(target, channels):
    for value, bit in ((0.0, True), (-0.0, True), (np.nan, False), (np.inf, True), (-1e-45, False)):
        x = np.full((1, 1, 1, channels), value, np.float32)
        words = _pack(PackShape(1, 1, 1, channels), target, x)
        expected = pack_signs(np.full(x.shape, 1.0 if bit else -1.0, np.float32))
        np.testing.assert_array_equal(words, expected)


@pytest.mark.parametrize("fields", [{"channels": 0}, {"border": (0, -1)}, {"pad_value": 0}])
def test_senseless_shapes_are_refused(fields):
    with pytest.raises(KernelError, match="expected"):
        PackShape(**{"batch": 1, "height": 2, "width": 2, "channels": 3, **fields})

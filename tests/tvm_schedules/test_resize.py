"""Resizing equals PyTorch's `interpolate`: up, down, odd sizes and channels, borders."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_harness import run_kernel, runnable_targets

from tvm_schedules.errors import KernelError
from tvm_schedules.resize import ResizeShape, resize_kernel
from tvm_schedules.targets import resolve_target

METHODS = ["bilinear", "nearest"]


def _resize(shape, x, target="host"):
    resolved = resolve_target(target)
    return run_kernel(resize_kernel(shape, resolved), resolved, x, out=(shape.out_shape, np.float32))


def _expected(shape, x):
    options = {"align_corners": False} if shape.method == "bilinear" else {}
    y = torch.nn.functional.interpolate(
        torch.from_numpy(x).permute(0, 3, 1, 2),
        (shape.out_height, shape.out_width),
        mode=shape.method,
        **options,
    )
    return y.permute(0, 2, 3, 1).numpy()


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 2), st.integers(1, 7), st.integers(1, 7), st.integers(1, 40)),
    out=st.tuples(st.integers(1, 16), st.integers(1, 16)),
    method=st.sampled_from(METHODS),
    target=st.sampled_from(runnable_targets()),
    seed=st.integers(0, 99),
)
def test_equals_pytorch(size, out, method, target, seed):
    shape = ResizeShape(*size, *out, method)
    x = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    expected = _expected(shape, x)
    if method == "nearest":
        np.testing.assert_array_equal(_resize(shape, x, target), expected)
    else:
        # PyTorch rounds positions to float32; ours are exact: a few rounding errors of values up to 4.
        np.testing.assert_allclose(_resize(shape, x, target), expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_stays_constant_up_to_the_border(method):
    shape = ResizeShape(1, 3, 5, 21, 24, 40, method)
    x = np.full(shape.in_shape, 0.1, np.float32)
    np.testing.assert_array_equal(_resize(shape, x), np.full(shape.out_shape, 0.1, np.float32))


def test_doubling_a_ramp_gives_quarters_between_and_the_ends_at_the_border():
    shape = ResizeShape(1, 1, 3, 1, 1, 6, "bilinear")
    x = np.array([0, 4, 8], np.float32).reshape(shape.in_shape)
    assert _resize(shape, x).ravel().tolist() == [0, 1, 3, 5, 7, 8]


def test_doubling_with_nearest_repeats_each_pixel():
    shape = ResizeShape(1, 1, 3, 2, 2, 6, "nearest")
    x = np.arange(6, dtype=np.float32).reshape(shape.in_shape)
    np.testing.assert_array_equal(_resize(shape, x), x.repeat(2, axis=1).repeat(2, axis=2))


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"out_width": 0}, {"method": "cubic"}])
def test_what_it_cannot_do_is_refused(wrong):
    fields = {"batch": 1, "height": 2, "width": 2, "channels": 3, "out_height": 4, "out_width": 4}
    with pytest.raises(KernelError):
        ResizeShape(**fields | {"method": "bilinear"} | wrong)

"""The naive bitserial reference, held against PyTorch and against the definition by planes."""

import numpy as np
import torch

from tvm_schedules.bitserial_reference import bitserial_conv2d_reference


def test_is_pytorchs_convolution_of_the_integers():
    rng = np.random.default_rng(0)
    levels, weight = rng.integers(0, 16, (2, 7, 8, 5)), rng.choice([-3, -1, 1, 3], (4, 5, 3, 2))
    x = torch.nn.functional.pad(torch.from_numpy(levels.transpose(0, 3, 1, 2)), (2, 2, 1, 1), value=9)
    expected = torch.nn.functional.conv2d(
        x.double(), torch.from_numpy(weight).double(), stride=(2, 1), dilation=(1, 2)
    )
    actual = bitserial_conv2d_reference(levels, weight, (2, 1), (1, 2), (1, 2), pad_level=9)
    assert actual.dtype == np.int64
    np.testing.assert_array_equal(actual, expected.numpy().transpose(0, 2, 3, 1))


def test_is_the_sum_over_planes():
    """`sum_ij 2**(i+j) (|a_i & w_j| - |a_i & ~w_j|)`, TOPI's sum for bipolar weights, on single channels."""
    levels = np.arange(16).reshape(1, 16, 1, 1)
    for value, planes in ((-3, (0, 0)), (-1, (1, 0)), (1, (0, 1)), (3, (1, 1))):
        by_planes = sum(
            (levels >> i & 1) * (1 if bit else -1) << (i + j)
            for i in range(4)
            for j, bit in enumerate(planes)
        )
        weight = np.full((1, 1, 1, 1), value)
        np.testing.assert_array_equal(bitserial_conv2d_reference(levels, weight), by_planes)

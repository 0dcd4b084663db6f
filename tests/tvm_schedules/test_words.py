"""The bit convention on the host."""

import numpy as np
import pytest

from tvm_schedules.errors import KernelError
from tvm_schedules.words import pack_signs, unpack_signs, words


@pytest.mark.parametrize(("channels", "expected"), [(1, 1), (31, 1), (32, 1), (33, 2), (64, 2), (65, 3)])
def test_words_rounds_up(channels, expected):
    assert words(channels) == expected


@pytest.mark.parametrize("channel", [0, 1, 7, 8, 31, 32, 33, 63, 64])
def test_channel_c_is_bit_c_of_word_c_over_32(channel):
    x = np.full((1, 1, 1, 65), -1.0, np.float32)
    x[..., channel] = 1.0
    expected = np.zeros(3, np.uint32)
    expected[channel // 32] = 1 << (channel % 32)
    np.testing.assert_array_equal(pack_signs(x)[0, 0, 0], expected)


def test_both_zeros_are_plus_one_and_nan_is_not():
    x = np.array([0.0, -0.0, -1e-30, 1e-30, np.nan], np.float32).reshape(1, 1, 1, 5)
    assert pack_signs(x).item() == 0b01011


@pytest.mark.parametrize("channels", [1, 31, 32, 33, 65])
def test_unpack_undoes_pack(channels):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, channels)).astype(np.float32)
    np.testing.assert_array_equal(unpack_signs(pack_signs(x), channels), np.where(x >= 0, 1, -1))


@pytest.mark.parametrize(("pad_value", "border"), [(1, 0b111), (-1, 0)])
def test_border_holds_the_pad_value_and_no_tail_bits(pad_value, border):
    packed = pack_signs(np.full((1, 1, 1, 3), -1.0, np.float32), (1, 2), pad_value)
    assert packed.shape == (1, 3, 5, 1)
    assert packed[0, 1, 2, 0] == 0
    packed[0, 1, 2, 0] = border
    assert (packed == border).all()


def test_a_pad_value_that_is_no_sign_is_refused():
    with pytest.raises(KernelError, match=r"expected pad_value \+1 or -1; got 0"):
        pack_signs(np.zeros((1, 1, 1, 1), np.float32), pad_value=0)


def test_a_tensor_without_four_axes_is_refused():
    with pytest.raises(KernelError, match="expected an NHWC tensor of 4 axes"):
        pack_signs(np.zeros((1, 1), np.float32))


def test_transposed_input_packs_as_its_copy():
    weight = np.random.default_rng(0).normal(size=(1, 31, 2, 1))
    x = weight.transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(pack_signs(x), pack_signs(np.ascontiguousarray(x)))

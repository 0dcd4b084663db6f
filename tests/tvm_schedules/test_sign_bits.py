"""The signs of vectors become the low bits of a word, in order, for every instruction set."""

import numpy as np
import pytest
from kernel_harness import run_kernel, runnable_targets

from tvm_schedules.emit import argument, prim_func, span, store
from tvm_schedules.sign_bits import sign_bits
from tvm_schedules.targets import instruction_set, resolve_target
from tvm_schedules.tile import REGISTER_FILES

NAME = "pack_f32b1_any_n1_v1__portable"


@pytest.mark.parametrize("target_text", runnable_targets())
@pytest.mark.parametrize("channels", [16, 32])
def test_each_bit_is_its_channels_alone(target_text, channels):
    """One channel at a time is +1 among -1, then -1 among +1."""
    target = resolve_target(target_text)
    isa = instruction_set(target)
    lanes = REGISTER_FILES[isa].lanes
    rows = 2 * channels
    with prim_func(NAME, "pack") as built:
        x, words = argument("x", (rows, channels), "float32"), argument("words", (rows,), "uint32")
        for row in range(rows):
            signs = sign_bits(isa)
            for start in range(0, channels, lanes):
                signs.add(x[row, span(start, lanes)])
            store(words, signs.word(), row)
    one_hot = np.where(np.eye(channels, dtype=bool), np.float32(1), np.float32(-1))
    out = run_kernel(built[0], target, np.concatenate([one_hot, -one_hot]), out=((rows,), np.uint32))
    bits = np.uint32(1) << np.arange(channels, dtype=np.uint32)
    every = np.uint32((1 << channels) - 1)
    np.testing.assert_array_equal(out, np.concatenate([bits, every ^ bits]))

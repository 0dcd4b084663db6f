"""Which step each instruction set takes, and the one exact rule that byte counters rest on."""

import pytest

from tvm_schedules.errors import KernelError
from tvm_schedules.steps import (
    BYTE_STEPS,
    ByteDot,
    BytePopcount,
    DotPopcount,
    FloatStep,
    LanePopcount,
    PairPopcount,
    binary_step,
    float_step,
)
from tvm_schedules.targets import InstructionSet
from tvm_schedules.tile import REGISTER_FILES, Counter


@pytest.mark.parametrize(
    ("isa", "expected"),
    [
        (InstructionSet.AVX512_VPOPCNTDQ, LanePopcount),
        (InstructionSet.NEON_DOTPROD, DotPopcount),
        (InstructionSet.NEON, PairPopcount),
        (InstructionSet.AVX2, BytePopcount),
        (InstructionSet.PORTABLE, BytePopcount),
    ],
)
def test_binary_step(isa, expected):
    step = binary_step(isa, None, range(100))
    assert type(step) is expected
    assert step.lanes == REGISTER_FILES[isa].lanes


@pytest.mark.parametrize("isa", InstructionSet)
def test_float_step(isa):
    step = float_step(isa)
    assert isinstance(step, FloatStep)
    assert step.max_steps is None


def test_pixels_are_signed_for_neon_alone():
    assert ByteDot(InstructionSet.NEON_DOTPROD).signs_pixels
    assert not ByteDot(InstructionSet.AVX512_VPOPCNTDQ).signs_pixels


def test_a_chunk_of_bytes_cannot_overflow():
    assert 8 * BYTE_STEPS <= 255 < 8 * (BYTE_STEPS + 1)
    assert binary_step(InstructionSet.NEON, Counter.BYTES, range(100)).max_steps == BYTE_STEPS


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        (range(32768), PairPopcount),
        (range(32769), BytePopcount),
        (range(-21844, 21845), PairPopcount),  # from -10922, 43688 ones come to 32766
        (range(-21845, 21846), BytePopcount),
        (range(-65536, -65530), PairPopcount),
        (range(-65537, -65530), BytePopcount),
    ],
)
def test_pairs_are_counted_where_one_half_of_a_lane_may_hold_every_one(totals, expected):
    assert type(binary_step(InstructionSet.NEON, None, totals)) is expected


def test_a_counter_that_overflows_or_does_not_exist_is_refused():
    with pytest.raises(KernelError, match=r"expected a counter among \['BYTES'\] for neon.*got PAIRS"):
        binary_step(InstructionSet.NEON, Counter.PAIRS, range(40_000))
    with pytest.raises(KernelError, match="got BYTES"):
        binary_step(InstructionSet.AVX512_VPOPCNTDQ, Counter.BYTES, range(100))

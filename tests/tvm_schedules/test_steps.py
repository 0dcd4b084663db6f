"""Which step each instruction set takes, and the one exact rule that byte counters rest on."""

import pytest

from tvm_schedules.steps import (
    BYTE_STEPS,
    BytePopcount,
    DotPopcount,
    FloatStep,
    LanePopcount,
    binary_step,
    float_step,
)
from tvm_schedules.targets import InstructionSet
from tvm_schedules.tile import REGISTER_FILES


@pytest.mark.parametrize(
    ("isa", "expected"),
    [
        (InstructionSet.AVX512_VPOPCNTDQ, LanePopcount),
        (InstructionSet.NEON_DOTPROD, DotPopcount),
        (InstructionSet.NEON, BytePopcount),
        (InstructionSet.AVX2, BytePopcount),
        (InstructionSet.PORTABLE, BytePopcount),
    ],
)
def test_binary_step(isa, expected):
    step = binary_step(isa, start=0)
    assert type(step) is expected
    assert step.lanes == REGISTER_FILES[isa].lanes


@pytest.mark.parametrize("isa", InstructionSet)
def test_float_step(isa):
    step = float_step(isa)
    assert isinstance(step, FloatStep)
    assert step.max_steps is None


def test_a_chunk_of_bytes_cannot_overflow():
    assert 8 * BYTE_STEPS <= 255 < 8 * (BYTE_STEPS + 1)
    assert binary_step(InstructionSet.NEON, start=0).max_steps == BYTE_STEPS

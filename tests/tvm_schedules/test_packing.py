"""How signs in registers become granules of words, and what a packed output looks like."""

import pytest

from tvm_schedules.errors import KernelError
from tvm_schedules.packing import PackedOutput, granule_vectors
from tvm_schedules.targets import InstructionSet


@pytest.mark.parametrize(
    ("isa", "vectors", "expected"),
    [
        (InstructionSet.AVX512_VPOPCNTDQ, 2, 1),
        (InstructionSet.AVX2, 1, 1),
        (InstructionSet.NEON, 4, 4),
        (InstructionSet.NEON, 3, None),
        (InstructionSet.NEON_DOTPROD, 8, 8),
        (InstructionSet.NEON_DOTPROD, 5, None),
        (InstructionSet.PORTABLE, 1, None),
        (InstructionSet.PORTABLE, 2, 2),
    ],
)
def test_a_granule_is_as_wide_as_a_store(isa, vectors, expected):
    assert granule_vectors(isa, vectors) == expected


def test_shape_of_a_packed_output():
    assert PackedOutput((1, 2), 1).shape(3, 4, 5, 33) == (3, 6, 9, 2)


@pytest.mark.parametrize(("border", "pad_value"), [((-1, 0), 1), ((0, 0), 0)])
def test_senseless_packed_outputs_are_refused(border, pad_value):
    with pytest.raises(KernelError, match="expected"):
        PackedOutput(border, pad_value)

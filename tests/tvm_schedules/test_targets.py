"""Target texts, and the instruction sets that targets have."""

import pytest
from tvm.target import Target

from tvm_schedules.errors import TargetError
from tvm_schedules.targets import InstructionSet, instruction_set, resolve_target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("znver4", InstructionSet.AVX512_VPOPCNTDQ),
        ("icelake-server", InstructionSet.AVX512_VPOPCNTDQ),
        ("skylake-avx512", InstructionSet.AVX2),
        ("haswell", InstructionSet.AVX2),
        ("x86-64", InstructionSet.PORTABLE),
        ("arm64", InstructionSet.NEON),
        ("cortex-a53", InstructionSet.NEON),
        ("a72", InstructionSet.NEON),
        ("arm64-dotprod", InstructionSet.NEON_DOTPROD),
        ("a55", InstructionSet.NEON_DOTPROD),
        ("a76", InstructionSet.NEON_DOTPROD),
        ("x1", InstructionSet.NEON_DOTPROD),
        ("neoverse-n1", InstructionSet.NEON_DOTPROD),
        ('{"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mattr": ["+neon"]}', InstructionSet.NEON),
        (
            '{"kind": "llvm", "mtriple": "aarch64-linux-android", "mattr": ["+neon", "+dotprod"]}',
            InstructionSet.NEON_DOTPROD,
        ),
        ('{"kind": "llvm", "mtriple": "riscv64-linux-gnu"}', InstructionSet.PORTABLE),
    ],
)
def test_instruction_set_comes_from_features(text, expected):
    assert instruction_set(resolve_target(text)) is expected


def test_host_has_a_named_cpu_and_a_triple():
    target = resolve_target("host")
    assert isinstance(target, Target)
    assert target.attrs["mcpu"] != "generic"
    assert target.attrs["mtriple"]


@pytest.mark.parametrize(
    ("text", "close"),
    [("cortex-a67", "cortex-a77"), ("a67", "a77"), ("arm46", "arm64"), ("znver44", "znver4")],
)
def test_an_unknown_name_is_refused_and_its_neighbours_named(text, close):
    with pytest.raises(TargetError, match=close):
        resolve_target(text)


def test_an_unknown_cpu_inside_json_is_refused():
    with pytest.raises(TargetError, match="cortex-a76"):
        resolve_target('{"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a76x"}')


@pytest.mark.parametrize("text", ['{"kind": "llvm"', '{"kind": "cuda"}', '{"kind": "llvm", "mcpuu": "a"}'])
def test_json_that_is_no_cpu_target_is_refused(text):
    with pytest.raises(TargetError, match="expected"):
        resolve_target(text)

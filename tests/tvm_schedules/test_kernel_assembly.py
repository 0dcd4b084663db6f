"""The instructions that matter are in the compiled kernels, whatever machine compiles them."""

import re

import pytest
from kernel_harness import CROSS_TARGETS, assembly

from tvm_schedules.binary_conv2d import BinaryConv2dShape, binary_conv2d_kernel
from tvm_schedules.float_conv2d import FloatConv2dShape, float_conv2d_kernel
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.targets import resolve_target


def _loop_with_most(text, instruction):
    """The straight-line code (label to first branch) that holds the most of one instruction."""
    bodies = []
    for block in re.split(r"\n(?=\.LBB)", text):
        branch = re.search(r"\n\t(j[a-z]+|b\.\w+|b|cbn?z|tbn?z|ret[a-z]*)\b[^\n]*", block)
        bodies.append(block[: branch.end()] if branch else block)
    return max(bodies, key=lambda body: len(re.findall(rf"\t{instruction}\t", body)))


def _count(text, instruction):
    return len(re.findall(rf"\t{instruction}\t", text))


def _binary_loop(target_text, instruction, channels=64):
    shape = BinaryConv2dShape(1, 28, 28, channels, 64, (3, 3), padding=(1, 1), border=(1, 1))
    target = resolve_target(target_text)
    return _loop_with_most(assembly(binary_conv2d_kernel(shape, target, relu=True), target), instruction)


def test_avx512_counts_whole_lanes_in_512_bit_registers():
    loop = _binary_loop("znver4", "vpopcntd")
    popcounts = _count(loop, "vpopcntd")
    assert popcounts == len(re.findall(r"\tvpopcntd\t%zmm\d+, %zmm", loop)) > 0
    assert _count(loop, "vpxord") == popcounts
    assert "(%rsp)" not in loop  # no accumulator is spilled


def test_avx2_counts_nibbles_by_table_and_does_not_widen_in_the_loop():
    loop = _binary_loop("haswell", "vpshufb")
    assert _count(loop, "vpshufb") == 2 * _count(loop, "vpxor") > 0
    assert "vpsadbw" not in loop
    assert "vpmaddubsw" not in loop


@pytest.mark.parametrize("core", ["arm64-dotprod", "cortex-a55", "cortex-a76", "cortex-x1"])
@pytest.mark.parametrize("channels", [64, 256])
def test_dotprod_cores_take_three_instructions_a_vector_pair(core, channels):
    loop = _binary_loop(core, "cnt", channels)
    pairs = _count(loop, "cnt")
    assert _count(loop, "udot") == _count(loop, "eor") == pairs > 0
    instructions = len(re.findall(r"\n\t[a-z]", loop))
    assert instructions <= 3.6 * pairs  # the rest: loads, one broadcast per word and pixel, the loop itself


@pytest.mark.parametrize("core", ["arm64", "cortex-a53", "cortex-a72"])
@pytest.mark.parametrize("channels", [64, 256])
def test_neon_adds_bytes_in_the_loop_and_widens_outside(core, channels):
    loop = _binary_loop(core, "cnt", channels)
    pairs = _count(loop, "cnt")
    additions = len(re.findall(r"\tadd\tv\d+\.16b", loop))
    assert _count(loop, "eor") == pairs > 0
    assert pairs - 12 <= additions <= pairs  # the first step of a chunk has nothing to add to
    assert "uaddlp" not in loop
    assert "uadalp" not in loop
    assert len(re.findall(r"\n\t[a-z]", loop)) <= 4 * pairs


@pytest.mark.parametrize(
    ("target_text", "instruction"),
    [("znver4", r"vfmadd231ps"), ("haswell", r"vfmadd231ps"), ("arm64", "fmla")],
)
def test_float_loops_multiply_and_add_at_once_without_spills(target_text, instruction):
    shape = FloatConv2dShape(1, 28, 28, 64, 64, (3, 3), padding=(1, 1))
    target = resolve_target(target_text)
    loop = _loop_with_most(
        assembly(float_conv2d_kernel(shape, target, bias=True, relu=True), target), instruction
    )
    assert _count(loop, instruction) > 0
    assert "(%rsp)" not in loop
    assert "[sp" not in loop


def test_neon_multiplies_by_a_lane():
    shape = FloatConv2dShape(1, 28, 28, 64, 64, (3, 3), padding=(1, 1))
    target = resolve_target("arm64")
    text = assembly(float_conv2d_kernel(shape, target, bias=False, relu=False), target)
    assert re.search(r"\tfmla\tv\d+\.4s, v\d+\.4s, v\d+\.s\[\d\]", text)


@pytest.mark.parametrize(
    ("target_text", "pattern"),
    [("znver4", r"\tvcmp\w*ps\t.*%k\d"), ("haswell", r"\tvpmovmskb\t"), ("arm64", r"\tfcmge\tv\d+\.4s")],
)
def test_signs_are_packed_from_vector_comparisons(target_text, pattern):
    target = resolve_target(target_text)
    assert re.search(pattern, assembly(pack_kernel(PackShape(1, 8, 8, 64), target), target))


@pytest.mark.parametrize("target_text", CROSS_TARGETS)
@pytest.mark.parametrize("channels", [64, 17])
def test_accumulators_never_come_from_the_runtimes_workspace(target_text, channels):
    target = resolve_target(target_text)
    shape = BinaryConv2dShape(1, 13, 17, 64, channels, (3, 3))
    float_shape = FloatConv2dShape(1, 13, 17, 8, channels, (3, 3))
    for func in (
        binary_conv2d_kernel(shape, target, relu=True),
        float_conv2d_kernel(float_shape, target, bias=True, relu=True),
    ):
        assert "AllocWorkspace" not in assembly(func, target)

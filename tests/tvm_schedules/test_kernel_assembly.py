"""The instructions that matter are in the compiled kernels, whatever machine compiles them."""

import functools
import re

import pytest
from kernel_harness import CROSS_TARGETS, assembly

from tvm_schedules.binary_conv2d import (
    BinaryConv2dShape,
    BinaryEpilogue,
    binary_conv2d_kernel,
    fused_binary_conv2d_kernel,
)
from tvm_schedules.combine import CombineShape, combine_kernel
from tvm_schedules.cores import BINARY_BUDGETS
from tvm_schedules.float_conv2d import FloatConv2dShape, float_conv2d_kernel
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.packing import PackedOutput
from tvm_schedules.pixel_conv2d import pixel_conv2d_kernel
from tvm_schedules.pixel_weights import PixelConv2dShape
from tvm_schedules.targets import resolve_target


def _loop_with_most(text, instruction):
    """The straight-line code (label or branch to next branch) that holds the most of one instruction."""
    branch = r"\n\t(?:j[a-z]+|b\.\w+|b|cbn?z|tbn?z|ret[a-z]*)\b[^\n]*"
    bodies = [
        match.group()
        for block in re.split(r"\n(?=\.LBB)", text)
        for match in re.finditer(rf"(?s).+?(?:{branch}|$)", block)
    ]
    return max(bodies, key=lambda body: len(re.findall(rf"\t{instruction}\t", body)))


def _count(text, instruction):
    return len(re.findall(rf"\t{instruction}\t", text))


@functools.cache
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
def test_neon_cores_count_and_widen_in_one_instruction(core, channels):
    loop = _binary_loop(core, "cnt", channels)
    pairs = _count(loop, "cnt")
    assert len(re.findall(r"\tuadalp\tv\d+\.8h", loop)) == _count(loop, "eor") == pairs > 0
    assert not re.search(r"\t(?:add|uaddlp)\tv", loop)
    assert len(re.findall(r"\n\t[a-z]", loop)) <= 3.6 * pairs


# A kernel row of 64 channels is one body of 72 or 96 pairs, of which these cores' schedules spill a little.
# Budgets without these spills take more instructions.
SPILLS_AT_64_CHANNELS = {"cortex-a53": 6, "cortex-a510": 2, "cortex-a520": 2}


@pytest.mark.parametrize("core", ["arm64", "arm64-dotprod", *BINARY_BUDGETS])
@pytest.mark.parametrize("channels", [64, 256])
def test_no_core_spills_in_the_loop(core, channels):
    loop = _binary_loop(core, "cnt", channels)
    spills = len(re.findall(r"\t(?:ld|st)[rp]\tq\d+,.*\[sp", loop))
    assert spills <= (SPILLS_AT_64_CHANNELS.get(core, 0) if channels == 64 else 0)


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


@pytest.mark.parametrize(
    ("target_text", "instruction"),
    [("znver4", "vpdpbusd"), ("cortex-a76", "sdot"), ("cortex-a510", "sdot"), ("cortex-x1", "sdot")],
)
def test_loops_over_pixels_multiply_four_bytes_at_once_without_spills(target_text, instruction):
    shape = PixelConv2dShape(1, 56, 56, 3, 64, (7, 7), (2, 2), (3, 3))
    target = resolve_target(target_text)
    text = assembly(pixel_conv2d_kernel(shape, target, relu=True), target)
    loop = _loop_with_most(text, instruction)
    assert _count(loop, instruction) > 0
    assert "(%rsp)" not in loop
    assert "[sp" not in loop
    if instruction == "sdot":
        assert re.search(r"\tsdot\tv\d+\.4s, v\d+\.16b, v\d+\.4b\[\d\]", loop)


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


def _fused_assembly(target_text, channels=64, **written):
    shape = BinaryConv2dShape(1, 28, 28, 64, channels, (3, 3), padding=(1, 1), border=(1, 1))
    epilogue = BinaryEpilogue(relu=True, residual=True, packed=PackedOutput((1, 1), 1), **written)
    target = resolve_target(target_text)
    return assembly(fused_binary_conv2d_kernel(shape, target, epilogue), target)


@pytest.mark.parametrize("floats", [False, True])
def test_avx512_stores_the_mask_of_a_comparison(floats):
    loop = _loop_with_most(_fused_assembly("znver4", floats=floats), "kmovw")
    masks = len(re.findall(r"\tkmovw\t%k\d, [^%]*\(%", loop))
    assert masks == len(re.findall(r"\tvcmp\w*ps\t", loop)) > 0
    assert masks == _count(loop, "vcvtdq2ps")  # each vector of sums is packed as it is finished


def test_avx2_moves_the_signs_of_a_comparison():
    loop = _loop_with_most(_fused_assembly("haswell"), "vmovmskps")
    assert _count(loop, "vmovmskps") == _count(loop, "vcvtdq2ps") > 0


@pytest.mark.parametrize(("core", "per_word"), [("cortex-a53", 4), ("arm64", 8), ("arm64-dotprod", 8)])
def test_neon_inserts_comparisons_and_adds_across_lanes_once_a_granule(core, per_word):
    loop = _loop_with_most(_fused_assembly(core), "fcmge")
    granules = len(re.findall(r"\taddv\ts\d+, v\d+\.4s", loop))
    assert granules > 0
    assert _count(loop, "fcmge") == _count(loop, "scvtf") == per_word * granules
    assert _count(loop, "sli") == (per_word - 1) * granules


@pytest.mark.parametrize("core", ["arm64", "arm64-dotprod"])
def test_neon_combines_five_branches_without_scalars(core):
    target = resolve_target(core)
    kernel = combine_kernel(
        CombineShape(1, 28, 28, 64, 5), target, mixed=True, floats=True, packed=PackedOutput((1, 1), 1)
    )
    loop = _loop_with_most(assembly(kernel, target), "fcmge")
    vectors = 8  # 32 channels
    assert _count(loop, "fcmge") == 5 * vectors
    assert len(re.findall(r"\tfm(?:ul|la)\tv", loop)) == (5 + 2 * 5) * vectors
    assert not re.search(r"\tfm\w+\ts\d", loop)
    # Half of it is arithmetic; the rest loads, stores and what the scheduler of the core spills.
    assert len(re.findall(r"\n\t[a-z]", loop)) <= 2 * (5 + 2 * 5 + 2 * 5) * vectors


@pytest.mark.parametrize("target_text", CROSS_TARGETS)
@pytest.mark.parametrize("channels", [64, 31])
def test_fused_kernels_keep_their_values_off_the_workspace(target_text, channels):
    text = _fused_assembly(target_text, channels)
    assert "AllocWorkspace" not in text

"""The counter counts what a program of known instructions executes, class by class."""

import numpy as np
import pytest

from benchmarks.build_tool import run_tool
from benchmarks.count_instructions import CLASSES, count_kernels, run_counted
from benchmarks.errors import BenchmarkError
from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.float_conv2d import FloatConv2dShape, float_conv2d_kernel
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.packing import PackedOutput
from tvm_schedules.targets import resolve_target

pytestmark = pytest.mark.phone

# Between the marks, 5 times: 2 simd_fp, 4 loads, 3 stores, 2 integer, 1 branch. Around that: 1 integer, and 2
# branches, the first mark's return and the call of the second.
_PROGRAM = """
    .globl _start, mark
mark:
    ret
_start:
    sub sp, sp, #64
    adr x1, word
    bl mark
    mov x0, #5
loop:
    eor v0.16b, v1.16b, v2.16b
    fmla v3.4s, v4.4s, v5.s[1]
    ldr q6, [sp]
    ld1r {v7.4s}, [sp]
    ldp x3, x4, [sp, #16]
    ldr w5, word
    str q6, [sp]
    stp x3, x4, [sp, #16]
    stlrb w5, [sp]
    add x6, x7, x8
    subs x0, x0, #1
    b.ne loop
    bl mark
    mov x0, #0
    mov x8, #93
    svc #0
word:
    .word 0
"""


def test_every_class_is_counted_exactly(tmp_path):
    source, program = tmp_path / "program.s", tmp_path / "program"
    source.write_text(_PROGRAM)
    run_tool(["aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-o", program, source], package="")
    first, last = run_counted(program, "cortex-a76", mark="mark")
    executed = last - first
    expected = {"simd_fp": 10, "load": 20, "store": 15, "integer": 11, "branch": 7, "other": 0}
    assert executed.counts.by_class == expected
    # The loop was entered from above the first time, in a block that begins with `mov`.
    (loop, size), times = executed.blocks.most_common(1)[0]
    assert (size, times) == (12, 4)
    assert executed.blocks[loop - 4, 13] == 1


def test_a_program_without_the_mark_is_refused(tmp_path):
    program = tmp_path / "program"
    (tmp_path / "program.s").write_text(_PROGRAM)
    run_tool(
        ["aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-o", program, tmp_path / "program.s"], package=""
    )
    with pytest.raises(BenchmarkError, match="expected a function missing"):
        run_counted(program, "cortex-a76", mark="missing")


def test_counts_repeat_and_do_not_depend_on_the_kernels_beside():
    target = resolve_target("cortex-a72")
    small, large = (pack_kernel(PackShape(1, 4, size, 64), target) for size in (4, 8))
    together = count_kernels([small, large], target, "cortex-a72")
    alone = count_kernels([large], target, "cortex-a72")
    name = str(large.attrs["global_symbol"])
    assert together == count_kernels([small, large], target, "cortex-a72")
    assert together[name] == alone[name]
    assert list(together[name].by_class) == list(CLASSES)
    # 16 more pixels of 64 channels are 256 vectors more to compare; one instruction loads up to 4.
    extra = together[name] + together[str(small.attrs["global_symbol"])] * -1
    assert 64 <= extra.by_class["load"] < 320
    assert extra.by_class["simd_fp"] >= 256


def test_kernels_that_take_a_workspace_from_the_runtime_are_counted():
    target = resolve_target("cortex-a72")
    shape = FloatConv2dShape(1, 6, 6, 3, 8, (3, 3), padding=(1, 1))
    kernel = float_conv2d_kernel(shape, target, bias=True, relu=False)
    (counts,) = count_kernels([kernel], target, "cortex-a72").values()
    assert counts.by_class["simd_fp"] >= np.prod(shape.out_shape) * 27 // 4


def test_a_kernel_of_many_tensors_is_counted():
    target = resolve_target("cortex-a76")
    shape = BinaryConv2dShape(1, 3, 3, 32, 32, (1, 1))
    epilogue = BinaryEpilogue(relu=True, residual=True, packed=PackedOutput((0, 0), 1))
    kernel = fused_binary_conv2d_kernel(shape, target, epilogue, branches=7)
    assert len(kernel.params) == 19
    (counts,) = count_kernels([kernel], target, "cortex-a76").values()
    assert counts.by_class["store"] >= 7 * 9 * 32 // 8  # two vectors of floats to a store


def test_a_missing_tool_is_named_with_its_package():
    with pytest.raises(BenchmarkError, match=r"no-such-tool.*apt-get install its-package"):
        run_tool(["no-such-tool"], package="its-package")


def test_a_failing_tool_is_quoted():
    with pytest.raises(BenchmarkError, match="exit code 3 and 'why'"):
        run_tool(["sh", "-c", "echo why >&2; exit 3"], package="dash")

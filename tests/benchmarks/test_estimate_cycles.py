"""Cycles by llvm-mca: what was executed is divided into runs, and bounds known by hand are met."""

import pytest

from benchmarks import estimate_cycles
from benchmarks.count_instructions import Blocks, count_kernels
from benchmarks.errors import BenchmarkError
from benchmarks.estimate_cycles import CORES, Run, estimate_kernels, executed_runs, mca_installed, run_cycles
from benchmarks.layers import MACS_PER_M, Layer
from tvm_schedules.targets import resolve_target

needs_mca = pytest.mark.skipif(not mca_installed(), reason="no llvm-mca-19: apt-get install llvm-19")

LISTING = {
    0x100: "mov\tx0, #5",
    0x104: "add\tx6, x7, x8",
    0x108: "subs\tx0, x0, #1",
    0x10C: "b.ne\t#0",
    0x110: "bl\t#0",
    0x114: "ret",
}


def test_a_loop_is_one_run_although_it_was_entered_from_above() -> None:
    # The first block holds the first turn of the loop, the second the other four.
    blocks = Blocks({(0x100, 4): 1, (0x104, 3): 4, (0x110, 1): 1, (0x114, 1): 1})
    first, loop, last = executed_runs(blocks, LISTING)
    assert first == (("mov\tx0, #5",), 1)
    assert loop == (("add\tx6, x7, x8", "subs\tx0, x0, #1", "b.ne\t#0"), 5)
    assert last == (
        ("ret",),
        1,
    )  # what is executed as often and follows a branch is another run; calls are none


def test_runs_end_where_code_was_not_executed() -> None:
    blocks = Blocks({(0x100, 1): 3, (0x108, 1): 3})
    assert executed_runs(blocks, LISTING) == [(("mov\tx0, #5",), 3), (("subs\tx0, x0, #1",), 3)]


def register_loop(widening: str) -> Run:
    """Sixteen accumulators, each with its xor, popcount and addition, far enough apart for any core."""
    steps: list[str] = []
    for first in (0, 8):
        steps += [f"eor v{16 + i}.16b, v{i % 2}.16b, v2.16b" for i in range(8)]
        steps += [f"cnt v{16 + i}.16b, v{16 + i}.16b" for i in range(8)]
        steps += [widening.format(into=24 + i if first else 8 + i, ones=16 + i) for i in range(8)]
    return tuple(steps)


UDOT, UADALP = "udot v{into}.4s, v{ones}.16b, v3.16b", "uadalp v{into}.8h, v{ones}.16b"


@needs_mca
@pytest.mark.parametrize(
    ("cpu", "widening", "cycles"),
    [
        ("cortex-a76", UDOT, 1.5),  # three instructions on two pipes of 128 bits
        ("cortex-a72", UADALP, 1.5),
        ("cortex-a55", UDOT, 3.0),  # one pipe of 128 bits, or two of 64
        ("cortex-a53", UADALP, 3.0),
    ],
)
def test_loops_on_registers_take_what_the_pipes_allow(cpu: str, widening: str, cycles: float) -> None:
    run = register_loop(widening)
    assert run_cycles([run], CORES[cpu].model)[run] / 16 == pytest.approx(cycles, rel=0.1)


@needs_mca
def test_an_instruction_that_waits_for_the_one_before_is_slower() -> None:
    chain = tuple("eor v0.16b, v0.16b, v1.16b" for _ in range(8))
    apart = tuple(f"eor v{i}.16b, v{i}.16b, v9.16b" for i in range(8))
    cycles = run_cycles([chain, apart], "neoverse-n1")
    assert cycles[chain] == pytest.approx(8 * 2)
    assert cycles[apart] == pytest.approx(8 / 2)


@needs_mca
@pytest.mark.phone
def test_a_kernel_takes_more_than_its_loop_on_registers() -> None:
    layer, target = Layer(7, 256), resolve_target("cortex-a76")
    kernel = layer.conv_kernel(target)
    (estimate,) = estimate_kernels([kernel], target, CORES["cortex-a76"]).values()
    (counts,) = count_kernels([kernel], target, "cortex-a76").values()
    assert estimate.instructions == counts.total
    assert 1.5 < estimate.cycles / (layer.macs / MACS_PER_M) < 2.2


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate_cycles, "MCA", "llvm-mca-none")
    assert not mca_installed()
    with pytest.raises(BenchmarkError, match=r"llvm-mca-none.*apt-get install llvm-19"):
        run_cycles([("nop",)], "cortex-a53")

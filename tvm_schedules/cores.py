"""Register budgets of single cores: the tile that keeps each core's compiled loops free of spills.

The names are LLVM's (`mcpu`). Cores of one instruction set differ in how the code generator orders
instructions for them: the more loads it hoists, the fewer accumulators fit beside what is loaded. Counts of
executed instructions chose these budgets (docs/kernels.md). A core that is not here has the cautious
budgets of its instruction set.
"""

from dataclasses import replace

from tvm.target import Target

from tvm_schedules.targets import instruction_set
from tvm_schedules.tile import REGISTER_FILES, Budget, RegisterFile

# Weights of 32 channels against 2 pixels: half the broadcasts of 4 x 4, and all out-of-order cores but the
# X series are scheduled for it without spills.
_WIDE = Budget(vectors=8, accumulators=16, unroll=8)

# 4 x 4: fewer loads, which cores that issue in order cannot hide; a longer body would spill.
_SQUARE = Budget(vectors=4, accumulators=16, unroll=4)

# 3 pixels x 4 vectors, where more accumulators spill: loads are hoisted far ahead for the X series.
_SMALL = Budget(vectors=4, accumulators=12, unroll=8)

# The same with a body half as long, which is what the A510's schedule leaves room for.
_SMALLEST = Budget(vectors=4, accumulators=12, unroll=4)

BINARY_BUDGETS: dict[str, Budget] = {
    "cortex-a53": _SQUARE,
    "cortex-a55": _SQUARE,
    "cortex-a57": _WIDE,
    "cortex-a72": _WIDE,
    "cortex-a73": _WIDE,
    "cortex-a75": _WIDE,
    "cortex-a76": _WIDE,
    "cortex-a77": _WIDE,
    "cortex-a78": _WIDE,
    "cortex-a510": _SMALLEST,
    "cortex-a520": _SMALLEST,
    "cortex-a710": _WIDE,
    "cortex-a715": _WIDE,
    "cortex-a720": _WIDE,
    "cortex-x1": _SMALL,
    "cortex-x2": _SMALL,
    "cortex-x3": _SMALL,
    "cortex-x4": _SMALL,
    "neoverse-n1": _WIDE,
}
"""By `mcpu`; `arm64` is compiled as the A73, `arm64-dotprod` as the A75."""


def register_file(target: Target) -> RegisterFile:
    """Return the register file of a target: its core's where that is known, else its instruction set's."""
    registers = REGISTER_FILES[instruction_set(target)]
    binary = BINARY_BUDGETS.get(str(target.attrs.get("mcpu", "")))
    return replace(registers, binary=binary) if binary else registers

"""The arithmetic that a group of branches ends with, on vectors of channels.

    m   = weight[0] * y_0 + weight[1] * y_1 + ...          left to right
    x_k = own[k] * y_k + share[k] * m

Group-Net (Zhuang et al., CVPR 2019) sums the outputs of its K branches into the group's output, `m`; with a
soft gate between groups, branch `k` of the next group reads its own predecessor blended with that sum, `x_k`.
Every product and sum is rounded to float32, or a product and its sum at once (multiply-add).
"""

from collections.abc import Sequence

from tvm import tirx

from tvm_schedules.emit import Buffer, Expr, argument, span, splat
from tvm_schedules.targets import InstructionSet
from tvm_schedules.tile import REGISTER_FILES


class Combination:
    """The factors of a group of `branches` branches: float32 `[K]` each, arguments of the kernel."""

    def __init__(self, branches: int, isa: InstructionSet) -> None:
        """Declare the arguments `own`, `weight`, `share` of the function that is being built."""
        self.branches = branches
        self.registers = REGISTER_FILES[isa]
        self.own, self.weight, self.share = (
            argument(key, (branches,), "float32") for key in ("own", "weight", "share")
        )

    def total(self, y: Sequence[Expr]) -> Expr:
        """Return `m` of one vector of every branch."""
        total = y[0] * self._factor(self.weight, 0)
        for branch in range(1, self.branches):
            total = total + y[branch] * self._factor(self.weight, branch)
        return total

    def next_input(self, branch: int, y: Expr, total: Expr) -> Expr:
        """Return `x_k` of a vector of branch `k` and the `m` of the same place."""
        return y * self._factor(self.own, branch) + total * self._factor(self.share, branch)

    def _factor(self, factors: Buffer, branch: int) -> Expr:
        """Broadcast one factor; NEON multiplies by a lane, so that several share a register there."""
        first, lanes = branch - branch % 4, self.registers.lanes
        width = 4 if first + 4 <= self.branches else 2
        if self.registers.broadcasts_lanes and branch < first + width <= self.branches:
            return splat(tirx.Shuffle([factors[span(first, width)]], [branch - first]), lanes)
        return splat(factors[branch], lanes)

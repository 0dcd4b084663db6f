"""The arguments that a fused convolution writes, and whatever of them its loop nest cannot write.

Where a block of channels is no granule (NEON with 3, 5, 6 or 7 vectors to a block), the nest writes floats
alone, to the workspace if nobody asked for them, and a second pass packs those.
"""

from collections.abc import Sequence

from tvm_schedules.emit import Buffer, argument, workspace
from tvm_schedules.outputs import Outputs
from tvm_schedules.pack import PackShape, emit_pack
from tvm_schedules.packing import PackedOutput, PackedSigns, emit_border, granule_vectors
from tvm_schedules.targets import InstructionSet


class FusedOutputs:
    """Outputs of `branches` convolutions; to be used while their function is built."""

    def __init__(
        self,
        out_shape: tuple[int, int, int, int],
        branches: int,
        isa: InstructionSet,
        vectors: int,
        packed: PackedOutput | None,
    ) -> None:
        """Take the NHWC shape of one branch, the vectors of a block, and how the signs are packed, if so."""
        self.out_shape = out_shape
        self.branches = branches
        self.isa = isa
        self.per_granule = granule_vectors(isa, vectors)
        self.output = packed
        self.floats: list[Buffer] = []
        self.packed: list[Buffer] = []

    def declare(
        self, added: Sequence[Buffer | None], *, floats: bool, over: Sequence[Buffer] = ()
    ) -> tuple[Outputs, ...]:
        """Declare floats and packed words, in this order; return what is written of each branch.

        Args:
            added: residual of each branch, or None.
            floats: write floats.
            over: arguments of the function that the floats are written over; empty: to outputs of their own.
        """
        shape, branches = self.out_shape, range(self.branches)
        self.floats = list(over)
        if floats and not over:
            self.floats = [argument(f"out_{k}", shape, "float32") for k in branches]
        if self.output is None:
            return self._outputs(self.floats, None, added)
        packed_shape = self.output.shape(*shape)
        self.packed = [argument(f"packed_{k}", packed_shape, "uint32") for k in branches]
        if self.per_granule is None:
            self.floats = self.floats or [workspace(shape, "float32") for _ in branches]
            return self._outputs(self.floats, None, added)
        border = self.output.border
        signs = [PackedSigns.of(words, self.per_granule, border, self.isa) for words in self.packed]
        return self._outputs(self.floats, signs, added)

    def _outputs(
        self,
        floats: Sequence[Buffer],
        signs: Sequence[PackedSigns] | None,
        added: Sequence[Buffer | None],
    ) -> tuple[Outputs, ...]:
        nothing = [None] * self.branches
        of_branches = zip(floats or nothing, signs or nothing, added, strict=True)
        return tuple(Outputs(*of_branch) for of_branch in of_branches)

    def complete(self) -> None:
        """Write the borders or, where the nest could not pack, the packed outputs as a whole."""
        output = self.output
        if output is None:
            return
        if self.per_granule is not None:
            for packed in self.packed:
                emit_border(packed, self.out_shape[3], output)
            return
        shape = PackShape(*self.out_shape, output.border, output.pad_value)
        for floats, packed in zip(self.floats, self.packed, strict=True):
            emit_pack(shape, self.isa, floats, packed)

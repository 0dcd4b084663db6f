"""Reads a planned Relax function: tensors with their places, and the kernel calls in order."""

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

import tvm
import tvm_ffi
from tvm import relax, s_tir

from frontend.errors import UnsupportedModelError
from frontend.nodes import constant_array, is_constant, operator_name, shape_of
from frontend.rewriter import straight_line

ALIGNMENT = 64
"""Bytes; what kernels expect of every tensor (GROUPNET_ALIGNMENT of the runtime)."""

# DLPack's type codes, and bits, of the types that a tensor may have.
_TYPES = {
    "float32": (2, 32),
    "int32": (0, 32),
    "uint32": (1, 32),
    "int8": (0, 8),
    "uint8": (1, 8),
    "int64": (0, 64),
    "bool": (6, 8),
}
_MOST_SLOTS = 1 << 16


@dataclass(frozen=True)
class Slot:
    """A tensor: its bytes begin at `offset` of the arena or of the constants."""

    in_arena: bool
    offset: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def type_code(self) -> int:
        return _TYPES[self.dtype][0]

    @property
    def type_bits(self) -> int:
        return _TYPES[self.dtype][1]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * self.type_bits // 8


@dataclass(frozen=True)
class Step:
    """One call: the kernel's name in the module, its symbol, and the numbers of its arguments' slots."""

    kernel: str
    symbol: str
    arguments: tuple[int, ...]


@dataclass
class Plan:
    """A function as data.

    Attributes:
        slots: every tensor.
        steps: kernel calls in order.
        inputs, outputs: (name, number of slot) of the function's parameters and results.
        constants: the values of all constants, each at a multiple of ALIGNMENT.
        arena_bytes: what tensors need at their peak, inputs and outputs included.
        workspace_bytes: most scratch that any kernel takes, of one thread.
        kernels: the functions called, by name in the module.
    """

    slots: list[Slot] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    inputs: list[tuple[str, int]] = field(default_factory=list)
    outputs: list[tuple[str, int]] = field(default_factory=list)
    constants: bytearray = field(default_factory=bytearray)
    arena_bytes: int = 0
    workspace_bytes: int = 0
    kernels: dict[str, Any] = field(default_factory=dict)

    @property
    def most_arguments(self) -> int:
        """Arguments of the step that has most."""
        return max(len(step.arguments) for step in self.steps)


def read_plan(planned: Any, function: str = "main") -> Plan:
    """Read `function` of a module whose memory is planned (`frontend.build.plan_memory`).

    Raises:
        UnsupportedModelError: it holds something that is neither a tensor's place nor a call of a kernel.
    """
    return _Reader(planned).read(planned[function])


class _Reader:
    """Goes over a function's bindings once."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.plan = Plan()
        self._slots_of: dict[Any, tuple[int, ...]] = {}  # variable -> its slot, or a tuple's slots
        self._storage: dict[Any, int] = {}  # variable -> offset in the arena
        self._known: dict[Slot, int] = {}
        self._constants: dict[bytes, int] = {}  # digest -> offset

    def read(self, function: Any) -> Plan:
        for parameter in function.params:
            slot = self._fresh(parameter)
            self._slots_of[parameter] = (slot,)
            self.plan.inputs.append((str(parameter.name), slot))
        for binding in straight_line(function):
            self._read_binding(binding.var, binding.value)
        returned = self._slots(function.body.body)
        self.plan.outputs = [(f"output_{i}", slot) for i, slot in enumerate(returned)]
        self.plan.arena_bytes = aligned(self.plan.arena_bytes)
        if len(self.plan.slots) > _MOST_SLOTS or not self.plan.steps:
            raise UnsupportedModelError(
                f"expected 1 to {_MOST_SLOTS} tensors and at least one kernel for C; got "
                f"{len(self.plan.slots)} and {len(self.plan.steps)}; split the model or export its parts"
            )
        return self.plan

    def _read_binding(self, variable: Any, value: Any) -> None:
        name = operator_name(value)
        if name == "relax.memory.alloc_storage":
            self._storage[variable] = self._reserve(int(value.args[0].values[0]))
        elif name == "relax.memory.alloc_tensor":
            offset = self._storage[value.args[0]] + _integer(value.args[1])
            slot = self._slot(Slot(True, offset, shape_of(variable), _dtype(variable)))
            self._slots_of[variable] = (slot,)
        elif name == "relax.builtin.alloc_tensor":
            self._slots_of[variable] = (self._fresh(variable),)
        elif name == "relax.reshape":
            (whole,) = self._slots(value.args[0])
            old = self.plan.slots[whole]
            slot = self._slot(Slot(old.in_arena, old.offset, shape_of(variable), old.dtype))
            self._slots_of[variable] = (slot,)
        elif isinstance(value, relax.Call) and isinstance(value.op, tvm.ir.GlobalVar):
            self._read_call(value)
        elif isinstance(value, relax.Tuple | relax.Var) or is_constant(value):
            self._slots_of[variable] = self._slots(value)
        else:
            raise UnsupportedModelError(
                f"expected tensors and calls of kernels for C; got `{name or type(value).__name__}` at "
                f"`{variable.name}`; compile to a bundle instead"
            )

    def _read_call(self, call: Any) -> None:
        name = str(call.op.name_hint)
        kernel = self.module[call.op]
        self.plan.kernels[name] = kernel
        self.plan.workspace_bytes = max(self.plan.workspace_bytes, scratch_bytes(kernel))
        slots = tuple(slot for argument in call.args for slot in self._slots(argument))
        self.plan.steps.append(Step(name, f"__tvm_ffi_{kernel.attrs['global_symbol']}", slots))

    def _slots(self, expr: Any) -> tuple[int, ...]:
        """The slots of a tensor or of a tuple of them."""
        if is_constant(expr):
            return (self._constant(expr),)
        if isinstance(expr, relax.Tuple):
            return tuple(slot for item in expr.fields for slot in self._slots(item))
        return self._slots_of[expr]

    def _constant(self, expr: Any) -> int:
        array = constant_array(expr)
        content = array.tobytes()
        digest = hashlib.sha256(content).digest()
        if digest not in self._constants:
            self.plan.constants += bytes(-len(self.plan.constants) % ALIGNMENT)
            self._constants[digest] = len(self.plan.constants)
            self.plan.constants += content
        return self._slot(Slot(False, self._constants[digest], tuple(array.shape), str(array.dtype)))

    def _fresh(self, variable: Any) -> int:
        """A tensor of its own place, whatever else lives."""
        slot = Slot(True, 0, shape_of(variable), _dtype(variable))
        return self._slot(Slot(True, self._reserve(slot.size_bytes), slot.shape, slot.dtype))

    def _reserve(self, size: int) -> int:
        offset = aligned(self.plan.arena_bytes)
        self.plan.arena_bytes = offset + size
        return offset

    def _slot(self, slot: Slot) -> int:
        if slot.dtype not in _TYPES:
            raise UnsupportedModelError(
                f"expected tensors of {', '.join(_TYPES)} for C; got {slot.dtype}; compile to a bundle"
            )
        if slot not in self._known:
            self._known[slot] = len(self.plan.slots)
            self.plan.slots.append(slot)
        return self._known[slot]


def scratch_bytes(kernel: Any) -> int:
    """The most scratch that one thread takes from the workspace in a kernel, in bytes.

    The sum over all of the kernel's local buffers: small ones stay on the stack and others share their
    place, so that this is never too little.
    """
    sizes: list[int] = []

    def add(buffer: Any) -> None:
        element = tvm.runtime.DataType(str(buffer.dtype))
        extents = math.prod(_integer(extent) for extent in buffer.shape)
        sizes.append(aligned(extents * element.lanes * max(element.bits, 8) // 8))

    def visit_statement(node: Any) -> None:
        add(node.buffer)

    def visit_block(node: Any) -> None:
        for buffer in node.alloc_buffers:
            add(buffer)

    tvm_ffi.structural_walk(
        kernel.body, [(tvm.tirx.AllocBuffer, visit_statement), (s_tir.SBlock, visit_block)], order="post"
    )
    return sum(sizes)


def aligned(size: int) -> int:
    """The next multiple of ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _dtype(variable: Any) -> str:
    return str(variable.ty.dtype)


def _integer(expr: Any) -> int:
    """The value of an integer of Relax or TIR."""
    return int(getattr(expr, "value", expr))

"""Writes a plan as C: the header that an app includes, and the tables that the runtime walks over."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from frontend.c_export.plan import Plan, Slot, aligned
from tvm_schedules.targets import InstructionSet

FORMAT = 1
"""GROUPNET_FORMAT of the runtime that these tables are for."""
INSTANCE_BYTES = 1024
"""GROUPNET_INSTANCE_BYTES of the runtime."""
WORKER_BYTES = 256
"""GROUPNET_WORKER_BYTES of the runtime."""
VIEW_BYTES = 48
VALUE_BYTES = 16

CONSTANTS = "groupnet_constants"
"""The symbol of the constants; like all of a model's symbols but one, it is local to its object."""

_FEATURES = {
    InstructionSet.NEON_DOTPROD: "GROUPNET_NEEDS_DOTPROD",
    InstructionSet.AVX2: "GROUPNET_NEEDS_AVX2",
    InstructionSet.AVX512_VPOPCNTDQ: "GROUPNET_NEEDS_AVX512",
}
_TABLES = ("input_slots", "output_slots", "read_file")
"""Names of two words that model.c and example.c have of their own."""
_TYPES = {
    "float32": "GROUPNET_FLOAT32",
    "int32": "GROUPNET_INT32",
    "uint32": "GROUPNET_UINT32",
    "int8": "GROUPNET_INT8",
    "uint8": "GROUPNET_UINT8",
    "int64": "GROUPNET_INT64",
    "bool": "GROUPNET_BOOL",
}
# Kernels reach the backend through pointers of these names, which TVM's loader fills; here the tables do.
_HOOKS = """\
int (*__TVMBackendParallelLaunch)(groupnet_task, void *, int) = groupnet_parallel_launch;
void *(*__TVMBackendAllocWorkspace)(int, int, uint64_t, int, int) = groupnet_allocate_workspace;
int (*__TVMBackendFreeWorkspace)(int, int, void *) = groupnet_free_workspace;
"""


@dataclass(frozen=True)
class Identity:
    """What an exported model says of itself.

    Attributes:
        name, task: as in the bundle's manifest.
        target: the text that it was compiled for.
        labels: names of the classes, or none.
        preparation: what input 0 holds, in words, or nothing.
    """

    name: str
    task: str
    target: str
    labels: tuple[str, ...] = ()
    preparation: str = ""

    @property
    def symbol(self) -> str:
        """The name in C: `digits-k3` is `digits_k3`; `int` is `model_int`, as one word may mean something."""
        word = re.sub(r"\W", "_", self.name, flags=re.ASCII)
        alone = "_" not in word or word.endswith("_t") or word in _TABLES
        return f"model_{word}" if alone or not re.match(r"[A-Za-z]", word) else word


def memory_bytes(plan: Plan) -> tuple[int, int]:
    """Bytes of an instance without threads, and of each thread; the runtime's `lay_out` adds up the same."""
    parts = (
        INSTANCE_BYTES,
        len(plan.slots) * VIEW_BYTES,
        plan.most_arguments * VALUE_BYTES,
        len(plan.inputs),
        plan.arena_bytes,
    )
    return sum(map(aligned, parts)), aligned(WORKER_BYTES) + aligned(plan.workspace_bytes)


def write_header(plan: Plan, identity: Identity) -> str:
    """The text of model.h."""
    symbol, upper = identity.symbol, identity.symbol.upper()
    fixed, each = memory_bytes(plan)
    preparation = f" * Input 0 is {_comment(identity.preparation)}.\n" if identity.preparation else ""
    tensors = "\n".join(
        [
            *_tensor_macros(plan, plan.inputs, f"{upper}_INPUT"),
            *_tensor_macros(plan, plan.outputs, f"{upper}_OUTPUT"),
        ]
    )
    return f"""\
/* {_comment(identity.name)}: {_comment(identity.task)}, compiled for {_comment(identity.target)}.
 *
 * How to run it is told in runtime/groupnet.h; what it is, `groupnet_describe(&{symbol})` answers.
{preparation} */
#ifndef {upper}_MODEL_H
#define {upper}_MODEL_H

#include "groupnet.h"

#ifdef __cplusplus
extern "C" {{
#endif

extern const groupnet_model {symbol};

/* Bytes of memory that an instance with `threads` threads needs, as a constant expression. */
#define {upper}_MEMORY_BYTES(threads) ((size_t){fixed} + (size_t)(threads) * {each})

{tensors}

#ifdef __cplusplus
}}
#endif

#endif
"""


def write_tables(plan: Plan, identity: Identity, instructions: InstructionSet) -> str:
    """The text of model.c."""
    symbols = sorted({step.symbol for step in plan.steps})
    shapes, shape_at = _shapes(plan.slots)
    arguments: list[int] = []
    steps = []
    for step in plan.steps:
        steps.append(f"{{{step.symbol}, {len(arguments)}, {len(step.arguments)}}}")
        arguments += step.arguments
    slots = [
        f"{{{slot.offset}, {shape_at[slot.shape]}, {len(slot.shape)}, {slot.type_code}, {slot.type_bits}, "
        f"{int(slot.in_arena)}}}"
        for slot in plan.slots
    ]
    kernels = "\n".join(
        f"extern int {name}(void *, const groupnet_value *, int32_t, groupnet_value *);" for name in symbols
    )
    inputs = [_tensor(name, plan.slots[slot], shape_at) for name, slot in plan.inputs]
    outputs = [_tensor(name, plan.slots[slot], shape_at) for name, slot in plan.outputs]
    labels = (
        _table("static const char *const labels[]", map(_string, identity.labels)) if identity.labels else ""
    )
    return f"""\
/* The plan of {_comment(identity.name)} as tables: its tensors, and its kernels' calls in order.
 *
 * It is part of model.o already, and here to be read.
 */
#include "groupnet_model.h"

{kernels}
extern const unsigned char {CONSTANTS}[];

{_HOOKS}
{_table("static const int64_t shapes[]", map(str, shapes))}
{_table("static const groupnet_slot slots[]", slots)}
{_table("static const groupnet_step steps[]", steps)}
{_table("static const uint16_t arguments[]", map(str, arguments))}
{_table("static const uint16_t input_slots[]", (str(slot) for _, slot in plan.inputs))}
{_table("static const uint16_t output_slots[]", (str(slot) for _, slot in plan.outputs))}
{_table("static const groupnet_tensor inputs[]", inputs)}
{_table("static const groupnet_tensor outputs[]", outputs)}
{labels}
static const groupnet_info info = {{
    {_string(identity.name)}, {_string(identity.task)}, {_string(identity.target)},
    {len(identity.labels)}, {"labels" if labels else "NULL"},
    {len(inputs)}, inputs, {len(outputs)}, outputs}};

const groupnet_model {identity.symbol} = {{
    .format = GROUPNET_FORMAT,
    .features = {_FEATURES.get(instructions, "0")},
    .info = &info,
    .constants = {CONSTANTS},
    .shapes = shapes,
    .slots = slots,
    .slot_count = {len(plan.slots)},
    .step_count = {len(plan.steps)},
    .steps = steps,
    .arguments = arguments,
    .most_arguments = {plan.most_arguments},
    .inputs = input_slots,
    .outputs = output_slots,
    .arena_bytes = {plan.arena_bytes},
    .workspace_bytes = {plan.workspace_bytes}}};
"""


def _tensor_macros(plan: Plan, tensors: Sequence[tuple[str, int]], prefix: str) -> list[str]:
    lines = []
    for index, (name, number) in enumerate(tensors):
        slot = plan.slots[number]
        lines.append(f"/* {_comment(name)}: {slot.dtype} {list(slot.shape)} */")
        lines.append(f"#define {prefix}_{index}_BYTES {slot.size_bytes}")
    return lines


def _shapes(slots: Iterable[Slot]) -> tuple[list[int], dict[tuple[int, ...], int]]:
    """All distinct shapes one behind the other, and where each begins."""
    extents: list[int] = []
    begins: dict[tuple[int, ...], int] = {}
    for slot in slots:
        if slot.shape not in begins:
            begins[slot.shape] = len(extents)
            # A scalar has no extents; one is written so that no table is empty.
            extents += slot.shape or (1,)
    return extents, begins


def _tensor(name: str, slot: Slot, shape_at: dict[tuple[int, ...], int]) -> str:
    return (
        f"{{{_string(name)}, {_TYPES[slot.dtype]}, {len(slot.shape)}, shapes + {shape_at[slot.shape]}, "
        f"{slot.size_bytes}}}"
    )


def _table(declaration: str, entries: Iterable[str]) -> str:
    """A table with as many entries to a line as fit."""
    lines, line = [], ""
    for entry in entries:
        if line and len(line) + len(entry) > 100:
            lines.append(f"    {line.rstrip()}")
            line = ""
        line += f"{entry}, "
    lines.append(f"    {line.rstrip(', ')}")
    body = "\n".join(lines)
    return f"{declaration} = {{\n{body}}};"


def _string(text: str) -> str:
    """A C string; everything but plain ASCII as octal escapes of its UTF-8."""
    plain = (chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode())
    return f'"{"".join(plain)}"'


def _comment(text: str) -> str:
    """Text that cannot end the comment that it is put into."""
    return re.sub(r"[^\w .,:;=+(){}\[\]\"'-]", "_", text, flags=re.ASCII)

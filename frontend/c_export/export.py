"""Export a model as C: a folder with an object, its header, the runtime's sources, an example and CMake."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from frontend.build import plan_memory
from frontend.c_export.driver import Identity, memory_bytes, write_header, write_tables
from frontend.c_export.objects import build_object, toolchain_for
from frontend.c_export.plan import Plan, read_plan
from frontend.compile import KernelRecord
from frontend.normalisation import Normalisation
from frontend.pipeline import run_pipeline
from tvm_schedules.targets import instruction_set
from tvm_schedules.tuning.request import Chooser

RUNTIME = Path(__file__).with_name("runtime")
RUNTIME_FILES = (
    "groupnet.h",
    "groupnet_model.h",
    "groupnet_pool.h",
    "groupnet.c",
    "groupnet_pool.c",
)
_TEMPLATES = ("example.c", "CMakeLists.txt")


@dataclass(frozen=True)
class TensorInfo:
    """An input or output as C sees it; images are NHWC."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    size_bytes: int


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        symbol: the model's name in C.
        inputs, outputs: its tensors.
        kernels: how often a run calls each kernel.
        calls: the kernels of a run in order.
        object_bytes: size of model.o.
        constant_bytes: packed weights, scales and shifts therein.
        arena_bytes: tensors of an instance at their peak.
        memory_bytes: memory of an instance with one thread.
    """

    symbol: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    kernels: tuple[KernelRecord, ...]
    calls: tuple[str, ...]
    object_bytes: int
    constant_bytes: int
    arena_bytes: int
    memory_bytes: int


def export_model(
    exported: torch.export.ExportedProgram,
    target: Any,
    folder: Path,
    identity: Identity,
    *,
    normalisation: Normalisation | None = None,
    choose: Chooser | None = None,
    progress: Callable[[str], None] | None = None,
) -> ExportReport:
    """Compile `exported` for `target` (a `tvm.target.Target`) and write it as C into the existing `folder`.

    `normalisation` and `choose` are as for `frontend.compile.compile_model`, and so are the numbers computed.

    Raises:
        FrontendError: see `frontend.errors`.
    """
    toolchain_for(target)  # a missing tool is told before anything slow
    result = run_pipeline(exported, target, normalisation=normalisation, choose=choose, progress=progress)
    if progress:
        progress("4-export")
    return export_plan(read_plan(plan_memory(result.kernels)), target, folder, identity)


def export_plan(plan: Plan, target: Any, folder: Path, identity: Identity) -> ExportReport:
    """Write a plan as C into `folder`.

    Raises:
        BuildError: a tool is missing or failed.
    """
    toolchain = toolchain_for(target)
    runtime = folder / "runtime"
    runtime.mkdir()
    for name in RUNTIME_FILES:
        shutil.copyfile(RUNTIME / name, runtime / name)
    for name in _TEMPLATES:
        text = (RUNTIME / name).read_text(encoding="utf-8")
        text = text.replace("@MODEL@", identity.symbol.upper()).replace("@model@", identity.symbol)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "model.h").write_text(write_header(plan, identity), encoding="utf-8")
    tables, model = folder / "model.c", folder / "model.o"
    tables.write_text(write_tables(plan, identity, instruction_set(target)), encoding="utf-8")
    build_object(plan, tables, identity.symbol, target, runtime, toolchain, model)
    calls = Counter(step.kernel for step in plan.steps)
    fixed, each = memory_bytes(plan)
    return ExportReport(
        symbol=identity.symbol,
        inputs=_tensors(plan, plan.inputs),
        outputs=_tensors(plan, plan.outputs),
        kernels=tuple(KernelRecord(name, count) for name, count in calls.items()),
        calls=tuple(step.kernel for step in plan.steps),
        object_bytes=model.stat().st_size,
        constant_bytes=len(plan.constants),
        arena_bytes=plan.arena_bytes,
        memory_bytes=fixed + each,
    )


def _tensors(plan: Plan, numbered: list[tuple[str, int]]) -> tuple[TensorInfo, ...]:
    slots = [(name, plan.slots[number]) for name, number in numbered]
    return tuple(TensorInfo(name, slot.shape, slot.dtype, slot.size_bytes) for name, slot in slots)

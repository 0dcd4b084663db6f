"""The whole flow, read from top to bottom: four phases, each a list of passes.

A pass is a function of the module (lowering passes of the target too) that answers the new module and how
often it fired. What a phase must have removed when it ends is checked: an operator that slipped through is an
error here, not a slow or wrong model on the phone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tvm

from frontend.errors import PassDidNotFireError
from frontend.import_model import import_model
from frontend.nodes import BINARY_CONV2D, BITSERIAL_CONV2D, NODE_NAMES, operator_name
from frontend.normalisation import Normalisation
from frontend.passes.add_verify import add_verify
from frontend.passes.combine_branches import combine_branches
from frontend.passes.convert_layout import convert_layout
from frontend.passes.decompose_batch_norm import decompose_batch_norm
from frontend.passes.fold_constants import fold_constants
from frontend.passes.fold_epilogue import fold_epilogue
from frontend.passes.fold_normalisation import fold_normalisation, with_normalisation
from frontend.passes.fuse_pack import fuse_pack
from frontend.passes.fuse_residual import fuse_residual
from frontend.passes.group_branches import group_branches
from frontend.passes.lift_dense import lift_dense
from frontend.passes.lower_glue import lower_glue
from frontend.passes.lower_kernels import lower_kernels
from frontend.passes.merge_branches import merge_branches
from frontend.passes.pack_activations import pack_activations
from frontend.passes.pack_banks import pack_banks
from frontend.passes.pack_levels import pack_levels
from frontend.passes.reuse_residuals import reuse_residuals
from frontend.passes.select_experts import select_experts
from frontend.passes.sum_branches import sum_branches
from frontend.rewriter import relax_functions, straight_line
from tvm_schedules.tuning.request import Chooser


@dataclass(frozen=True)
class Phase:
    """A numbered list of passes, and the operators that none of them may leave behind."""

    name: str
    passes: tuple[Callable[..., tuple[Any, int]], ...]
    removes: tuple[str, ...] = ()


PHASES = (
    Phase(
        "1-normalise",
        (fold_constants, decompose_batch_norm, sum_branches, convert_layout, lift_dense),
        removes=(
            "relax.nn.batch_norm",
            "relax.nn.conv2d",
            "relax.nn.conv1d",
            "relax.nn.conv2d_transpose",
            "relax.matmul",
        ),
    ),
    Phase(
        "2-binary-dataflow",
        (
            select_experts,
            pack_activations,
            pack_levels,
            fold_epilogue,
            fuse_residual,
            combine_branches,
            fuse_pack,
            group_branches,
            merge_branches,
            reuse_residuals,
            fold_normalisation,
            add_verify,
        ),
        removes=(BINARY_CONV2D, BITSERIAL_CONV2D),
    ),
    Phase(
        "3-kernels",
        (pack_banks, lower_glue, lower_kernels),
        removes=NODE_NAMES,
    ),
)

_NEED_TARGET = (pack_banks, lower_glue)


@dataclass(frozen=True)
class PassRecord:
    """How often a pass fired: bindings, operators or functions changed, as the pass's own docstring says."""

    phase: str
    name: str
    fired: int


@dataclass(frozen=True)
class PipelineResult:
    """The module after phase 3, after phase 2 (its nodes can still be read), and what the passes did."""

    kernels: Any
    graph: Any
    passes: tuple[PassRecord, ...]
    binary_convs: int


def run_pipeline(
    exported: torch.export.ExportedProgram,
    target: Any,
    *,
    normalisation: Normalisation | None = None,
    choose: Chooser | None = None,
    dump_ir: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> PipelineResult:
    """Take an exported program to a module of scheduled kernels for `target`.

    With a `normalisation` the module takes uint8 images and applies it itself. `choose` says what each kernel
    is built with; without it all are built as their makers do by default.

    Raises:
        UnsupportedModelError: the model holds something that cannot be compiled.
        PassDidNotFireError: an operator is left over that a phase must remove.
    """
    _tell(progress, "0-import")
    module, binary_convs = import_model(exported)
    records = [PassRecord("0-import", "import_model", binary_convs)]
    if normalisation is not None:
        module = with_normalisation(module, normalisation)
    dump(module, "0-import", dump_ir)
    graph = module
    for phase in PHASES:
        _tell(progress, phase.name)
        for graph_pass in phase.passes:
            module, fired = graph_pass(module, *_arguments(graph_pass, target, choose))
            records.append(PassRecord(phase.name, graph_pass.__name__, fired))
        dump(module, phase.name, dump_ir)
        _check_removed(module, phase)
        if phase.name == "2-binary-dataflow":
            graph = module
            _check_packed(records, binary_convs)
    _check_kernels(module)
    return PipelineResult(module, graph, tuple(records), binary_convs)


def _arguments(graph_pass: Callable[..., Any], target: Any, choose: Chooser | None) -> tuple[Any, ...]:
    """What a pass takes beside the module."""
    if graph_pass is lower_kernels:
        return target, choose
    return (target,) if graph_pass in _NEED_TARGET else ()


def _check_removed(module: Any, phase: Phase) -> None:
    for name in relax_functions(module):
        for binding in straight_line(module[name]):
            if operator_name(binding.value) in phase.removes:
                raise PassDidNotFireError(
                    f"expected phase {phase.name} to remove every `{operator_name(binding.value)}`; got one "
                    f"left at `{binding.var.name}` in `{name}`; compile with --dump-ir to see the graph "
                    "before and after"
                )


def _check_packed(records: list[PassRecord], binary_convs: int) -> None:
    packed = sum(record.fired for record in records if record.name in ("pack_activations", "pack_levels"))
    if packed != binary_convs:
        raise PassDidNotFireError(
            f"expected the packing passes to fire once per binary convolution, {binary_convs} times; got "
            f"{packed}; a convolution's result may be unused: remove it from the model"
        )


def _check_kernels(module: Any) -> None:
    """Every TIR function is one of ours or was scheduled by us: nothing runs in TVM's default lowering."""
    for variable, function in module.functions_items():
        if isinstance(function, tvm.tirx.PrimFunc) and "groupnet.kernel" not in (function.attrs or {}):
            raise PassDidNotFireError(
                f"expected every kernel to be scheduled; got `{variable.name_hint}` in TVM's default "
                "lowering; its operator needs a schedule in tvm_schedules"
            )


def _tell(progress: Callable[[str], None] | None, phase: str) -> None:
    if progress:
        progress(phase)


def dump(module: Any, phase: str, folder: Path | None) -> None:
    """Write the program as it is after a phase into `folder`, where there is one."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"phase-{phase}.py").write_text(module.script(), encoding="utf-8")

"""Compile an exported program into a shared library for one target, and report what was built."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tvm import relax

from frontend.build import build_library, plan_memory, planned_bytes
from frontend.nodes import (
    COMBINE,
    GROUPED_CONV2D,
    PACK,
    PACK_PLANES,
    PACKED_BITSERIAL_CONV2D,
    PACKED_CONV2D,
    called_kernel,
    node_arguments,
    node_attributes,
    node_name,
    node_results,
    node_shape,
    packed_results,
    shape_of,
)
from frontend.normalisation import Normalisation
from frontend.pipeline import PassRecord, dump, run_pipeline
from frontend.rewriter import straight_line
from tvm_schedules.tuning.request import Chooser


@dataclass(frozen=True)
class TensorInfo:
    """A tensor at the boundary of a compiled function; images are NHWC."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class PackRecord:
    """A distinct tensor of bits: NHWC shape without border, border (rows, columns), a layer reading it.

    Quantised activations have the batch once for each plane.
    """

    shape: tuple[int, int, int, int]
    border: tuple[int, int]
    pad_value: int
    layer: str


@dataclass(frozen=True)
class ConvRecord:
    """A binary convolution: layer, the pack it reads, whether its kernel has a ReLU, NHWC output shape."""

    layer: str
    pack: int
    relu: bool
    shape: tuple[int, int, int, int]


@dataclass(frozen=True)
class KernelRecord:
    """A kernel and how often `main` calls it."""

    name: str
    count: int


@dataclass(frozen=True)
class CompileReport:
    """What `compile_model` built; `activation_bytes` is what `main` needs for its tensors at their peak."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    passes: tuple[PassRecord, ...]
    packs: tuple[PackRecord, ...]
    convolutions: tuple[ConvRecord, ...]
    kernels: tuple[KernelRecord, ...]
    binary_convs: int
    activation_bytes: int


def compile_model(
    exported: torch.export.ExportedProgram,
    target: Any,
    module_path: Path,
    *,
    normalisation: Normalisation | None = None,
    choose: Chooser | None = None,
    dump_ir: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> CompileReport:
    """Compile `exported` for `target` (a `tvm.target.Target`) and write the shared library to `module_path`.

    The library holds two functions of the Relax VM, `main` and `verify` (see `frontend.passes.add_verify`).
    Image inputs and outputs are NHWC. With a `normalisation` the input is the pixels, uint8, and the module
    normalises them. `choose` says what each kernel is built with, as a tuner found out.

    Raises:
        FrontendError: see `frontend.errors`.
    """
    result = run_pipeline(
        exported, target, normalisation=normalisation, choose=choose, dump_ir=dump_ir, progress=progress
    )
    if progress:
        progress("4-build")
    planned = plan_memory(result.kernels)
    dump(planned, "4-build", dump_ir)
    build_library(planned, target, module_path)
    graph = result.graph["main"]
    packs, convolutions = _describe_binary(graph)
    return CompileReport(
        inputs=tuple(TensorInfo(str(p.name), shape_of(p), str(p.ty.dtype)) for p in graph.params),
        outputs=_outputs(graph),
        passes=result.passes,
        packs=packs,
        convolutions=convolutions,
        kernels=_count_kernels(result.kernels["main"]),
        binary_convs=result.binary_convs,
        activation_bytes=planned_bytes(planned["main"]),
    )


def _describe_binary(function: Any) -> tuple[tuple[PackRecord, ...], tuple[ConvRecord, ...]]:
    """The packs and convolutions of `main`, in the order in which `verify` returns them."""
    packs: list[PackRecord] = []
    index_of: dict[Any, int] = {}  # variable that holds packed signs -> its number
    first_reader: dict[int, str] = {}
    convolutions = []
    makers = {binding.var: binding.value for binding in straight_line(function)}
    pending: dict[tuple[Any, int], int] = {}  # (tuple variable, item) -> number
    for variable, node in makers.items():
        if isinstance(node, relax.TupleGetItem) and (node.tuple_value, node.index) in pending:
            index_of[variable] = pending[node.tuple_value, node.index]
        if node_name(node) in (PACKED_CONV2D, PACKED_BITSERIAL_CONV2D):
            attributes = node_attributes(node)
            number = index_of[node_arguments(node)[0]]
            first_reader.setdefault(number, attributes["layers"][0])
            shape = _four(node_shape(node))
            # What `verify` shows of a bitserial kernel is whole, whether it has a ReLU or not.
            halved = attributes["relu"] and node_name(node) == PACKED_CONV2D
            convolutions += [ConvRecord(layer, number, halved, shape) for layer in attributes["layers"]]
        if node_name(node) == GROUPED_CONV2D:
            attributes = node_attributes(node)
            for layer, words in zip(attributes["layers"], node_arguments(node), strict=False):
                first_reader.setdefault(index_of[words], layer)
                shape = _four(attributes["shape"])
                convolutions.append(ConvRecord(layer, index_of[words], attributes["relu"], shape))
        for item in packed_results(node):
            if len(node_results(node)) == 1:
                index_of[variable] = len(packs)
            pending[variable, item] = len(packs)
            packs.append(_pack_record(node))
    named = [replace(pack, layer=first_reader[number]) for number, pack in enumerate(packs)]
    return tuple(named), tuple(convolutions)


def _pack_record(node: Any) -> PackRecord:
    """What `node` packs; the layer that reads it is not known yet."""
    attributes = node_attributes(node)
    if node_name(node) == PACK:
        shape = _four(shape_of(node_arguments(node)[0]))
        return PackRecord(shape, attributes["border"], attributes["pad_value"], "")
    if node_name(node) == PACK_PLANES:
        # Planes are packed as signs are, one behind the other as if they were more images; level 0 is bit 0.
        n, h, w, c = _four(shape_of(node_arguments(node)[0]))
        return PackRecord((attributes["bits"] * n, h, w, c), attributes["border"], -1, "")
    if node_name(node) == GROUPED_CONV2D:
        shape = _four(attributes["shape"])
    else:
        shape = _four(shape_of(node_arguments(node)[0]) if node_name(node) == COMBINE else node_shape(node))
    return PackRecord(shape, attributes["packed_border"], attributes["packed_pad_value"], "")


def _four(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    n, h, w, c = shape
    return n, h, w, c


def _outputs(function: Any) -> tuple[TensorInfo, ...]:
    returned = function.ret_ty
    fields = list(returned.fields) if isinstance(returned, relax.TupleType) else [returned]
    return tuple(
        TensorInfo(f"output_{i}", tuple(int(extent) for extent in field.shape), str(field.dtype))
        for i, field in enumerate(fields)
    )


def _count_kernels(function: Any) -> tuple[KernelRecord, ...]:
    counts: Counter[str] = Counter()
    for binding in straight_line(function):
        kernel = called_kernel(binding.value)
        if kernel is not None:
            counts[kernel] += 1
    return tuple(KernelRecord(name, count) for name, count in counts.items())

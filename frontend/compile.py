"""Compile an exported program into a shared library for one target, and report what was built."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tvm
from tvm import relax

from frontend.build import build_library
from frontend.nodes import (
    PACK,
    PACKED_CONV2D,
    node_arguments,
    node_attributes,
    node_name,
    node_shape,
    shape_of,
)
from frontend.pipeline import PassRecord, run_pipeline
from frontend.rewriter import straight_line


@dataclass(frozen=True)
class TensorInfo:
    """A tensor at the boundary of a compiled function; images are NHWC."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class PackRecord:
    """A distinct binarised tensor: NHWC shape without border, border (rows, columns), a layer reading it."""

    shape: tuple[int, int, int, int]
    border: tuple[int, int]
    pad_value: int
    layer: str


@dataclass(frozen=True)
class LayerSlice:
    """The output channels of a wide convolution that belong to one layer of the model."""

    name: str
    first_channel: int
    channels: int


@dataclass(frozen=True)
class ConvRecord:
    """A binary convolution as compiled: the layers in it, the pack it reads, its NHWC output shape."""

    layers: tuple[LayerSlice, ...]
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
    """What `compile_model` built."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    passes: tuple[PassRecord, ...]
    packs: tuple[PackRecord, ...]
    convolutions: tuple[ConvRecord, ...]
    kernels: tuple[KernelRecord, ...]
    binary_convs: int


def compile_model(
    exported: torch.export.ExportedProgram,
    target: Any,
    module_path: Path,
    *,
    dump_ir: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> CompileReport:
    """Compile `exported` for `target` (a `tvm.target.Target`) and write the shared library to `module_path`.

    The library holds two functions of the Relax VM, `main` and `verify` (see `frontend.passes.add_verify`).
    Image inputs and outputs are NHWC.

    Raises:
        FrontendError: see `frontend.errors`.
    """
    result = run_pipeline(exported, target, dump_ir=dump_ir, progress=progress)
    if progress:
        progress("4-build")
    build_library(result.kernels, target, module_path)
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
    )


def _describe_binary(function: Any) -> tuple[tuple[PackRecord, ...], tuple[ConvRecord, ...]]:
    """The packs and convolutions of `main`, in the order in which `verify` returns them."""
    packed: dict[Any, tuple[int, Any]] = {}
    first_reader: dict[int, str] = {}
    convolutions = []
    for binding in straight_line(function):
        if node_name(binding.value) == PACK:
            packed[binding.var] = (len(packed), binding.value)
        elif node_name(binding.value) == PACKED_CONV2D:
            attributes = node_attributes(binding.value)
            index, _ = packed[node_arguments(binding.value)[0]]
            first_reader.setdefault(index, attributes["layers"][0])
            slices, first = [], 0
            for layer, channels in zip(attributes["layers"], attributes["channels"], strict=True):
                slices.append(LayerSlice(layer, first, channels))
                first += channels
            convolutions.append(
                ConvRecord(tuple(slices), index, attributes["relu"], _four(node_shape(binding.value)))
            )
    packs = []
    for index, node in packed.values():
        attributes = node_attributes(node)
        shape = _four(shape_of(node_arguments(node)[0]))
        packs.append(PackRecord(shape, attributes["border"], attributes["pad_value"], first_reader[index]))
    return tuple(packs), tuple(convolutions)


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
        value = binding.value
        if isinstance(value, relax.Call) and value.op == tvm.ir.Op.get("relax.call_tir"):
            counts[str(value.args[0].name_hint)] += 1
    return tuple(KernelRecord(name, count) for name, count in counts.items())

"""The kernels of a whole network: each scheduled function, how often `main` calls it, what it computes."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import tvm

from frontend.nodes import called_kernel
from frontend.normalisation import Normalisation
from frontend.pipeline import run_pipeline
from frontend.rewriter import straight_line
from groupnet.model_source import Request, load_model
from tvm_schedules.errors import KernelError
from tvm_schedules.naming import KernelName, parse_kernel_name
from tvm_schedules.products import multiply_accumulates, product_class

KernelClass = Literal["binary", "float", "glue"]
CLASSES: tuple[KernelClass, ...] = ("binary", "float", "glue")


@dataclass(frozen=True)
class Net:
    """A Group-Net with random weights: an architecture's name and K."""

    architecture: str
    bases: int

    @property
    def name(self) -> str:
        """As tables show it."""
        return f"{self.architecture} K={self.bases}"

    @property
    def request(self) -> Request:
        """What `groupnet compile` would be asked for."""
        return Request(self.architecture, self.bases, None, random_weights=True)


@dataclass(frozen=True)
class NetworkKernel:
    """A kernel of a network.

    Attributes:
        function: the scheduled PrimFunc.
        calls: how often `main` calls it.
    """

    function: Any
    calls: int

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.function.attrs["global_symbol"])

    @property
    def kind(self) -> KernelClass:
        """Binary or float products, or glue: everything between them, the packing too."""
        return kernel_class(self.name)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one call, binary or float, one for each pair of bit planes; 0 for glue."""
        return kernel_macs(self.name)

    @property
    def tensor_bytes(self) -> int:
        """Bytes of all of its tensors, each once: the least that a call reads and writes."""
        total = 0
        for parameter in self.function.params:
            total += math.prod(extents(parameter)) * tvm.DataType(str(parameter.ty.dtype)).bits // 8
        return total


def extents(parameter: Any) -> tuple[int, ...]:
    """Shape of a kernel's tensor in `main`; an extent that a caller chooses is 0 there."""
    return tuple(0 if isinstance(extent, tvm.tirx.Var) else int(extent) for extent in parameter.ty.shape)


def network_kernels(net: Net, target: Any) -> tuple[NetworkKernel, ...]:
    """Take a network of uint8 images through the pipeline; list its kernels in the order of first use."""
    model = load_model(net.request)
    normalisation = Normalisation(model.preprocessing.mean, model.preprocessing.std)
    module = run_pipeline(model.exported, target, normalisation=normalisation).kernels
    calls: Counter[str] = Counter()
    for binding in straight_line(module["main"]):
        kernel = called_kernel(binding.value)
        if kernel is not None:
            calls[kernel] += 1
    functions = {variable.name_hint: function for variable, function in module.functions_items()}
    return tuple(
        NetworkKernel(functions[name].with_attr("global_symbol", name), count)
        for name, count in calls.items()
    )


def kernel_class(name: str) -> KernelClass:
    """Class of a kernel by its name; a name outside the grammar is a fused function, and so glue."""
    parsed = _parsed(name)
    return (product_class(parsed) if parsed else None) or "glue"


def kernel_macs(name: str) -> int:
    """Multiply-accumulates of one call, from the geometry in the kernel's name."""
    parsed = _parsed(name)
    return multiply_accumulates(parsed) if parsed else 0


def multiplies_bytes(name: str) -> bool:
    """Whether a kernel multiplies the bytes of pixels, and so more than multiply-adds can."""
    parsed = _parsed(name)
    return parsed is not None and parsed.op == "pixel_conv2d"


def _parsed(name: str) -> KernelName | None:
    try:
        return parse_kernel_name(name)
    except KernelError:
        return None

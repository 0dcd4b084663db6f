"""A kernel that a network asks for: what makes it, its geometry, and what becomes of its results."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tvm_schedules.naming import KernelName, join_fields, parse_kernel_name
from tvm_schedules.tuning.choice import Choice


@dataclass(frozen=True)
class KernelRequest:
    """A kernel to build; equal requests mean one shared kernel.

    Attributes:
        maker: a function of shape, target and options that builds it.
        shape: its geometry.
        options: the other arguments of the maker, by name.
    """

    maker: Callable[..., Any]
    shape: Any
    options: tuple[tuple[str, Any], ...]

    def build(self, target: Any, choice: Choice | None = None) -> Any:
        """Build the kernel with a choice, or as its maker does by default.

        Raises:
            KernelError: if no such kernel can be made.
        """
        chosen = choice.options() if choice else {}
        return self.maker(self.shape, target, **dict(self.options), **chosen)


@dataclass(frozen=True)
class KernelTask:
    """A kernel of a network that has a space: its key, its request, and how often `main` calls it."""

    key: str
    request: KernelRequest
    calls: int


Chooser = Callable[[KernelRequest, Any], Choice | None]
"""Says for a request and a target what the kernel is built with; None: its maker's default."""


def kernel_name(kernel: Any) -> str:
    """Name of a kernel that was built."""
    return str(kernel.attrs["global_symbol"])


def kernel_key(name: str) -> str:
    """What a tuner knows a kernel by: its name without the tile, as in `float_conv2d_..._relu1__neon`.

    Geometry, types, epilogue and instruction set are in it: everything that changes the code but the choice.

    Raises:
        KernelError: if the name does not follow the grammar of `naming`.
    """
    parsed = parse_kernel_name(name)
    return f"{parsed.op}_{parsed.types}_{parsed.layout}_{join_fields(parsed.geometry)}__{parsed.isa.value}"


def parse_kernel_key(key: str) -> KernelName:
    """Take apart what `kernel_key` wrote; the tile is empty.

    Raises:
        KernelError: if it is no such key.
    """
    described, _, isa = key.rpartition("__")
    # The grammar of names, with any tile where a key has none.
    return replace(parse_kernel_name(f"{described}_t1__{isa}"), tile={})

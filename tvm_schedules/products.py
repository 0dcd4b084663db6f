"""What a kernel multiplies, told by its name: binary or float products, and how many a call."""

import re
from typing import Literal

from tvm_schedules.geometry import out_extent
from tvm_schedules.naming import KernelName

ProductClass = Literal["binary", "float"]

_CLASS_OF_OP: dict[str, ProductClass] = {
    "binary_conv2d": "binary",
    "bitserial_conv2d": "binary",
    "grouped_conv2d": "binary",
    "float_conv2d": "float",
    "pixel_conv2d": "float",
    "dense": "float",
}


def product_class(name: KernelName) -> ProductClass | None:
    """Class of a kernel's products; None: it multiplies nothing."""
    return _CLASS_OF_OP.get(name.op)


def multiply_accumulates(name: KernelName) -> int:
    """Multiply-accumulates of one call, from the name's geometry; of bit planes, over all pairs."""
    if product_class(name) is None:
        return 0
    fields = name.geometry
    (n,), (c,), (o,) = fields["n"], fields["c"], fields["o"]
    if name.op == "dense":
        return n * c * o
    height, width = (
        out_extent(fields[axis][0], *(fields[key][i] for key in "kspd")) for i, axis in enumerate("hw")
    )
    kernel_height, kernel_width = fields["k"]
    # Binary kernels serve several branches, each with `o` channels.
    (branches,) = fields.get("m", (1,))
    return branches * _planes(name) * n * height * width * o * c * kernel_height * kernel_width


def _planes(name: KernelName) -> int:
    """Pairs of bit planes: the first two types are those of the operands, as in `u2b1f32`."""
    if name.op != "bitserial_conv2d":
        return 1
    activation_bits, weight_bits, *_ = (int(bits) for bits in re.findall(r"[a-z](\d+)", name.types))
    return activation_bits * weight_bits

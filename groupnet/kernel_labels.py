"""A kernel's key in words: what a person wants to know of it in a table."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tvm_schedules.errors import KernelError

if TYPE_CHECKING:
    from tvm_schedules.naming import KernelName

_KINDS = {
    "binary_conv2d": "binary",
    "bitserial_conv2d": "bitserial",
    "float_conv2d": "float",
    "pixel_conv2d": "float",
    "grouped_conv2d": "group",
}


def kernel_label(key: str) -> str:
    """Return such as `group of 5 3x3, 56x56x64`; any other key than a layer's or a packing's stays.

    It need not be unique: `kernel_labels` is.
    """
    from tvm_schedules.tuning.request import parse_kernel_key

    try:
        name = parse_kernel_key(key)
    except KernelError:
        return key
    if _CONVOLUTION <= name.geometry.keys():
        return _label(name)
    extents = {field: values[0] for field, values in name.geometry.items()}
    if name.op == "dense":
        return f"dense, {extents['c']} to {extents['o']}"
    return f"pack, {extents['h']}x{extents['w']}x{extents['c']}" if name.op == "pack" else key


def kernel_labels(keys: Iterable[str]) -> dict[str, str]:
    """Label each of several kernels, with a number behind those that would be labelled alike."""
    labels: dict[str, str] = {}
    for key in keys:
        label, number = kernel_label(key), 1
        while label in labels.values():
            number += 1
            label = f"{kernel_label(key)} ({number})"
        labels[key] = label
    return labels


_CONVOLUTION = set("hwcoks")


def _label(name: "KernelName") -> str:
    field = name.geometry
    kernel, stride = field["k"], field["s"]
    window = f"{kernel[0]}x{kernel[1]}" + (f"/{stride[0]}" if stride != (1, 1) else "")
    (height,), (width,), (inputs,), (outputs,) = (field[one] for one in "hwco")
    channels = f"{inputs}" if inputs == outputs else f"{inputs} to {outputs}"
    (branches,) = field.get("m", (1,))
    many = "" if branches == 1 else f" of {branches}" if name.op == "grouped_conv2d" else f" x {branches}"
    return f"{_KINDS.get(name.op, name.op)}{many} {window}, {height}x{width}x{channels}{_ending(name)}"


def _ending(name: "KernelName") -> str:
    """What becomes of the result, where it tells kernels apart: `+ skip`, `to words`, `of pixels`."""
    field = name.geometry
    ends = []
    if name.types.startswith("u8"):
        ends.append("of pixels, by bytes" if name.op == "pixel_conv2d" else "of pixels")
    if field.get("add", (0,))[0]:
        ends.append("+ skip")
    if field.get("mixed", (0,))[0]:
        ends.append("to the sum")
    if "pack" in field:
        ends.append("to signs" if name.types.count("f32") == 0 else "to signs too")
    return "".join(f" {end}" for end in ends)

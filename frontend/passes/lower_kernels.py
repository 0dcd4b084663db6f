"""Turn every node into a call of a scheduled kernel of `tvm_schedules`, with weights packed for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import relax

from frontend.nodes import (
    COMBINE,
    DENSE,
    FLOAT_CONV2D,
    GROUPED_CONV2D,
    PACK,
    PACK_PLANES,
    PACKED_BITSERIAL_CONV2D,
    PACKED_CONV2D,
    RESIZE,
    added_residuals,
    constant_array,
    is_constant,
    make_constant,
    node_arguments,
    node_attributes,
    node_name,
    node_results,
    node_shape,
    shape_of,
)
from frontend.rewriter import FunctionRewriter, relax_functions, rewrite, straight_line
from tvm_schedules.binary_conv2d import (
    BinaryConv2dShape,
    BinaryEpilogue,
    fused_binary_conv2d_kernel,
    pack_weights,
)
from tvm_schedules.bitserial_conv2d import BitserialConv2dShape, bitserial_conv2d_kernel
from tvm_schedules.bitserial_weights import pack_bitserial_weights
from tvm_schedules.combine import CombineShape, combine_kernel
from tvm_schedules.float_conv2d import (
    FloatConv2dShape,
    dense_kernel,
    float_conv2d_kernel,
    pack_dense_weights,
    pack_float_weights,
)
from tvm_schedules.float_source import zero_row
from tvm_schedules.grouped_conv2d import GroupedEpilogue, grouped_conv2d_kernel
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.pack_planes import PackPlanesShape, pack_planes_kernel
from tvm_schedules.packing import PackedOutput
from tvm_schedules.pixel_conv2d import pixel_conv2d_kernel, pixel_kernel_pays
from tvm_schedules.pixel_weights import (
    PixelConv2dShape,
    pack_pixel_offsets,
    pack_pixel_scale,
    pack_pixel_weights,
)
from tvm_schedules.resize import ResizeShape, resize_kernel
from tvm_schedules.tuning.request import Chooser, KernelRequest, kernel_name


class _Constants:
    """Packed constants by the constant they were made from: `main` and `verify` share one copy."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self._packed: dict[tuple[Any, Any], Any] = {}

    def packed(self, packer: Callable[..., Any], weight: Any) -> Any:
        if (packer, weight) not in self._packed:
            self._packed[packer, weight] = make_constant(packer(constant_array(weight), self.target))
        return self._packed[packer, weight]

    def no_images(self, shape: tuple[int, ...]) -> Any:
        """A tensor of no image of an NHWC shape."""
        return make_constant(np.zeros((0, *shape[1:]), np.float32))


def _combine(node: Any, _constants: _Constants) -> tuple[KernelRequest, list[Any]]:
    branches = len(node_arguments(node)) - len(("own", "weight", "share"))
    n, h, w, c = shape_of(node_arguments(node)[0])
    shape = CombineShape(n, h, w, c, branches)
    return KernelRequest(combine_kernel, shape, tuple(_combined(node).items())), node_arguments(node)


def _combined(node: Any) -> dict[str, Any]:
    """What of a combination is written: `mixed`, `floats` and `packed`."""
    a = node_attributes(node)
    shown = len(a["layers"]) if a.get("shown") else 0
    # A sum that no soft connection follows has `m` alone: neither floats nor signs of the branches.
    connected = len(node_results(node)) > shown + int(a["mixed"])
    return {"mixed": a["mixed"], "floats": a["floats"] and connected, "packed": _packed_output(a)}


def _packed_output(attributes: dict[str, Any]) -> PackedOutput | None:
    if not attributes["packed"]:
        return None
    return PackedOutput(attributes["packed_border"], attributes["packed_pad_value"])


def _pack(node: Any, _constants: _Constants) -> tuple[KernelRequest, list[Any]]:
    (x,) = node_arguments(node)
    a = node_attributes(node)
    n, h, w, c = shape_of(x)
    return KernelRequest(pack_kernel, PackShape(n, h, w, c, a["border"], a["pad_value"]), ()), [x]


def _packed_conv2d(node: Any, constants: _Constants) -> tuple[KernelRequest, list[Any]]:
    words, weight, scale, shift, *residual = node_arguments(node)
    a = node_attributes(node)
    branches = len(a["layers"])
    # Weights that are selected while running are packed already: [O/ot, KH, KW, C/32, ot].
    kernel = shape_of(weight)[2:] if is_constant(weight) else shape_of(weight)[1:3]
    shape = _binary_shape(a, node_shape(node), kernel)
    epilogue = BinaryEpilogue(
        relu=a["relu"], residual=a["residual"], packed=_packed_output(a), in_place=a["in_place"]
    )
    request = KernelRequest(
        fused_binary_conv2d_kernel, shape, (("epilogue", epilogue), ("branches", branches))
    )
    packed = constants.packed(_PackBranches(branches), weight) if is_constant(weight) else weight
    return request, [words, packed, scale, shift, *residual]


def _grouped_conv2d(node: Any, constants: _Constants) -> tuple[KernelRequest, list[Any]]:
    a = node_attributes(node)
    branches = len(a["layers"])
    words, (weight, *others) = node_arguments(node)[:branches], node_arguments(node)[branches:]
    shape = _binary_shape(a, a["shape"], shape_of(weight)[2:])
    epilogue = GroupedEpilogue(
        relu=a["relu"], residual=a["residual"], in_place=a["in_place"], **_combined(node)
    )
    request = KernelRequest(grouped_conv2d_kernel, shape, (("epilogue", epilogue), ("branches", branches)))
    packed = constants.packed(_PackBranches(branches), weight)
    # Results come behind arguments, and what is shown is the kernel's between them: it is either.
    nothing = () if a["shown"] else [constants.no_images(a["shape"])] * branches
    return request, [*words, packed, *others, *nothing]


def _binary_shape(
    a: dict[str, Any], out_shape: tuple[int, ...], kernel: tuple[int, ...]
) -> BinaryConv2dShape:
    """The geometry of a node's convolutions, given what one gives out and the extents of its kernel."""
    kernel_h, kernel_w = kernel
    return BinaryConv2dShape(
        batch=out_shape[0],
        height=a["height"],
        width=a["width"],
        in_channels=a["in_channels"],
        out_channels=out_shape[-1],
        kernel=(kernel_h, kernel_w),
        stride=a["stride"],
        padding=a["padding"],
        dilation=a["dilation"],
        border=a["border"],
    )


@dataclass(frozen=True)
class _PackBranches:
    """Packs weights [K * O, C, KH, KW] branch by branch, so that each starts a block of its own."""

    branches: int

    def __call__(self, weight: Any, target: Any) -> Any:
        return np.concatenate([pack_weights(part, target) for part in np.split(weight, self.branches)])


def _pack_planes(node: Any, _constants: _Constants) -> tuple[KernelRequest, list[Any]]:
    (x,) = node_arguments(node)
    a = node_attributes(node)
    n, h, w, c = shape_of(x)
    return KernelRequest(pack_planes_kernel, PackPlanesShape(n, h, w, c, a["bits"], a["border"]), ()), [x]


def _packed_bitserial_conv2d(node: Any, constants: _Constants) -> tuple[KernelRequest, list[Any]]:
    planes, weight, offset, scale, shift = node_arguments(node)
    a = node_attributes(node)
    out_channels, _, kernel_h, kernel_w = shape_of(weight)
    shape = BitserialConv2dShape(
        batch=a["batch"],
        height=a["height"],
        width=a["width"],
        in_channels=a["in_channels"],
        out_channels=out_channels,
        kernel=(kernel_h, kernel_w),
        stride=a["stride"],
        padding=a["padding"],
        dilation=a["dilation"],
        border=a["border"],
        activation_bits=a["bits"],
        weight_bits=1,
        bipolar_weights=True,
    )
    request = KernelRequest(bitserial_conv2d_kernel, shape, (("relu", a["relu"]),))
    return request, [planes, constants.packed(_PackSigns(shape), weight), offset, scale, shift]


@dataclass(frozen=True)
class _PackSigns:
    """Packs the signs of weights for a bitserial convolution."""

    shape: BitserialConv2dShape

    def __call__(self, weight: Any, target: Any) -> Any:
        return pack_bitserial_weights(np.where(weight >= 0, 1, -1), self.shape, target)


def _float_conv2d(node: Any, constants: _Constants) -> tuple[KernelRequest, list[Any]]:
    x, weight, bias, *zero = node_arguments(node)
    a = node_attributes(node)
    out_channels, _, kernel_h, kernel_w = shape_of(weight)
    n, h, w, c = shape_of(x)
    geometry = (n, h, w, c, out_channels, (kernel_h, kernel_w), a["stride"], a["padding"], a["dilation"])
    of_pixels = PixelConv2dShape(*geometry)
    if zero and is_constant(bias) and pixel_kernel_pays(of_pixels, constants.target):
        offsets = _PackOffsets(of_pixels, *(tuple(constant_array(given).tolist()) for given in (*zero, bias)))
        packers = (pack_pixel_weights, pack_pixel_scale, offsets)
        packed = [constants.packed(packer, weight) for packer in packers]
        return KernelRequest(pixel_conv2d_kernel, of_pixels, (("relu", a["relu"]),)), [x, *packed]
    shape = FloatConv2dShape(*geometry)
    options = (("bias", True), ("relu", a["relu"]), ("pixels", bool(zero)))
    rows = [make_constant(zero_row(constant_array(channels), w)) for channels in zero]
    return KernelRequest(float_conv2d_kernel, shape, options), [
        x,
        *rows,
        constants.packed(pack_float_weights, weight),
        bias,
    ]


@dataclass(frozen=True)
class _PackOffsets:
    """Makes of weights what a convolution of pixels adds to its sums."""

    shape: PixelConv2dShape
    zero: tuple[float, ...]
    bias: tuple[float, ...]

    def __call__(self, weight: Any, target: Any) -> Any:
        return pack_pixel_offsets(weight, np.array(self.zero), np.array(self.bias), self.shape, target)


def _dense(node: Any, constants: _Constants) -> tuple[KernelRequest, list[Any]]:
    x, weight, bias = node_arguments(node)
    shape = (*shape_of(x), shape_of(weight)[0])
    request = KernelRequest(_dense_kernel, shape, (("relu", node_attributes(node)["relu"]),))
    return request, [x, constants.packed(pack_dense_weights, weight), bias]


def _dense_kernel(shape: tuple[int, int, int], target: Any, *, relu: bool) -> Any:
    return dense_kernel(*shape, target, bias=True, relu=relu)


def _resize(node: Any, _constants: _Constants) -> tuple[KernelRequest, list[Any]]:
    (x,) = node_arguments(node)
    n, h, w, c = shape_of(x)
    _, out_h, out_w, _ = node_shape(node)
    shape = ResizeShape(n, h, w, c, out_h, out_w, node_attributes(node)["method"])
    return KernelRequest(resize_kernel, shape, ()), [x]


_LOWERINGS = {
    PACK: _pack,
    PACKED_CONV2D: _packed_conv2d,
    PACK_PLANES: _pack_planes,
    PACKED_BITSERIAL_CONV2D: _packed_bitserial_conv2d,
    COMBINE: _combine,
    GROUPED_CONV2D: _grouped_conv2d,
    FLOAT_CONV2D: _float_conv2d,
    DENSE: _dense,
    RESIZE: _resize,
}


class _KernelCaller(FunctionRewriter):
    def __init__(self, lowered: dict[Any, tuple[Any, list[Any]]]) -> None:
        super().__init__()
        self._lowered = lowered  # old variable -> kernel's global variable, constant arguments by position

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:
        if variable not in self._lowered:
            return None
        kernel, old_arguments = self._lowered[variable]
        arguments = [self.substitute(argument) for argument in old_arguments]
        self.fired += 1
        results = node_results(call)
        places = _places(call)
        if any(place >= 0 for place in places):
            return relax.call_tir_inplace(kernel, relax.Tuple(arguments), places, results)
        return relax.call_tir(kernel, arguments, results if len(results) > 1 else results[0])


def _places(node: Any) -> list[int]:
    """For each result which argument of the kernel it is written over, or -1."""
    places = [-1] * len(node_results(node))
    if node_name(node) not in (PACKED_CONV2D, GROUPED_CONV2D) or not node_attributes(node)["in_place"]:
        return places
    attributes, residuals = node_attributes(node), added_residuals(node)
    first = node_arguments(node).index(residuals[0])
    start = len(attributes["layers"]) if attributes.get("shown") else 0
    start += int(attributes.get("mixed", False))
    places[start : start + len(residuals)] = range(first, first + len(residuals))
    return places


def lower_kernels(module: Any, target: Any, choose: Chooser | None = None) -> tuple[Any, int]:
    """Replace every node; fired = number replaced. Nodes of one geometry share one kernel.

    `choose` is asked once for each kernel what to build it with.
    """
    builder = relax.BlockBuilder(module)
    constants = _Constants(target)
    kernels: dict[KernelRequest, Any] = {}
    lowered: dict[str, dict[Any, tuple[Any, list[Any]]]] = {}
    names = relax_functions(module)
    for name in names:
        lowered[name] = {}
        for binding in straight_line(module[name]):
            lowering = _LOWERINGS.get(node_name(binding.value) or "")
            if lowering is None:
                continue
            request, arguments = lowering(binding.value, constants)
            if request not in kernels:
                kernel = request.build(target, choose(request, target) if choose else None)
                kernels[request] = builder.add_func(kernel, kernel_name(kernel))
            lowered[name][binding.var] = (kernels[request], arguments)
    module = builder.get()
    fired = 0
    for name in names:
        module, count = rewrite(module, _KernelCaller(lowered[name]), source=name, name=name)
        fired += count
    return module, fired

"""Nodes with random constants, for graphs that tests build by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

from frontend.nodes import PACK, PACKED_CONV2D, make_constant, make_node, shape_of, tensor_type
from tvm_schedules.words import words

RNG = np.random.default_rng(0)
Emit = Callable[[Any], Any]


def random_constant(*shape: int) -> Any:
    return make_constant(RNG.normal(size=shape).astype(np.float32))


def number(value: float) -> Any:
    return make_constant(np.array(value, np.float32))


def pack(emit: Emit, x: Any, border: int = 1, pad_value: int = 1) -> Any:
    """The packed signs of an NHWC tensor."""
    n, h, w, c = shape_of(x)
    kind = tensor_type((n, h + 2 * border, w + 2 * border, words(c)), "uint32")
    return emit(make_node(PACK, [x], {"border": [border] * 2, "pad_value": pad_value}, kind))


def convolution(
    emit: Emit,
    packed: Any,
    *,
    like: Any,
    out_channels: int | None = None,
    border: int = 1,
    dilation: int = 1,
    relu: bool = False,
    residual: Any = None,
    layer: str = "a",
    plain: bool = False,
) -> Any:
    """A 3x3 convolution of the packed signs of `like`, of its height and width; `plain`: scale 1, shift 0."""
    n, h, w, c = shape_of(like)
    outs = out_channels or c
    attributes = {
        "height": h,
        "width": w,
        "in_channels": c,
        "border": [border] * 2,
        "stride": [1, 1],
        "padding": [dilation] * 2,
        "dilation": [dilation] * 2,
        "relu": relu,
        "residual": residual is not None,
        "packed": False,
        "in_place": False,
        "layers": [layer],
    }
    scale, shift = (random_constant(outs) for _ in range(2))
    if plain:
        scale, shift = make_constant(np.ones(outs, np.float32)), make_constant(np.zeros(outs, np.float32))
    arguments = [packed, random_constant(outs, c, 3, 3), scale, shift]
    arguments += [] if residual is None else [residual]
    return emit(make_node(PACKED_CONV2D, arguments, attributes, tensor_type((n, h, w, outs))))

"""The operator `groupnet::binary_conv2d`: a convolution of signs that stays one node through `torch.export`.

    y = conv2d(pad(sign(x), pad_value), sign(weight))        integers, held as float

Layouts: x [N, C, H, W], weight [O, C, KH, KW] (latent or already +-1), y [N, O, OH, OW].
Padding follows binarisation and is itself +1 or -1, so that a border is one true bit like everything else.
The scale alpha = mean |W| is not part of the operator; its callers multiply it in.

Gradients: to `x` through the Bi-Real polynomial, to `weight` as if sign(weight) were weight (identity
straight-through).
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from models.binarize import sign, sign_gradient
from models.conv_operands import check_operands, empty_output
from models.errors import OperatorError

OPERATOR_NAME = "groupnet::binary_conv2d"
"""The name under which an exported graph holds the operator."""

_SCHEMA = "(Tensor x, Tensor weight, int[2] stride, int[2] padding, int[2] dilation, int pad_value) -> Tensor"


def _check(x: torch.Tensor, weight: torch.Tensor, pad_value: int) -> None:
    check_operands("binary_conv2d", x, weight)
    if pad_value not in (1, -1):
        raise OperatorError(
            f"expected pad_value +1 or -1; got {pad_value}; a border must be one bit like the rest"
        )


def _padded_signs(x: torch.Tensor, padding: Sequence[int], pad_value: int) -> torch.Tensor:
    vertical, horizontal = padding
    return F.pad(sign(x), (horizontal, horizontal, vertical, vertical), value=float(pad_value))


@torch.library.custom_op(OPERATOR_NAME, mutates_args=(), schema=_SCHEMA)
def binary_conv2d(
    x: torch.Tensor,
    weight: torch.Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    pad_value: int,
) -> torch.Tensor:
    """Convolve sign(x), padded with `pad_value`, with sign(weight).

    Args:
        x: Floating point, [N, C, H, W].
        weight: Latent weights or signs of the dtype of `x`, [O, C, KH, KW].
        stride: Vertical and horizontal step in pixels.
        padding: Pixels added above and below, and left and right.
        dilation: Vertical and horizontal distance of the taps in pixels.
        pad_value: +1 or -1, the value of a padded pixel.

    Returns:
        Integers in [-C*KH*KW, C*KH*KW] in the dtype of `x`, [N, O, OH, OW].

    Raises:
        OperatorError: Shapes or dtypes do not fit, or `pad_value` is not a sign.
    """
    _check(x, weight, pad_value)
    signs = _padded_signs(x, padding, pad_value)
    return F.conv2d(signs, sign(weight), stride=tuple(stride), dilation=tuple(dilation))


@binary_conv2d.register_fake
def _shape_of_binary_conv2d(
    x: torch.Tensor,
    weight: torch.Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    pad_value: int,
) -> torch.Tensor:
    _check(x, weight, pad_value)
    return empty_output(x, weight, stride, padding, dilation)


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    del output  # Part of the signature that torch calls; the gradient needs the inputs alone.
    x, weight, ctx.stride, ctx.padding, ctx.dilation, ctx.pad_value = inputs
    ctx.save_for_backward(x, weight)


def _backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    x, weight = ctx.saved_tensors
    # The signs are recomputed: keeping them would double the activation memory of a net with K branches.
    signs = _padded_signs(x, ctx.padding, ctx.pad_value)
    wants_x, wants_weight = ctx.needs_input_grad[:2]
    grad_signs, grad_weight, _ = torch.ops.aten.convolution_backward(
        grad, signs, sign(weight), None, ctx.stride, [0, 0], ctx.dilation, False, [0, 0], 1,
        [wants_x, wants_weight, False],
    )  # fmt: skip
    if not wants_x:
        return None, grad_weight, None, None, None, None
    vertical, horizontal = ctx.padding
    height, width = x.shape[2:]
    inner = grad_signs[:, :, vertical : vertical + height, horizontal : horizontal + width]
    return inner * sign_gradient(x), grad_weight, None, None, None, None


binary_conv2d.register_autograd(_backward, setup_context=_save_for_backward)
# In mixed precision the operator stays float32, as bfloat16 cannot hold its integers; signs and small levels
# are exact in the TF32 that GPUs multiply float32 with.
binary_conv2d.register_autocast("cuda", torch.float32)

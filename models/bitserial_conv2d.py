"""The operator `groupnet::bitserial_conv2d`: k-bit activations and 1-bit weights, one node when exported.

    y = conv2d(round((2^k - 1) * clamp(x, 0, 1)), sign(weight))        integers, held as float

Layouts: x [N, C, H, W], weight [O, C, KH, KW] (latent or already +-1), y [N, O, OH, OW].
Padding is level 0. The quantised activation is level / (2^k - 1); that division and the scale alpha = mean
|W| are not part of the operator, its callers multiply `alpha / (2^k - 1)` in.

Gradients: to `x` the clipped straight-through one of DoReFa-Net (arXiv 1606.06160), `(2^k - 1) dy/dlevel`
where 0 <= x <= 1 and 0 elsewhere; to `weight` as if sign(weight) were weight.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from models.binarize import sign
from models.config import MAX_ACTIVATION_BITS
from models.conv_operands import check_operands, empty_output
from models.errors import OperatorError
from models.quantize import inside_unit_interval, largest_level, levels

OPERATOR_NAME = "groupnet::bitserial_conv2d"
"""The name under which an exported graph holds the operator."""

_SCHEMA = (
    "(Tensor x, Tensor weight, int[2] stride, int[2] padding, int[2] dilation, int activation_bits) -> Tensor"
)


def _check(x: torch.Tensor, weight: torch.Tensor, activation_bits: int) -> None:
    check_operands("bitserial_conv2d", x, weight)
    if not 1 <= activation_bits <= MAX_ACTIVATION_BITS:
        raise OperatorError(
            f"expected activation_bits from 1 to {MAX_ACTIVATION_BITS}; got {activation_bits}; "
            "use a float convolution beyond"
        )


@torch.library.custom_op(OPERATOR_NAME, mutates_args=(), schema=_SCHEMA)
def bitserial_conv2d(
    x: torch.Tensor,
    weight: torch.Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    activation_bits: int,
) -> torch.Tensor:
    """Convolve the levels of x, padded with level 0, with sign(weight).

    Args:
        x: Floating point, [N, C, H, W]; values outside of [0, 1] count as the nearer end.
        weight: Latent weights or signs of the dtype of `x`, [O, C, KH, KW].
        stride: Vertical and horizontal step in pixels.
        padding: Pixels added above and below, and left and right.
        dilation: Vertical and horizontal distance of the taps in pixels.
        activation_bits: k, 1 to 4.

    Returns:
        Integers within (2^k - 1) C KH KW of 0 in the dtype of `x`, [N, O, OH, OW].

    Raises:
        OperatorError: Shapes or dtypes do not fit, or `activation_bits` is out of range.
    """
    _check(x, weight, activation_bits)
    return F.conv2d(
        levels(x, activation_bits),
        sign(weight),
        stride=tuple(stride),
        padding=tuple(padding),
        dilation=tuple(dilation),
    )


@bitserial_conv2d.register_fake
def _shape_of_bitserial_conv2d(
    x: torch.Tensor,
    weight: torch.Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    activation_bits: int,
) -> torch.Tensor:
    _check(x, weight, activation_bits)
    return empty_output(x, weight, stride, padding, dilation)


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    del output  # Part of the signature that torch calls; the gradient needs the inputs alone.
    x, weight, ctx.stride, ctx.padding, ctx.dilation, ctx.activation_bits = inputs
    ctx.save_for_backward(x, weight)


def _backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    x, weight = ctx.saved_tensors
    wants_x, wants_weight = ctx.needs_input_grad[:2]
    # The levels are recomputed: keeping them would double the activation memory of a net with K branches.
    grad_levels, grad_weight, _ = torch.ops.aten.convolution_backward(
        grad, levels(x, ctx.activation_bits), sign(weight), None, ctx.stride, ctx.padding, ctx.dilation,
        False, [0, 0], 1, [wants_x, wants_weight, False],
    )  # fmt: skip
    grad_x = None
    if wants_x:
        grad_x = grad_levels * (inside_unit_interval(x) * largest_level(ctx.activation_bits))
    return grad_x, grad_weight, None, None, None, None


bitserial_conv2d.register_autograd(_backward, setup_context=_save_for_backward)
# In mixed precision the operator stays float32, as bfloat16 cannot hold its integers; signs and small levels
# are exact in the TF32 that GPUs multiply float32 with.
bitserial_conv2d.register_autocast("cuda", torch.float32)

"""What the convolution operators check of their operands, and the shape that they give."""

from collections.abc import Sequence

import torch

from models.errors import OperatorError


def check_operands(operator: str, x: torch.Tensor, weight: torch.Tensor) -> None:
    """Refuse operands that are not x [N, C, H, W] and weight [O, C, KH, KW] of one floating dtype.

    Raises:
        OperatorError: Dimensions, channels or dtypes do not fit; the message names `operator`.
    """
    if x.dim() != 4 or weight.dim() != 4:
        raise OperatorError(
            f"expected x [N, C, H, W] and weight [O, C, KH, KW]; got {x.dim()} and {weight.dim()} "
            f"dimensions; add or remove some before {operator}"
        )
    if x.shape[1] != weight.shape[1]:
        raise OperatorError(
            f"expected x and weight with equally many input channels; got {x.shape[1]} and "
            f"{weight.shape[1]}; {operator} has no channel groups"
        )
    if not x.is_floating_point() or x.dtype != weight.dtype:
        raise OperatorError(
            f"expected x and weight of one floating dtype; got {x.dtype} and {weight.dtype}; "
            "convert one of them"
        )


def empty_output(
    x: torch.Tensor,
    weight: torch.Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> torch.Tensor:
    """An uninitialised tensor [N, O, OH, OW] of the dtype and device of `x`."""
    out = [
        (x.shape[2 + axis] + 2 * padding[axis] - dilation[axis] * (weight.shape[2 + axis] - 1) - 1)
        // stride[axis]
        + 1
        for axis in (0, 1)
    ]
    return x.new_empty(x.shape[0], weight.shape[0], *out)

"""Weights of one or two bits on the host, in NumPy: values to planes, packed as the kernel reads them."""

import numpy as np
from numpy.typing import NDArray
from tvm.target import Target

from tvm_schedules.bitserial_conv2d import BitserialConv2dShape
from tvm_schedules.errors import KernelError
from tvm_schedules.words import pack_bits


def weight_values(bits: int, *, bipolar: bool) -> list[int]:
    """List the values that weights of `bits` planes have: -1, 1 or -3, -1, 1, 3 if bipolar, else 0, 1, ..."""
    top = (1 << bits) - 1
    return list(range(-top, top + 1, 2)) if bipolar else list(range(top + 1))


def weight_levels(weight: NDArray[np.integer], shape: BitserialConv2dShape) -> NDArray[np.uint8]:
    """Return `u = sum_j 2**j w_j` of weights `w`: `(w + 2**bits - 1) / 2` if bipolar, `w` itself if not.

    Args:
        weight: OIHW, any integer or floating type; `weight_values` lists what it may hold.
        shape: the convolution.

    Returns:
        uint8 OIHW, 0 .. 2**bits - 1.

    Raises:
        KernelError: if `weight` is not of the convolution's shape or holds another value.
    """
    expected = (shape.out_channels, shape.in_channels, *shape.kernel)
    if weight.shape != expected:
        raise KernelError(f"expected a weight OIHW {expected}; got {weight.shape}; check layout and shape")
    values = weight_values(shape.weight_bits, bipolar=shape.bipolar_weights)
    if not np.isin(weight, values).all():
        found = np.unique(weight)[:8].tolist()
        raise KernelError(f"expected weights of {values}; got {found}; quantise them first")
    levels = (weight - values[0]) // 2 if shape.bipolar_weights else weight
    return levels.astype(np.uint8)


def pack_bitserial_weights(
    weight: NDArray[np.integer], shape: BitserialConv2dShape, target: Target
) -> NDArray[np.uint32]:
    """Pack the planes of an OIHW weight for `target`: uint32 `[bits, ceil(O/ot), KH, KW, Cw, ot]`.

    Bits past the last input channel and lanes past the last output channel are 0.

    Raises:
        KernelError: as `weight_levels`.
    """
    levels = weight_levels(weight, shape).transpose(0, 2, 3, 1)
    bits, blocks, *kernel, depth, block = shape.weight_planes_shape(target)
    filled = np.pad(levels, ((0, blocks * block - shape.out_channels), (0, 0), (0, 0), (0, 0)))
    packed = pack_bits(np.stack([filled >> plane & 1 for plane in range(bits)]))
    grouped = packed.reshape(bits, blocks, block, *kernel, depth)
    return np.ascontiguousarray(grouped.transpose(0, 1, 3, 4, 5, 2))


def weight_offsets(weight: NDArray[np.integer], shape: BitserialConv2dShape) -> NDArray[np.float32]:
    """Return the `offset` of bipolar weights: `(2**A - 1) * sum_j 2**j popcount(w_j)`, float32 `[O]`.

    Raises:
        KernelError: as `weight_levels`, or if the weights are unipolar, whose kernel takes no offset.
    """
    if not shape.bipolar_weights:
        raise KernelError(f"expected bipolar weights; got {shape}; leave the offset out")
    ones = weight_levels(weight, shape).sum((1, 2, 3), dtype=np.int64)
    return np.asarray(((1 << shape.activation_bits) - 1) * ones, np.float32)

"""The binary layers that kernels are measured on: 3x3, stride 1, padding 1, as many channels out as in."""

from dataclasses import dataclass
from typing import Any

from tvm_schedules.binary_conv2d import (
    BinaryConv2dShape,
    BinaryEpilogue,
    binary_conv2d_kernel,
    fused_binary_conv2d_kernel,
)
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.packing import PackedOutput

MACS_PER_M = 128
"""M: binary multiply-accumulates of one pair of 16-byte vectors, the unit that kernels are compared in."""


@dataclass(frozen=True)
class Layer:
    """A square binary convolution: `size` rows and columns, `channels` in and out."""

    size: int
    channels: int

    @property
    def name(self) -> str:
        """As tables show it."""
        return f"{self.size}x{self.size}x{self.channels}"

    @property
    def convolution(self) -> BinaryConv2dShape:
        """Geometry of the convolution, its border stored with the input."""
        size, channels = self.size, self.channels
        return BinaryConv2dShape(1, size, size, channels, channels, (3, 3), padding=(1, 1), border=(1, 1))

    @property
    def packing(self) -> PackShape:
        """Geometry of the packing before it."""
        return PackShape(1, self.size, self.size, self.channels, border=(1, 1))

    @property
    def macs(self) -> int:
        """Binary multiply-accumulates; the border's count, as every engine computes them."""
        return self.convolution.macs

    @property
    def m(self) -> float:
        """The same in M."""
        return self.macs / MACS_PER_M

    def conv_kernel(self, target: Any) -> Any:
        """Words to floats: the convolution with ReLU, scale and shift, which it cannot be had without."""
        return binary_conv2d_kernel(self.convolution, target, relu=True)

    def fused_kernel(self, target: Any) -> Any:
        """Words to floats and words, as inside a network: the skip is added, and the result packed too."""
        epilogue = BinaryEpilogue(relu=True, residual=True, packed=PackedOutput(border=(1, 1), pad_value=1))
        return fused_binary_conv2d_kernel(self.convolution, target, epilogue)

    def pack_kernel(self, target: Any) -> Any:
        """Floats to words: signs, packed, and the border around them."""
        return pack_kernel(self.packing, target)


RESNET18_STAGES = (Layer(56, 64), Layer(28, 128), Layer(14, 256), Layer(7, 512))
"""The four stages of ResNet-18 at 224x224."""

COUNTED_LAYERS = (Layer(16, 64), Layer(8, 128), Layer(8, 256), Layer(7, 512))
"""The layers on which the peers' instructions were counted."""

"""What a network costs: parameters, bytes, and multiply-accumulates of each kind for one image."""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from models.bitserial_layers import SignBitserialConv2d
from models.deploy import Deployed, Latent, deploy

_BINARY_PER_FLOAT_MAC = 64


@dataclass(frozen=True)
class Complexity:
    """Costs of one image through a network.

    Attributes:
        binary_weights: Weights that one bit holds.
        float_parameters: All other parameters. Batch norm's running statistics do not count: they fold into
            its affine.
        binary_macs: Multiply-accumulates of two bits; one of a k-bit activation and a sign counts as k.
        float_macs: Multiply-accumulates of two floats, in convolutions and linear layers.
    """

    binary_weights: int
    float_parameters: int
    binary_macs: int
    float_macs: int

    @property
    def parameters(self) -> int:
        """Parameters of both kinds."""
        return self.binary_weights + self.float_parameters

    @property
    def model_bytes(self) -> int:
        """One bit a binary weight, four bytes any other parameter."""
        return (self.binary_weights + 7) // 8 + 4 * self.float_parameters

    @property
    def equivalent_macs(self) -> float:
        """The accounting of XNOR-Net and Group-Net: 64 binary multiply-accumulates count as one float."""
        return self.float_macs + self.binary_macs / _BINARY_PER_FLOAT_MAC


def complexity(model: nn.Module, image_shape: tuple[int, int, int]) -> Complexity:
    """Count the deployed form of a network; nothing is computed, only shapes are propagated.

    Args:
        model: The network, latent or deployed, in any precision. A convolution counts as binary where it
            binarises its operands. Of experts all have weights, and those chosen for an image have
            multiply-accumulates.
        image_shape: C, H, W of the one image.
    """
    deployed = deploy(_without_values(model))
    macs = {True: 0, False: 0}

    def count(module: nn.Module, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        # Each output value is one dot product with weight[o].
        macs[isinstance(module, Deployed)] += output[0].numel() * weight[0].numel() * _planes(module)

    binary_weights = 0
    for module in deployed.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | Latent | Deployed):
            module.register_forward_hook(count)
        if isinstance(module, Deployed):
            binary_weights += module.weight.numel()
    with torch.no_grad():
        deployed(torch.empty(1, *image_shape, device="meta"))
    float_parameters = sum(parameter.numel() for parameter in deployed.parameters())
    return Complexity(binary_weights, float_parameters, macs[True], macs[False])


def _without_values(model: nn.Module) -> nn.Module:
    """A copy whose tensors have shapes and no memory."""
    memo: dict[int, torch.Tensor] = {}
    for parameter in model.parameters():
        memo[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"))
    for buffer in model.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(model, memo)


def _planes(module: nn.Module) -> int:
    """Bit planes of the activations that a convolution multiplies; 1 for floats, too."""
    return module.activation_bits if isinstance(module, SignBitserialConv2d) else 1

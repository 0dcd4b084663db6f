"""What a network costs: parameters, bytes, and multiply-accumulates of each kind for one image."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from models.bitserial_layers import BitserialConv2d, SignBitserialConv2d
from models.deploy import Deployed, Latent

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
    """Count a network, latent or deployed, in any precision; nothing is computed, only shapes are propagated.

    Args:
        model: The network. A convolution counts as binary where it binarises its operands.
        image_shape: C, H, W of the one image.
    """
    macs = {True: 0, False: 0}
    handles: list[RemovableHandle] = []

    def count(module: nn.Module, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        # Each output value is one dot product with weight[o].
        macs[_is_binary(module)] += output[0].numel() * weight[0].numel() * _planes(module)

    binary_weights = 0
    latent_weights = 0
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | Latent | Deployed):
            handles.append(module.register_forward_hook(count))
        if _is_binary(module):
            weight = module.weight
            assert isinstance(weight, torch.Tensor)
            binary_weights += weight.numel()
            latent_weights += isinstance(module, Latent) * weight.numel()
    shapes = {
        name: torch.empty_like(tensor, device="meta")
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]
    }
    training = model.training
    try:
        with torch.no_grad():
            torch.func.functional_call(model.eval(), shapes, (torch.empty(1, *image_shape, device="meta"),))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    # Latent weights are parameters too; the signs of a deployed network are buffers.
    float_parameters = sum(parameter.numel() for parameter in model.parameters()) - latent_weights
    return Complexity(binary_weights, float_parameters, macs[True], macs[False])


def _is_binary(module: nn.Module) -> bool:
    return isinstance(module, Deployed) or (isinstance(module, Latent) and module.precision == "binary")


def _planes(module: nn.Module) -> int:
    """Bit planes of the activations that a convolution multiplies; 1 for floats, too."""
    if isinstance(module, BitserialConv2d | SignBitserialConv2d) and _is_binary(module):
        return module.activation_bits
    return 1

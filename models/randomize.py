"""Random parameters that exercise everything: the state of an untrained network, made to look trained.

Fresh batch norms (mean 0, variance 1, gamma 1, beta 0) let faults in folding them go unseen. Here every
statistic differs from channel to channel, some gammas are negative, and signs stay balanced through the depth
of the network.
"""

import math

import torch
from torch import nn

from models.groups import BlockBranches, LayerDecomposition, ResidualBranch
from models.layers import BinaryConv2d

_NEGATIVE_GAMMAS = 0.25
_MAX_THETA = 2.0
# Of ReLU(z), z normal with standard deviation 1: mean 1 / sqrt(2 pi), variance 1/2 - 1/(2 pi).
_RELU_MEAN = 1 / math.sqrt(2 * math.pi)
_RELU_VARIANCE = 0.5 - 1 / (2 * math.pi)


def randomize(model: nn.Module, seed: int) -> None:
    """Set batch norms and gates in place to plausible values that differ; convolutions stay as drawn.

    The running statistics are those of sums of independent signs, each moved by up to 30 %. The same seed
    gives the same values on every machine, because nothing is computed from data.

    Args:
        model: A `GroupNet` before deployment.
        seed: Seed of all values.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                _draw(module, 0.0, 1.0, generator)
        for module in model.modules():
            if isinstance(module, ResidualBranch):
                for conv, norm in ((module.conv1, module.bn1), (module.conv2, module.bn2)):
                    scale = _spread(conv)
                    _draw(norm, scale * _RELU_MEAN, scale**2 * _RELU_VARIANCE, generator)
            elif isinstance(module, BlockBranches) and isinstance(module.shortcut, nn.Sequential):
                _draw(module.shortcut[1], 0.0, _spread(module.shortcut[0]) ** 2, generator)
        for name, parameter in model.named_parameters():
            if name.endswith("theta"):
                parameter.uniform_(-_MAX_THETA, _MAX_THETA, generator=generator)


def _draw(norm: nn.Module, mean: float, variance: float, generator: torch.Generator) -> None:
    """Give each channel its own gamma, beta, running mean and running variance around the given ones."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(norm.num_features, generator=generator) * (high - low) + low

    negative = torch.rand(norm.num_features, generator=generator) < _NEGATIVE_GAMMAS
    norm.weight.copy_(torch.where(negative, -1.0, 1.0) * uniform(0.5, 1.5))
    norm.bias.copy_(uniform(-0.5, 0.5))
    deviation = math.sqrt(variance)
    norm.running_mean.copy_(mean + deviation * uniform(-0.3, 0.3))
    norm.running_var.copy_(variance * uniform(0.7, 1.3))


def _spread(conv: nn.Module) -> float:
    """The standard deviation of a convolution's output over independent inputs of variance 1."""
    if isinstance(conv, LayerDecomposition):
        scales = torch.full((conv.fusion.bases,), 1 / conv.fusion.bases)
        if conv.fusion.scale is not None:
            scales = conv.fusion.scale
        spreads = torch.tensor([_spread(base) for base in conv.bases])
        return float((scales * spreads).norm())
    weight = conv.weight
    assert isinstance(weight, torch.Tensor)
    taps = weight[0].numel()
    if isinstance(conv, BinaryConv2d) and conv.precision == "binary":
        return float(weight.abs().mean()) * math.sqrt(taps)
    return float(weight.square().mean().sqrt()) * math.sqrt(taps)

"""Random parameters that exercise everything: the state of an untrained network, made to look trained.

Fresh batch norms (mean 0, variance 1, gamma 1, beta 0) let faults in folding them go unseen. Here every
statistic differs from channel to channel, some gammas are negative, and signs stay balanced through the depth
of the network.
"""

import math
from typing import Any

import torch
from torch import nn

from models.fusion import SoftConnection

_NEGATIVE_GAMMAS = 0.25
_MAX_THETA = 2.0
# Steps of a mantissa in [0.5, 1), to which statistics are rounded.
_STEPS = 64


def randomize(model: nn.Module, seed: int) -> None:
    """Set batch norms and gates in place to plausible values that differ; all else stays as drawn.

    One image of noise runs through the network. On its way each batch norm takes the mean and the variance of
    its whole input, each channel's moved by up to 30 % of a standard deviation, so that the next layers see
    what they would see in a trained network. The two statistics are rounded to about 1 %, so that another
    order of summation on another machine changes them only in a rare tie.

    Args:
        model: A network of `make_network` before deployment; its `config` says the image's shape.
        seed: Seed of the noise and of all values.
    """
    generator = torch.Generator().manual_seed(seed)
    config: Any = model.config
    noise = torch.randn(1, config.in_channels, config.input_size, config.input_size, generator=generator)

    done = set()

    def calibrate(norm: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        # A norm that several bases share keeps what it took from the first.
        if norm in done:
            return
        done.add(norm)
        variance, mean = torch.var_mean(inputs[0], correction=0)
        # A constant input has nothing to normalise.
        _draw(norm, _coarse(float(mean)), _coarse(float(variance)) or 1.0, generator)

    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    training = model.training
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, SoftConnection):
                module.theta.uniform_(-_MAX_THETA, _MAX_THETA, generator=generator)
        handles = [norm.register_forward_pre_hook(calibrate) for norm in norms]
        try:
            model.eval()(noise)
        finally:
            model.train(training)
            for handle in handles:
                handle.remove()


def _coarse(value: float) -> float:
    mantissa, exponent = math.frexp(value)
    return math.ldexp(round(mantissa * _STEPS) / _STEPS, exponent)


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

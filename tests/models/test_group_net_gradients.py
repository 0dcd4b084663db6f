"""A whole network in training against the method written out with its two straight-through estimators.

In double precision, so that what is equal is equal to rounding: outputs with batch statistics, and the
gradient of every parameter. Products of signs are summed before they are scaled, as a sum of scaled ones need
not be 0 where that of the signs is, and ReLU and sign tell the two apart.
"""

import pytest
import torch
import torch.nn.functional as F

from models.config import GroupNetConfig
from models.group_net import GroupNet

CONFIG = GroupNetConfig(
    depths=(1, 2), width=6, bases=3, num_classes=4, in_channels=2, input_size=24, stem="imagenet"
)


class _Sign(torch.autograd.Function):
    """+1 from 0 on; backward the polynomial 2 + 2a on [-1, 0), 2 - 2a on [0, 1), 0 elsewhere."""

    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return torch.where(a >= 0, 1.0, -1.0).to(a.dtype)

    @staticmethod
    def backward(ctx, grad):
        (a,) = ctx.saved_tensors
        slope = torch.where((a >= -1) & (a < 0), 2 + 2 * a, torch.zeros_like(a))
        return grad * torch.where((a >= 0) & (a < 1), 2 - 2 * a, slope)


class _SignsOfWeights(torch.autograd.Function):
    """The signs of W; backward `dL/dW = dL/d(alpha sign W)`, which is dL/d(sign W) divided by alpha."""

    @staticmethod
    def forward(ctx, weight, alpha):
        ctx.save_for_backward(alpha)
        return torch.where(weight >= 0, 1.0, -1.0).to(weight.dtype)

    @staticmethod
    def backward(ctx, grad):
        return grad / ctx.saved_tensors[0], None


class _WrittenOut:
    """Logits of images from a network's parameters by their names."""

    def __init__(self, config, parameters):
        self.config, self.p = config, parameters

    def __call__(self, x):
        config = self.config
        x = F.max_pool2d(F.conv2d(x, self.p["stem.0.weight"], stride=2, padding=3), 3, 2, 1)
        fused = self.norm(x, "stem.2")
        outputs = [fused] * config.bases
        blocks = [(stage, block) for stage, depth in enumerate(config.depths) for block in range(depth)]
        for group, (stage, block) in enumerate(blocks):
            stride = config.stage_strides[stage] if block == 0 else 1
            inputs = [fused] * config.bases
            if group > 0:
                gate = torch.sigmoid(self.p[f"groups.{group}.gate.theta"])
                inputs = [gate * y + (1 - gate) * fused for y in outputs]
            outputs = [
                self.branch(y, f"groups.{group}.blocks.0", k, stride, config.stage_rates(stage)[k])
                for k, y in enumerate(inputs)
            ]
            scales = self.p.get(f"groups.{group}.fusion.scale", x.new_full((config.bases,), 1 / config.bases))
            fused = torch.stack([scale * y for scale, y in zip(scales, outputs, strict=True)]).sum(0)
        return F.linear(fused.mean((2, 3)), self.p["classifier.weight"], self.p["classifier.bias"])

    def branch(self, x, block, k, stride, rate):
        name, residual = f"{block}.branches.{k}", x
        if f"{block}.shortcut.0.weight" in self.p:
            weight = self.p[f"{block}.shortcut.0.weight"]
            is_float = self.config.downsample == "float"
            short = F.conv2d(x, weight, stride=stride) if is_float else self.conv(x, weight, stride, 1)
            residual = self.norm(short, f"{block}.shortcut.1")
        h = self.conv(x, self.p[f"{name}.conv1.weight"], stride, rate).relu()
        h = self.norm(h, f"{name}.bn1") + residual
        return self.norm(self.conv(h, self.p[f"{name}.conv2.weight"], 1, rate).relu(), f"{name}.bn2") + h

    def conv(self, x, weight, stride, rate):
        border, alpha = rate * (weight.shape[2] // 2), weight.detach().abs().mean()
        signs = F.pad(_Sign.apply(x), (border,) * 4, value=1.0)
        taps = _SignsOfWeights.apply(weight, alpha)
        return alpha * F.conv2d(signs, taps, stride=stride, dilation=rate)

    def norm(self, x, name):
        return F.batch_norm(x, None, None, self.p[f"{name}.weight"], self.p[f"{name}.bias"], training=True)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"fusion": "learned"},
        {"downsample": "float"},
        {"strides": (1, 1), "rates": ((1,), (2, 3, 4))},
    ],
)
def test_every_gradient_is_that_of_the_method(overrides):
    torch.manual_seed(0)
    net = GroupNet(CONFIG.replace(**overrides)).double().train()
    parameters = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}
    images = torch.randn(4, 2, 24, 24, dtype=torch.double)
    logits, written_out = net(images), _WrittenOut(net.config, parameters)(images)
    torch.testing.assert_close(logits, written_out, rtol=0, atol=1e-12)
    upstream = torch.randn_like(logits)
    logits.backward(upstream)
    written_out.backward(upstream)
    for name, parameter in net.named_parameters():
        assert parameter.grad.any(), name
        scale = float(parameter.grad.abs().max())
        torch.testing.assert_close(
            parameter.grad, parameters[name].grad, rtol=0, atol=1e-11 * scale + 1e-13, msg=name
        )

"""The recorded signs and integers are those of the naive reference."""

import numpy as np
import torch
from torch import nn

from frontend.reference import record_network, record_reference, sha256_of_integers
from models import binary_conv2d  # registers the operator
from tvm_schedules.reference import binary_conv2d_reference


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 5, 3, 3))

    def forward(self, x):
        return binary_conv2d.binary_conv2d(x, self.weight, [2, 2], [1, 1], [1, 1], -1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = Conv()

    def forward(self, x):
        return self.conv(x) * 0.5


def test_one_layer_against_numpy():
    torch.manual_seed(0)
    model = Net().eval()
    x = np.random.default_rng(0).normal(size=(1, 5, 7, 6)).astype(np.float32)
    x[0, 2] = 0
    reference = record_reference(torch.export.export(model, (torch.from_numpy(x),)), [x])
    weight = model.conv.weight.detach().numpy()
    nhwc = x.transpose(0, 2, 3, 1)
    integers = binary_conv2d_reference(nhwc, weight, (2, 2), (1, 1), (1, 1), -1)
    assert reference.integers_sha256 == {"conv": sha256_of_integers(integers)}
    np.testing.assert_array_equal(
        np.unpackbits(reference.signs["conv"], axis=-1, bitorder="little")[..., :5], nhwc >= 0
    )
    np.testing.assert_array_equal(reference.outputs[0].transpose(0, 2, 3, 1), integers * 0.5)


class Twice(nn.Module):
    """One layer that is called twice, and one within a sequence."""

    def __init__(self):
        super().__init__()
        self.shared = Conv()
        self.rest = nn.Sequential(nn.ReLU(), Conv())

    def forward(self, x):
        return self.shared(x) + self.shared(-x) + self.rest(x)


def test_a_network_that_runs_as_it_is_gives_the_same_record():
    torch.manual_seed(0)
    model = Twice().eval()
    x = np.random.default_rng(0).normal(size=(1, 5, 7, 6)).astype(np.float32)
    exported = record_reference(torch.export.export(model, (torch.from_numpy(x),)), [x])
    eager = record_network(model, [x])
    assert list(eager.signs) == ["shared", "shared#1", "rest.1"]
    assert eager.integers_sha256 == exported.integers_sha256
    for layer, signs in exported.signs.items():
        np.testing.assert_array_equal(eager.signs[layer], signs)
    np.testing.assert_array_equal(eager.outputs[0], exported.outputs[0])
    # No hook stays behind.
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())

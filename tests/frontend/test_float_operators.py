"""Float operators around the binary ones: NHWC throughout, and the same numbers as PyTorch."""

import numpy as np
import pytest
import torch
from torch import nn

from android_runner.devices import open_device
from frontend import pipeline
from frontend.compile import compile_model
from frontend.nodes import operator_name
from frontend.rewriter import straight_line
from tvm_schedules.targets import resolve_target


class Branches(nn.Module):
    """Two views of one convolution, brought to one size and joined: the shape of a segmentation head."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.left, self.right = left, right
        self.head = nn.Conv2d(16, 5, 1)

    def forward(self, x):
        x = self.stem(x)
        return self.head(torch.cat([self.left(x), self.right(x)], 1))


MODELS = {
    "pools": Branches(nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2)),
    "upsampling": Branches(
        nn.Identity(),
        nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)),
    ),
    "global pool": Branches(
        nn.Identity(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample(size=(12, 12)))
    ),
    "uneven nearest": Branches(
        nn.Identity(), nn.Sequential(nn.MaxPool2d(3, 3, 1), nn.Upsample(size=(12, 12)))
    ),
    "activations": Branches(nn.Sigmoid(), nn.Tanh()),
}


class Flat(nn.Module):
    """Maps of two sizes as one list of places, the shape of a detector's outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        maps = [y, nn.functional.max_pool2d(y, 2)]
        return torch.cat([m.permute(0, 2, 3, 1).reshape(1, -1, 3) for m in maps], 1)


def test_a_networks_own_way_to_channels_last_costs_nothing(tmp_path):
    model = Flat().eval()
    x = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    exported = torch.export.export(model, (x,))
    target = resolve_target("host")
    graph = pipeline.run_pipeline(exported, target).graph["main"]
    operators = [operator_name(binding.value) for binding in straight_line(graph)]
    assert "relax.permute_dims" not in operators
    compile_model(exported, target, tmp_path / "module.so")
    with open_device("host").session() as session:
        module = session.load(tmp_path / "module.so")
        (result,) = module.run("main", [np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())])
    with torch.no_grad():
        np.testing.assert_allclose(result, model(x).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_numbers_equal_pytorch_without_transposes_inside(model, tmp_path):
    model = model.eval()
    x = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    exported = torch.export.export(model, (x,))
    target = resolve_target("host")
    graph = pipeline.run_pipeline(exported, target).graph["main"]
    operators = [operator_name(binding.value) for binding in straight_line(graph)]
    assert operators and "relax.permute_dims" not in operators
    compile_model(exported, target, tmp_path / "module.so")
    with open_device("host").session() as session:
        module = session.load(tmp_path / "module.so")
        (result,) = module.run("main", [np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())])
    with torch.no_grad():
        expected = model(x).numpy()
    # float32 sums of a few dozen terms in another order.
    np.testing.assert_allclose(result, expected.transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5)

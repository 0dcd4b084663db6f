"""Which programs can take pixels is told before anything is compiled."""

import pytest
import torch
from torch import nn

from frontend.normalisation import starts_with_float_convolutions
from models.binary_conv2d import binary_conv2d


class Net(nn.Module):
    """A float stem that reads the image, and perhaps something else that does."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.stem = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        match self.kind:
            case "stem":
                return self.stem(x).relu()
            case "skip":
                return self.stem(x) + x
            case "binary":
                return binary_conv2d(x, self.stem.weight, [1, 1], [1, 1], [1, 1], 1)


@pytest.mark.parametrize(("kind", "expected"), [("stem", True), ("skip", False), ("binary", False)])
def test_only_float_convolutions_may_read_the_image(kind, expected):
    exported = torch.export.export(Net(kind).eval(), (torch.zeros(1, 3, 8, 8),))
    assert starts_with_float_convolutions(exported) is expected

"""Which models take pixels, and what pixels become."""

import numpy as np
import pytest
import torch
from torch import nn

from groupnet import pixels
from groupnet.errors import ModelSourceError
from groupnet.manifest import Checkpoint, ModelSource, Preprocessing
from groupnet.model_source import Model, Request, load_model


class Skip(nn.Module):
    """A convolution beside a second reader of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.stem(x) + x
        return result


def model_of(network: nn.Module, kind: str | None) -> Model:
    """A model whose weights came from a file of some kind, or from none."""
    checkpoint = kind and Checkpoint.model_validate({"kind": kind, "name": "m", "sha256": "0" * 64})
    return Model(
        name="m",
        exported=torch.export.export(network.eval(), (torch.zeros(1, 1, 4, 4),)),
        batch=2,
        task="classification",
        labels=(),
        preprocessing=Preprocessing(input_size=4, channels=1, mean=(0.5,), std=(0.25,)),
        source=ModelSource(
            architecture=None, bases=None, random_weights=False, seed=None, checkpoint=checkpoint or None
        ),
        network=None,
    )


@pytest.mark.parametrize(
    ("network", "kind", "asked", "chosen"),
    [
        (nn.Conv2d(1, 1, 3), "checkpoint", None, "uint8"),
        (nn.Conv2d(1, 1, 3), "checkpoint", "float", "float"),
        (nn.Conv2d(1, 1, 3), None, None, "float"),
        (nn.Conv2d(1, 1, 3), None, "uint8", "uint8"),
        (nn.Conv2d(1, 1, 3), "exported", None, "float"),
        (Skip(), "exported", None, "float"),
    ],
)
def test_pixels_where_they_can_be(
    network: nn.Module, kind: str | None, asked: pixels.InputKind | None, chosen: str
) -> None:
    said: list[str] = []
    assert pixels.choose_input(model_of(network, kind), asked, said.append) == chosen
    assert not said


def test_a_checkpoint_that_cannot_take_pixels_keeps_floats_and_says_so() -> None:
    said: list[str] = []
    assert pixels.choose_input(model_of(Skip(), "checkpoint"), None, said.append) == "float"
    assert len(said) == 1 and "other operators than float convolutions read its image" in said[0]


@pytest.mark.parametrize(
    ("network", "kind", "reason"),
    [
        (Skip(), "checkpoint", "other operators"),
        (nn.Conv2d(1, 1, 3), "exported", "does not say how its images are normalised"),
    ],
)
def test_pixels_that_cannot_be_are_refused(network: nn.Module, kind: str, reason: str) -> None:
    with pytest.raises(ModelSourceError, match=reason):
        pixels.choose_input(model_of(network, kind), "uint8", print)


def test_pixels_are_normalised_channel_by_channel() -> None:
    shown = np.array([[[[0, 255], [51, 102]]]], np.uint8)
    prepared = pixels.normalised(
        shown, Preprocessing(input_size=2, channels=2, mean=(0.0, 0.5), std=(1.0, 0.25))
    )
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, [[[[0, 2], [0.2, -0.4]]]], atol=1e-6)


def test_the_example_has_black_and_white() -> None:
    shown = pixels.example_pixels(model_of(nn.Conv2d(1, 1, 3), None))
    assert (shown.shape, shown.dtype) == ((2, 4, 4, 1), np.uint8)
    large = pixels.example_pixels(load_model(Request("groupnet_digits", bases=1, input_size=32)))
    assert (large.min(), large.max()) == (0, 255)
    assert len(np.unique(large)) == 18

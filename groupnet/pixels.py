"""Pixels and normalised images: which of them a compiled model takes, and the one from the other."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from groupnet.errors import ModelSourceError
from groupnet.manifest import Preprocessing, Tensor

if TYPE_CHECKING:
    from groupnet.model_source import Model

InputKind = Literal["uint8", "float"]
"""What `main` takes: the pixels of an image, or the image that the caller has normalised."""


def takes_pixels(tensor: Tensor) -> bool:
    """Whether an input is the pixels of an image, which the module normalises itself."""
    return tensor.dtype == "uint8"


def normalised(pixels: npt.NDArray[np.uint8], preprocessing: Preprocessing) -> npt.NDArray[np.float32]:
    """`(pixel / 255 - mean) / std` of images [N, H, W, C], in float32 throughout, as networks are trained."""
    mean, std = (np.array(values, np.float32) for values in (preprocessing.mean, preprocessing.std))
    result: npt.NDArray[np.float32] = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    return result


def choose_input(model: "Model", asked: InputKind | None, say: Callable[[str], None]) -> InputKind:
    """What the compiled model shall take: what was asked for, or else pixels where that can be.

    Pixels need a model that says how its images are normalised, and that reads its image with float
    convolutions alone: the normalisation goes into their weights.

    Args:
        model: what is compiled.
        asked: the user's choice; None leaves it to the model. Random weights then take floats, since no
            normalisation belongs to them.
        say: is told why a checkpoint keeps its float input.

    Raises:
        ModelSourceError: pixels were asked for, and the model cannot take them.
    """
    from frontend.normalisation import starts_with_float_convolutions

    origin = model.source.checkpoint
    reason = None
    if origin is not None and origin.kind == "exported":
        reason = "an exported program does not say how its images are normalised"
    elif not starts_with_float_convolutions(model.exported):
        reason = "other operators than float convolutions read its image"
    if asked == "uint8" and reason:
        raise ModelSourceError(
            f"expected a model that can take pixels; got {model.name}: {reason}; compile with --input float"
        )
    if asked is not None:
        return asked
    if origin is None or origin.kind == "exported":
        return "float"
    if reason:
        say(f"note: {model.name} takes normalised float32 images and no pixels: {reason}")
        return "float"
    return "uint8"


def example_pixels(model: "Model") -> npt.NDArray[np.uint8]:
    """One input, uint8 [N, S, S, C], the same every time; black and white are among its 18 levels.

    Few levels take half the space of noise in a bundle.
    """
    size = model.preprocessing.input_size
    shape = (model.batch, size, size, model.preprocessing.channels)
    levels: npt.NDArray[Any] = np.random.default_rng(0).integers(0, 18, shape, np.uint8)
    return levels * np.uint8(15)

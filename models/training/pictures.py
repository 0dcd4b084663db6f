"""Network inputs back to pictures that people can look at."""

import numpy as np
import numpy.typing as npt
import torch

from models.metadata import Preprocessing


def denormalised(image: torch.Tensor, preprocessing: Preprocessing) -> npt.NDArray[np.uint8]:
    """A normalised image, float [C, H, W], as RGB uint8 [H, W, 3]; of one channel, as grey."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (preprocessing.mean, preprocessing.std))
    pixels = ((image.cpu() * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
    rgb: npt.NDArray[np.uint8] = np.ascontiguousarray(pixels.expand(3, -1, -1).permute(1, 2, 0).numpy())
    return rgb

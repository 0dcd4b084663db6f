"""Pixels to what networks read: (pixel / 255 - mean) / std, channel by channel."""

import torch

from models.data.transforms.resampling import Colour

Channels = tuple[float, float, float]
"""One number for red, green and blue each, in units of the full range 0 to 1."""

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's training images, as everybody's recipes have them."""


def normalise(images: torch.Tensor, mean: Channels, std: Channels) -> torch.Tensor:
    """uint8 NHWC [N, H, W, 3] to float32 NCHW [N, 3, H, W], on the device where the images are."""
    factor, offset = (torch.tensor(values, device=images.device) for values in (std, mean))
    scaled = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    return scaled.sub_(offset[:, None, None]).div_(factor[:, None, None])


def mean_colour(mean: Channels) -> Colour:
    """The pixel that normalises to nearly 0, at most 0.5 / 255 / std away: what images are padded with."""
    red, green, blue = (round(value * 255) for value in mean)
    return red, green, blue

"""The digits of scikit-learn as a data set for 32x32 networks: 1,797 grey images, split once and for all.

The images are the test part of UCI's "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998;
CC BY 4.0): 8x8 pixels of 0 to 16. They come with scikit-learn, so nothing is downloaded.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.metadata import Preprocessing

LABELS = tuple("0123456789")
TEST_IMAGES = 360
PREPROCESSING = Preprocessing(input_size=32, channels=1, mean=(0.305,), std=(0.324,))
"""Mean and standard deviation of the training split after enlarging, rounded."""

_SIZE = 32
_SPLIT_SEED = 0


@dataclass(frozen=True)
class Images:
    """One split.

    Attributes:
        images: Normalised, float32 NCHW [N, 1, 32, 32]: what a network reads.
        pixels: The same before normalising, uint8 NHWC [N, 32, 32, 1]: what a camera would give.
        labels: The digits, int64 [N].
    """

    images: npt.NDArray[np.float32]
    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Digits:
    """Both splits, with each digit in equal proportion: 1,437 images to train on and 360 to test with."""

    train: Images
    test: Images


@cache
def load_digits() -> Digits:
    """The data set, always split the same way; loaded once, so treat the arrays as read-only."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    raw, labels = datasets.load_digits(return_X_y=True)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, stratify=labels, random_state=_SPLIT_SEED
    )
    pixels = _enlarge(raw.reshape(-1, 8, 8))
    return Digits(*(_split(pixels[part], labels[part]) for part in (train, test)))


def normalise(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Pixels uint8 NHWC [N, 32, 32, 1] to network input float32 NCHW [N, 1, 32, 32]."""
    mean, std = (np.float32(value) for (value,) in (PREPROCESSING.mean, PREPROCESSING.std))
    scaled = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _split(pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> Images:
    split = Images(normalise(pixels), pixels, labels.astype(np.int64))
    for array in (split.images, split.pixels, split.labels):
        array.setflags(write=False)
    return split


def _enlarge(raw: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Bilinear from 8x8 values of 0 to 16 to 32x32 pixels of 0 to 255; half-pixel centres, clamped edges.

    All factors are multiples of 1/8, so the sums are exact and every machine rounds to the same pixels.
    """
    small = raw.shape[1]
    position = ((np.arange(_SIZE) + 0.5) * small / _SIZE - 0.5).clip(0, small - 1)
    taps = np.maximum(0, 1 - np.abs(position[:, None] - np.arange(small)))
    large = taps @ raw @ taps.T
    pixels: npt.NDArray[np.uint8] = np.rint(large * 255 / 16).astype(np.uint8)
    return pixels[..., None]

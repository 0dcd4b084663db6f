"""The data set: a split that never changes, pixels that any machine computes alike, and its normalisation."""

import hashlib

import numpy as np
import torch
import torch.nn.functional as F
from sklearn import datasets

from models.digits import LABELS, PREPROCESSING, load_digits, normalise


def test_the_split_is_stratified_and_covers_all_images():
    digits = load_digits()
    assert digits.train.images.shape == (1437, 1, 32, 32) and digits.test.images.shape == (360, 1, 32, 32)
    assert digits.test.images.dtype == np.float32 and digits.test.labels.dtype == np.int64
    counts = np.bincount(digits.test.labels, minlength=len(LABELS))
    assert counts.min() >= 35 and counts.max() <= 37


def test_the_test_images_are_the_ones_that_published_figures_were_measured_on():
    test = load_digits().test
    digest = hashlib.sha256(test.pixels.tobytes() + test.labels.tobytes()).hexdigest()
    assert digest == "74f004e5521c128a2c2c28df4ef761c2e6883d771e715813259be790bdce7606"


def test_no_image_is_in_both_splits():
    digits = load_digits()
    train = {image.tobytes() for image in digits.train.pixels}
    assert not train & {image.tobytes() for image in digits.test.pixels}


def test_enlarging_is_the_usual_bilinear():
    raw = torch.tensor(datasets.load_digits().images[:, None], dtype=torch.float32)
    large = F.interpolate(raw, size=(32, 32), mode="bilinear", align_corners=False)
    expected = {np.rint(image.numpy() * 255 / 16).astype(np.uint8).tobytes() for image in large}
    digits = load_digits()
    assert {image.tobytes() for image in (*digits.train.pixels, *digits.test.pixels)} == expected


def test_normalised_training_images_have_mean_zero_and_deviation_one():
    images = load_digits().train.images
    assert abs(images.mean()) < 0.01 and abs(images.std() - 1) < 0.01


def test_normalising_is_the_formula_of_the_preprocessing():
    pixels = load_digits().test.pixels[:3]
    (mean,), (std,) = PREPROCESSING.mean, PREPROCESSING.std
    expected = ((pixels / 255 - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(normalise(pixels), expected, rtol=1e-5, atol=1e-6)
    assert (normalise(pixels) == load_digits().test.images[:3]).all()

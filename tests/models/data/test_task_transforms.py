"""Crops, scales and flips: pixels, masks and boxes move together, and only the generator decides."""

import numpy as np
import pytest
import torch

from models.data.samples import (
    IGNORE,
    ClassificationSample,
    DetectionSample,
    DetectionTarget,
    SegmentationSample,
)
from models.data.transforms.classification import random_crop_and_flip, resize_and_center_crop
from models.data.transforms.detection import (
    detection_size,
    fit_square_with_boxes,
    random_resize_and_flip,
    resize_sides,
)
from models.data.transforms.normalise import IMAGENET_MEAN, IMAGENET_STD, mean_colour, normalise
from models.data.transforms.segmentation import fit_square, random_scale_crop_and_flip

GREY = (9, 9, 9)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def ramp(height: int, width: int) -> np.ndarray:
    """Red is the column and green the row."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(width), np.arange(height)[:, None]
    return image


@pytest.mark.parametrize("shape", [(60, 100), (100, 60), (8, 200), (200, 8), (1, 1)])
def test_random_crops_have_the_size_asked_for(shape: tuple[int, int]) -> None:
    sample = ClassificationSample(ramp(*shape), 3, "x")
    for seed in range(20):
        cropped = random_crop_and_flip(sample, rng(seed), size=24)
        assert cropped.image.shape == (24, 24, 3)
        assert (cropped.label, cropped.name) == (3, "x")


def test_random_crops_follow_the_generator_alone() -> None:
    sample = ClassificationSample(ramp(60, 100), 0, "x")
    first, again, other = (random_crop_and_flip(sample, rng(seed), size=16).image for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_other_crop_is_mirrored_unless_told_not_to() -> None:
    sample = ClassificationSample(ramp(60, 100), 0, "x")

    def mirrored(flip: bool) -> int:
        images = (random_crop_and_flip(sample, rng(seed), size=16, flip=flip).image for seed in range(200))
        return sum(int(image[0, 0, 0]) > int(image[0, -1, 0]) for image in images)

    assert 70 < mirrored(True) < 130
    assert mirrored(False) == 0


def test_center_crop_is_the_center() -> None:
    sample = ClassificationSample(ramp(64, 96), 0, "x")
    image = resize_and_center_crop(sample, resize=64, crop=32).image
    assert image[0, 0, :2].tolist() == [32, 16]
    assert image.shape == (32, 32, 3)
    assert resize_and_center_crop(sample, resize=8, crop=32).image.shape == (32, 32, 3)


def test_masks_follow_their_images() -> None:
    """The mask is the image's own column, so a pixel tells where it came from."""
    image = ramp(40, 60)
    sample = SegmentationSample(image, image[..., 0], "x")
    for seed in range(30):
        done = random_scale_crop_and_flip(sample, rng(seed), padding=GREY, base=40, crop=48)
        assert done.image.shape == (48, 48, 3)
        assert done.mask.shape == (48, 48)
        seen = done.mask != IGNORE
        assert seen.any()
        far = np.abs(done.image[..., 0].astype(int) - done.mask)[seen]
        assert far.max() <= 2
        assert (done.image[~seen] == GREY).all()


def test_small_scales_leave_padding_that_is_not_learnt() -> None:
    sample = SegmentationSample(ramp(40, 60), np.zeros((40, 60), np.uint8), "x")
    done = random_scale_crop_and_flip(
        sample, rng(), padding=GREY, base=40, crop=40, scale=(0.5, 0.5), flip=False
    )
    assert (done.mask != IGNORE).sum() == 20 * 30
    assert done.image[30, 0].tolist() == list(GREY)


def test_fitting_a_square_keeps_everything() -> None:
    sample = SegmentationSample(ramp(20, 40), np.zeros((20, 40), np.uint8), "x")
    done = fit_square(sample, size=20, padding=GREY)
    assert done.mask.shape == (20, 20)
    assert (done.mask[:10] == 0).all()
    assert (done.mask[10:] == IGNORE).all()


def detection(height: int, width: int) -> DetectionSample:
    """One object, whose pixels alone are white."""
    image = np.zeros((height, width, 3), np.uint8)
    image[10:20, 30:50] = 255
    target = DetectionTarget(
        boxes=np.array([[30, 10, 50, 20]], np.float32),
        classes=np.array([4]),
        difficult=np.array([True]),
        areas=np.array([200], np.float32),
        image_id=7,
    )
    return DetectionSample(image, target, "x")


def white_box(image: np.ndarray) -> list[int]:
    rows, columns = np.nonzero(image[..., 0] > 127)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("seed", range(6))
def test_boxes_follow_their_objects(seed: int) -> None:
    done = random_resize_and_flip(detection(40, 100), rng(seed), shorter=(20, 80), longer=400)
    assert done.image.shape[0] in (20, 80)
    assert np.allclose(done.target.boxes[0], white_box(done.image), atol=1)
    assert (done.target.classes.tolist(), done.target.difficult.tolist(), done.target.image_id) == (
        [4],
        [True],
        7,
    )


def test_flips_happen_both_ways_and_areas_scale() -> None:
    done = [
        random_resize_and_flip(detection(40, 100), rng(seed), shorter=(80,), longer=400) for seed in range(20)
    ]
    assert {float(sample.target.boxes[0, 0]) for sample in done} == {60.0, 100.0}
    assert done[0].target.areas.tolist() == [800]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((480, 640), (800, 1067)), ((640, 480), (1067, 800)), ((300, 1000), (400, 1333)), ((5, 5), (800, 800))],
)
def test_sides_as_published(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert detection_size(*size, shorter=800, longer=1333) == expected


def test_images_without_objects_pass() -> None:
    sample = detection(40, 100)
    empty = DetectionTarget(
        *(part[:0] for part in vars(sample.target).values() if not isinstance(part, int)), 1
    )
    done = resize_sides(DetectionSample(sample.image, empty, "x"), shorter=20, longer=400)
    assert done.target.boxes.shape == (0, 4)


def test_a_square_with_boxes() -> None:
    done = fit_square_with_boxes(detection(40, 100), size=50, padding=GREY)
    assert done.image.shape == (50, 50, 3)
    assert done.target.boxes.tolist() == [[15, 5, 25, 10]]
    assert done.image[20:].tolist() == [[list(GREY)] * 50] * 30


def test_normalising_is_the_formula() -> None:
    images = torch.from_numpy(rng().integers(0, 256, (2, 3, 5, 3), np.uint8))
    done = normalise(images, IMAGENET_MEAN, IMAGENET_STD)
    assert done.shape == (2, 3, 3, 5)
    assert done.dtype == torch.float32
    assert done.is_contiguous()
    expected = (images[1, 2, 4, 0].double() / 255 - IMAGENET_MEAN[0]) / IMAGENET_STD[0]
    assert done[1, 0, 2, 4] == pytest.approx(expected.item(), abs=1e-6)


def test_the_mean_colour_normalises_to_nearly_nothing() -> None:
    colour = torch.tensor(mean_colour(IMAGENET_MEAN), dtype=torch.uint8).reshape(1, 1, 1, 3)
    assert normalise(colour, IMAGENET_MEAN, IMAGENET_STD).abs().max() < 0.5 / 255 / 0.224

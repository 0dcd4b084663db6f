"""Composition: what is in front hides what is behind, and boxes and masks say exactly what is left."""

import numpy as np
import pytest

from models.data.samples import IGNORE
from models.data.shapes.glyphs import KINDS
from models.data.shapes.scene import Layer, Scene, compose, draw_scene, draw_single


def block(top: int, left: int, height: int, width: int, label: int | None, value: float = 200) -> Layer:
    """A rectangle that covers its whole patch."""
    surface = np.full((height, width, 3), value, np.float32)
    return Layer(top, left, np.ones((height, width), np.float32), surface, label)


def composed(*layers: Layer) -> Scene:
    return compose(np.random.default_rng(1), np.zeros((20, 30, 3), np.float32), list(layers))


def test_one_object() -> None:
    scene = composed(block(4, 6, 8, 10, label=3))
    (thing,) = scene.objects
    assert thing.box == (6, 4, 16, 12)
    assert (thing.label, thing.truncated, thing.occluded, thing.difficult) == (3, False, False, False)
    assert (scene.mask[4:12, 6:16] == 4).all()
    assert (scene.mask > 0).sum() == thing.mask.sum() == 80
    assert scene.image[8, 10].mean() > 150


def test_what_is_in_front_hides_what_is_behind() -> None:
    scene = composed(block(4, 6, 8, 10, label=0), block(4, 12, 8, 10, label=1))
    behind, front = scene.objects
    assert behind.box == (6, 4, 12, 12)
    assert front.box == (12, 4, 22, 12)
    assert (behind.occluded, front.occluded) == (True, False)
    assert np.unique(scene.mask[5, 6:22]).tolist() == [1, 2]


def test_clutter_hides_and_is_background() -> None:
    scene = composed(block(0, 0, 10, 10, label=0), block(0, 0, 7, 10, label=None))
    (thing,) = scene.objects
    assert thing.box == (0, 7, 10, 10)
    assert (thing.occluded, thing.difficult) == (True, True)
    assert (scene.mask[:7] == 0).all()


def test_what_is_hardly_visible_has_no_box_and_is_not_learnt() -> None:
    scene = composed(block(0, 0, 15, 20, label=0), block(0, 0, 13, 20, label=1))
    assert [thing.label for thing in scene.objects] == [1]
    assert (scene.mask[13:15, :20] == IGNORE).all()


def test_tiny_objects_are_not_learnt() -> None:
    scene = composed(block(5, 5, 4, 4, label=0))
    assert scene.objects == ()
    assert (scene.mask[5:9, 5:9] == IGNORE).all()


@pytest.mark.parametrize(("top", "left"), [(-5, 3), (16, 3), (4, -6), (4, 25)])
def test_objects_across_the_border_are_truncated(top: int, left: int) -> None:
    (thing,) = composed(block(top, left, 10, 10, label=0)).objects
    assert thing.truncated
    assert not thing.occluded
    x1, y1, x2, y2 = thing.box
    assert (x1, y1, x2, y2) == (max(0, left), max(0, top), min(30, left + 10), min(20, top + 10))


def test_objects_outside_do_nothing() -> None:
    scene = composed(block(25, 3, 5, 5, label=0), block(3, -9, 5, 5, label=1))
    assert scene.objects == ()
    assert (scene.mask == 0).all()


def test_half_covered_pixels_are_border() -> None:
    layer = block(4, 6, 8, 10, label=0)
    layer.coverage[0] = 0.6
    layer.coverage[1] = 0.4
    scene = composed(layer)
    assert (scene.mask[4:6, 6:16] == IGNORE).all()
    assert scene.objects[0].mask[4].sum() == 10
    assert scene.objects[0].mask[5].sum() == 0


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_scenes_agree_with_themselves(kind) -> None:  # type: ignore[no-untyped-def]
    counts = []
    for seed in range(40):
        scene = draw_scene(np.random.default_rng(seed), kind, 96, "val")
        counts.append(len(scene.objects))
        assert scene.image.shape == (96, 96, 3)
        labels = {thing.label + 1 for thing in scene.objects}
        assert set(np.unique(scene.mask).tolist()) <= labels | {0, IGNORE}
        for thing in scene.objects:
            x1, y1, x2, y2 = thing.box
            assert 0 <= x1 < x2 <= 96 and 0 <= y1 < y2 <= 96
            assert thing.mask.sum() == thing.mask[y1:y2, x1:x2].sum()
            assert thing.mask[y1].any() and thing.mask[y2 - 1].any()
            assert set(np.unique(scene.mask[thing.mask]).tolist()) <= {thing.label + 1, IGNORE}
    assert max(counts) >= 4
    assert 0.01 < (np.mean(counts) / 6) < 0.9


def test_the_generator_decides_everything() -> None:
    kind = KINDS["shapes"]
    first, again, other = (draw_scene(np.random.default_rng(seed), kind, 64, "train") for seed in (5, 5, 6))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.image, other.image)


def test_singles_have_their_size_and_vary() -> None:
    images = [draw_single(np.random.default_rng(seed), KINDS["shapes"], 2, 64, "train") for seed in range(10)]
    assert {image.shape for image in images} == {(64, 64, 3)}
    assert len({image.tobytes() for image in images}) == 10

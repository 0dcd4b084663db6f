"""VOC's colours, and pictures that change only what they should."""

import numpy as np

from models.data.draw import contact_sheet, draw_boxes, draw_caption, draw_mask, enlarge
from models.data.palette import voc_palette

GREY = np.full((40, 60, 3), 100, np.uint8)


def test_the_palette_is_vocs() -> None:
    palette = voc_palette()
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 15: (192, 128, 128), 20: (0, 64, 128)}
    assert {index: tuple(palette[index].tolist()) for index in known} == known
    assert palette[255].tolist() == [224, 224, 192]
    assert len({tuple(colour) for colour in palette.tolist()}) == 256


def test_boxes_are_drawn_where_they_are() -> None:
    boxes = np.array([[20, 20, 41, 36]], np.float32)
    drawn = draw_boxes(GREY, boxes, np.array([0]), ("cat",), np.array([0.5], np.float32))
    assert drawn[20, 35].tolist() == drawn[35, 40].tolist() == [128, 0, 0]
    assert drawn[28, 30].tolist() == drawn[38, 30].tolist() == [100] * 3
    assert (GREY == 100).all()


def test_boxes_beyond_the_border_and_none_at_all() -> None:
    boxes = np.array([[-5, -5, 100, 100], [59, 39, 60, 40]], np.float32)
    assert draw_boxes(GREY, boxes, np.array([0, 1]), ("a", "b")).shape == GREY.shape
    assert np.array_equal(draw_boxes(GREY, boxes[:0], np.zeros(0, np.int64), ()), GREY)


def test_masks_leave_the_background_clear() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[0, 0], mask[0, 1] = 1, 255
    drawn = draw_mask(GREY, mask, opacity=0.5)
    assert drawn[0, :3].tolist() == [[114, 50, 50], [178] * 3, [100] * 3]


def test_a_caption_is_below_the_image() -> None:
    drawn = draw_caption(GREY, "a long name that does not fit", (200, 0, 0))
    assert drawn.shape[1:] == (60, 3) and np.array_equal(drawn[:40], GREY)
    assert (drawn[40:, :, 0] > drawn[40:, :, 1]).any() and (drawn[40:] == 255).all(axis=2).any()


def test_sheets_hold_every_image() -> None:
    sheet = contact_sheet([GREY, GREY[:10], GREY], columns=2, gap=3)
    assert sheet.shape == (2 * 43 + 3, 2 * 63 + 3, 3)
    assert (sheet == 100).all(axis=2).sum() == 40 * 60 * 2 + 10 * 60
    assert contact_sheet([GREY], columns=5, gap=0).shape == (40, 60, 3)
    assert enlarge(GREY, 3).shape == (120, 180, 3)

"""What is shown of answers: the worst of them, their scores, and pictures of each task."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from groupnet.errors import OutputFolderError
from groupnet.scoring.answer_batch import Answer, AnswerBatch
from groupnet.scoring.answers import Answers
from groupnet.scoring.pictures import draw_answer, save_picture
from groupnet.scoring.report import report
from models.data.samples import DetectionTarget
from models.detection.detections import Detections
from models.registry import config_of
from models.scoring.by_task import ScaledObjects

CLASSES = ("no", "yes", "maybe")


def logits(index: int, best: int, truth: int, expected: int, difference: float) -> Answer:
    """A device and PyTorch that each are sure of a class."""
    rows = np.eye(10, dtype=np.float32)
    same = (int(best == expected), 1)
    return Answer(index, rows[best], truth, rows[expected], difference, same, f"phone {index % 2}")


def batched(*answers: Answer) -> AnswerBatch:
    return AnswerBatch(*map(np.array, zip(*answers, strict=True)))


def test_the_worst_differ_in_their_prediction_first(tmp_path: Path) -> None:
    answers = Answers(tmp_path, "classification")
    answers.add(batched(logits(4, 1, 1, 1, 0.5), logits(5, 2, 2, 3, 0.1), logits(6, 0, 0, 0, 0.2)))
    answers.add(batched(logits(0, 7, 1, 7, 0.0)))
    made = report(answers, config_of("groupnet_digits"), worst=3)
    assert [line["image"] for line in made.fields["worst"]] == [5, 4, 6]
    assert [one.rank for one in made.worst] == [1, 2, 3]
    assert made.fields["scores"]["top1"] == 0.75 and made.fields["pytorch_scores"]["top1"] == 0.5
    assert made.fields["difference"] == {
        "max_abs": 0.5,
        "median_abs": pytest.approx(0.15),
        "images_with_other_predictions": 1,
    }
    assert made.fields["images_by_device"] == {"phone 0": 3, "phone 1": 1}
    assert (made.fields["same_predictions"], made.fields["predictions"]) == (3, 4)


def test_of_equally_bad_images_the_first_are_shown(tmp_path: Path) -> None:
    answers = Answers(tmp_path, "classification")
    for start in (6, 0, 3):
        answers.add(batched(*(logits(start + index, 1, 1, 1, 0.5) for index in range(3))))
    made = report(answers, config_of("groupnet_digits"), worst=4)
    assert [one.answer.image for one in made.worst] == [0, 1, 2, 3]
    assert report(answers, config_of("groupnet_digits"), worst=0).worst == []


def picture_of(task: str) -> tuple[np.ndarray, Answer]:
    if task == "classification":
        return np.zeros((32, 32, 1), np.uint8), logits(0, 1, 2, 0, 0.0)
    image = np.full((48, 48, 3), 90, np.uint8)
    if task == "segmentation":
        mask = np.zeros((48, 48), np.uint8)
        mask[:10], mask[40:] = 1, 255
        return image, Answer(0, mask, mask.T.copy(), mask, 0.0, (1, 1), "host")
    corners = np.array([[10, 10, 60, 60], [0, 0, 5, 5]], np.float32)
    found = Detections(corners, np.array([0.9, 0.1], np.float32), np.array([1, 2]))
    truth = DetectionTarget(corners[:1], np.array([2]), np.array([False]), np.array([9.0], np.float32), 0)
    return image, Answer(0, found, ScaledObjects(truth, 2.0), None, float("nan"), (0, 0), "host")


@pytest.mark.parametrize(("task", "panels"), [("classification", 3), ("segmentation", 3), ("detection", 2)])
def test_each_side_has_its_panel(task: str, panels: int, tmp_path: Path) -> None:
    pixels, answer = picture_of(task)
    picture = draw_answer(task, pixels, answer, CLASSES)
    side = pixels.shape[0] * (224 // pixels.shape[0])
    assert picture.shape[1] == panels * (side + 4) + 4 and picture.shape[2] == 3
    shown = [picture[4 : 4 + side, 4 + at * (side + 4) : 4 + at * (side + 4) + side] for at in range(panels)]
    if task == "classification":
        assert all((panel == 0).all() for panel in shown)
    else:
        assert not np.array_equal(shown[0], shown[1])  # the truth is drawn, not the prediction twice
    save_picture(picture, tmp_path / "sub" / "p.png")
    assert np.array_equal(np.asarray(PillowImage.open(tmp_path / "sub" / "p.png")), picture)


def test_boxes_lie_in_the_picture_where_they_lie_in_the_image() -> None:
    """Of an original of twice the size, shown four times as large as the network sees it."""
    pixels, answer = picture_of("detection")
    picture = draw_answer("detection", pixels, answer, CLASSES)[4:, 4:]
    factor = 224 // 48
    left, right = round(10 / 2 * factor), round(60 / 2 * factor) - 1
    row = picture[(left + right) // 2, : 48 * factor]
    drawn = np.flatnonzero((row != 90).any(axis=1))
    assert set(drawn) == {left, left + 1, right - 1, right}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFolderError, match="writable folder"):
        save_picture(np.zeros((2, 2, 3), np.uint8), tmp_path / "file" / "p.png")

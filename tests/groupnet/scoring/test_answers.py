"""Answers: what is kept is read back, damage and other runs are noticed, nobody writes twice."""

from pathlib import Path

import numpy as np
import pytest

from groupnet.errors import EvaluationError
from groupnet.scoring.answer_batch import Answer, AnswerBatch
from groupnet.scoring.answers import Answers, open_answers
from models.data.samples import DetectionTarget
from models.detection.detections import Detections
from models.scoring.by_task import ScaledObjects

ABOUT = {"bundle": "b" * 64, "data": "d" * 64}


def logits(index: int, *, expected: bool = True) -> Answer:
    row = np.eye(3, dtype=np.float32)[index % 3]
    return Answer(
        index, row, index % 2, -row if expected else None, 0.5 * index, (1, 1), f"phone {index % 2}"
    )


def mask(index: int) -> Answer:
    found = np.full((4, 5), index, np.uint8)
    return Answer(index, found, found + 1, found, 0.0, (20, 20), "host")


def boxes(index: int) -> Answer:
    """With as many objects as `index` is, none among them."""
    rng = np.random.default_rng(index)
    corners = rng.random((index, 4), np.float32)
    kinds = rng.integers(0, 5, index)
    found = Detections(corners, corners[:, 0], kinds)
    target = DetectionTarget(corners + 1, kinds, kinds > 2, corners[:, 1], 70 + index)
    return Answer(index, found, ScaledObjects(target, 1.5), found, 0.25, (index, index), "host")


def batched(*answers: Answer) -> AnswerBatch:
    """Lists where the device's and the data set's arrays would be: both are taken."""
    images, found, truth, expected, differences, same, devices = zip(*answers, strict=True)
    return AnswerBatch(
        np.array(images),
        list(found),
        list(truth),
        None if expected[0] is None else list(expected),
        np.array(differences),
        np.array(same),
        np.array(devices),
    )


def same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, Detections | DetectionTarget):
        return all(same(part, vars(other)[name]) for name, part in vars(one).items())
    if isinstance(one, ScaledObjects):
        return isinstance(other, ScaledObjects) and same(one.truth, other.truth) and one.scale == other.scale
    return one == other


def is_kept(answer: Answer, read: Answer) -> bool:
    return all(map(same, answer, read))


@pytest.mark.parametrize(
    ("task", "make"), [("classification", logits), ("segmentation", mask), ("detection", boxes)]
)
def test_answers_are_read_back_in_the_images_order(task: str, make: object, tmp_path: Path) -> None:
    assert callable(make)
    with open_answers(tmp_path / "a", task, ABOUT, start_anew=False) as (answers, _):
        for batch in ((3, 4), (0,), (1, 5, 2)):
            answers.add(batched(*map(make, batch)))
    again = Answers(tmp_path / "a", task)
    assert again.indices == set(range(6)) and again.count == 6
    read = [batch.one(row) for batch in again.read() for row in range(len(batch))]
    assert [answer.image for answer in read] == list(range(6))
    assert all(is_kept(make(answer.image), answer) for answer in read)


def test_files_are_read_whole_where_the_images_follow_each_other(tmp_path: Path) -> None:
    answers = Answers(tmp_path, "classification")
    for batch in ((4, 5, 6), (0, 1, 2, 3), (9, 7), (8,)):
        answers.add(batched(*map(logits, batch)))
    assert [batch.images.tolist() for batch in answers.read()] == [[0, 1, 2, 3], [4, 5, 6], [7], [8], [9]]
    assert list(Answers(tmp_path / "nothing", "classification").read()) == []


def test_without_pytorch_there_is_no_other_side(tmp_path: Path) -> None:
    answers = Answers(tmp_path, "classification")
    answers.add(batched(logits(1, expected=False)))
    (read,) = Answers(tmp_path, "classification").read()
    assert read.expected is None and read.one(0).expected is None and read.one(0).difference == 0.5


def test_an_image_has_one_answer(tmp_path: Path) -> None:
    answers = Answers(tmp_path, "classification")
    answers.add(batched(logits(1), logits(2)))
    with pytest.raises(EvaluationError, match="image 2 again"):
        answers.add(batched(logits(2), logits(3)))
    assert answers.indices == {1, 2}


@pytest.mark.parametrize("keep_bytes", [0, 100, -1])
def test_a_file_that_was_cut_off_is_scored_again(keep_bytes: int, tmp_path: Path) -> None:
    answers = Answers(tmp_path, "classification")
    answers.add(batched(logits(1)))
    answers.add(batched(logits(2)))
    path = tmp_path / "batch-00000002.npz"
    path.write_bytes(path.read_bytes()[:keep_bytes])
    (tmp_path / "batch-00000003.partial").write_bytes(b"half")
    assert Answers(tmp_path, "classification").indices == {1}
    assert [found.name for found in tmp_path.iterdir()] == ["batch-00000001.npz"]


def test_altered_numbers_are_scored_again(tmp_path: Path) -> None:
    Answers(tmp_path, "classification").add(batched(logits(1)))
    (path,) = tmp_path.iterdir()
    contents = bytearray(path.read_bytes())
    contents[contents.index(np.float32(1).tobytes())] ^= 1
    path.write_bytes(contents)
    assert not Answers(tmp_path, "classification").indices


def test_another_bundle_or_data_set_is_noticed(tmp_path: Path) -> None:
    other = ABOUT | {"data": "e" * 64}
    with open_answers(tmp_path / "a", "classification", ABOUT, start_anew=False) as (answers, changed):
        answers.add(batched(logits(1)))
        answers.add_check(1, {"integers": 5})
        answers.add_device({"name": "host"})
        assert changed is None
    with (
        pytest.raises(EvaluationError, match=r"data has changed \(dddddddddddd before, eeeeeeeeeeee now\)"),
        open_answers(tmp_path / "a", "classification", other, start_anew=False),
    ):
        pass
    with open_answers(tmp_path / "a", "classification", ABOUT, start_anew=False) as (answers, _):
        assert (answers.indices, answers.checks()) == ({1}, {1: {"integers": 5}})
        assert answers.device() == {"name": "host"}
    with open_answers(tmp_path / "a", "classification", other, start_anew=True) as (answers, changed):
        assert changed is not None and "data" in changed
        assert (answers.indices, answers.checks()) == (set(), {})
        answers.remove()
    assert not (tmp_path / "a").exists()


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        open_answers(tmp_path, "classification", ABOUT, start_anew=False),
        pytest.raises(EvaluationError, match="alone"),
        open_answers(tmp_path, "classification", ABOUT, start_anew=False),
    ):
        pass


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    with (
        pytest.raises(EvaluationError, match="name another one"),
        open_answers(tmp_path, "classification", ABOUT, start_anew=True),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

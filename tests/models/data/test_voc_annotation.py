"""One XML file: fractions, parts, and every fault with the file's name."""

from pathlib import Path

import pytest
from dataset_files import voc_object

from models.data.voc_annotation import read_annotation
from models.errors import DataError

CLASSES = {"cat": 0, "person": 1}


def write(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "x.xml"
    path.write_text(content)
    return path


def test_fractions_and_parts(tmp_path: Path) -> None:
    path = write(tmp_path, f"<annotation>{voc_object('person', (45.7, 1, 60.2, 2))}</annotation>")
    target = read_annotation(path, CLASSES, 5)
    assert target.boxes.round(3).tolist() == [[pytest.approx(44.7), 0, pytest.approx(60.2), 2]]
    assert (target.classes.tolist(), target.image_id) == ([1], 5)


def test_a_box_of_one_pixel_has_an_area(tmp_path: Path) -> None:
    path = write(tmp_path, f"<annotation>{voc_object('cat', (4, 4, 4, 4))}</annotation>")
    assert read_annotation(path, CLASSES, 0).areas.tolist() == [1]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (f"<annotation>{voc_object('cow', (1, 1, 2, 2))}</annotation>", "one of 2 classes .* got 'cow'"),
        (f"<annotation>{voc_object('cat', (5, 1, 4, 2))}</annotation>", "area"),
        (f"<annotation>{voc_object('cat', (1, 9, 4, 2))}</annotation>", "area"),
        (f"<annotation>{voc_object('cat', (1, float('nan'), 4, 2))}</annotation>", "area"),
        ("<annotation><object><name>cat</name></object></annotation>", "four numbers"),
        ("<annotation><object>", "XML"),
        ("", "XML"),
    ],
)
def test_faults_name_the_file(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as raised:
        read_annotation(write(tmp_path, content), CLASSES, 0)
    assert "x.xml" in str(raised.value)


def test_a_missing_annotation_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.xml; got no file"):
        read_annotation(tmp_path / "x.xml", CLASSES, 0)

"""Choices as text, and back."""

import pytest

from tvm_schedules.errors import KernelError
from tvm_schedules.naming import parse_kernel_name
from tvm_schedules.tile import Counter, Tile
from tvm_schedules.tuning.choice import Choice, choice_of_fields, parse_choice

CHOICES = {
    "t1x7v2u2": Choice(Tile(1, 7, 2, 2)),
    "t2x3v4u8a16": Choice(Tile(2, 3, 4, 8, Counter.PAIRS)),
    "t2x4v2u4r4x8": Choice(Tile(2, 4, 2, 4), (4, 8)),
    "t2x4v2u4a8r4x8": Choice(Tile(2, 4, 2, 4, Counter.BYTES), (4, 8)),
}


@pytest.mark.parametrize("text", CHOICES)
def test_text_and_choice_say_the_same(text: str) -> None:
    assert str(CHOICES[text]) == text
    assert parse_choice(text) == CHOICES[text]


@pytest.mark.parametrize(
    "text", ["", "t1x7", "t1v2u2", "t1x7v2u2q3", "t1x7v2u2 ", "u2v2t1x7", "t0x7v2u2", "t1x7v2u2a9"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(KernelError):
        parse_choice(text)


def test_a_choice_is_the_tile_part_of_a_name() -> None:
    name = parse_kernel_name(
        "float_conv2d_f32f32f32_nhwc_n1h4w4c8o8k1x1s1x1p0x0d1x1bias0relu0_t1x4v2u2__avx2"
    )
    assert choice_of_fields(name.tile) == Choice(Tile(1, 4, 2, 2))


def test_options_name_a_region_only_where_there_is_one() -> None:
    assert set(CHOICES["t1x7v2u2"].options()) == {"tile"}
    assert set(CHOICES["t2x4v2u4r4x8"].options()) == {"tile", "region"}

"""Inputs are compared with a function's types before anything is sent."""

import numpy as np
import pytest

from android_runner.errors import InputMismatchError
from android_runner.tensor_types import TensorType, check_inputs, tensor_type

IMAGE = TensorType((1, 3, 8, 8), "float32")


def test_a_type_reads_as_a_person_writes_it() -> None:
    assert str(IMAGE) == "float32[1, 3, 8, 8]"
    assert tensor_type(np.zeros((2, 1), np.uint32)) == TensorType((2, 1), "uint32")


def test_matching_inputs_pass() -> None:
    check_inputs("main", [IMAGE, IMAGE], [np.zeros(IMAGE.shape, np.float32)] * 2)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([], "Expected 2 inputs for `main`; got 0"),
        ([np.zeros((1, 3, 8, 8), np.float32)], "got 1"),
        ([np.zeros((1, 3, 8, 8), np.float32), np.zeros((1, 3, 8, 9), np.float32)], "input 1 of `main`"),
        ([np.zeros((1, 3, 8, 8)), np.zeros((1, 3, 8, 8), np.float32)], r"got float64\[1, 3, 8, 8\]"),
    ],
)
def test_what_does_not_fit_is_named(inputs: list[np.ndarray], said: str) -> None:
    with pytest.raises(InputMismatchError, match=said):
        check_inputs("main", [IMAGE, IMAGE], inputs)

"""Shapes and types of a function's inputs, checked before anything is sent to a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from android_runner.errors import InputMismatchError


@dataclass(frozen=True)
class TensorType:
    """The static type of one tensor.

    Attributes:
        shape: Extents, outermost first.
        dtype: NumPy's name of the element type, such as ``float32`` or ``uint32``.
    """

    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        """Return the type as a person writes it: ``float32[1, 3, 8, 8]``."""
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def tensor_type(array: npt.NDArray[np.generic]) -> TensorType:
    """Return the type of an array."""
    return TensorType(tuple(array.shape), array.dtype.name)


def check_inputs(
    function: str, expected: Sequence[TensorType], inputs: Sequence[npt.NDArray[np.generic]]
) -> None:
    """Compare inputs with what a function takes.

    Raises:
        InputMismatchError: The number, a shape or a type differs; the message names the input.
    """
    if len(inputs) != len(expected):
        raise InputMismatchError(
            f"Expected {len(expected)} inputs for `{function}`; got {len(inputs)}; pass one array for each"
        )
    for index, (wanted, array) in enumerate(zip(expected, inputs, strict=True)):
        got = tensor_type(array)
        if got != wanted:
            raise InputMismatchError(
                f"Expected input {index} of `{function}` to be {wanted}; got {got}; "
                "resize or convert it to the model's input"
            )

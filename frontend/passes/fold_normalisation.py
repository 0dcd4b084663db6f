"""Let `main` take the pixels of an image instead of a normalised image: what is left is no work at all.

`(p / 255 - mean) / std = (p - 255 mean) / (255 std)`: the kernel that copies the image between its zeros
subtracts `255 mean` on the way, so that the border stays the 0 that it is in a normalised image, and the
weights are divided by `255 std`.
"""

from typing import Any

import numpy as np
import tvm
from tvm import relax

from frontend.errors import UnsupportedModelError
from frontend.nodes import (
    FLOAT_CONV2D,
    constant_array,
    make_constant,
    node_arguments,
    node_name,
    operator_name,
    remake_node,
    shape_of,
)
from frontend.normalisation import Normalisation
from frontend.rewriter import FunctionRewriter, rewrite, variables_of

_MEAN, _STD = "groupnet.mean", "groupnet.std"


class _NormalisationFolder(FunctionRewriter):
    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()
        self._zero = 255 * np.array(normalisation.mean)
        self._scale = 255 * np.array(normalisation.std)
        self._images: list[Any] = []

    def rewrite_parameter(self, parameter: Any) -> Any:
        shape = shape_of(parameter)
        if len(shape) != 4 or shape[3] != self._zero.size:
            raise UnsupportedModelError(
                f"expected an image of {self._zero.size} channels, as its mean and std have; got an input of "
                f"shape {list(shape)}; keep the input float32"
            )
        self._images.append(relax.Var(parameter.name, relax.TensorType(shape, "uint8")))
        return self._images[-1]

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if not any(read in self._images for read in variables_of(call)):
            return None
        if node_name(call) != FLOAT_CONV2D:
            raise _not_a_convolution(operator_name(call))
        image, weight, bias = node_arguments(call)
        scaled = constant_array(weight) / self._scale[:, None, None]
        self.fired += 1
        return remake_node(
            call,
            [
                image,
                make_constant(scaled.astype(np.float32)),
                bias,
                make_constant(self._zero.astype(np.float32)),
            ],
        )

    def finish(self, result: Any) -> Any:
        made = self.producer(result)
        returned = made if isinstance(made, relax.Tuple) else result
        if any(read in self._images for read in variables_of(returned)):
            raise _not_a_convolution("the output")
        return result


def _not_a_convolution(reader: str | None) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"expected an image that float convolutions alone read, to give them its pixels; got {reader}, which "
        "reads it too; keep the input float32"
    )


def with_normalisation(module: Any, normalisation: Normalisation) -> Any:
    """Note in the module how its images are normalised, for `fold_normalisation`."""
    return module.with_attrs({_MEAN: list(normalisation.mean), _STD: list(normalisation.std)})


def fold_normalisation(module: Any) -> tuple[Any, int]:
    """Take uint8 images where the module says how they are normalised; fired = number of convolutions.

    Before: `y = groupnet.float_conv2d(x, w, b)`, x float32.
    After: `y = groupnet.float_conv2d(x, w / (255 std), b, 255 mean)`, x uint8.

    Raises:
        UnsupportedModelError: something else than float convolutions reads an image.
    """
    attributes = dict(module.attrs or {})
    if _MEAN not in attributes:
        return module, 0
    normalisation = Normalisation(*(tuple(map(float, attributes.pop(key))) for key in (_MEAN, _STD)))
    module, fired = rewrite(module, _NormalisationFolder(normalisation))
    return tvm.IRModule(dict(module.functions_items()), attrs=attributes or None), fired

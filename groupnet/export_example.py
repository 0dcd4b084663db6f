"""What an export holds beside code: an input, what PyTorch computes for it, and how exact that is."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from groupnet.compile import Example, device_layout
from groupnet.manifest import Preprocessing
from groupnet.model_source import Model

if TYPE_CHECKING:
    import torch

_RELATIVE = 1e-3
# Some ten times the rounding of float32.
_DISTURBANCE = 2.0**-20


def write_example(model: Model, folder: Path, *, pixels: bool) -> list[float]:
    """Write `input.bin`, an input as C takes it, and `output.bin`, all of PyTorch's outputs as float32.

    Returns:
        How far each output of the exported model may be from PyTorch's: a thousandth of its largest value,
        and four times what a disturbance of the input as small as rounding moves in PyTorch itself. A sign
        near zero may flip by it, which moves the outputs of an untrained network visibly.
    """
    import torch

    example = Example.of(model, pixels=pixels)
    run = model.exported.module()
    with torch.no_grad():
        outputs = _outputs(run(torch.from_numpy(example.for_pytorch)))
        moved = _outputs(run(torch.from_numpy(example.for_pytorch * np.float32(1 + _DISTURBANCE))))
    (folder / "input.bin").write_bytes(np.ascontiguousarray(example.for_module).tobytes())
    (folder / "output.bin").write_bytes(
        b"".join(device_layout(one.numpy().astype(np.float32)).tobytes() for one in outputs)
    )
    return [
        _RELATIVE * max(1.0, float(one.abs().max())) + 4 * float((one - other).abs().max())
        for one, other in zip(outputs, moved, strict=True)
    ]


def describe_preparation(preprocessing: Preprocessing, *, pixels: bool) -> str:
    """What input 0 holds, in words."""
    size, channels = preprocessing.input_size, preprocessing.channels
    image = f"an image of {size} x {size} pixels with {channels} channels, NHWC"
    if pixels:
        return f"{image}: the pixels, 0 to 255"
    mean, std = (
        ", ".join(f"{value:g}" for value in values) for values in (preprocessing.mean, preprocessing.std)
    )
    return f"{image}: pixel divided by 255, less the mean ({mean}), divided by the deviation ({std})"


def _outputs(result: "torch.Tensor | tuple[torch.Tensor, ...]") -> "tuple[torch.Tensor, ...]":
    return (result,) if not isinstance(result, tuple | list) else tuple(result)

"""PyTorch's side of a score: the network that was compiled, or another one, on the same images."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from groupnet.bundle import Bundle, sha256_of
from groupnet.errors import EvaluationError, ModelSourceError
from groupnet.model_source import find_checkpoint
from groupnet.pixels import normalised, takes_pixels
from groupnet.running import reference_numbers

if TYPE_CHECKING:
    from torch import nn

    from groupnet.scoring.crew import Check

Array = npt.NDArray[Any]

NONE = "none"
OWN = "own"
"""`--compare`: nothing, or the checkpoint that the bundle was compiled from."""


@dataclass(frozen=True)
class Twin:
    """A network in PyTorch that takes what a bundle takes.

    Attributes:
        model: It.
        sha256: Of its checkpoint.
        compiled: Whether the bundle was compiled from it, so that integers must be equal.
    """

    model: "nn.Module"
    sha256: str
    compiled: bool

    def outputs(self, images: Array) -> list[Array]:
        """Its outputs for normalised NHWC images, image outputs as NHWC.

        One image at a time: PyTorch rounds otherwise in batches, and it must not matter who got which images.
        """
        import torch

        with torch.inference_mode():
            parts = [
                _arrays(self.model(torch.from_numpy(np.ascontiguousarray(some.transpose(0, 3, 1, 2)))))
                for some in np.split(images, len(images))
            ]
        return [np.concatenate(output) for output in zip(*parts, strict=True)]


def find_twin(bundle: Bundle, compare: str) -> tuple[Twin | None, str | None]:
    """PyTorch's network to compare with; or None and why there is none.

    Args:
        bundle: The bundle.
        compare: `OWN`, `NONE`, the name of a network of the zoo, or a checkpoint.

    Raises:
        EvaluationError: the checkpoint is of a network of another kind.
        ModelsError: it cannot be read.
    """
    from models.checkpoint import load_checkpoint
    from models.zoo import entries

    if compare == NONE:
        return None, "--compare none"
    source = bundle.manifest.source
    if compare == OWN:
        try:
            model = find_checkpoint(source).model
        except ModelSourceError as exc:
            return None, str(exc)
        assert source.checkpoint is not None  # or there were none
        return Twin(model, source.checkpoint.sha256, True), None
    path = {entry.name: entry.path for entry in entries()}.get(compare, Path(compare))
    if not path.is_file():
        raise EvaluationError(
            f"expected --compare with {OWN}, {NONE}, a name of the zoo or a checkpoint; got '{compare}': "
            "check the path"
        )
    loaded, digest = load_checkpoint(path), sha256_of(path)
    twin = Twin(loaded.model, digest, source.checkpoint is not None and source.checkpoint.sha256 == digest)
    _check_outputs(bundle, twin, compare)
    return twin, None


def make_checks(bundle: Bundle, twin: Twin | None, images: dict[int, Array]) -> "list[Check]":
    """What PyTorch computes at every binary convolution for some images, for devices to show the same.

    Args:
        bundle: The bundle.
        twin: The network in PyTorch.
        images: Pixels uint8 [S, S, C] by number.
    """
    from android_runner.verification import ReferenceTensors, VerificationPlan
    from frontend.reference import record_network
    from groupnet.compile import device_layout
    from groupnet.scoring.crew import Check

    if twin is None or not twin.compiled:
        return []
    own_plan, _ = reference_numbers(bundle)
    checks = []
    for number, pixels in images.items():
        image = normalised(pixels[None], bundle.manifest.preprocessing)
        reference = record_network(twin.model, [np.ascontiguousarray(image.transpose(0, 3, 1, 2))])
        convolutions = tuple(
            replace(one, integers_sha256=reference.integers_sha256[one.layer])
            for one in own_plan.convolutions
        )
        taken = pixels[None] if takes_pixels(bundle.manifest.inputs[0]) else image
        tensors = ReferenceTensors(
            inputs=(taken,),
            outputs=tuple(device_layout(output) for output in reference.outputs),
            signs=tuple(reference.signs[pack.layer] for pack in own_plan.packs),
        )
        checks.append(Check(number, VerificationPlan(own_plan.packs, convolutions), tensors))
    return checks


def _check_outputs(bundle: Bundle, twin: Twin, name: str) -> None:
    tensor = bundle.manifest.inputs[0]
    try:
        outputs = twin.outputs(np.zeros(tensor.shape, np.float32))
        shapes = [output.shape for output in outputs]
    except RuntimeError:  # PyTorch's for an input of another size
        shapes = []
    wanted = [output.shape for output in bundle.manifest.outputs]
    if shapes != wanted:
        raise EvaluationError(
            f"expected --compare with a network whose outputs are {wanted} for {tensor.shape}; {name} gives "
            f"{shapes or 'none'}: name one of the same classes and size"
        )


def _arrays(made: Any) -> list[Array]:
    import torch

    arrays = [output.numpy() for output in ([made] if isinstance(made, torch.Tensor) else made)]
    return [array.transpose(0, 2, 3, 1) if array.ndim == 4 else array for array in arrays]

"""`groupnet eval`: the accuracy that a device reaches, beside PyTorch's on the same images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import typer

from groupnet.boundary import verb
from groupnet.bundle import Bundle, load_bundle
from groupnet.console import AsJson, note, print_json, print_result, progress, table
from groupnet.errors import EvaluationError, ModelSourceError
from groupnet.model_source import find_checkpoint
from groupnet.pixels import normalised, takes_pixels
from groupnet.running import Running, describe_device, on_device

if TYPE_CHECKING:
    from rich.table import Table

Array = npt.NDArray[Any]

_TOP_K = (1, 3)
_SAY_EVERY = 120  # images


@dataclass(frozen=True)
class LabelledImages:
    """Images of the bundle's size, pixels uint8 NHWC [N, S, S, C], and their classes [N]."""

    pixels: Array
    labels: Array

    def for_module(self, bundle: Bundle) -> Array:
        """The images as the bundle's module takes them."""
        described = bundle.manifest
        return self.pixels if takes_pixels(described.inputs[0]) else self.for_network(bundle)

    def for_network(self, bundle: Bundle) -> Array:
        """The images as its network was trained with them, float32 NHWC."""
        return normalised(self.pixels, bundle.manifest.preprocessing)


@verb
def eval(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")],
    data: Annotated[Literal["digits"], typer.Option(help="The data set.")] = "digits",
    device: Annotated[str, typer.Option(help="host, emulator or adb:SERIAL.")] = "host",
    as_json: AsJson = False,
) -> None:
    """Score a bundle on a device, and PyTorch on the same images."""
    loaded = load_bundle(bundle)
    with progress() as say:
        result = run_eval(loaded, data, device, say=say)
    if as_json:
        print_json(result)
        return
    print_result(score_table([result]))
    if result["pytorch_scores"] is None:
        note(f"note: no scores of PyTorch: {result['pytorch_missing']}")


def run_eval(bundle: Bundle, data: str, device: str, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Score the bundle on the device and PyTorch beside it; what is returned is what `eval --json` prints.

    Raises:
        EvaluationError: the bundle's model is not made for the data set.
        BundleError, DeviceError: the bundle does not run there.
    """
    dataset = load_images(bundle, data)
    with on_device(bundle, device, say) as running:
        logits = predict(running, dataset.for_module(bundle), say)
        info = running.device
    say("scoring PyTorch on the same images")
    expected, missing = _pytorch_logits(bundle, dataset)
    return {
        "bundle": str(bundle.path),
        "name": bundle.manifest.name,
        "task": bundle.manifest.task,
        "data": data,
        "images": len(dataset.labels),
        "device": describe_device(info),
        "scores": score(logits, dataset.labels),
        "pytorch_scores": None if expected is None else score(expected, dataset.labels),
        "pytorch_missing": missing,
        "same_predictions": None if expected is None else int((logits.argmax(1) == expected.argmax(1)).sum()),
    }


def load_images(bundle: Bundle, data: str) -> LabelledImages:
    """The test images of a data set.

    Raises:
        EvaluationError: the model takes other images or tells other classes.
    """
    if data != "digits":
        raise EvaluationError(f"expected the data set digits; got '{data}': only it is at hand")
    from models.digits import LABELS, load_digits

    test = load_digits().test
    described = bundle.manifest
    _, *image = described.inputs[0].shape
    classes = described.outputs[0].shape[-1]
    if list(test.pixels.shape[1:]) != image or classes != len(LABELS):
        raise EvaluationError(
            f"expected a model of {list(test.pixels.shape[1:])} images and {len(LABELS)} classes for digits; "
            f"{bundle.path} takes {image} and tells {classes}: compile digits-k3"
        )
    return LabelledImages(test.pixels, test.labels)


def predict(running: Running, images: Array, say: Callable[[str], None]) -> Array:
    """Logits [N, classes] of images [N, S, S, C], computed on the device in batches of the bundle's size."""
    batch = running.bundle.manifest.inputs[0].shape[0]
    logits = []
    for first in range(0, len(images), batch):
        if first % _SAY_EVERY < batch:
            say(f"{first} of {len(images)} images on {running.device.name}")
        part = images[first : first + batch]
        filled = np.concatenate([part, np.zeros((batch - len(part), *part.shape[1:]), part.dtype)])
        (output,) = running.module.run("main", [filled])
        logits.append(output[: len(part)])
    return np.concatenate(logits)


def score(logits: Array, labels: Array) -> dict[str, float]:
    """Top-1 and top-3 accuracy, 0 to 1."""
    from models.scoring.topk import topk

    return {f"top{k}": topk(logits, labels, k) for k in _TOP_K}


def score_table(results: list[dict[str, Any]]) -> "Table":
    """One row for each result of `run_eval`."""
    numbers = ("images", "top-1", "PyTorch's top-1", "same predictions")
    shown = table("Accuracy", "model", "data", "device", *numbers, numbers=numbers)
    for result in results:
        expected, same = result["pytorch_scores"], result["same_predictions"]
        shown.add_row(
            result["name"],
            result["data"],
            f"{result['device']['name']} ({result['device']['cpu']})",
            str(result["images"]),
            f"{result['scores']['top1']:.2%}",
            "unknown" if expected is None else f"{expected['top1']:.2%}",
            "unknown" if same is None else f"{same} of {result['images']}",
        )
    return shown


def _pytorch_logits(bundle: Bundle, dataset: LabelledImages) -> tuple[Array | None, str | None]:
    """PyTorch's logits from the very checkpoint that was compiled; or None and why there are none."""
    from models.evaluation import predict as predict_with_pytorch

    try:
        checkpoint = find_checkpoint(bundle.manifest.source)
    except ModelSourceError as exc:
        return None, str(exc)
    images = np.ascontiguousarray(dataset.for_network(bundle).transpose(0, 3, 1, 2))
    return predict_with_pytorch(checkpoint.model, images), None

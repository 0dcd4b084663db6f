"""`groupnet eval`: the scores that a device reaches, beside PyTorch's on the same images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from groupnet.boundary import verb
from groupnet.bundle import Bundle, load_bundle
from groupnet.console import AsJson, note, print_json, print_result, progress_bar, table
from groupnet.device_options import Transport, reached_through
from groupnet.errors import EvaluationError, ModelSourceError
from groupnet.eval_data import DataFormat, EvalData, open_eval_data
from groupnet.manifest import Manifest
from groupnet.model_source import find_checkpoint
from groupnet.pixels import normalised, takes_pixels
from groupnet.running import describe_device, on_device
from groupnet.score_names import MAIN_SCORE, SCORE_TITLES

if TYPE_CHECKING:
    from rich.table import Table
    from torch import nn

    from models.task_config import NetworkConfig

Array = npt.NDArray[Any]
Say = Callable[[str, int], None]
"""Told what is being done and how many images are."""


@dataclass(frozen=True)
class EvalRequest:
    """What to score a bundle with.

    Attributes:
        data: `digits`, or the folder of a data set.
        data_format: What the folder is; None looks at it.
        split: Which of the folder's images.
        limit: Only so many images; None takes all.
    """

    data: str = "digits"
    data_format: DataFormat | None = None
    split: str = "val"
    limit: int | None = None


@verb
def eval(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")],
    data: Annotated[str, typer.Option(help="digits, or the folder of a data set.")] = "digits",
    data_format: Annotated[
        DataFormat | None,
        typer.Option("--format", help="What the folder is.", show_default="what it looks like"),
    ] = None,
    split: Annotated[str, typer.Option(help="Which of the folder's images.")] = "val",
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many images.", show_default="all")] = None,
    device: Annotated[str, typer.Option(help="host, emulator or adb:SERIAL.")] = "host",
    transport: Transport = None,
    as_json: AsJson = False,
) -> None:
    """Score a bundle on a device, and PyTorch on the same images."""
    device = reached_through(device, transport)
    loaded = load_bundle(bundle)
    request = EvalRequest(data, data_format, split, limit)
    opened = open_data(loaded, request)
    with progress_bar(opened.count) as say:
        result = run_eval(loaded, request, device, opened=opened, say=say)
    if as_json:
        print_json(result)
        return
    print_result(score_table([result]))
    if result["pytorch_scores"] is None:
        note(f"note: no scores of PyTorch: {result['pytorch_missing']}")


def run_eval(
    bundle: Bundle,
    request: EvalRequest,
    device: str,
    *,
    say: Say,
    opened: EvalData | None = None,
) -> dict[str, Any]:
    """Score the bundle on the device and PyTorch beside it; what is returned is what `eval --json` prints.

    Args:
        bundle: A bundle that says what network it is.
        request: What to score it with.
        device: As `android_runner.devices` reads it.
        say: Told of progress.
        opened: The data set of `request`, where it is open already.

    Raises:
        EvaluationError: the bundle's model is not made for the data set.
        DataError: a file of the data set is missing or damaged.
        BundleError, DeviceError: the bundle does not run there.
    """
    from models.scoring.by_task import make_scorer

    config = network_of(bundle.manifest)
    dataset = opened or open_data(bundle, request)
    twin, missing = _pytorch_twin(bundle.manifest)
    on_phone, in_pytorch = make_scorer(config), make_scorer(config)
    same = predictions = done = 0
    with on_device(bundle, device, lambda text: say(text, 0)) as running:
        info = running.device
        tensor = bundle.manifest.inputs[0]
        for pixels, truths in dataset.batches(tensor.shape[0]):
            image = normalised(pixels, bundle.manifest.preprocessing)
            outputs = running.module.run("main", [pixels if takes_pixels(tensor) else image])
            found = on_phone.add(outputs, truths)
            if twin is not None:
                expected = in_pytorch.add(_pytorch_outputs(twin, image), truths)
                for mine, other in zip(found, expected, strict=True):
                    equal, total = on_phone.same(mine, other)
                    same, predictions = same + equal, predictions + total
            done += len(truths)
            say(f"{done} of {dataset.count} images on {info.name}", done)
    return {
        "bundle": str(bundle.path),
        "name": bundle.manifest.name,
        "task": bundle.manifest.task,
        "data": dataset.name,
        "images": done,
        "device": describe_device(info),
        "scores": on_phone.scores(),
        "pytorch_scores": None if twin is None else in_pytorch.scores(),
        "pytorch_missing": missing,
        "same_predictions": None if twin is None else same,
        "predictions": None if twin is None else predictions,
        "prediction_of": on_phone.unit,
    }


def open_data(bundle: Bundle, request: EvalRequest) -> EvalData:
    """The data set of a request, for the network of a bundle; raises as `open_eval_data`."""
    return open_eval_data(
        bundle.manifest,
        network_of(bundle.manifest),
        request.data,
        data_format=request.data_format,
        split=request.split,
        limit=request.limit,
    )


def network_of(manifest: Manifest) -> "NetworkConfig":
    """The description of a bundle's network.

    Raises:
        EvaluationError: the bundle does not say what network it is.
        ConfigError: it says so in another version's words.
    """
    from models.networks import config_from_dict

    if manifest.network is None:
        raise EvaluationError(
            f"expected a bundle of a checkpoint or an architecture; {manifest.name} is of an exported "
            "program, which does not say how to read its outputs: compile the checkpoint itself"
        )
    return config_from_dict(manifest.network.task, manifest.network.config)


def score_table(results: list[dict[str, Any]]) -> "Table":
    """One row for each result of `run_eval`, all of one task."""
    main = MAIN_SCORE[results[0]["task"]]
    same_units = f"same {results[0]['prediction_of']}s"
    numbers = ("images", SCORE_TITLES[main], f"PyTorch's {SCORE_TITLES[main]}", same_units)
    shown = table("Accuracy", "model", "data", "device", *numbers, numbers=numbers)
    for result in results:
        expected, same = result["pytorch_scores"], result["same_predictions"]
        shown.add_row(
            result["name"],
            result["data"],
            f"{result['device']['name']} ({result['device']['cpu']})",
            str(result["images"]),
            f"{result['scores'][main]:.2%}",
            "unknown" if expected is None else f"{expected[main]:.2%}",
            "unknown" if same is None else f"{same:,} of {result['predictions']:,}",
        )
    return shown


def _pytorch_twin(manifest: Manifest) -> "tuple[nn.Module | None, str | None]":
    """The very network that was compiled; or None and why there is none."""
    try:
        return find_checkpoint(manifest.source).model, None
    except ModelSourceError as exc:
        return None, str(exc)


def _pytorch_outputs(model: "nn.Module", image: Array) -> list[Array]:
    """PyTorch's outputs for normalised NHWC images, image outputs as NHWC."""
    import torch

    with torch.inference_mode():
        made = model(torch.from_numpy(np.ascontiguousarray(image.transpose(0, 3, 1, 2))))
    outputs = [made] if isinstance(made, torch.Tensor) else list(made)
    arrays = [output.numpy() for output in outputs]
    return [array.transpose(0, 2, 3, 1) if array.ndim == 4 else array for array in arrays]

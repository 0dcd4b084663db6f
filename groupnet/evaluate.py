"""`groupnet eval`: the scores that a device reaches, beside PyTorch's on the same images."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groupnet.boundary import verb
from groupnet.bundle import MANIFEST, Bundle, load_bundle, sha256_of
from groupnet.console import AsJson, note, print_json, print_result, progress_bar
from groupnet.device_options import Transport, reached_through
from groupnet.errors import EvaluationError
from groupnet.eval_data import DataFormat, EvalData, open_eval_data
from groupnet.manifest import Manifest
from groupnet.scoring.tables import describe_checks, score_table, summarise_checks, worst_table

if TYPE_CHECKING:
    from groupnet.scoring.report import Worst
    from models.task_config import NetworkConfig

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
        compare: PyTorch's side: `own`, `none`, or a checkpoint, see `find_twin`.
        check: So many images' integers are compared with PyTorch's one by one.
        threads: Of the kernels on the device.
        keep: A folder for the answers; None: one of the cache, removed when the run is complete.
        worst: How many of the images that differ most from PyTorch are named.
        pictures: A folder for pictures of them, or None.
    """

    data: str = "digits"
    data_format: DataFormat | None = None
    split: str = "val"
    limit: int | None = None
    compare: str = "own"
    check: int = 2
    threads: int = 1
    keep: Path | None = None
    worst: int = 5
    pictures: Path | None = None


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
    device: Annotated[
        str, typer.Option(help="host, emulator, adb:SERIAL, rpc:HOST:PORT or tracker:HOST:PORT/KEY.")
    ] = "host",
    transport: Transport = None,
    compare: Annotated[
        str, typer.Option(help="PyTorch's side: own (what was compiled), none, or a checkpoint.")
    ] = "own",
    check: Annotated[
        int, typer.Option(min=0, help="Images whose integers are compared with PyTorch's at every layer.")
    ] = 2,
    threads: Annotated[int, typer.Option(min=1, help="Threads on the device.")] = 1,
    keep: Annotated[
        Path | None,
        typer.Option(help="Folder of the answers.", show_default="one of the cache, until complete"),
    ] = None,
    worst: Annotated[
        int, typer.Option(min=0, help="How many of the images that differ most from PyTorch are named.")
    ] = 5,
    pictures: Annotated[Path | None, typer.Option(help="Folder for pictures of those images.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score a bundle on a device, and PyTorch on the same images; run again, it goes on where it ended."""
    device = reached_through(device, transport)
    loaded = load_bundle(bundle)
    request = EvalRequest(data, data_format, split, limit, compare, check, threads, keep, worst, pictures)
    opened = open_data(loaded, request)
    with progress_bar(opened.count) as say:
        result = run_eval(loaded, request, device, opened=opened, say=say)
    if as_json:
        print_json(result)
        return
    print_result(score_table([result]))
    print_result(describe_checks(result))
    if result["worst"]:
        print_result(worst_table(result["worst"]))
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
        device: As `find_devices` reads it.
        say: Told of progress.
        opened: The data set of `request`, where it is open already.

    Raises:
        EvaluationError: the bundle's model is not made for the data set, or the answers that are kept are of
            another run; where a device was lost, the message says how to go on.
        DataError: a file of the data set is missing or damaged.
        BundleError, DeviceError: the bundle does not run there, or computes other integers than PyTorch.
    """
    from groupnet.scoring.answers import open_answers
    from groupnet.scoring.devices import find_devices
    from groupnet.scoring.pytorch import find_twin
    from groupnet.scoring.report import report
    from groupnet.scoring.run import Run

    config = network_of(bundle.manifest)
    dataset = opened or open_data(bundle, request)
    twin, missing = find_twin(bundle, request.compare)
    about = {
        "bundle": sha256_of(bundle.path / MANIFEST),
        "data": dataset.fingerprint,
        "number of images": str(dataset.count),
        "device": device,
        "network in PyTorch": twin.sha256 if twin else "none",
    }
    folder = request.keep or _cache_folder(bundle, request, device)
    with open_answers(folder, config.task, about, start_anew=request.keep is None) as (answers, changed):
        if changed:
            note(f"note: {changed} since a run that was interrupted: starting anew")
        kept = answers.count
        if kept:
            say(f"going on with {kept} of {dataset.count} images done", kept)
        run = Run(bundle, config, dataset, twin, answers, say)
        started_s = run.score(
            lambda: find_devices(bundle, device, request.threads, lambda text: say(text, answers.count)),
            request.check,
        )
        reported = report(answers, config, request.worst)
        seconds = time.monotonic() - started_s
        result = {
            "bundle": str(bundle.path),
            "name": bundle.manifest.name,
            "task": bundle.manifest.task,
            "data": dataset.name,
            "device": answers.device(),
            "pytorch_missing": missing,
            "kept_images": kept,
            "seconds": seconds,
            "checks": summarise_checks(answers.checks()),
            **reported.fields,
        }
        if request.pictures is not None:
            _draw_worst(reported.worst, request.pictures, dataset, config.task, result["worst"])
        if request.keep is None:
            answers.remove()
    return result


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


def _cache_folder(bundle: Bundle, request: EvalRequest, device: str) -> Path:
    """Where the answers lie until a run is complete: one folder for each command."""
    from android_runner.runtime_cache import default_cache_dir

    words = (bundle.path.resolve(), request.data, request.data_format, request.split, request.limit, device)
    digest = hashlib.sha256(repr((*map(str, words), request.compare)).encode()).hexdigest()
    return default_cache_dir() / "eval" / f"{bundle.manifest.name}-{digest[:12]}"


def _draw_worst(
    worst: "list[Worst]", folder: Path, dataset: EvalData, task: str, described: list[dict[str, Any]]
) -> None:
    """Write a picture of each, and its path beside the image's number."""
    from groupnet.scoring.pictures import draw_answer, save_picture

    for one, line in zip(worst, described, strict=True):
        (pixels,), _ = dataset.read([one.answer.image])
        path = folder / f"worst-{one.rank:02d}-image-{one.answer.image}.png"
        save_picture(draw_answer(task, pixels, one.answer, dataset.classes), path)
        line["picture"] = str(path)

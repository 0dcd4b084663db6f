"""Models for the native benchmark: exported where they are not yet, and read out of their exports."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupnet.errors import ExportFormatError
from groupnet.export import DESCRIPTION, Order, export_c, is_export, read_order
from groupnet.kernel_labels import kernel_labels
from groupnet.manifest import Network
from groupnet.model_source import Request

if TYPE_CHECKING:
    from android_runner.native_tables import Detector, NativeModel, Reading


def exported_models(
    names: Sequence[str], target: str, folder: Path, say: Callable[[str], None]
) -> "list[NativeModel]":
    """Read exports; export models and bundles, each into a folder of `folder`.

    Raises:
        ExportFormatError: an export is damaged, or for another target.
        GroupNetError, ModelsError, FrontendError, ScheduleError: as `export_c`.
    """
    found = []
    for number, name in enumerate(names):
        path = Path(name)
        if not is_export(path):
            path = folder / f"{number}.c"
            export_c(read_order(Request(name), target, None), path, say=say)
        found.append(read_export(path, target))
    return found


def export_order(
    order: Order,
    folder: Path,
    say: Callable[[str], None],
    *,
    db: Path | None = None,
    untuned: bool = False,
) -> "NativeModel":
    """Export a model into the new folder `folder` and read it; the rest is as for `export_c`."""
    export_c(order, folder, db=db, untuned=untuned, say=say)
    return read_export(folder, order.target)


def read_export(folder: Path, target: str) -> "NativeModel":
    """Read what `groupnet export` wrote.

    Raises:
        ExportFormatError: it is damaged, older than this version, for another target, or of a model that
            takes several inputs or gives other outputs than float32.
    """
    from android_runner.native_tables import NativeModel

    try:
        told: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        model = NativeModel(
            folder=folder,
            name=told["name"],
            symbol=told["symbol"],
            preparation=told["preparation"],
            calls=tuple(told["calls"]),
            labels=_labels(told["calls"]),
            tolerances=tuple(float(value) for value in told["tolerances"]),
            weights_bytes=int(told["constant_bytes"]),
            reading=_reading(told),
            detector=_detector(told) if _reading(told) == "fcos" else None,
        )
        types = [tensor["dtype"] for tensor in told["outputs"]]
        sizes = [sum(tensor["size_bytes"] for tensor in told[key]) for key in ("inputs", "outputs")]
        written = [(folder / f"{part}.bin").stat().st_size for part in ("input", "output")]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ExportFormatError(
            f"expected an export of this version in {folder}; got {type(exc).__name__}: {exc}: export the "
            "model again"
        ) from exc
    if told["target"] != target:
        raise ExportFormatError(
            f"expected an export for {target} in {folder}; got one for {told['target']}: export it again"
        )
    if len(told["inputs"]) != 1 or set(types) != {"float32"} or sizes != written:
        raise ExportFormatError(
            f"expected one input, and outputs of float32, in {folder}; got {len(told['inputs'])} and "
            f"{', '.join(sorted(set(types)))}: time the model over RPC"
        )
    return model


def _labels(calls: Sequence[str]) -> tuple[str, ...]:
    names = kernel_labels(dict.fromkeys(calls))
    return tuple(names[call] for call in calls)


def _reading(told: dict[str, Any]) -> "Reading":
    shapes = [tensor["shape"] for tensor in told["outputs"]]
    ranks = [len(shape) for shape in shapes]
    if told["task"] == "classification" and ranks == [2] and shapes[0][0] == 1:
        return "classes"
    if told["task"] == "segmentation" and ranks == [4] and shapes[0][0] == 1:
        return "pixels"
    network = told["network"]
    is_fcos = told["task"] == "detection" and network is not None and network["config"]["detector"] == "fcos"
    return "fcos" if is_fcos and ranks == [3, 3, 2] and shapes[0][0] == 1 else "nothing"


def _detector(told: dict[str, Any]) -> "Detector":
    import numpy as np

    from android_runner.native_tables import Detector
    from models.detection.config import DetectionConfig
    from models.detection.decode import SELECTIONS
    from models.detection.levels import pyramid_levels
    from models.networks import config_from_dict

    network = Network(**told["network"])
    config = config_from_dict(network.task, network.config)
    if not isinstance(config, DetectionConfig):
        raise TypeError(f"a detector's description, not {type(config).__name__}")
    size = int(told["input_size"])
    levels = pyramid_levels(config, (size, size))
    counts = [level.height * level.width for level in levels]
    return Detector(
        size=(size, size),
        centres=np.concatenate([level.centres() for level in levels]),
        ends=tuple(int(end) for end in np.cumsum(counts)),
        max_iou=SELECTIONS["fcos"].max_iou,
    )

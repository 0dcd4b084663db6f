"""Models for the native benchmark: exported where they are not yet, and read out of their exports."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from groupnet.bundle import sha256_of
from groupnet.errors import ExportFormatError
from groupnet.export import DESCRIPTION, Order, export_c, is_export, read_order
from groupnet.export_description import ExportDescription
from groupnet.kernel_labels import kernel_labels
from groupnet.model_source import Request
from models.errors import ModelsError

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
        told = ExportDescription.model_validate_json((folder / DESCRIPTION).read_bytes())
        _check_files(told, folder)
        reading = _reading(told)
        detector = _detector(told) if reading == "fcos" else None
        labels = kernel_labels(dict.fromkeys(told.calls))
    except (OSError, ValueError, KeyError, TypeError, ModelsError) as exc:
        raise ExportFormatError(
            f"expected an export of this version in {folder}; got {_first_fault(exc)}: export the model again"
        ) from exc
    if told.target != target:
        raise ExportFormatError(
            f"expected an export for {target} in {folder}; got one for {told.target}: export it again"
        )
    types = sorted({tensor.dtype for tensor in told.outputs})
    if len(told.inputs) != 1 or types != ["float32"]:
        raise ExportFormatError(
            f"expected one input, and outputs of float32, in {folder}; got {len(told.inputs)} and "
            f"{', '.join(types)}: time the model over RPC"
        )
    return NativeModel(
        folder=folder,
        name=told.name,
        symbol=told.symbol,
        preparation=told.preparation,
        calls=told.calls,
        labels=tuple(labels[call] for call in told.calls),
        tolerances=told.tolerances,
        weights_bytes=told.constant_bytes,
        reading=reading,
        detector=detector,
    )


def _check_files(told: ExportDescription, folder: Path) -> None:
    """The code is what was exported, and the example has the sizes of the tensors."""
    if sha256_of(folder / "model.o") != told.model_sha256:
        raise ValueError("another SHA-256 of model.o")
    for part, tensors in (("input.bin", told.inputs), ("output.bin", told.outputs)):
        expected, found = sum(tensor.size_bytes for tensor in tensors), (folder / part).stat().st_size
        if expected != found:
            raise ValueError(f"{found} bytes in {part} instead of {expected}")
    if len(told.tolerances) != len(told.outputs):
        raise ValueError(f"{len(told.tolerances)} tolerances for {len(told.outputs)} outputs")


def _first_fault(exc: Exception) -> str:
    """In a few words; of data that is refused, where the first fault is."""
    if isinstance(exc, ValidationError):
        fault = exc.errors()[0]
        return f"'{'.'.join(map(str, fault['loc'])) or DESCRIPTION}': {fault['msg']}"
    return f"{type(exc).__name__}: {exc}"


def _reading(told: ExportDescription) -> "Reading":
    shapes = [tensor.shape for tensor in told.outputs]
    ranks = [len(shape) for shape in shapes]
    if told.task == "classification" and ranks == [2] and shapes[0][0] == 1:
        return "classes"
    if told.task == "segmentation" and ranks == [4] and shapes[0][0] == 1:
        return "pixels"
    network = told.network
    is_fcos = told.task == "detection" and network is not None and network.config["detector"] == "fcos"
    return "fcos" if is_fcos and ranks == [3, 3, 2] and shapes[0][0] == 1 else "nothing"


def _detector(told: ExportDescription) -> "Detector":
    import numpy as np

    from android_runner.native_tables import Detector
    from models.detection.config import DetectionConfig
    from models.detection.decode import SELECTIONS
    from models.detection.levels import pyramid_levels
    from models.networks import config_from_dict

    size = told.input_size
    if any(tensor.shape[1:3] != (size, size) for tensor in told.inputs):
        raise ValueError(f"an input that is not {size} pixels wide and high")
    config = None if told.network is None else config_from_dict(told.network.task, told.network.config)
    if not isinstance(config, DetectionConfig):
        raise TypeError(f"a detector's description, not {type(config).__name__}")
    levels = pyramid_levels(config, (size, size))
    counts = [level.height * level.width for level in levels]
    if sum(counts) != told.outputs[0].shape[1]:
        raise ValueError(f"{told.outputs[0].shape[1]} places of boxes instead of {sum(counts)}")
    return Detector(
        size=(size, size),
        centres=np.concatenate([level.centres() for level in levels]),
        ends=tuple(int(end) for end in np.cumsum(counts)),
        max_iou=SELECTIONS["fcos"].max_iou,
    )

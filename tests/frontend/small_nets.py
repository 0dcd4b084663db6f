"""Small Group-Nets with every switch somewhere, exported; and the whole way to a verified host module."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from android_runner.device import LoadedModule
from android_runner.devices import open_device
from android_runner.verification import (
    ConvPlan,
    PackPlan,
    ReferenceTensors,
    VerificationPlan,
    VerificationReport,
    verify_module,
)
from frontend.compile import CompileReport, compile_model
from frontend.normalisation import Normalisation
from frontend.reference import Reference, record_reference
from models.deploy import deploy
from models.randomize import randomize
from models.registry import build
from tvm_schedules.targets import resolve_target

SIZE = 32


def export(name: str = "groupnet_digits", seed: int = 0, **overrides: Any) -> torch.export.ExportedProgram:
    """A deployed network with random parameters, exported at 32x32; two narrow blocks keep tests fast."""
    overrides = {"width": 8, "input_size": SIZE, "bases": 2, "depths": (1, 1)} | overrides
    model = build(name, seed=seed, **overrides)
    randomize(model, seed)
    channels = model.config.in_channels
    return torch.export.export(deploy(model), (torch.zeros(1, channels, SIZE, SIZE),))


def example(channels: int = 1, seed: int = 0, size: int = SIZE) -> np.ndarray:
    """An input in NCHW; a patch of exact zeros is in it, whose sign is +1."""
    x = np.random.default_rng(seed).normal(size=(1, channels, size, size)).astype(np.float32)
    x[:, :, 4:12, 4:12] = 0
    return x


def normalised(x: np.ndarray, normalisation: Normalisation | None) -> np.ndarray:
    """What PyTorch is given for pixels in NCHW; without a normalisation they are no pixels, and stay."""
    if normalisation is None:
        return x
    mean, std = (np.float32(values)[:, None, None] for values in (normalisation.mean, normalisation.std))
    result: np.ndarray = (x.astype(np.float32) / np.float32(255) - mean) / std
    return result


def plan_of(report: CompileReport, reference: Reference) -> tuple[VerificationPlan, ReferenceTensors]:
    """The verifier's view of a compiled network."""
    plan = VerificationPlan(
        tuple(PackPlan(pack.shape, pack.border, pack.pad_value, pack.layer) for pack in report.packs),
        tuple(
            ConvPlan(record.layer, record.pack, record.relu, reference.integers_sha256[record.layer])
            for record in report.convolutions
        ),
    )
    signs = tuple(reference.signs[pack.layer] for pack in report.packs)
    return plan, ReferenceTensors(_nhwc(reference.inputs), _nhwc(reference.outputs), signs)


def _nhwc(arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Images with their channels last, everything else as it is."""
    return tuple(
        np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if array.ndim == 4 else array for array in arrays
    )


def verify_on_host(
    exported: torch.export.ExportedProgram,
    x: np.ndarray,
    path: Path,
    normalisation: Normalisation | None = None,
) -> tuple[CompileReport, VerificationReport]:
    """Compile for this machine, run, and compare with PyTorch; with a normalisation `x` is uint8 pixels."""
    report = compile_model(exported, resolve_target("host"), path, normalisation=normalisation)
    plan, tensors = plan_of(report, record_reference(exported, [normalised(x, normalisation)]))
    if normalisation:
        tensors = replace(tensors, inputs=(np.ascontiguousarray(x.transpose(0, 2, 3, 1)),))
    with open_device("host").session() as session:
        module: LoadedModule = session.load(path)
        return report, verify_module(module, plan, tensors)

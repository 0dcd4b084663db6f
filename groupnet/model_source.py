"""From what the user calls a model (zoo name, architecture, file) to a network that can be exported."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from groupnet.bundle import sha256_of
from groupnet.errors import ModelSourceError
from groupnet.manifest import Checkpoint, ModelSource, Network, Preprocessing

if TYPE_CHECKING:
    import torch

    from models.checkpoint import Checkpoint as LoadedCheckpoint

EXPORTED_SUFFIX = ".pt2"
_FILE_SUFFIXES = (".pt", ".pth", ".ckpt", EXPORTED_SUFFIX)


@dataclass(frozen=True)
class Request:
    """What `groupnet compile` was asked for, before anything is loaded."""

    model: str
    bases: int | None = None
    input_size: int | None = None
    random_weights: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Model:
    """A network ready to be compiled, and what is known about it.

    Attributes:
        name: short name, fit for a file name.
        exported: the network in evaluation mode, float32 images [N, C, S, S] in, outputs out.
        batch: N.
        task: for example "classification".
        labels: names of the classes; empty where nobody gave them names.
        preprocessing: how an image becomes the input.
        source: where the weights came from.
        network: the network's description; None of an exported program.
    """

    name: str
    exported: "torch.export.ExportedProgram"
    batch: int
    task: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    source: ModelSource
    network: Network | None

    def example(self) -> npt.NDArray[np.float32]:
        """One input, float32 [N, C, S, S], the same every time.

        Like normalised images it has both signs; in steps of 1/16 it takes a fifth of the space in a bundle.
        """
        size = self.preprocessing.input_size
        shape = (self.batch, self.preprocessing.channels, size, size)
        sixteenths = np.round(np.random.default_rng(0).standard_normal(shape) * 16)
        return (sixteenths / 16).astype(np.float32)


def load_model(request: Request) -> Model:
    """Load or build the model that `request` names, and export it.

    Raises:
        ModelSourceError: the name is unknown, the file is missing, or an option contradicts the model.
        ModelsError: the file is no checkpoint, or an architecture refuses the options.
    """
    from models.registry import architectures
    from models.zoo import entries

    zoo = {entry.name: entry for entry in entries()}
    registered = {info.name: info for info in architectures()}
    path = Path(request.model)
    if request.model in zoo:
        _refuse_options(request, "a trained model of the zoo")
        return _from_checkpoint(request.model, "zoo", zoo[request.model].path)
    if request.model in registered:
        return _from_architecture(request, registered[request.model].task)
    if path.is_file():
        _refuse_options(request, "a file with weights")
        if path.suffix == EXPORTED_SUFFIX:
            return _from_exported(path)
        return _from_checkpoint(path.stem, "checkpoint", path)
    if path.suffix in _FILE_SUFFIXES or len(path.parts) > 1:
        raise ModelSourceError(f"expected a checkpoint or exported program; no file {path}: check the path")
    known = sorted({*zoo, *registered})
    close = difflib.get_close_matches(request.model, known, n=3) or known
    raise ModelSourceError(
        f"expected a model's name or file; got '{request.model}': try {', '.join(close)} or see "
        "`groupnet models`"
    )


def find_checkpoint(source: ModelSource) -> "LoadedCheckpoint":
    """Load the very checkpoint that a bundle was compiled from.

    Raises:
        ModelSourceError: there was none, it is not where it was, or it is another one by now.
    """
    from models.checkpoint import load_checkpoint
    from models.zoo import entries

    recorded = source.checkpoint
    if recorded is None:
        raise ModelSourceError("the bundle was compiled from random weights, which no file holds")
    if recorded.kind == "exported":
        raise ModelSourceError(f"the bundle was compiled from the exported program {recorded.name}")
    paths = {entry.name: entry.path for entry in entries()} if recorded.kind == "zoo" else {}
    path = paths.get(recorded.name, Path(recorded.name))
    if not path.is_file():
        raise ModelSourceError(f"the checkpoint that the bundle was compiled from, {recorded.name}, is gone")
    if sha256_of(path) != recorded.sha256:
        raise ModelSourceError(f"{recorded.name} is another checkpoint than the bundle was compiled from")
    return load_checkpoint(path)


def _refuse_options(request: Request, what: str) -> None:
    given = {
        "--bases": request.bases is not None,
        "--input-size": request.input_size is not None,
        "--random-weights": request.random_weights,
    }
    for option, present in given.items():
        if present:
            raise ModelSourceError(
                f"expected {request.model} alone, as {what} has its own bases, size and weights; got "
                f"{option}: leave it out or name an architecture"
            )


def _from_architecture(request: Request, task: str) -> Model:
    from models.deploy import deploy
    from models.randomize import randomize
    from models.registry import build, config_of

    given = {"bases": request.bases, "input_size": request.input_size}
    config = config_of(request.model).replace(**{k: v for k, v in given.items() if v is not None})
    network = build(request.model, bases=request.bases, input_size=request.input_size, seed=request.seed)
    randomize(network, request.seed)
    # Nothing trained these weights, so no constants belong to them.
    preprocessing = Preprocessing(
        input_size=config.input_size,
        channels=config.in_channels,
        mean=(0.0,) * config.in_channels,
        std=(1.0,) * config.in_channels,
    )
    return Model(
        name=f"{request.model}_k{config.bases}",
        exported=_export(deploy(network), preprocessing),
        batch=1,
        task=task,
        labels=(),
        preprocessing=preprocessing,
        source=ModelSource(
            architecture=request.model,
            bases=config.bases,
            random_weights=True,
            seed=request.seed,
            checkpoint=None,
        ),
        network=Network(task=task, config=config.to_dict()),
    )


def _export(network: "torch.nn.Module", preprocessing: Preprocessing) -> "torch.export.ExportedProgram":
    import torch

    size = preprocessing.input_size
    return torch.export.export(network.eval(), (torch.zeros(1, preprocessing.channels, size, size),))


def _from_checkpoint(name: str, kind: Literal["zoo", "checkpoint"], path: Path) -> Model:
    from models.checkpoint import load_checkpoint

    loaded = load_checkpoint(path)
    meta = loaded.meta
    preprocessing = Preprocessing(
        input_size=meta.preprocessing.input_size,
        channels=meta.preprocessing.channels,
        mean=meta.preprocessing.mean,
        std=meta.preprocessing.std,
    )
    # The zoo finds its files by name wherever it is installed; a user's file is where the user said.
    where = name if kind == "zoo" else str(path)
    return Model(
        name=name,
        exported=_export(loaded.model, preprocessing),
        batch=1,
        task=meta.task,
        labels=meta.labels,
        preprocessing=preprocessing,
        source=ModelSource(
            architecture=meta.architecture,
            bases=meta.config.bases,
            random_weights=False,
            seed=meta.seed,
            checkpoint=Checkpoint(kind=kind, name=where, sha256=sha256_of(path)),
        ),
        network=Network(task=meta.task, config=meta.config.to_dict()),
    )


def _from_exported(path: Path) -> Model:
    from groupnet.exported_program import image_shape, load_exported

    exported = load_exported(path)
    batch, channels, size, _ = image_shape(exported, path)
    # An exported program does not say what it was trained for, nor how its images were prepared.
    return Model(
        name=path.stem,
        exported=exported,
        batch=batch,
        task="unknown",
        labels=(),
        preprocessing=Preprocessing(
            input_size=size, channels=channels, mean=(0.0,) * channels, std=(1.0,) * channels
        ),
        source=ModelSource(
            architecture=None,
            bases=None,
            random_weights=False,
            seed=None,
            checkpoint=Checkpoint(kind="exported", name=str(path), sha256=sha256_of(path)),
        ),
        network=None,
    )

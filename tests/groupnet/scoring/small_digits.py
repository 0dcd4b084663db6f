"""A small network for digits with random weights, compiled: quick to build, and its checkpoint is at hand."""

from pathlib import Path

from run_verb import groupnet

from models.checkpoint import save_checkpoint
from models.digits import LABELS, PREPROCESSING
from models.metadata import ModelMeta
from models.networks import make_network
from models.randomize import randomize
from models.registry import config_of


def small_digits(folder: Path, target: str) -> Path:
    """The bundle's folder, in `folder`, which is made."""
    config = config_of("groupnet_digits").replace(depths=(1,), width=8, bases=2)
    network = make_network(config)
    randomize(network, 0)
    meta = ModelMeta(
        architecture="groupnet_digits",
        config=config,
        task=config.task,
        labels=LABELS,
        preprocessing=PREPROCESSING,
        training_command="",
        seed=0,
        metrics={},
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_checkpoint(folder / "net.pt", network, meta)
    groupnet("compile", folder / "net.pt", "--target", target, "--out", folder / "net.bundle")
    return folder / "net.bundle"

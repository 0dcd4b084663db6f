"""Parameters to start with, from a checkpoint: of a classifier for a backbone, or of a network of one kind.

The official segmentation code starts its backbone with the ImageNet binary model (its README). A checkpoint
keeps of each binary convolution signs S and a scale alpha, not the latent weights; `W = alpha * S` has these
signs and this mean magnitude, so that the network computes at first what it computed before.
"""

from pathlib import Path

import torch
from torch import nn

from models.checkpoint import load_checkpoint
from models.errors import TrainingError
from models.networks import make_network
from models.task_config import NetworkConfig

State = dict[str, torch.Tensor]
_BACKBONE = "backbone."


def initial_state(config: NetworkConfig, path: Path) -> State:
    """The entries of `config`'s network that a checkpoint has: at least the whole backbone.

    Heads are taken where names and shapes are the same.

    Raises:
        CheckpointError: The file cannot be read.
        TrainingError: Its backbone is another.
    """
    with torch.device("meta"):
        wanted = make_network(config).state_dict()
    found = _latent(load_checkpoint(path).model)
    given = {}
    for name, tensor in wanted.items():
        source = found.get(name, found.get(name.removeprefix(_BACKBONE)))
        if source is not None and source.shape == tensor.shape:
            given[name] = source
    missing = [name for name in wanted if name not in given and _is_backbone(name, wanted)]
    if missing:
        raise TrainingError(
            f"expected the backbone of this network in {path}; got one without its {missing[0]} "
            f"{list(wanted[missing[0]].shape)} ({len(missing)} entries differ); use a checkpoint of the same "
            "depths, width and bases"
        )
    return given


def _latent(deployed: nn.Module) -> State:
    """The state of a deployed network with `alpha * signs` for the signs of binary convolutions."""
    state = dict(deployed.state_dict())
    for name in [name for name in state if name.endswith(".alpha")]:
        weight = name.removesuffix("alpha") + "weight"
        state[weight] = state[weight] * state.pop(name)
    return state


def _is_backbone(name: str, wanted: State) -> bool:
    if any(other.startswith(_BACKBONE) for other in wanted):
        return name.startswith(_BACKBONE)
    return not name.startswith("classifier.")

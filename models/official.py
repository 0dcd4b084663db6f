"""Checkpoints of the papers' authors, converted: their parameters under our names, and their description.

The classification code of Group-Net (github.com/bohanzhuang/Group-Net-image-classification) publishes weights
of ResNet-18 and 34 with 5 bases, with and without soft gates, with and without learned scales. All of it can
be read off the names and shapes:

    theirs                                   ours
    conv1, bn1                               stem.0, stem.2
    layerL.B.{conv1,bn1,conv2,bn2}.K         groups.G.blocks.0.branches.K.{conv1,bn1,conv2,bn2}
    layerL.B.downsample.{conv,batch_norm}    groups.G.blocks.0.shortcut.{0,1}
    layerL.B.block_gate                      groups.G.gate.theta
    layerL.B.scales.K (each [1])             groups.G.fusion.scale [K]
    fc                                       classifier

G counts the blocks of all layers. A bias of the stem's convolution goes into the mean of its batch norm.
Two things differ at run time: sign(0) is +1 here and 0 there; and in their model without scales (`model.py`)
base 0 hands the sum of all bases to the next gate, by an addition in place, instead of its own output.
"""

import re
from collections.abc import Mapping

import torch

from models.config import GroupNetConfig
from models.errors import CheckpointError
from models.networks import make_network

_BLOCK = re.compile(r"layer(\d+)\.(\d+)\.(.+)")
_RENAMES = (
    (re.compile(r"((?:conv|bn)\d)\.(\d+)\.(\w+)"), r"blocks.0.branches.\2.\1.\3"),
    (re.compile(r"downsample\.conv\.weight"), r"blocks.0.shortcut.0.weight"),
    (re.compile(r"downsample\.batch_norm\.(\w+)"), r"blocks.0.shortcut.1.\1"),
    (re.compile(r"block_gate"), r"gate.theta"),
)
_TOP_RENAMES = (
    (re.compile(r"conv1\.weight"), r"stem.0.weight"),
    (re.compile(r"bn1\.(\w+)"), r"stem.2.\1"),
    (re.compile(r"fc\.(\w+)"), r"classifier.\1"),
)
_COUNTER = "num_batches_tracked"

Tensors = dict[str, torch.Tensor]


def convert_official(
    state: Mapping[str, torch.Tensor], input_size: int = 224
) -> tuple[GroupNetConfig, Tensors]:
    """The description and the state of the `GroupNet` that computes what an official checkpoint describes.

    Args:
        state: The authors' `state_dict`, with or without the `module.` of data-parallel training.
        input_size: Height and width of the images in pixels, which the state does not say.

    Returns:
        A configuration of precision `binary`, and the latent parameters of its network.

    Raises:
        CheckpointError: Names or shapes are not those of the authors' classifiers.
    """
    theirs = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    config = _describe(theirs, input_size)
    groups = {block: index for index, block in enumerate(_blocks(theirs))}
    ours = {}
    for name, tensor in theirs.items():
        block = _BLOCK.fullmatch(name)
        if block is None:
            ours[_renamed(name, name, _TOP_RENAMES)] = tensor
        elif not block[3].startswith("scales."):
            group = groups[int(block[1]), int(block[2])]
            ours[f"groups.{group}.{_renamed(name, block[3], _RENAMES)}"] = tensor
    if config.fusion == "learned":
        for (layer, block_number), group in groups.items():
            scales = [_get(theirs, f"layer{layer}.{block_number}.scales.{k}") for k in range(config.bases)]
            ours[f"groups.{group}.fusion.scale"] = torch.cat([scale.reshape(1) for scale in scales])
    bias = ours.pop("stem.0.bias", None)
    if bias is not None:
        # Max pooling lies between, and passes a constant.
        ours["stem.2.running_mean"] = _get(ours, "stem.2.running_mean") - bias
    if config.gate == "none":
        # Of one averaged base the gate is the identity, and ours leaves it out.
        ours = {name: tensor for name, tensor in ours.items() if not name.endswith("gate.theta")}
    return config, _complete(config, ours)


def _describe(theirs: Tensors, input_size: int) -> GroupNetConfig:
    blocks = _blocks(theirs)
    layers = sorted({layer for layer, _ in blocks})
    depths = tuple(sum(layer == other for other, _ in blocks) for layer in layers)
    bases = sum(re.fullmatch(r"layer1\.0\.conv1\.\d+\.weight", name) is not None for name in theirs)
    learned = any(".scales." in name for name in theirs)
    gated = any(name.endswith(".block_gate") for name in theirs) and (bases > 1 or learned)
    stem, classifier = _get(theirs, "conv1.weight"), _get(theirs, "fc.weight")
    if not depths or not bases or stem.dim() != 4 or classifier.dim() != 2:
        raise CheckpointError(
            "expected the state of an official Group-Net classifier; got names without residual blocks of "
            "bases; use a checkpoint of its model.py, model_ablation_1.py or model_ablation_2.py"
        )
    return GroupNetConfig(
        depths=depths,
        width=stem.shape[0],
        bases=bases,
        num_classes=classifier.shape[0],
        in_channels=stem.shape[1],
        input_size=input_size,
        stem="imagenet",
        fusion="learned" if learned else "average",
        gate="block" if gated else "none",
    )


def _blocks(theirs: Tensors) -> list[tuple[int, int]]:
    """Layer and block numbers in the order of computation."""
    matches = (_BLOCK.fullmatch(name) for name in theirs)
    return sorted({(int(match[1]), int(match[2])) for match in matches if match})


def _renamed(name: str, part: str, renames: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    if name == "conv1.bias":
        return "stem.0.bias"
    for pattern, replacement in renames:
        if pattern.fullmatch(part):
            return pattern.sub(replacement, part)
    raise CheckpointError(
        f"expected the parameters of an official Group-Net classifier; got one named {name}; use a "
        "checkpoint of its model.py, model_ablation_1.py or model_ablation_2.py"
    )


def _get(tensors: Tensors, name: str) -> torch.Tensor:
    if name not in tensors:
        raise CheckpointError(
            f"expected the parameters of an official Group-Net classifier; got none named {name}; use a "
            "whole checkpoint of its classification code"
        )
    return tensors[name]


def _complete(config: GroupNetConfig, ours: Tensors) -> Tensors:
    """`ours` as float32, checked against the network; the counters that PyTorch 0.3 did not write are 0."""
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in make_network(config).state_dict().items()}
    ours = {name: torch.tensor(0) for name in shapes if name.endswith(_COUNTER)} | ours
    if set(ours) != set(shapes):
        raise CheckpointError(
            f"expected the parameters of a whole Group-Net of depths {config.depths}; missing "
            f"{sorted(set(shapes) - set(ours))[:3]}, unknown {sorted(set(ours) - set(shapes))[:3]} (our "
            "names); use a whole checkpoint"
        )
    for name, shape in shapes.items():
        if ours[name].shape != shape:
            raise CheckpointError(
                f"expected {name} of shape {list(shape)}; got {list(ours[name].shape)}; use a checkpoint of "
                "the official classification code as it is"
            )
    return {name: ours[name] if name.endswith(_COUNTER) else ours[name].float() for name in shapes}

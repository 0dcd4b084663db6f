"""Checkpoints: a deployed network with one bit for each binary weight, and its description.

A file is a `torch.save` dictionary, read with `weights_only=True`:

    format   "groupnet-checkpoint"
    schema   1
    meta     ModelMeta.to_dict()
    signs    {parameter: uint8 [ceil(n / 8)]}    bit 1 is +1; OIHW order, the first weight in the lowest bit
    floats   {parameter: float32}                scale of each binary convolution, and all that is not binary
    sha256   digest over meta and over the names, shapes and bytes of signs and floats
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from models.deploy import Deployed, deploy
from models.errors import CheckpointError, ConfigError
from models.metadata import ModelMeta
from models.networks import make_network
from models.torch_file import load_torch_file, save_torch_file

FORMAT = "groupnet-checkpoint"
SCHEMA = 1
_FIELDS = {"format", "schema", "meta", "signs", "floats", "sha256"}
# Batch norm counts batches for a cumulative average that Group-Net does not use.
_UNUSED = "num_batches_tracked"

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: the network in evaluation mode and deployed form, and its description."""

    model: nn.Module
    meta: ModelMeta


def save_checkpoint(path: Path, model: nn.Module, meta: ModelMeta) -> None:
    """Write a network (latent or deployed) as a whole; equal networks and descriptions give equal files.

    Args:
        path: The file; replaced only once the new one is complete.
        model: The network that `meta.config` describes.
        meta: Its description.

    Raises:
        CheckpointError: The network is another than `meta` describes, or the file cannot be written.
    """
    deployed = deploy(model)
    signs, floats = _split(deployed)
    bits = {name: _pack(tensor) for name, tensor in signs.items()}
    floats = {name: tensor.detach().float().cpu().contiguous() for name, tensor in floats.items()}
    _check_tensors(_blank(meta), bits, floats)
    payload = {
        "format": FORMAT,
        "schema": SCHEMA,
        "meta": meta.to_dict(),
        "signs": bits,
        "floats": floats,
        "sha256": _digest(meta.to_dict(), bits, floats),
    }
    save_torch_file(path, payload)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and check all of it.

    Raises:
        CheckpointError: The file is missing, truncated, altered, no checkpoint, of another schema, or its
            tensors do not fit the network that it describes.
    """
    payload = load_torch_file(path)
    if payload.get("format") != FORMAT:
        raise CheckpointError(
            f"expected a Group-Net checkpoint at {path}; got a file of another kind; "
            "use one that training wrote"
        )
    if payload.get("schema") != SCHEMA:
        raise CheckpointError(
            f"expected checkpoint schema {SCHEMA}; got {payload.get('schema')!r} in {path}; "
            "use the version that wrote it, or train again"
        )
    if set(payload) != _FIELDS:
        raise CheckpointError(
            f"expected the fields {sorted(_FIELDS)}; got {sorted(map(str, payload))} in {path}; "
            "copy the file again"
        )
    signs, floats = _tensors(payload["signs"], path), _tensors(payload["floats"], path)
    if _digest(payload["meta"], signs, floats) != payload["sha256"]:
        raise CheckpointError(
            f"expected the content that was saved in {path}; got another (sha256 differs); "
            "copy the file again"
        )
    try:
        meta = ModelMeta.from_dict(payload["meta"])
    except (ConfigError, TypeError) as error:
        raise CheckpointError(
            f"expected a description of a Group-Net in {path}; got one that is not valid: {error}"
        ) from error
    model = _blank(meta)
    _check_tensors(model, signs, floats)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    state = floats | {name: _unpack(bits, shapes[name]) for name, bits in signs.items()}
    state |= {name: torch.tensor(0) for name in shapes if name.endswith(_UNUSED)}
    model.load_state_dict(state, assign=True)
    return Checkpoint(model.eval().requires_grad_(False), meta)


def _blank(meta: ModelMeta) -> nn.Module:
    """The deployed network of `meta` without memory for its tensors."""
    with torch.device("meta"):
        return deploy(make_network(meta.config))


def _split(deployed: nn.Module) -> tuple[Tensors, Tensors]:
    """The state of a deployed network: signs of binary convolutions, and all other tensors."""
    signs = {
        f"{name}.weight": module.weight
        for name, module in deployed.named_modules()
        if isinstance(module, Deployed)
    }
    floats = {
        name: tensor
        for name, tensor in deployed.state_dict().items()
        if name not in signs and not name.endswith(_UNUSED)
    }
    return signs, floats


def _check_tensors(model: nn.Module, signs: Tensors, floats: Tensors) -> None:
    expected_signs, expected_floats = _split(model)
    _check_names(set(expected_signs), set(signs), "binary weights")
    _check_names(set(expected_floats), set(floats), "float tensors")
    for name, tensor in expected_signs.items():
        _check_tensor(name, signs[name], torch.Size([(tensor.numel() + 7) // 8]), torch.uint8)
    for name, tensor in expected_floats.items():
        _check_tensor(name, floats[name], tensor.shape, torch.float32)


def _check_names(expected: set[str], got: set[str], kind: str) -> None:
    if expected != got:
        raise CheckpointError(
            f"expected the {len(expected)} {kind} of the described network; missing "
            f"{sorted(expected - got)[:3]}, unknown {sorted(got - expected)[:3]}; "
            "save it with its own description"
        )


def _check_tensor(name: str, tensor: torch.Tensor, shape: torch.Size, dtype: torch.dtype) -> None:
    if tensor.shape != shape or tensor.dtype != dtype:
        raise CheckpointError(
            f"expected {name} as {dtype} {list(shape)}; got {tensor.dtype} {list(tensor.shape)}; "
            "save the network with its own description"
        )


def _tensors(value: Any, path: Path) -> Tensors:
    if not isinstance(value, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in value.values()):
        raise CheckpointError(f"expected tensors by name in {path}; got something else; copy the file again")
    return value


def _pack(signs: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.packbits((signs.cpu().numpy() > 0).reshape(-1), bitorder="little"))


def _unpack(bits: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    ones = np.unpackbits(bits.numpy(), count=shape.numel(), bitorder="little").reshape(shape)
    return torch.from_numpy(ones.astype(np.float32) * 2 - 1)


def _digest(meta: Any, signs: Tensors, floats: Tensors) -> str:
    digest = hashlib.sha256(repr(meta).encode())
    for name, tensor in sorted((signs | floats).items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()

"""Reads exported programs (.pt2) without running code that somebody put into the file."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

# Importing it makes `groupnet::binary_conv2d` known, which the programs call.
import models.binary_conv2d  # noqa: F401
from groupnet.errors import ModelSourceError

# torch unpickles members of these names without any check (torch.export.pt2_archive).
_UNPICKLED_MEMBERS = ("opaque_obj", "custom_obj")
_FORCE_WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


def load_exported(path: Path) -> torch.export.ExportedProgram:
    """Load an exported program that takes one square float32 image [N, C, S, S].

    Raises:
        ModelSourceError: it is none, it holds pickled objects, or it takes something else than one image.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as exc:
        raise ModelSourceError(
            f"expected an exported program in {path}; got '{exc}': write it with torch.export.save"
        ) from exc
    objects = [name for name in names if any(kind in name for kind in _UNPICKLED_MEMBERS)]
    if objects:
        raise ModelSourceError(
            f"expected tensors and a graph in {path}; got the pickled object {objects[0]}, which could run "
            "any code: export the model without custom objects"
        )
    # torch has no error of its own for damaged files: whatever its reader stumbles on comes out.
    try:
        with _weights_only():
            exported = torch.export.load(path)
    except Exception as exc:
        raise ModelSourceError(
            f"expected an exported program in {path}; torch cannot read it ({type(exc).__name__}): export it "
            f"again with torch {torch.__version__}"
        ) from exc
    image_shape(exported, path)
    return exported


def image_shape(exported: torch.export.ExportedProgram, path: Path) -> tuple[int, int, int, int]:
    """The shape [N, C, S, S] of the one image that the program takes.

    Raises:
        ModelSourceError: it takes something else.
    """
    inputs = set(exported.graph_signature.user_inputs)
    found = [
        node.meta["val"] for node in exported.graph.nodes if node.op == "placeholder" and node.name in inputs
    ]
    shapes = [tuple(value.shape) for value in found if isinstance(value, torch.Tensor)]
    if len(found) == len(shapes) == 1 and found[0].dtype == torch.float32:
        match shapes[0]:
            case (int(batch), int(channels), int(height), int(width)) if height == width:
                return batch, channels, height, width
    described = ", ".join(f"{value.dtype} {list(value.shape)}" for value in found if hasattr(value, "shape"))
    raise ModelSourceError(
        f"expected {path} to take one square float32 image [N, C, S, S]; it takes {described or 'none'}: "
        "export it that way"
    )


@contextmanager
def _weights_only() -> Iterator[None]:
    """Make torch unpickle nothing but tensors, also where its reader of exported programs asks for more."""
    former = os.environ.get(_FORCE_WEIGHTS_ONLY)
    os.environ[_FORCE_WEIGHTS_ONLY] = "1"
    try:
        yield
    finally:
        if former is None:
            del os.environ[_FORCE_WEIGHTS_ONLY]
        else:
            os.environ[_FORCE_WEIGHTS_ONLY] = former

"""Outputs of a network for batches of test images."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn

from models.training.task import Batch


def outputs_of(
    model: nn.Module, batches: Iterable[Batch], device: torch.device
) -> Iterator[tuple[Batch, Any]]:
    """Each batch and the outputs for it, on the CPU; the model, on `device`, is put in evaluation mode."""
    model.eval()
    for batch in batches:
        with torch.inference_mode():
            outputs = model(batch.images.to(device))
        alone = isinstance(outputs, torch.Tensor)
        yield batch, outputs.cpu() if alone else tuple(part.cpu() for part in outputs)

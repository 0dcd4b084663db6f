"""Run a network over images in batches and score its outputs."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from models.scoring.topk import top1


@torch.inference_mode()
def predict(
    model: nn.Module, images: npt.NDArray[np.float32], batch_size: int = 128
) -> npt.NDArray[np.float32]:
    """Logits [N, classes] of normalised images [N, C, H, W]; the model is put in evaluation mode."""
    model.eval()
    batches = (images[start : start + batch_size] for start in range(0, len(images), batch_size))
    return np.concatenate([model(torch.tensor(batch)).numpy() for batch in batches])


def evaluate(model: nn.Module, images: npt.NDArray[np.float32], labels: npt.NDArray[Any]) -> float:
    """Top-1 accuracy, 0 to 1, on normalised images [N, C, H, W] with class numbers [N].

    Raises:
        DataError: There are no images, or not one label for each.
    """
    return top1(predict(model, images), labels)

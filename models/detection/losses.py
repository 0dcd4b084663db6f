"""Losses of detectors that PyTorch lacks: focal loss for classes, GIoU loss for boxes."""

import torch
import torch.nn.functional as F

_ALPHA = 0.25
_GAMMA = 2.0
_TINY = 1e-7


def focal_loss(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """`-alpha_t (1 - p_t)^2 log(p_t)`, summed over places and classes (Lin et al., ICCV 2017, equation 5).

    p_t is the probability of the right answer, alpha_t 0.25 for the true class and 0.75 for all others.

    Args:
        logits: [n, C].
        classes: int64 [n]; -1 is background, no class at all.

    Returns:
        Scalar.
    """
    truth = (classes[:, None] == torch.arange(logits.shape[1], device=logits.device)).to(logits.dtype)
    cross_entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    wrong = (truth - logits.sigmoid()).abs()  # 1 - p_t
    alpha = truth * _ALPHA + (1 - truth) * (1 - _ALPHA)
    return (alpha * wrong**_GAMMA * cross_entropy).sum()


def giou_loss(distances: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """`1 - GIoU` of boxes around one centre each (Rezatofighi et al., CVPR 2019), 0 to 2.

    Args:
        distances: Predicted distances to left, top, right and bottom, [n, 4], not negative.
        truth: True distances, [n, 4].

    Returns:
        [n].
    """
    intersection = _area(torch.minimum(distances, truth))
    hull = _area(torch.maximum(distances, truth))
    union = _area(distances) + _area(truth) - intersection
    iou = intersection / union.clamp_min(_TINY)
    return 1 - iou + (hull - union) / hull.clamp_min(_TINY)


def _area(distances: torch.Tensor) -> torch.Tensor:
    left, top, right, bottom = distances.unbind(-1)
    return (left + right) * (top + bottom)

"""Focal and GIoU loss by hand."""

import math

import pytest
import torch

from models.detection.losses import focal_loss, giou_loss


def test_focal_loss_by_hand():
    # p = 1/2 for the true class; p = 0.9 for a wrong one.
    logits = torch.tensor([[0.0, math.log(9.0)]])
    expected = 0.25 * 0.5**2 * math.log(2) + 0.75 * 0.9**2 * -math.log(0.1)
    assert focal_loss(logits, torch.tensor([0])).item() == pytest.approx(expected, rel=1e-5)


def test_background_has_no_true_class():
    logits = torch.tensor([[0.0]])
    expected = 0.75 * 0.25 * math.log(2)
    assert focal_loss(logits, torch.tensor([-1])).item() == pytest.approx(expected, rel=1e-5)


def test_focal_loss_stays_finite():
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(0.75 * 200 + 0.25 * 200) and logits.grad.isfinite().all()


def test_giou_loss_by_hand():
    truth = torch.tensor([[1.0, 1.0, 1.0, 1.0]]).repeat(3, 1)
    distances = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 3.0, 1.0], [0.0, 1.0, 3.0, 3.0]])
    # Same box; twice as wide; 3 x 4 around a corner: intersection 2, union 14, hull 16.
    expected = [0.0, 1 - 4 / 8, 1 - (2 / 14 - 2 / 16)]
    assert giou_loss(distances, truth).tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_giou_loss_is_that_of_boxes_and_differentiable():
    generator = torch.Generator().manual_seed(0)
    distances = torch.rand(20, 4, generator=generator, dtype=torch.float64).requires_grad_()
    truth = torch.rand(20, 4, generator=generator, dtype=torch.float64) + 0.1
    low = torch.maximum(-distances[:, :2], -truth[:, :2])
    high = torch.minimum(distances[:, 2:], truth[:, 2:])
    inside = (high - low).prod(1)
    hull = (torch.maximum(distances, truth)[:, 2:] + torch.maximum(distances, truth)[:, :2]).prod(1)
    areas = [(d[:, :2] + d[:, 2:]).prod(1) for d in (distances, truth)]
    union = sum(areas) - inside
    torch.testing.assert_close(giou_loss(distances, truth), 1 - inside / union + (hull - union) / hull)
    assert torch.autograd.gradcheck(lambda d: giou_loss(d, truth), (distances,))


def test_an_empty_prediction_is_the_worst_but_finite():
    distances = torch.zeros(1, 4, requires_grad=True)
    loss = giou_loss(distances, torch.ones(1, 4))
    loss.sum().backward()
    assert loss.item() == pytest.approx(1.0) and distances.grad.isfinite().all()


def test_no_boxes_no_loss():
    assert giou_loss(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0,)

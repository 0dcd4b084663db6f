"""Signs at the edges of their definition, the stand-in gradient at its knots, and the weight scale."""

import torch

from models.binarize import sign, sign_gradient, weight_scale


def test_sign_has_two_values_and_zero_is_plus_one():
    x = torch.tensor([-2.0, -1e-38, -0.0, 0.0, 1e-38, 2.0, float("inf"), float("-inf"), float("nan")])
    assert sign(x).tolist() == [-1, -1, 1, 1, 1, 1, 1, -1, -1]


def test_sign_keeps_the_dtype():
    assert sign(torch.zeros(2, dtype=torch.float64)).dtype == torch.float64


def test_the_polynomial_at_its_knots():
    x = torch.tensor([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5])
    assert sign_gradient(x).tolist() == [0, 0, 1, 2, 1, 0, 0]


def test_the_polynomial_is_the_slope_of_a_ramp_from_minus_one_to_one():
    x = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    assert torch.trapezoid(sign_gradient(x), x).item() - 2 < 1e-6


def test_the_scale_is_one_mean_for_all_weights_and_carries_no_gradient():
    weight = torch.tensor([[[[1.0]], [[-3.0]]], [[[0.0]], [[4.0]]]], requires_grad=True)
    alpha = weight_scale(weight)
    assert alpha.shape == () and alpha.item() == 2.0 and not alpha.requires_grad

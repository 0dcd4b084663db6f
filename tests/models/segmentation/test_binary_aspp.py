"""The binary ASPP: bases of {0, 1} activations with zero padding, their average, and the joining layers."""

import torch
import torch.nn.functional as F

from models.segmentation.binary_aspp import AveragedBases, BinaryDeepLabHead


def _image(channels, size, seed=0):
    return torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(seed))


def test_bases_share_unipolar_activations_and_are_averaged_without_relu():
    layer = AveragedBases(6, 4, 3, rate=2, bases=3, precision="binary").eval()
    x = _image(6, 7)
    levels = x.clamp(0, 1).round()
    parts = [
        F.conv2d(levels, base.weight.sign() * base.weight.abs().mean(), padding=2, dilation=2)
        for base in layer.bases
    ]
    expected = layer.bn(sum(parts) / 3)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-5)
    assert (expected < 0).any()


def test_the_border_is_zero_and_not_a_sign():
    layer = AveragedBases(5, 4, 3, rate=1, bases=2, precision="binary").eval()
    assert torch.equal(layer(torch.zeros(1, 5, 4, 4)), torch.zeros(1, 4, 4, 4))


def test_gradients_pass_outside_of_the_unit_interval():
    layer = AveragedBases(3, 2, 1, rate=1, bases=2, precision="binary").train()
    x = (_image(3, 4) * 10).requires_grad_()
    (layer(x) * _image(2, 4, seed=1)).sum().backward()
    assert (x.grad != 0).all()


def test_the_float_twin_and_tanh_have_the_same_parameters():
    names = {
        precision: [
            (name, tensor.shape)
            for name, tensor in AveragedBases(3, 2, 3, rate=1, bases=2, precision=precision)
            .state_dict()
            .items()
        ]
        for precision in ("binary", "tanh", "float")
    }
    assert names["binary"] == names["tanh"] == names["float"]


def test_the_head_joins_all_its_views():
    head = BinaryDeepLabHead([32], 3, rates=(2, 3, 4), bases=2, precision="binary").eval()
    x = _image(32, 9)
    views = [branch(x) for branch in head.branches]
    assert [view.shape[1] for view in views] == [4] * 4
    assert [branch.bases[0].dilation for branch in head.branches] == [1, 2, 3, 4]
    image = head.image(x.mean((2, 3), keepdim=True)).expand(-1, -1, 9, 9)
    expected = head.score(head.refine(head.project(torch.cat([*views, image], 1))))
    torch.testing.assert_close(head([x]), expected, rtol=1e-5, atol=1e-5)


def test_rates_beyond_the_map_read_only_zeros_around_it():
    head = BinaryDeepLabHead([8], 2, rates=(12, 24, 36), bases=2, precision="binary").eval()
    assert head([_image(8, 3)]).shape == (2, 2, 3, 3)

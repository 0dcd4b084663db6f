"""Fusion and soft connections against their formulas; branch outputs stay what they are while still read."""

import pytest
import torch

from models.fusion import Fusion, SoftConnection


def _outputs(count):
    return [torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(k)) for k in range(count)]


def test_average_is_the_mean_and_has_no_parameters():
    fusion = Fusion(3, "average")
    torch.testing.assert_close(fusion(_outputs(3)), torch.stack(_outputs(3)).mean(0))
    assert not list(fusion.parameters())


def test_learned_is_the_weighted_sum_with_scales_from_zero_to_one():
    torch.manual_seed(0)
    fusion = Fusion(3, "learned")
    assert fusion.scale.shape == (3,) and (fusion.scale >= 0).all() and (fusion.scale < 1).all()
    expected = torch.einsum("k,knchw->nchw", fusion.scale, torch.stack(_outputs(3)))
    torch.testing.assert_close(fusion(_outputs(3)), expected)


def test_one_base_is_scaled_only_where_scales_are_learned():
    (y,) = _outputs(1)
    assert Fusion(1, "average")([y]) is y
    learned = Fusion(1, "learned")
    torch.testing.assert_close(learned([y]), y * learned.scale)


@pytest.mark.parametrize("kind", ["average", "learned"])
def test_fusing_leaves_the_branch_outputs_alone(kind):
    outputs = _outputs(3)
    Fusion(3, kind)(outputs)
    for output, expected in zip(outputs, _outputs(3), strict=True):
        assert torch.equal(output, expected)


@pytest.mark.parametrize(("kind", "count"), [("block", 1), ("base", 3)])
def test_gates_mix_each_branch_with_the_fused_output(kind, count):
    torch.manual_seed(0)
    connection = SoftConnection(3, kind)
    assert connection.theta.shape == (count,)
    assert (connection.theta >= 0).all() and (connection.theta < 1).all()
    fused = torch.randn(2, 3, 4, 4)
    inputs = connection(_outputs(3), fused)
    for base, (x, y) in enumerate(zip(inputs, _outputs(3), strict=True)):
        s = torch.sigmoid(connection.theta[base if count > 1 else 0])
        torch.testing.assert_close(x, s * y + (1 - s) * fused)


@pytest.mark.parametrize(("theta", "keeps_own"), [(40.0, True), (-40.0, False)])
def test_a_saturated_gate_keeps_branches_apart_or_fuses_them(theta, keeps_own):
    connection = SoftConnection(2, "block")
    torch.nn.init.constant_(connection.theta, theta)
    fused = torch.randn(2, 3, 4, 4)
    for x, y in zip(connection(_outputs(2), fused), _outputs(2), strict=True):
        torch.testing.assert_close(x, y if keeps_own else fused)

"""Dynamic branches: the masked sum over all experts, its gradients, and what contradicts it."""

import pytest
import torch

from models.config import GroupNetConfig
from models.errors import ConfigError
from models.experts import ExpertGroup, ExpertSelector
from models.group_net import GroupNet
from models.randomize import randomize

SMALL = GroupNetConfig(
    depths=(1, 1),
    width=4,
    bases=2,
    num_classes=3,
    in_channels=3,
    input_size=8,
    stem="small",
    gate="none",
    experts=5,
)


def _group(**overrides):
    torch.manual_seed(0)
    net = GroupNet(SMALL.replace(**overrides))
    randomize(net, 0)
    group = net.groups[1]
    # As drawn the logits hardly depend on the image.
    torch.nn.init.normal_(group.selector.logits.weight, std=2.0)
    return group.eval()


def test_the_kept_weights_are_a_softmax_over_all_scaled_to_one():
    torch.manual_seed(0)
    selector = ExpertSelector(4, 5, kept=2)
    fused = torch.randn(6, 4, 3, 3)
    weights, experts = selector(fused)
    every = torch.softmax(selector.logits(fused.mean((2, 3))), 1)
    for row in range(6):
        best = every[row].argsort(descending=True)[:2]
        assert experts[row].tolist() == best.tolist()
        torch.testing.assert_close(weights[row], every[row, best] / every[row, best].sum())


def test_a_group_is_the_weighted_sum_of_the_chosen_experts():
    group = _group()
    assert isinstance(group, ExpertGroup) and len(group.blocks[0].branches) == 5
    fused = torch.randn(6, 4, 8, 8)
    outputs, result = group([], fused)
    assert len(outputs) == 1 and outputs[0] is result
    weights, experts = group.selector(fused)
    assert len({tuple(sorted(row)) for row in experts.tolist()}) > 1
    (block,) = group.blocks
    for row in range(6):
        x = fused[row : row + 1]
        ys = [block.branches[expert](x, block.shortcut(x)) for expert in experts[row].tolist()]
        expected = sum(weight * y for weight, y in zip(weights[row], ys, strict=True))
        torch.testing.assert_close(result[row : row + 1], expected)


def test_only_the_chosen_experts_and_the_selector_learn():
    group = _group()
    fused = torch.randn(1, 4, 8, 8)
    chosen = set(group.selector(fused)[1][0].tolist())
    group([], fused)[1].square().sum().backward()
    for expert, branch in enumerate(group.blocks[0].branches):
        learns = any(parameter.grad.any() for parameter in branch.parameters())
        assert learns == (expert in chosen)
    gradient = group.selector.logits.bias.grad
    assert {expert for expert in range(5) if gradient[expert] != 0} == chosen


@pytest.mark.parametrize("group", ["block", "two_blocks", "net"])
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_one_choice_holds_for_a_group(group, block):
    net = GroupNet(SMALL.replace(group=group, block=block)).eval()
    assert len(net.groups) == (2 if group == "block" else 1)
    assert all(len(blocks.branches) == 5 for part in net.groups for blocks in part.blocks)
    assert net(torch.randn(2, 3, 8, 8)).shape == (2, 3)


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"experts": 2}, "more than the 2 bases"),
        ({"experts": -1}, "more than the 2 bases"),
        ({"experts": True}, "more than the 2 bases"),
        ({"gate": "block"}, "gate 'none' with experts"),
        ({"fusion": "learned"}, "fusion 'average' with experts"),
        ({"group": "layer"}, "equal branches; got group 'layer'"),
        ({"rates": ((1,), (1, 2))}, "equal branches"),
    ],
)
def test_contradictions_are_refused(overrides, complaint):
    with pytest.raises(ConfigError, match=complaint):
        SMALL.replace(**overrides)


def test_one_rate_a_stage_reaches_all_experts():
    net = GroupNet(SMALL.replace(rates=((1,), (3,))))
    assert [branch.conv2.dilation for branch in net.groups[1].blocks[0].branches] == [3] * 5

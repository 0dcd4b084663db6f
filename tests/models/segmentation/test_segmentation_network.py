"""Segmentation networks as a whole: sizes, dilation, precisions, deployment, files, counts, export."""

import pytest
import torch

from models.checkpoint import load_checkpoint, save_checkpoint
from models.complexity import complexity
from models.config import GroupNetConfig
from models.deploy import deploy
from models.errors import ConfigError
from models.metadata import ModelMeta, Preprocessing
from models.networks import make_network
from models.registry import build, config_of
from models.segmentation.config import SegmentationConfig
from models.segmentation.parallel_rates import parallel_rates

HEADS = ("fcn32s", "fcn16s", "fcn8s", "dilated", "deeplabv3")
SIZE = 37
IMAGES = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def _config(head, **overrides):
    backbone = GroupNetConfig(
        depths=(1, 1, 1),
        width=8,
        bases=2,
        num_classes=4,
        in_channels=3,
        input_size=SIZE,
        stem="imagenet",
        strides=(1, 2, 1),
        rates=parallel_rates(3, 1, 2),
    )
    return SegmentationConfig(backbone=backbone, head=head, aspp_rates=(2, 3)).replace(**overrides)


def _net(head, **overrides):
    torch.manual_seed(0)
    net = make_network(_config(head, **overrides))
    # A pass in training mode gives batch norms statistics of their own.
    net(IMAGES)
    return net.eval()


@pytest.mark.parametrize("head", HEADS)
def test_logits_have_the_size_of_the_image(head):
    logits = _net(head)(IMAGES)
    assert logits.shape == (2, 4, SIZE, SIZE) and logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_each_base_of_the_last_stage_has_its_own_rate():
    net = _net("dilated")
    block = net.backbone.groups[-1].blocks[0]
    assert [(branch.conv1.dilation, branch.conv2.dilation) for branch in block.branches] == [(2, 2), (3, 3)]
    assert net.backbone.strides == (4, 8, 8)


def test_the_baseline_without_parallel_rates():
    net = _net("dilated", rates=((1,), (1,), (2,)))
    block = net.backbone.groups[-1].blocks[0]
    assert [branch.conv1.dilation for branch in block.branches] == [2, 2]


@pytest.mark.parametrize("precision", ["tanh", "float"])
@pytest.mark.parametrize("head", ["fcn16s", "deeplabv3"])
def test_precisions_share_their_parameters(head, precision):
    binary, other = _net(head), _net(head, precision=precision)
    shapes = [[(name, tensor.shape) for name, tensor in net.state_dict().items()] for net in (binary, other)]
    assert shapes[0] == shapes[1]
    other.load_state_dict(binary.state_dict())
    assert not torch.allclose(binary(IMAGES), other(IMAGES))


@pytest.mark.parametrize("head", HEADS)
def test_deployed_exported_and_saved_it_computes_the_same(head, tmp_path):
    net = _net(head)
    expected = net(IMAGES)
    deployed = deploy(net)
    assert torch.equal(deployed(IMAGES), expected)
    exported = torch.export.export(deployed, (IMAGES,))
    assert not exported.range_constraints
    assert torch.equal(exported.module()(IMAGES), expected)
    meta = ModelMeta(
        architecture="groupnet_shapes_bpac",
        config=net.config,
        task="segmentation",
        labels=("background", "circle", "square", "star"),
        preprocessing=Preprocessing(SIZE, 3, (0.5,) * 3, (0.25,) * 3),
        training_command="",
        seed=0,
        metrics={"miou": 0.5},
    )
    save_checkpoint(tmp_path / "net.pt", net, meta)
    loaded = load_checkpoint(tmp_path / "net.pt")
    assert loaded.meta == meta
    assert torch.equal(loaded.model(IMAGES), expected)


def test_training_reaches_every_parameter():
    net = _net("deeplabv3").train()
    torch.nn.functional.cross_entropy(net(IMAGES), torch.randint(0, 4, (2, SIZE, SIZE))).backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    assert sum(parameter.grad.abs().sum() > 0 for parameter in net.parameters()) > 0.9 * len(
        list(net.parameters())
    )


def test_the_heads_binary_layers_count_as_binary():
    image = (3, SIZE, SIZE)
    dilated, deeplab = (complexity(_net(head), image) for head in ("dilated", "deeplabv3"))
    channels, narrow, bases, pixels = 32, 4, 2, 5 * 5
    branches = bases * channels * narrow * (1 + 2 * 9)
    assert deeplab.binary_macs - dilated.binary_macs == branches * pixels + bases * channels * narrow
    assert deeplab.binary_weights - dilated.binary_weights == branches + bases * channels * narrow


def test_a_group_across_stages_leaves_no_map_for_a_skip():
    with pytest.raises(ConfigError, match="fused map"):
        make_network(_config("fcn16s", group="net", gate="none"))
    make_network(_config("fcn32s", group="net", gate="none"))


def test_a_backbone_keeps_the_names_of_a_classifier():
    config = config_of("groupnet_shapes_bpac").backbone
    classifier = {name for name in make_network(config).state_dict() if "classifier" not in name}
    own = build("groupnet_shapes_bpac").state_dict()
    assert {name.removeprefix("backbone.") for name in own if name.startswith("backbone.")} == classifier


@pytest.mark.parametrize(
    "name",
    [
        "groupnet_resnet18_fcn32s",
        "groupnet_resnet18_fcn16s",
        "groupnet_resnet18_fcn8s",
        "groupnet_resnet18_bpac",
        "groupnet_resnet18_deeplabv3",
        "groupnet_resnet50_deeplabv3",
        "groupnet_shapes_bpac",
    ],
)
def test_every_registered_network_runs(name):
    config = config_of(name)
    with torch.device("meta"):
        net = build(name, bases=2)
        logits = net.eval()(torch.empty(1, 3, config.input_size, config.input_size))
    assert logits.shape == (1, config.num_classes, config.input_size, config.input_size)

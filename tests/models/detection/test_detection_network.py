"""Detectors as a whole: outputs, precisions, deployment, files, counts, export, and that they can learn."""

import numpy as np
import pytest
import torch
from box_objects import objects

from models.checkpoint import load_checkpoint, save_checkpoint
from models.complexity import complexity
from models.config import GroupNetConfig
from models.deploy import deploy
from models.detection.config import DetectionConfig
from models.detection.decode import decode
from models.detection.detection_loss import detection_loss
from models.errors import ConfigError
from models.metadata import ModelMeta, Preprocessing
from models.networks import make_network
from models.registry import build, config_of

SIZE = 40
IMAGES = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
PLACES = 25 + 9 + 4


def _config(detector="fcos", **overrides):
    backbone = GroupNetConfig(
        depths=(1, 1),
        width=8,
        bases=2,
        num_classes=4,
        in_channels=3,
        input_size=SIZE,
        stem="imagenet",
        strides=(2, 2),
    )
    config = DetectionConfig(
        backbone=backbone, detector=detector, pyramid_channels=8, tower_depth=1, first_stage=0, extra_levels=1
    )
    return config.replace(**overrides)


def _net(detector="fcos", **overrides):
    torch.manual_seed(0)
    net = make_network(_config(detector, **overrides))
    # Passes in training mode give batch norms statistics of their own.
    net(IMAGES)
    return net.eval()


@pytest.mark.parametrize(("detector", "count", "each"), [("fcos", 3, 1), ("retinanet", 2, 9)])
def test_outputs_fit_the_decoder(detector, count, each):
    net = _net(detector)
    with torch.no_grad():
        outputs = net(IMAGES)
    assert len(outputs) == count
    assert outputs[0].shape == (2, PLACES * each, 4) and outputs[1].shape == (2, PLACES * each, 4)
    found = decode(net.config, [output.numpy() for output in outputs])
    assert len(found) == 2
    assert all(np.isfinite(boxes.boxes).all() and (boxes.boxes <= SIZE).all() for boxes in found)


@pytest.mark.parametrize("size", [(40, 56), (33, 70)])
def test_training_images_may_have_any_size(size):
    net = _net().train()
    images = torch.randn(2, 3, *size)
    batch = [objects([4, 4, 24, 30], classes=[2])] * 2
    terms = detection_loss(net.config, net(images), batch, size)
    sum(term.total / term.weight for term in terms.values()).backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize("precision", ["tanh", "float"])
def test_precisions_share_their_parameters(precision):
    binary, other = _net(), _net(precision=precision)
    shapes = [[(name, tensor.shape) for name, tensor in net.state_dict().items()] for net in (binary, other)]
    assert shapes[0] == shapes[1]
    other.load_state_dict(binary.state_dict())
    assert not torch.allclose(binary(IMAGES)[1], other(IMAGES)[1])


@pytest.mark.parametrize(
    ("detector", "overrides"),
    [
        ("fcos", {}),
        ("retinanet", {}),
        ("fcos", {"fusion": "learned", "block": "bottleneck", "pad_value": -1}),
    ],
)
def test_deployed_exported_and_saved_it_computes_the_same(detector, overrides, tmp_path):
    net = _net(detector, **overrides)
    expected = net(IMAGES)

    def is_same(outputs):
        return len(outputs) == len(expected) and all(map(torch.equal, outputs, expected))

    deployed = deploy(net)
    assert is_same(deployed(IMAGES))
    exported = torch.export.export(deployed, (IMAGES,))
    assert not exported.range_constraints
    assert is_same(exported.module()(IMAGES))
    meta = ModelMeta(
        architecture="groupnet_shapes_fcos",
        config=net.config,
        task="detection",
        labels=("circle", "square", "star", "heart"),
        preprocessing=Preprocessing(SIZE, 3, (0.5,) * 3, (0.25,) * 3),
        training_command="",
        seed=0,
        metrics={"ap": 0.5},
    )
    save_checkpoint(tmp_path / "net.pt", net, meta)
    loaded = load_checkpoint(tmp_path / "net.pt")
    assert loaded.meta == meta
    assert is_same(loaded.model(IMAGES))


def test_pyramid_and_towers_count_once_a_level():
    counts = complexity(_net(), (3, SIZE, SIZE))
    backbone = complexity(make_network(_config().backbone), (3, SIZE, SIZE))
    bases, width = 2, 8
    laterals = 8 * width * 25 + 16 * width * 9
    outputs = 9 * width * width * (25 + 9)
    extra = 9 * width * width * 4
    towers = 2 * 9 * width * width * PLACES
    assert counts.binary_macs - backbone.binary_macs == bases * (laterals + outputs + extra + towers)
    classifier = 16 * 4
    predictions = 9 * width * (4 + 4 + 1) * PLACES
    assert counts.float_macs - (backbone.float_macs - classifier) == predictions
    weights = 8 * width + 16 * width + 9 * width * width * (2 + 1 + 2)
    assert counts.binary_weights - backbone.binary_weights == bases * weights


def test_a_group_across_stages_leaves_no_map_for_the_pyramid():
    with pytest.raises(ConfigError, match="fused map"):
        make_network(_config(group="net", gate="none"))
    make_network(_config(group="net", gate="none", first_stage=1))


def test_one_image_can_be_learnt():
    net = _net(bases=2).train()
    batch = [objects([4, 4, 20, 22], classes=[1]), objects([12, 10, 38, 36], classes=[3])]
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(40):
        terms = detection_loss(net.config, net(IMAGES), batch, (SIZE, SIZE))
        optimizer.zero_grad()
        sum(term.total / term.weight.clamp_min(1) for term in terms.values()).backward()
        optimizer.step()
    # Batch norms with the batch's own statistics: what was trained, without waiting for running averages.
    with torch.no_grad():
        found = decode(net.config, [output.numpy() for output in net(IMAGES)])
    assert [result.classes[0] for result in found] == [1, 3]
    for result, truth in zip(found, batch, strict=True):
        assert np.abs(result.boxes[0] - truth.boxes[0].numpy()).max() < 4


@pytest.mark.parametrize(
    "name",
    [
        "groupnet_resnet18_fcos",
        "groupnet_resnet34_fcos",
        "groupnet_resnet50_fcos",
        "groupnet_resnet18_retinanet",
        "groupnet_resnet50_retinanet",
        "groupnet_shapes_fcos",
    ],
)
def test_every_registered_detector_runs(name):
    config = config_of(name)
    with torch.device("meta"):
        outputs = build(name, bases=1).eval()(torch.empty(1, 3, config.input_size, config.input_size))
    assert outputs[0].shape[2] == config.num_classes

"""The losses of both detectors: perfect outputs cost nothing, terms by hand, images without objects."""

import math

import pytest
import torch
from box_objects import objects

from models.detection.detection_loss import detection_loss
from models.detection.fcos_targets import fcos_targets
from models.detection.levels import pyramid_levels
from models.detection.retinanet_targets import retinanet_targets
from models.registry import config_of

FCOS = config_of("groupnet_shapes_fcos").replace(input_size=64, num_classes=3)
RETINANET = FCOS.replace(detector="retinanet")
SIZE = (64, 64)
LEVELS = pyramid_levels(FCOS, SIZE)
CPU = torch.device("cpu")
BATCH = [objects([0, 0, 40, 40], [20, 30, 36, 50], classes=[1, 2]), objects()]


def _perfect_logits(classes):
    logits = torch.full((*classes.shape, 3), -30.0)
    images, places = (classes >= 0).nonzero(as_tuple=True)
    logits[images, places, classes[images, places]] = 30.0
    return logits


def test_a_perfect_fcos_pays_for_uncertain_centres_alone():
    classes, distances, centerness = fcos_targets(LEVELS, BATCH, CPU, reach=FCOS.reach)
    outputs = (_perfect_logits(classes), distances, torch.logit(centerness.clamp(1e-6, 1 - 1e-6)))
    terms = detection_loss(FCOS, outputs, BATCH, SIZE)
    objects_ = classes >= 0
    assert set(terms) == {"classes", "boxes", "centerness"}
    assert terms["classes"].weight == terms["centerness"].weight == objects_.sum() > 0
    assert terms["boxes"].weight.item() == pytest.approx(centerness[objects_].sum().item())
    assert terms["classes"].total.item() == pytest.approx(0, abs=1e-6)
    assert terms["boxes"].total.item() == pytest.approx(0, abs=1e-4)
    inner = centerness[objects_].clamp(1e-6, 1 - 1e-6)
    entropy = -(inner * inner.log() + (1 - inner) * (1 - inner).log()).sum()
    assert terms["centerness"].total.item() == pytest.approx(entropy.item(), abs=1e-3)


def test_a_perfect_retinanet_pays_nothing():
    classes, deltas = retinanet_targets(LEVELS, BATCH, CPU)
    terms = detection_loss(RETINANET, (_perfect_logits(classes), deltas), BATCH, SIZE)
    assert set(terms) == {"classes", "boxes"}
    assert terms["classes"].weight == terms["boxes"].weight == (classes >= 0).sum() > 0
    assert all(term.total.item() == pytest.approx(0, abs=1e-6) for term in terms.values())


def test_ignored_anchors_cost_nothing_and_deltas_are_smooth():
    classes, deltas = retinanet_targets(LEVELS, BATCH, CPU)
    logits = _perfect_logits(classes)
    logits[classes == -2] = 30.0
    off = deltas + 0.0
    image, place = (classes >= 0).nonzero()[0].tolist()
    off[image, place] += torch.tensor([0.05, -1.0, 0.0, 0.0])
    terms = detection_loss(RETINANET, (logits, off), BATCH, SIZE)
    assert terms["classes"].total.item() == pytest.approx(0, abs=1e-6)
    # Smooth L1 with beta 0.1: a parabola below, a line above.
    assert terms["boxes"].total.item() == pytest.approx(0.5 * 0.05**2 / 0.1 + 1.0 - 0.05, rel=1e-4)


@pytest.mark.parametrize("config", [FCOS, RETINANET])
def test_images_without_objects_teach_the_background(config):
    places = 84 * (1 if config.detector == "fcos" else 9)
    outputs = [torch.zeros(1, places, 3), torch.ones(1, places, 4), torch.zeros(1, places)]
    outputs = [x.requires_grad_() for x in outputs[: 3 if config.detector == "fcos" else 2]]
    terms = detection_loss(config, outputs, [objects()], SIZE)
    assert all(term.weight == 0 for term in terms.values())
    assert terms["classes"].total.item() == pytest.approx(places * 3 * 0.75 * 0.25 * math.log(2), rel=1e-4)
    assert terms["boxes"].total == 0
    sum(term.total for term in terms.values()).backward()
    assert (outputs[0].grad > 0).all()


def test_parts_of_a_batch_add_up():
    generator = torch.Generator().manual_seed(0)
    outputs = [torch.rand(2, 84, *shape, generator=generator) for shape in [(3,), (4,), ()]]
    whole = detection_loss(FCOS, outputs, BATCH, SIZE)
    parts = [detection_loss(FCOS, [x[i : i + 1] for x in outputs], BATCH[i : i + 1], SIZE) for i in (0, 1)]
    for name, term in whole.items():
        assert term.total.item() == pytest.approx(sum(part[name].total.item() for part in parts), rel=1e-5)
        assert term.weight.item() == pytest.approx(sum(part[name].weight.item() for part in parts))

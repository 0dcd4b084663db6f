"""The feature pyramid: laterals, the way down, and the levels above."""

import torch
import torch.nn.functional as F

from models.detection.pyramid import FeaturePyramid
from models.registry import config_of

CONFIG = config_of("groupnet_shapes_fcos").replace(pyramid_channels=6, extra_levels=2, bases=2)


def test_coarse_maps_are_added_to_finer_ones():
    pyramid = FeaturePyramid(CONFIG, [4, 8])
    generator = torch.Generator().manual_seed(0)
    fine = torch.randn(2, 4, 9, 7, generator=generator)
    coarse = torch.randn(2, 8, 5, 4, generator=generator)
    pyramid([fine, coarse])
    pyramid.eval()
    levels = pyramid([fine, coarse])
    assert [tuple(level.shape[1:]) for level in levels] == [(6, 9, 7), (6, 5, 4), (6, 3, 2), (6, 2, 1)]
    top = pyramid.laterals[1](coarse)
    grown = F.interpolate(top, size=(9, 7), mode="bilinear", align_corners=False)
    assert torch.equal(levels[1], pyramid.outputs[1](top))
    assert torch.equal(levels[0], pyramid.outputs[0](pyramid.laterals[0](fine) + grown))
    assert torch.equal(levels[2], pyramid.extra[0](levels[1]))
    assert torch.equal(levels[3], pyramid.extra[1](levels[2]))


def test_one_stage_needs_no_way_down():
    pyramid = FeaturePyramid(CONFIG.replace(extra_levels=0), [4])
    (level,) = pyramid([torch.randn(2, 4, 3, 3)])
    assert level.shape == (2, 6, 3, 3)

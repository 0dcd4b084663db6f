"""The part of a Group-Net that all tasks share: a float stem and decomposed residual groups in stages.

Papers: Zhuang et al., "Structured Binary Neural Networks for Accurate Image Classification and Semantic
Segmentation" (CVPR 2019, arXiv 1811.10413) and "Structured Binary Neural Networks for Image Recognition"
(IJCV 2022, arXiv 1909.09934). Written after the official code with two changes: branch outputs are never
overwritten by their own sum, and sign(0) = +1.
"""

import itertools
import math
from collections.abc import Iterator

import torch
from torch import nn

from models.config import GroupNetConfig
from models.errors import ConfigError
from models.experts import ExpertGroup
from models.groups import BlockBranches, Group

_BLOCKS_PER_GROUP = {"layer": 1, "block": 1, "two_blocks": 2}


class Backbone(nn.Module):
    """Stem and residual groups; `features` gives the fused map at the end of each stage.

    Attributes:
        channels: C of each stage's map.
        strides: Pixels of the image for each pixel of that map.
    """

    def __init__(self, config: GroupNetConfig) -> None:
        """Allocate the network of `config` and draw its parameters from torch's global generator."""
        super().__init__()
        self.config = config
        self.stem = _stem(config)
        blocks = list(_blocks(config))
        size = _BLOCKS_PER_GROUP.get(config.group, len(blocks))
        self.groups = nn.ModuleList(
            _group(config, blocks[start : start + size], first=start == 0)
            for start in range(0, len(blocks), size)
        )
        self.channels = config.widths
        strides = itertools.accumulate(config.stage_strides, lambda a, b: a * b)
        stem_stride = config.total_stride // math.prod(config.stage_strides)
        self.strides = tuple(stem_stride * stride for stride in strides)
        ends = itertools.accumulate(config.depths)
        # Stage -> the group that ends with it, for the stages that end with a group.
        self._stage_of_group = {
            (end - 1) // size: stage
            for stage, end in enumerate(ends)
            if end % size == 0 or end == len(blocks)
        }

    def features(self, x: torch.Tensor) -> dict[int, torch.Tensor]:
        """Fused maps [N, C, H, W] by stage (from 0) of images [N, in_channels, H, W].

        A stage inside a group (group sizes `two_blocks` and `net`) has none; the last stage always has one.
        """
        maps = {}
        fused = self.stem(x)
        outputs = [fused]
        for index, group in enumerate(self.groups):
            outputs, fused = group(outputs, fused)
            if index in self._stage_of_group:
                maps[self._stage_of_group[index]] = fused
        return maps


def require_stages(config: GroupNetConfig, stages: range) -> None:
    """Refuse a backbone in which one of `stages` does not end with a group, so that it has no fused map.

    Raises:
        ConfigError: A group reaches across the end of a stage.
    """
    if config.group == "net" or (config.group == "two_blocks" and any(d % 2 for d in config.depths)):
        raise ConfigError(
            f"expected a fused map of stages {[stage + 1 for stage in stages]}; got group "
            f"{config.group!r} over depths {config.depths}, which crosses the end of a stage; "
            "set group='block'"
        )


def _group(config: GroupNetConfig, blocks: list[BlockBranches], *, first: bool) -> Group | ExpertGroup:
    return ExpertGroup(config, blocks) if config.experts else Group(config, blocks, gated=not first)


def _stem(config: GroupNetConfig) -> nn.Sequential:
    width = config.width
    if config.stem == "imagenet":
        return nn.Sequential(
            nn.Conv2d(config.in_channels, width, 7, stride=2, padding=3, bias=False),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.BatchNorm2d(width),
        )
    return nn.Sequential(
        nn.Conv2d(config.in_channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
    )


def _blocks(config: GroupNetConfig) -> Iterator[BlockBranches]:
    """The residual blocks of all stages; the first of each stage has the stage's stride."""
    in_channels = config.width
    for stage, (out_channels, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
        strides = itertools.chain([config.stage_strides[stage]], itertools.repeat(1, depth - 1))
        for stride in strides:
            yield BlockBranches(config, in_channels, out_channels, stride, config.stage_rates(stage))
            in_channels = out_channels

"""Group-Net for object detection: a backbone, a feature pyramid and a detector's head.

Our design, guided by the abstract of IJCV 2022 (arXiv 1909.09934), which names detection but no detector, and
by the one-bit FCOS of its fourth author: pyramid and towers are binary, stem and prediction layers float.
"""

import torch
from torch import nn

from models.backbone import Backbone, require_stages
from models.detection.config import DetectionConfig
from models.detection.fcos_head import FcosHead
from models.detection.pyramid import FeaturePyramid
from models.detection.retinanet_head import RetinaNetHead


class DetectionNet(nn.Module):
    """Images [N, in_channels, H, W] float32 to the head's raw outputs, for `decode` and `detection_loss`.

    Outputs of all levels are joined, the finest level first, each row by row: for FCOS class logits
    [N, L, classes], distances [N, L, 4] in pixels and centerness logits [N, L]; for RetinaNet class logits
    [N, A, classes] and deltas [N, A, 4] of its anchors. Scores, boxes and the suppression of duplicates are
    not part of the network.
    """

    def __init__(self, config: DetectionConfig) -> None:
        """Allocate the network of `config` and draw its parameters from torch's global generator.

        Raises:
            ConfigError: The backbone's groups leave no map where the pyramid needs one.
        """
        super().__init__()
        stages = range(config.first_stage, len(config.backbone.depths))
        if len(stages) > 1:
            require_stages(config.backbone, stages)
        self.config = config
        self.backbone = Backbone(config.backbone)
        self.pyramid = FeaturePyramid(config, [self.backbone.channels[stage] for stage in stages])
        self.head = FcosHead(config) if config.detector == "fcos" else RetinaNetHead(config)
        self._stages = stages

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Raw outputs of a batch, the same in training and evaluation."""
        maps = self.backbone.features(x)
        outputs: tuple[torch.Tensor, ...] = self.head(self.pyramid([maps[stage] for stage in self._stages]))
        return outputs

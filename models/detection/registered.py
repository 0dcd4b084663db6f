"""The registered detectors: COCO (80 classes) at 512 pixels, and Shapes.

The published results are for images of 800 pixels on the shorter side; a phone's model has one size, and 512
by 512 costs 40 % of it. `input_size=800` gives the larger ones, with the same parameters.
"""

from models.config import GroupNetConfig
from models.detection.config import DetectionConfig, Detector
from models.registry import register


@register("FCOS on ResNet-18 for COCO; binary pyramid and towers (our design)")
def groupnet_resnet18_fcos() -> DetectionConfig:
    return _coco("fcos", (2, 2, 2, 2))


@register("FCOS on ResNet-34 for COCO; binary pyramid and towers (our design)")
def groupnet_resnet34_fcos() -> DetectionConfig:
    return _coco("fcos", (3, 4, 6, 3))


@register("FCOS on ResNet-50 for COCO; binary pyramid and towers (our design)")
def groupnet_resnet50_fcos() -> DetectionConfig:
    return _coco("fcos", (3, 4, 6, 3)).replace(block="bottleneck")


@register("RetinaNet on ResNet-18 for COCO; binary pyramid and towers (our design)")
def groupnet_resnet18_retinanet() -> DetectionConfig:
    return _coco("retinanet", (2, 2, 2, 2))


@register("RetinaNet on ResNet-50 for COCO; binary pyramid and towers (our design)")
def groupnet_resnet50_retinanet() -> DetectionConfig:
    return _coco("retinanet", (3, 4, 6, 3)).replace(block="bottleneck")


@register("FCOS on three residual blocks for 128x128 images of generated shapes")
def groupnet_shapes_fcos() -> DetectionConfig:
    # Parameters as the classifier of `shapes_classification` has them, to begin with; small enough for a CPU.
    backbone = GroupNetConfig(
        depths=(1, 1, 1),
        width=32,
        bases=5,
        num_classes=10,
        in_channels=3,
        input_size=128,
        stem="imagenet",
    )
    return DetectionConfig(
        backbone=backbone,
        detector="fcos",
        pyramid_channels=32,
        tower_depth=2,
        first_stage=1,
        extra_levels=1,
        reach=3,
    )


def _coco(detector: Detector, depths: tuple[int, ...]) -> DetectionConfig:
    backbone = GroupNetConfig(
        depths=depths, width=64, bases=5, num_classes=80, in_channels=3, input_size=512, stem="imagenet"
    )
    return DetectionConfig(backbone=backbone, detector=detector, pyramid_channels=256)

"""The registered segmentation networks: Pascal VOC at 480 pixels (20 classes and background), and Shapes."""

from models.config import GroupNetConfig
from models.registry import register
from models.segmentation.config import SegmentationConfig, SegmentationHead
from models.segmentation.parallel_rates import parallel_rates

_OUTPUT_STRIDE_8 = (1, 2, 1, 1)


@register("ResNet-18 with FCN-32s for VOC; output stride 32")
def groupnet_resnet18_fcn32s() -> SegmentationConfig:
    return SegmentationConfig(backbone=_voc_resnet18(), head="fcn32s")


@register("ResNet-18 with FCN-16s for VOC; scores of the last two stages")
def groupnet_resnet18_fcn16s() -> SegmentationConfig:
    return SegmentationConfig(backbone=_voc_resnet18(), head="fcn16s")


@register("ResNet-18 with FCN-8s for VOC; scores of the last three stages")
def groupnet_resnet18_fcn8s() -> SegmentationConfig:
    return SegmentationConfig(backbone=_voc_resnet18(), head="fcn8s")


@register("ResNet-18 with a dilation for each base (BPAC) and a float head for VOC; output stride 8")
def groupnet_resnet18_bpac() -> SegmentationConfig:
    return _bpac("dilated")


@register("ResNet-18 with BPAC and DeepLabv3's head, its ASPP binary, for VOC; output stride 8")
def groupnet_resnet18_deeplabv3() -> SegmentationConfig:
    return _bpac("deeplabv3")


@register("ResNet-50 with BPAC and DeepLabv3's head, its ASPP binary, for VOC; output stride 8")
def groupnet_resnet50_deeplabv3() -> SegmentationConfig:
    return _bpac("deeplabv3").replace(depths=(3, 4, 6, 3), block="bottleneck")


@register("three residual blocks with BPAC for 96x96 images of generated shapes; output stride 8")
def groupnet_shapes_bpac() -> SegmentationConfig:
    # Parameters as the classifier of `shapes_classification` has them, to begin with; small enough for a CPU.
    backbone = GroupNetConfig(
        depths=(1, 1, 1),
        width=32,
        bases=5,
        num_classes=11,
        in_channels=3,
        input_size=96,
        stem="imagenet",
        strides=(1, 2, 1),
        rates=parallel_rates(stages=3, dilated=1, bases=5),
    )
    return SegmentationConfig(backbone=backbone, head="dilated")


def _bpac(head: SegmentationHead) -> SegmentationConfig:
    backbone = _voc_resnet18()
    rates = parallel_rates(stages=4, dilated=2, bases=backbone.bases)
    return SegmentationConfig(backbone=backbone.replace(strides=_OUTPUT_STRIDE_8, rates=rates), head=head)


def _voc_resnet18() -> GroupNetConfig:
    return GroupNetConfig(
        depths=(2, 2, 2, 2),
        width=64,
        bases=5,
        num_classes=21,
        in_channels=3,
        input_size=480,
        stem="imagenet",
    )

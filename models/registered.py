"""The registered classifiers: ImageNet at 224 pixels, CIFAR-10 and digits at 32, shapes at 64."""

from models.config import BlockKind, Downsample, GroupNetConfig
from models.registry import register


@register("ResNet-18 for ImageNet; averaged bases, one gate a block (official code)")
def groupnet_resnet18() -> GroupNetConfig:
    return _imagenet((2, 2, 2, 2))


@register("ResNet-34 for ImageNet; averaged bases, one gate a block (official code)")
def groupnet_resnet34() -> GroupNetConfig:
    return _imagenet((3, 4, 6, 3))


@register("ResNet-50 for ImageNet; three binary convolutions a base (their skips are our design)")
def groupnet_resnet50() -> GroupNetConfig:
    return _imagenet((3, 4, 6, 3)).replace(block="bottleneck")


@register("ResNet-18 for ImageNet with float 1x1 shortcuts (Group-Net**)")
def groupnet_resnet18_fp_downsample() -> GroupNetConfig:
    return _imagenet((2, 2, 2, 2)).replace(downsample="float")


@register("ResNet-18 for ImageNet, 4 of 8 branches chosen by the input (our design)")
def groupnet_resnet18_dynamic() -> GroupNetConfig:
    return _imagenet((2, 2, 2, 2)).replace(bases=4, experts=8, gate="none")


@register("Bi-Real Net's ResNet-18 for ImageNet, a baseline: a skip a convolution, pooled shortcuts")
def bireal_resnet18() -> GroupNetConfig:
    return _baseline("bireal", "pool")


@register("XNOR-Net's ResNet-18 for ImageNet, a baseline: a skip a block, float shortcuts")
def xnor_resnet18() -> GroupNetConfig:
    return _baseline("xnor", "float")


@register("ResNet-20 for CIFAR-10")
def groupnet_cifar_resnet20() -> GroupNetConfig:
    return _cifar(blocks=3)


@register("ResNet-32 for CIFAR-10")
def groupnet_cifar_resnet32() -> GroupNetConfig:
    return _cifar(blocks=5)


@register("three residual blocks for 32x32 grey images of digits")
def groupnet_digits() -> GroupNetConfig:
    return _three_blocks(bases=3, in_channels=1, input_size=32)


@register("three residual blocks for 64x64 colour images of generated shapes")
def groupnet_shapes() -> GroupNetConfig:
    return _three_blocks(bases=5, in_channels=3, input_size=64)


def _three_blocks(bases: int, in_channels: int, input_size: int) -> GroupNetConfig:
    return GroupNetConfig(
        depths=(1, 1, 1),
        width=32,
        bases=bases,
        num_classes=10,
        in_channels=in_channels,
        input_size=input_size,
        stem="imagenet",
    )


def _imagenet(depths: tuple[int, ...]) -> GroupNetConfig:
    return GroupNetConfig(
        depths=depths, width=64, bases=5, num_classes=1000, in_channels=3, input_size=224, stem="imagenet"
    )


def _baseline(block: BlockKind, downsample: Downsample) -> GroupNetConfig:
    return _imagenet((2, 2, 2, 2)).replace(bases=1, gate="none", block=block, downsample=downsample)


def _cifar(blocks: int) -> GroupNetConfig:
    return GroupNetConfig(
        depths=(blocks,) * 3,
        width=16,
        bases=3,
        num_classes=10,
        in_channels=3,
        input_size=32,
        stem="small",
    )

"""What the ablation tables compare: one study a task, each a preset and its variants as overrides of it."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from benchmarks.errors import BenchmarkError
from models.segmentation.config import SegmentationConfig
from models.segmentation.parallel_rates import is_parallel
from models.task_config import NetworkConfig
from models.training.preset import Preset
from models.variants import variants

FLOAT = "float"
"""The variant that gaps are measured to: one branch, nothing binarised, trained as long."""

SWEEP = (1, 3, 5, 8)
"""K of Group-Net's rows, beside the K that all other rows have."""

_BASELINES = {
    "XNOR-Net": {"block": "xnor", "downsample": "float"},
    "Bi-Real Net": {"block": "bireal", "downsample": "pool"},
}
"""Binary networks of other papers, of one base; as the registered architectures of these names have them."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One variant: what it is called, and what it changes in the preset (see `Preset.overridden`)."""

    name: str
    overrides: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """One table.

    Attributes:
        name: What is learned; the task of the presets that fit.
        preset: Trained where no other is asked for, shortened by what follows; another one is as it is.
        overrides: Of that preset, for networks that one core trains.
        pretrain_epochs: Of that preset's first stage.
        epochs: Of its last stage.
        metric: The score on the test images.
        title: The same for people.
        entries: The variants of a preset and its network.
    """

    name: str
    preset: str
    overrides: tuple[str, ...]
    pretrain_epochs: int
    epochs: int
    metric: str
    title: str
    entries: Callable[[Preset, NetworkConfig], list[Entry]]


def study_of(name: str) -> Study:
    """The study of that name.

    Raises:
        BenchmarkError: There is none.
    """
    if name not in _STUDIES:
        raise BenchmarkError(f"expected a study in {', '.join(_STUDIES)}; got {name!r}; choose one of them")
    return _STUDIES[name]


def float_twin(preset: Preset) -> Entry:
    """The plain network: one branch without gates, in floats in every stage of the recipe."""
    network = {"bases": 1, "gate": "none", "fusion": "average", "group": "block", "precision": "float"}
    stages = [f'recipe.stages.{index}.precision="float"' for index in range(len(preset.recipe.stages))]
    return Entry(FLOAT, (*_network(network), *stages))


def _classification(preset: Preset, config: NetworkConfig) -> list[Entry]:
    """The float twin, other papers' binary networks, Group-Net at every K, its papers' variants at one K."""
    entries = [float_twin(preset)]
    entries += [
        Entry(name, _network({"bases": 1, "gate": "none", "fusion": "average", **blocks}))
        for name, blocks in _BASELINES.items()
    ]
    named = variants()
    group_net = next(variant for variant in named if variant.name == "Group-Net")
    entries += [
        Entry(group_net.name, _network({"bases": bases, **group_net.overrides}))
        for bases in sorted({*SWEEP, config.bases})
    ]
    entries += [
        Entry(variant.name, _network({"bases": config.bases, **variant.overrides}))
        for variant in named
        if variant is not group_net
    ]
    return entries


def _segmentation(preset: Preset, config: NetworkConfig) -> list[Entry]:
    """A rate for each base, and the same network with one rate for all, which costs the same.

    Two choices of that one rate: the usual one, which doubles for each stage that keeps its resolution, and
    the mean of the rates that the bases have. Rates around the usual one tell what parallel rates do from
    what large ones do: those of the paper were chosen for maps of 60 x 60 pixels.
    """
    if not isinstance(config, SegmentationConfig) or not is_parallel(config.backbone.rates, config.bases):
        raise BenchmarkError(
            f"expected a network with parallel rates (BPAC); got that of preset {preset.architecture!r}; use "
            "shapes_bpac or voc_bpac with K of 2 or more"
        )
    rates = config.backbone.rates
    dilated = [stage for stage in rates if len(stage) > 1]
    undilated = list(rates[: len(rates) - len(dilated)])
    usual = [(2 ** (index + 1),) for index in range(len(dilated))]
    means = [(round(sum(stage) / len(stage)),) for stage in dilated]
    around = [[max(1, rate + base - config.bases // 2) for base in range(config.bases)] for (rate,) in usual]
    return [
        float_twin(preset),
        Entry("BPAC", ()),
        Entry("BPAC, rates around the usual", _network({"rates": undilated + around})),
        Entry("one rate, usual", _network({"rates": undilated + usual})),
        Entry("one rate, BPAC's mean", _network({"rates": undilated + means})),
    ]


def _detection(preset: Preset, config: NetworkConfig) -> list[Entry]:
    """Group-Net at K = 1 and at the preset's K, beside the float twin."""
    bases = sorted({1, config.bases})
    return [float_twin(preset), *(Entry("Group-Net", _network({"bases": count})) for count in bases)]


def _network(fields: dict[str, Any]) -> tuple[str, ...]:
    """Assignments to the network's fields; strings, integers and lists are the same in JSON and TOML."""
    return tuple(f"network.{name}={json.dumps(value)}" for name, value in fields.items())


_STUDIES = {
    study.name: study
    for study in (
        Study(
            name="classification",
            # Digits are learnt in a minute a run; 10,000 Shapes leave such networks near chance.
            preset="digits",
            # Six blocks, so that pairs of blocks (GBD v2) differ from blocks (v1) and from the whole (v3);
            # narrow enough that digits are hard.
            overrides=_network({"width": 8, "depths": [2, 2, 2]}),
            pretrain_epochs=6,
            epochs=12,
            metric="top1",
            title="top-1",
            entries=_classification,
        ),
        Study(
            name="segmentation",
            preset="shapes_bpac",
            overrides=(),
            pretrain_epochs=4,
            epochs=8,
            metric="miou",
            title="mIoU",
            entries=_segmentation,
        ),
        Study(
            name="detection",
            preset="shapes_fcos",
            overrides=(),
            pretrain_epochs=4,
            epochs=8,
            metric="ap",
            title="AP",
            entries=_detection,
        ),
    )
}

STUDY_NAMES = tuple(_STUDIES)

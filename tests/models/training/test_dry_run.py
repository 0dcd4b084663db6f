"""Two steps of every stage on generated images, for each preset; the costs they print."""

import dataclasses

import pytest

from models.data.shapes.generate import Plan, write_classification
from models.errors import CheckpointError, DataError, TrainingError
from models.registry import config_of
from models.training.dry_run import dry_run
from models.training.preset import preset_names, preset_of
from models.training.preset_run import Request, make_plan


def _small(preset):
    """Narrow, few pixels, K = 2; the smallest images that the digits' and BPAC's networks take."""
    size = {"digits": 32, "shapes_bpac": 48}.get(preset, 64)
    overrides = ["network.width=4", f"network.input_size={size}"]
    if preset_of(preset).config().task == "detection":
        overrides += ["network.pyramid_channels=8", "network.tower_depth=1"]
    return Request(preset=preset, bases=2, overrides=tuple(overrides))


@pytest.mark.parametrize("preset", preset_names())
def test_every_stage_of_every_preset_takes_its_steps(preset):
    trial = dry_run(make_plan(_small(preset)))
    stages = preset_of(preset).recipe.stages
    assert [stage.precision for stage in trial.stages] == [stage.precision for stage in stages]
    assert all(stage.loss > 0 and stage.seconds > 0 for stage in trial.stages)
    assert trial.costs.binary_macs > 0


@pytest.mark.parametrize("bases", [1, 4, 5, 8])
@pytest.mark.parametrize("depth", [18, 34])
def test_a_preset_counts_the_network_of_the_published_table(depth, bases):
    """`tests/models/test_complexity.py` holds its numbers."""
    plan = make_plan(Request(preset=f"imagenet_resnet{depth}", bases=bases))
    assert plan.config == config_of(f"groupnet_resnet{depth}").replace(bases=bases)
    assert (plan.config.input_size, plan.config.num_classes) == (224, 1000)


def test_what_the_request_names_is_read(tmp_path):
    (tmp_path / "data").mkdir()
    write_classification(tmp_path / "data", Plan(kind="digits", train=10, val=10, size=48, seed=0), print)
    request = _small("shapes_classification")
    data = dataclasses.replace(request, data=tmp_path / "data")
    assert dry_run(make_plan(data)).costs == dry_run(make_plan(request)).costs
    with pytest.raises(DataError, match="expected a folder of class folders"):
        dry_run(make_plan(dataclasses.replace(request, data=tmp_path / "none")))
    with pytest.raises(CheckpointError, match=r"none\.pt"):
        dry_run(make_plan(dataclasses.replace(request, backbone=tmp_path / "none.pt")))
    with pytest.raises(TrainingError, match="CUDA device for mixed precision"):
        overrides = (*request.overrides, "recipe.mixed_precision=true")
        dry_run(make_plan(dataclasses.replace(request, overrides=overrides)))


def test_the_costs_are_those_of_the_card():
    costs = dry_run(make_plan(Request(preset="digits"))).costs
    assert (costs.binary_weights, costs.float_parameters) == (894_976, 5_996)

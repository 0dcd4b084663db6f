"""Two steps of every stage on generated images, for each task."""

import pytest

from models.training.dry_run import dry_run
from models.training.preset_run import Request, make_plan

SMALL = ("network.width=8", "network.bases=2")


@pytest.mark.parametrize(
    ("preset", "overrides", "stages"),
    [
        ("digits", (), ["tanh", "binary"]),
        ("shapes_bpac", ("network.bases=5", "network.width=8", "network.input_size=48"), ["tanh", "binary"]),
        ("voc_fcn16s", (*SMALL, "network.input_size=64"), ["binary"]),
        ("imagenet_resnet18", (*SMALL, "network.input_size=64"), ["tanh", "binary"]),
    ],
)
def test_every_stage_takes_its_steps(preset, overrides, stages):
    trial = dry_run(make_plan(Request(preset=preset, overrides=overrides)))
    assert [stage.precision for stage in trial.stages] == stages
    assert all(stage.loss > 0 and stage.seconds > 0 for stage in trial.stages)
    assert trial.costs.binary_macs > 0


def test_the_costs_are_those_of_the_card():
    costs = dry_run(make_plan(Request(preset="digits"))).costs
    assert (costs.binary_weights, costs.float_parameters) == (894_976, 5_996)

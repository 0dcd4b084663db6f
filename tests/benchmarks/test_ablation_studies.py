"""Each study compares what it says it compares."""

import pytest

from benchmarks.ablation_plan import plan_runs
from benchmarks.ablation_run import network_costs
from benchmarks.ablation_studies import FLOAT, STUDY_NAMES, study_of
from benchmarks.errors import BenchmarkError
from models.registry import config_of
from models.variants import variants


def _runs(study, **options):
    return plan_runs(study_of(study), data=None, seeds=1, **options)


def test_classification_has_every_k_and_every_variant_of_the_papers_once():
    runs = _runs("classification")
    rows = [(run.variant, run.bases) for run in runs]
    assert len(set(rows)) == len(rows)
    baselines = [("XNOR-Net", 1), ("Bi-Real Net", 1)]
    assert rows[:7] == [(FLOAT, 1), *baselines, *(("Group-Net", bases) for bases in (1, 3, 5, 8))]
    assert {name for name, bases in rows if bases == 3} == {variant.name for variant in variants()}
    assert len({str(run.plan.config) for run in runs}) == len(runs)


@pytest.mark.parametrize("name", ["XNOR-Net", "Bi-Real Net"])
def test_baselines_are_the_registered_ones(name):
    (run,) = _runs("classification", only=[name])
    registered = config_of({"XNOR-Net": "xnor_resnet18", "Bi-Real Net": "bireal_resnet18"}[name])
    switches = ("block", "downsample", "gate", "fusion", "group", "bases", "weight_scale")
    assert [getattr(run.plan.config, switch) for switch in switches] == [
        getattr(registered, switch) for switch in switches
    ]


def test_another_k_is_that_of_all_variants():
    rows = [(run.variant, run.bases) for run in _runs("classification", overrides=["network.bases=4"])]
    assert ("LBD", 4) in rows and ("LBD", 5) not in rows
    assert [bases for name, bases in rows if name == "Group-Net"] == [1, 3, 4, 5, 8]


@pytest.mark.parametrize("study", STUDY_NAMES)
def test_the_float_twin_is_one_branch_and_binarises_nothing(study):
    twin, *others = _runs(study)
    assert twin.variant == FLOAT and twin.bases == 1
    assert {stage.precision for stage in twin.plan.recipe.stages} == {"float"}
    costs = network_costs(twin.plan.config)
    assert costs.binary_weights == costs.binary_macs == 0 and costs.float_macs > 0
    for run in others:
        assert run.epochs == twin.epochs
        assert [stage.precision for stage in run.plan.recipe.stages] == ["tanh", "binary"]
        assert network_costs(run.plan.config).binary_macs > 0


def test_rates_of_segmentation_cost_the_same():
    _, bpac, around, usual, mean = _runs("segmentation")
    assert bpac.plan.config.backbone.rates == ((1,), (1,), (2, 3, 4, 5, 6))
    assert usual.plan.config.backbone.rates == ((1,), (1,), (2,))
    assert mean.plan.config.backbone.rates == ((1,), (1,), (4,))
    assert around.plan.config.backbone.rates == ((1,), (1,), (1, 1, 2, 3, 4))
    assert network_costs(around.plan.config) == network_costs(bpac.plan.config)
    assert network_costs(usual.plan.config) == network_costs(bpac.plan.config)
    assert network_costs(mean.plan.config) == network_costs(bpac.plan.config)


def test_rates_double_for_each_stage_that_keeps_its_resolution():
    _, bpac, around, usual, mean = _runs("segmentation", preset="voc_bpac")
    assert bpac.plan.config.backbone.rates[2:] == ((2, 3, 4, 5, 6), (6, 7, 8, 9, 10))
    assert around.plan.config.backbone.rates[2:] == ((1, 1, 2, 3, 4), (2, 3, 4, 5, 6))
    assert usual.plan.config.backbone.rates == ((1,), (1,), (2,), (4,))
    assert mean.plan.config.backbone.rates == ((1,), (1,), (4,), (8,))


@pytest.mark.parametrize("options", [{"preset": "voc_fcn32s"}, {"overrides": ["network.bases=1"]}])
def test_segmentation_needs_parallel_rates(options):
    with pytest.raises(BenchmarkError, match="parallel rates"):
        _runs("segmentation", **options)


def test_detection_has_group_net_with_one_base_and_with_all():
    rows = [(run.variant, run.bases) for run in _runs("detection")]
    assert rows == [(FLOAT, 1), ("Group-Net", 1), ("Group-Net", 5)]
    assert len(_runs("detection", overrides=["network.bases=1"])) == 2


def test_an_unknown_study_is_refused():
    with pytest.raises(BenchmarkError, match="classification, segmentation, detection"):
        study_of("translation")

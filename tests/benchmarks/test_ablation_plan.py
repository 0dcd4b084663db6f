"""The runs of a table: which, in what order, and on which data."""

import pytest

from benchmarks.ablation_plan import folder_digest, plan_runs
from benchmarks.ablation_studies import study_of
from benchmarks.errors import BenchmarkError
from models.errors import ConfigError
from models.zoo import entries

_STUDY = study_of("classification")


def test_every_variant_has_a_seed_before_any_has_two():
    runs = plan_runs(_STUDY, data=None, seeds=2, only=["LBD", "float"])
    assert [(run.variant, run.seed) for run in runs] == [("float", 0), ("LBD", 0), ("float", 1), ("LBD", 1)]
    assert len({run.name for run in runs}) == 4


def test_a_preset_of_ones_own_keeps_its_length_and_network():
    own = plan_runs(_STUDY, data=None, preset="digits", seeds=1)[0]
    assert (own.epochs, own.plan.config.width) == (40, 32)
    shortened = plan_runs(_STUDY, data=None, preset="digits", seeds=1, epochs=2, pretrain_epochs=1)[0]
    assert shortened.epochs == 3
    usual = plan_runs(_STUDY, data=None, seeds=1)[0]
    assert (usual.epochs, usual.plan.config.width) == (18, 8)


def test_overrides_are_for_every_variant():
    runs = plan_runs(_STUDY, data=None, seeds=1, overrides=["network.width=12", "recipe.batch_size=7"])
    assert {run.plan.config.width for run in runs} == {12}
    assert {run.plan.recipe.batch_size for run in runs} == {7}


def test_what_decides_the_result_is_in_the_name(tmp_path):
    (tmp_path / "image.png").write_bytes(b"abc")
    plans = [
        {},
        {"data": tmp_path},
        {"epochs": 3},
        {"overrides": ["crop_area=0.5"]},
        {"overrides": ["network.width=12"]},
    ]
    names = [plan_runs(_STUDY, **{"data": None, "seeds": 1, **plan})[0].name for plan in plans]
    assert len(set(names)) == len(plans)
    same = plan_runs(_STUDY, data=None, seeds=1, overrides=["evaluate_every=1", "description=again"])[0]
    assert same.name == names[0]


def test_every_variant_starts_with_the_backbone_that_fits():
    digits, shapes = (entry.path for entry in entries() if entry.task == "classification")
    runs = plan_runs(_STUDY, data=None, seeds=1, only=["LBD", "GBD v1"], backbones=[shapes, digits])
    assert {run.plan.request.backbone for run in runs} == {digits}
    plain = plan_runs(_STUDY, data=None, seeds=1, only=["LBD", "GBD v1"])
    assert not {run.name for run in runs} & {run.name for run in plain}
    with pytest.raises(BenchmarkError, match=r"'float', K = 1, float.*--backbone"):
        plan_runs(_STUDY, data=None, seeds=1, backbones=[shapes, digits])


def test_names_can_be_files():
    for run in plan_runs(_STUDY, data=None, seeds=1):
        assert set(run.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_another_data_set_has_another_digest(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "train").mkdir(parents=True)
        (tmp_path / name / "train" / "a.png").write_bytes(b"abc")
    before = folder_digest(tmp_path / "one")
    assert folder_digest(tmp_path / "two") == before
    (tmp_path / "two" / "train" / "b.png").write_bytes(b"")
    assert folder_digest(tmp_path / "two") != before
    with pytest.raises(BenchmarkError, match="--data"):
        folder_digest(tmp_path / "three")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"preset": "shapes_bpac"}, BenchmarkError, "for segmentation"),
        ({"only": ["GBD v4"]}, BenchmarkError, "GBD v1"),
        ({"overrides": ["network.width=0"]}, ConfigError, "width"),
    ],
)
def test_what_cannot_be_planned_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        plan_runs(_STUDY, data=None, **options)

"""A run is trained for real: interrupted and resumed, it comes to what an unbroken one comes to."""

import dataclasses

import pytest

from benchmarks.ablation_plan import plan_runs
from benchmarks.ablation_run import train_run
from benchmarks.ablation_studies import study_of
from models.checkpoint import load_checkpoint
from models.training.engine import Machine
from models.training.preset_run import state_path
from models.training.run_log import log_path


class _Stop:
    """Interrupts after an epoch."""

    def on_step(self, report):
        """Not here."""

    def on_epoch(self, _report):
        raise KeyboardInterrupt

    def on_pictures(self, epoch, pictures):
        """Not here."""


def test_an_interrupted_run_goes_on_to_the_same_result(tmp_path):
    (run,) = plan_runs(
        study_of("classification"),
        data=None,
        preset="digits",
        seeds=1,
        pretrain_epochs=1,
        epochs=1,
        overrides=["network.width=8", "network.depths=[1, 1]"],
        only=["LBD"],
    )
    whole = train_run(run, tmp_path / "whole.pt", machine=Machine())
    broken = tmp_path / "broken.pt"
    with pytest.raises(KeyboardInterrupt):
        train_run(run, broken, machine=Machine(), observers=[_Stop()])
    assert state_path(broken).exists() and not broken.exists()
    resumed = train_run(run, broken, machine=Machine())
    assert dataclasses.replace(resumed, seconds=whole.seconds) == whole
    assert log_path(broken).read_text().count('"epoch"') == 4  # two events, each with its number
    loaded = load_checkpoint(broken)
    assert loaded.meta.metrics == whole.metrics
    assert loaded.meta.config.group == "layer"
    assert whole.costs.binary_macs > 0 and whole.seconds > 0 and not state_path(broken).exists()

"""The command: measures what is missing once, shares a folder, survives interrupts and failed trainings."""

import json

import pytest
import typer
from ablation_samples import sample_measurement, sample_runs
from typer.testing import CliRunner

import benchmarks.ablation as ablation
from benchmarks.ablation import measure
from benchmarks.ablation_store import Store
from models.errors import TrainingError

_OPTIONS = ["--preset", "digits", "--variant", "float", "--variant", "LBD", "--seeds", "2"]


class _Trainer:
    """Gives each variant a score, and knows what it was asked to train."""

    def __init__(self, fails=()):
        self.trained = []
        self._fails = fails

    def __call__(self, run, checkpoint, _observers):
        self.trained.append(run.name)
        assert checkpoint.name == f"{run.name}.pt"
        if run.variant in self._fails:
            raise self._fails[run.variant]
        return sample_measurement(0.9 if run.variant == "float" else 0.6)


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs the command on one folder with a fake trainer; gives exit code, stdout and stderr."""

    def call(trainer, *options):
        def train(run, checkpoint, *, machine, workers, observers):
            assert machine.device.type == "cpu" and workers == 0
            return trainer(run, checkpoint, observers)

        monkeypatch.setattr(ablation, "train_run", train)
        app = typer.Typer()
        app.command()(ablation.main)
        words = [*_OPTIONS, "--out", str(tmp_path / "results"), "--device", "cpu", *options]
        return CliRunner().invoke(app, words)

    return call


def test_what_is_measured_is_not_measured_again(command):
    trainer = _Trainer()
    result = command(trainer, "--json")
    assert result.exit_code == 0, result.output
    twin, lbd = json.loads(result.stdout)
    assert (twin["mean"], lbd["mean"], lbd["seeds"]) == (0.9, 0.6, [0, 1])
    assert lbd["benchmark"] == "ablation" and lbd["min_ms"] is None
    assert len(trainer.trained) == 4
    again = command(trainer, "--json")
    assert json.loads(again.stdout) == [twin, lbd] and len(trainer.trained) == 4
    more = command(trainer, "--seeds", "3", "--json")
    assert json.loads(more.stdout)[1]["seeds"] == [0, 1, 2] and len(trainer.trained) == 6


def test_the_table_alone_trains_nothing(command):
    trainer = _Trainer()
    result = command(trainer, "--table-only")
    assert result.exit_code == 0 and not trainer.trained
    assert result.stdout.count("not measured yet") == 2


def test_an_interrupt_keeps_what_is_measured(command):
    interrupted = command(_Trainer({"LBD": KeyboardInterrupt()}))
    assert interrupted.exit_code == 130 and "repeat the command" in interrupted.stderr
    trainer = _Trainer()
    assert command(trainer).exit_code == 0
    assert len(trainer.trained) == 3  # the first float run was there


def test_a_training_that_diverges_leaves_the_others(command):
    failed = command(_Trainer({"LBD": TrainingError("expected a finite loss; got nan")}), "--json")
    assert failed.exit_code == 2
    assert "LBD, K = 3, seed 1: expected a finite loss" in failed.stderr
    assert "2 of 4 trainings failed" in failed.stderr
    twin, lbd = json.loads(failed.stdout)
    assert twin["seeds"] == [0, 1] and lbd["mean"] is None


def test_errors_are_a_sentence(command):
    result = command(_Trainer(), "--variant", "GBD v9")
    assert result.exit_code == 2 and "error: expected variants in float, XNOR-Net" in result.stderr


def test_a_run_that_another_process_works_on_is_left_to_it(tmp_path, capsys):
    store, trainer, runs = Store(tmp_path), _Trainer(), sample_runs(seeds=1)
    with store.claim(runs[0]):
        assert measure(runs, store, trainer, lambda _: None) == []
    assert trainer.trained == [runs[1].name]
    assert "works on it" in capsys.readouterr().err
    measure(runs, store, trainer, lambda _: None)
    assert trainer.trained == [runs[1].name, runs[0].name]


def test_a_run_that_another_process_measured_meanwhile_is_not_repeated(tmp_path):
    store, runs, trained = Store(tmp_path), sample_runs(seeds=1), []

    def train(run, _checkpoint, _observers):
        trained.append(run.variant)
        store.write(runs[1], sample_measurement(0.4))  # as the other process would, while we train the first
        return sample_measurement(0.3)

    measure(runs, store, train, lambda _: None)
    assert trained == ["float"]
    assert store.find(runs[1]) == sample_measurement(0.4)

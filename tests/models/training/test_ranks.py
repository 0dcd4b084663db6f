"""Two processes started by torchrun train as one does; and what starts them wrongly is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import train_in_processes

from models.errors import TrainingError
from models.training.ranks import choose_device, joined_processes
from models.training.task import Shard

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 120


def _two_processes(task, out):
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *(train_in_processes.__file__, task, str(out)),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text())


@pytest.mark.parametrize("task", train_in_processes.TASKS)
def test_two_processes_follow_the_loss_curve_of_one(task, tmp_path):
    """Batch norm, dropout and loss are joined, so only the order of sums differs: units in the last place.

    They grow with each of 16 steps; with signs they could grow at once, so this is the precision of
    pre-training.
    """
    got = _two_processes(task, tmp_path / "result.json")
    epochs, model = train_in_processes.run(task, Shard())
    assert got["world"] == 2
    assert got["losses"] == pytest.approx(epochs.losses, rel=1e-4)
    assert epochs.losses[-1] < epochs.losses[0]
    for scores, expected in zip(got["scores"], epochs.scores, strict=True):
        assert scores == pytest.approx(expected, abs=2e-3)
    for name, tensor in model.state_dict().items():
        other = torch.tensor(got["state"][name], dtype=tensor.dtype)
        torch.testing.assert_close(other, tensor, rtol=1e-3, atol=1e-4)


def test_alone_without_torchrun(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    with joined_processes(torch.device("cpu")) as shard:
        assert shard == Shard(0, 1)


def test_incomplete_variables_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(TrainingError, match="torchrun"), joined_processes(torch.device("cpu")):
        pass


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("gpu", "auto, cpu, cuda"), ("meta", "auto, cpu, cuda"), ("cpu:1", "cpu, cuda"), ("cuda:7", "got none")],
)
def test_devices_that_are_not_there_are_refused(monkeypatch, name, complaint):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match=complaint):
        choose_device(name)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")


def test_a_number_beyond_the_devices_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(TrainingError, match="device below 2; got 'cuda:2'"):
        choose_device("cuda:2")

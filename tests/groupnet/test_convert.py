"""`groupnet convert` on a generated official checkpoint: what is written, said and refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from groupnet import boundary, cli
from models.checkpoint import load_checkpoint

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run() -> Run:
    """Runs `groupnet convert`; gives exit code, stdout and stderr."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        done = CliRunner().invoke(cli.app, ["convert", *map(str, arguments)])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return call


def _norm(name: str, channels: int) -> dict[str, torch.Tensor]:
    kinds = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{kind}": torch.rand(channels) + 0.5 for kind in kinds}


def _state() -> dict[str, torch.Tensor]:
    """Two blocks of two bases in one layer, averaged, with a gate before the second."""
    torch.manual_seed(0)
    state = {"conv1.weight": torch.randn(4, 3, 7, 7), **_norm("bn1", 4)}
    for block in range(2):
        for k in range(2):
            for index in (1, 2):
                state[f"layer1.{block}.conv{index}.{k}.weight"] = torch.randn(4, 4, 3, 3)
                state |= _norm(f"layer1.{block}.bn{index}.{k}", 4)
    state["layer1.1.block_gate"] = torch.rand(1)
    return state | {"fc.weight": torch.randn(3, 4), "fc.bias": torch.randn(3)}


@pytest.fixture
def official(tmp_path: Path) -> Path:
    path = tmp_path / "model_best.pth.tar"
    torch.save({"epoch": 40, "state_dict": _state(), "best_top1": 64.8}, path)
    return path


def test_the_checkpoint_loads_with_labels_and_imagenet_normalisation(
    run: Run, official: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("cat\ndog\nbird\n")
    code, out, err = run(official, "--out", tmp_path / "x.pt", "--input-size", "32", "--labels", labels)
    assert code == 0 and "K = 2, gate block, fusion average" in out
    assert "base 0 hand on the sum" in err
    loaded = load_checkpoint(tmp_path / "x.pt")
    assert loaded.meta.labels == ("cat", "dog", "bird")
    assert loaded.meta.preprocessing.mean == (0.485, 0.456, 0.406)
    assert loaded.meta.training_command == "groupnet convert model_best.pth.tar"
    assert loaded.model(torch.randn(1, 3, 32, 32)).shape == (1, 3)


def test_json_says_what_was_found(run: Run, official: Path, tmp_path: Path) -> None:
    code, out, _ = run(official, "--out", tmp_path / "x.pt", "--input-size", "32", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["config"]["depths"] == [2] and found["config"]["bases"] == 2
    assert found["architecture"] == "groupnet"


@pytest.mark.parametrize("content", [{"state_dict": 3}, {"weights": [1]}, {1: torch.zeros(2)}])
def test_a_file_without_parameters_is_refused(run: Run, tmp_path: Path, content: dict[str, object]) -> None:
    torch.save(content, tmp_path / "other.pth")
    code, out, err = run(tmp_path / "other.pth", "--out", tmp_path / "x.pt")
    assert (code, out) == (boundary.EXIT_ERROR, "")
    assert "expected a state_dict" in err and not (tmp_path / "x.pt").exists()


def test_labels_must_be_as_many_as_classes(run: Run, official: Path, tmp_path: Path) -> None:
    (tmp_path / "two.txt").write_text("cat\ndog\n")
    options = ("--out", tmp_path / "x.pt", "--input-size", "32", "--labels")
    assert "expected 3 class names" in run(official, *options, tmp_path / "two.txt")[2]
    assert "text file of class names" in run(official, *options, tmp_path / "none.txt")[2]

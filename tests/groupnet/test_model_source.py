"""What the user calls a model becomes the right network, and a file runs no code of its own."""

import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from groupnet import exported_program
from groupnet.errors import ModelSourceError
from groupnet.model_source import Request, find_checkpoint, load_model
from models.binary_conv2d import binary_conv2d
from models.checkpoint import save_checkpoint
from models.metadata import ModelMeta, Preprocessing
from models.registry import build


class TinyNet(nn.Module):
    """One binary convolution between two float operations."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = binary_conv2d(x, self.weight, [1, 1], [1, 1], [1, 1], 1) * 0.5
        return result.mean((2, 3))


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.pt2"
    torch.export.save(torch.export.export(TinyNet().eval(), (torch.zeros(2, 2, 8, 8),)), path)
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    network = build("groupnet_digits", bases=1, input_size=16, seed=3)
    path = tmp_path / "mine.pt"
    meta = ModelMeta(
        architecture="groupnet_digits",
        config=network.config,
        task="classification",
        labels=tuple("0123456789"),
        preprocessing=Preprocessing(input_size=16, channels=1, mean=(0.3,), std=(0.2,)),
        training_command="",
        seed=3,
        metrics={},
    )
    save_checkpoint(path, network, meta)
    return path


def count_binary_convolutions(program: torch.export.ExportedProgram) -> int:
    return sum("binary_conv2d" in str(node.target) for node in program.graph.nodes)


def test_an_architecture_has_random_weights_of_its_seed() -> None:
    model = load_model(Request("groupnet_digits", bases=2, input_size=16, seed=7))
    assert model.name == "groupnet_digits_k2"
    assert model.source.random_weights
    assert (model.source.bases, model.source.seed, model.source.checkpoint) == (2, 7, None)
    assert model.example().shape == (1, 1, 16, 16)
    assert count_binary_convolutions(model.exported) > 0
    x = torch.from_numpy(model.example())
    outputs = [
        load_model(Request("groupnet_digits", bases=2, input_size=16, seed=seed)).exported.module()(x)
        for seed in (7, 7, 8)
    ]
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_a_checkpoint_brings_its_own_description(checkpoint: Path) -> None:
    model = load_model(Request(str(checkpoint)))
    assert model.name == "mine"
    assert model.labels == tuple("0123456789")
    assert model.preprocessing.mean == (0.3,)
    assert not model.source.random_weights
    loaded = find_checkpoint(model.source)
    x = torch.from_numpy(model.example())
    torch.testing.assert_close(loaded.model(x), model.exported.module()(x))


def test_a_checkpoint_that_moved_or_changed_is_not_taken_for_the_same(checkpoint: Path) -> None:
    source = load_model(Request(str(checkpoint))).source
    kept = shutil.copy(checkpoint, checkpoint.with_name("kept.pt"))
    with checkpoint.open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelSourceError, match="another checkpoint"):
        find_checkpoint(source)
    checkpoint.unlink()
    with pytest.raises(ModelSourceError, match="is gone"):
        find_checkpoint(source)
    shutil.move(kept, checkpoint)
    find_checkpoint(source)


def test_random_weights_and_exported_programs_have_no_checkpoint(exported: Path) -> None:
    with pytest.raises(ModelSourceError, match="random weights"):
        find_checkpoint(load_model(Request("groupnet_digits", bases=1, input_size=16)).source)
    with pytest.raises(ModelSourceError, match="exported program"):
        find_checkpoint(load_model(Request(str(exported))).source)


def test_an_exported_program(exported: Path) -> None:
    model = load_model(Request(str(exported)))
    assert (model.name, model.task, model.batch, model.preprocessing.input_size) == ("tiny", "unknown", 2, 8)
    assert count_binary_convolutions(model.exported) == 1
    x = model.example()
    assert x.shape == (2, 2, 8, 8)
    torch.testing.assert_close(
        model.exported.module()(torch.from_numpy(x)), TinyNet()(torch.from_numpy(x)).detach()
    )


@pytest.mark.parametrize(
    ("inputs", "described"),
    [
        ((torch.zeros(1, 2, 8, 6),), r"\[1, 2, 8, 6\]"),
        ((torch.zeros(1, 2, 8, 8, dtype=torch.float64),), "float64"),
        ((torch.zeros(2, 8),), r"\[2, 8\]"),
        ((torch.zeros(1, 2, 8, 8), torch.zeros(1)), r"float32 \[1\]"),
    ],
)
def test_an_exported_program_of_something_else(
    tmp_path: Path, inputs: tuple[torch.Tensor, ...], described: str
) -> None:
    class Sum(nn.Module):
        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            return torch.stack([tensor.sum() for tensor in tensors])

    path = tmp_path / "other.pt2"
    torch.export.save(torch.export.export(Sum(), inputs), path)
    with pytest.raises(ModelSourceError, match=described):
        exported_program.load_exported(path)


class Payload:
    """Pickles to a call of print, which stands for anything."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("the file ran code",)


@pytest.mark.parametrize("member", ["data/constants/opaque_obj_0", "data/constants/custom_obj_0"])
def test_an_exported_program_with_objects_is_refused(exported: Path, member: str) -> None:
    with zipfile.ZipFile(exported, "a") as archive:
        archive.writestr(f"tiny/{member}", pickle.dumps(Payload()))
    with pytest.raises(ModelSourceError, match="could run any code"):
        exported_program.load_exported(exported)


def test_a_pickled_weight_runs_no_code(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The archive's own table may ask torch to unpickle a weight: it gets tensors or nothing."""
    changed = tmp_path / "changed.pt2"
    with zipfile.ZipFile(exported) as source, zipfile.ZipFile(changed, "w") as target:
        found = 0
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("weights_config.json"):
                found += content.count(b'"use_pickle": false')
                content = content.replace(b'"use_pickle": false', b'"use_pickle": true')
            elif "/weights/" in name:
                content = pickle.dumps(Payload())
            target.writestr(name, content)
    assert found == 1
    with pytest.raises(ModelSourceError, match="torch cannot read it"):
        exported_program.load_exported(changed)
    assert "ran code" not in capsys.readouterr().out


def test_the_example_has_both_signs() -> None:
    x = load_model(Request("groupnet_digits", bases=1, input_size=16)).example()
    assert x.dtype == np.float32
    assert (x > 0).any() and (x < 0).any()

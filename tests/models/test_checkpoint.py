"""Checkpoints: what is saved comes back, and every kind of damage is named."""

import dataclasses

import numpy as np
import pytest
import torch

from models.checkpoint import load_checkpoint, save_checkpoint
from models.deploy import SignConv2d
from models.errors import CheckpointError, ConfigError
from models.metadata import ModelMeta, Preprocessing
from models.randomize import randomize
from models.registry import build

# Width 5 and 3x3 kernels give 225 binary weights: the last byte is not full.
OPTIONS = {"bases": 2, "depths": (1, 1), "width": 5, "stem": "small", "input_size": 8}
IMAGE = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def _net(**overrides):
    net = build("groupnet_digits", **(OPTIONS | overrides))
    randomize(net, seed=0)
    return net


def _meta(net):
    return ModelMeta(
        architecture="groupnet_digits",
        config=net.config,
        task="classification",
        labels=tuple("0123456789"),
        preprocessing=Preprocessing(input_size=8, channels=1, mean=(0.3,), std=(0.25,)),
        training_command="groupnet train digits",
        seed=7,
        metrics={"top1": 0.5},
    )


@pytest.fixture
def saved(tmp_path):
    net = _net()
    path = tmp_path / "net.pt"
    save_checkpoint(path, net, _meta(net))
    return path


def _edit(path, change):
    payload = torch.load(path, weights_only=True)
    change(payload)
    torch.save(payload, path)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"fusion": "learned", "gate": "base"},
        {"group": "layer", "gate": "none"},
        {"downsample": "float"},
        {"precision": "float"},
        {"precision": "tanh", "pad_value": -1},
    ],
)
def test_a_loaded_net_computes_the_same(tmp_path, overrides):
    net = _net(**overrides)
    save_checkpoint(tmp_path / "net.pt", net, _meta(net))
    loaded = load_checkpoint(tmp_path / "net.pt")
    assert loaded.meta == _meta(net)
    assert not loaded.model.training
    assert torch.equal(loaded.model(IMAGE), net.eval()(IMAGE))


def test_a_loaded_net_can_be_saved_again_and_gives_the_same_bytes(saved, tmp_path):
    loaded = load_checkpoint(saved)
    again = tmp_path / "under_another_name.pt"
    save_checkpoint(again, loaded.model, loaded.meta)
    assert again.read_bytes() == saved.read_bytes()


def test_a_loaded_net_exports(saved):
    exported = torch.export.export(load_checkpoint(saved).model, (IMAGE[:1],))
    targets = [str(node.target) for node in exported.graph.nodes]
    assert targets.count("groupnet.binary_conv2d.default") == 2 * 2 * 2 + 2


def test_binary_weights_take_one_bit_with_the_first_in_the_lowest(saved):
    payload = torch.load(saved, weights_only=True)
    net = load_checkpoint(saved).model
    for name, module in net.named_modules():
        if isinstance(module, SignConv2d):
            bits = payload["signs"][f"{name}.weight"]
            assert bits.dtype == torch.uint8 and bits.numel() == (module.weight.numel() + 7) // 8
            assert int(bits[0]) & 1 == (module.weight.flatten()[0] > 0)


def test_saving_with_the_description_of_another_net_is_refused(tmp_path):
    net = _net()
    with pytest.raises(CheckpointError, match="binary weights of the described network"):
        save_checkpoint(tmp_path / "net.pt", net, _meta(_net(bases=3)))
    with pytest.raises(CheckpointError, match=r"expected .*as torch"):
        save_checkpoint(tmp_path / "net.pt", net, _meta(_net(width=4)))
    assert not list(tmp_path.iterdir())


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="No such file"):
        load_checkpoint(tmp_path / "none.pt")
    with pytest.raises(CheckpointError, match="Is a directory"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("keep", [0, 10, 1000, -1])
def test_a_truncated_file_is_refused(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="truncated or no checkpoint"):
        load_checkpoint(saved)


def test_an_altered_weight_is_refused(saved):
    def flip(payload):
        next(iter(payload["signs"].values()))[0] ^= 1

    _edit(saved, flip)
    with pytest.raises(CheckpointError, match="sha256"):
        load_checkpoint(saved)


def test_an_altered_description_is_refused(saved):
    _edit(saved, lambda payload: payload["meta"]["metrics"].update(top1=0.99))
    with pytest.raises(CheckpointError, match="sha256"):
        load_checkpoint(saved)


def test_any_altered_byte_is_refused_or_harmless(saved):
    """A zip holds bytes that nobody reads; a flip anywhere else must be found."""
    intact, expected = saved.read_bytes(), load_checkpoint(saved)
    for position in np.random.default_rng(0).integers(0, len(intact), 40):
        altered = bytearray(intact)
        altered[position] ^= 0x10
        saved.write_bytes(altered)
        try:
            loaded = load_checkpoint(saved)
        except CheckpointError:
            continue
        assert loaded.meta == expected.meta
        assert torch.equal(loaded.model(IMAGE), expected.model(IMAGE))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 not a zip"])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


@pytest.mark.parametrize("payload", [[1, 2], {"weights": torch.zeros(1)}])
def test_a_torch_file_of_another_kind_is_refused(tmp_path, payload):
    torch.save(payload, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"use (a file|one) that training wrote"):
        load_checkpoint(tmp_path / "other.pt")


def test_a_pickled_module_is_refused_without_running_it(tmp_path):
    torch.save(_net(), tmp_path / "module.pt")
    with pytest.raises(CheckpointError, match="cannot read"):
        load_checkpoint(tmp_path / "module.pt")


def test_another_schema_is_named(saved):
    _edit(saved, lambda payload: payload.update(schema=2))
    with pytest.raises(CheckpointError, match="expected checkpoint schema 1; got 2"):
        load_checkpoint(saved)


def test_missing_and_extra_fields_are_refused(saved):
    _edit(saved, lambda payload: payload.update(extra=1))
    with pytest.raises(CheckpointError, match="extra"):
        load_checkpoint(saved)


@pytest.mark.parametrize("part", ["signs", "floats"])
def test_missing_and_unknown_tensors_are_refused(saved, part):
    def rename(payload):
        name, tensor = payload[part].popitem()
        payload[part][f"{name}x"] = tensor
        payload["sha256"] = _digest_of(payload)

    _edit(saved, rename)
    with pytest.raises(CheckpointError, match=r"missing .* unknown"):
        load_checkpoint(saved)


def test_a_tensor_of_another_shape_or_type_is_refused(saved):
    def reshape(payload):
        payload["floats"]["classifier.bias"] = torch.zeros(9)
        payload["sha256"] = _digest_of(payload)

    _edit(saved, reshape)
    with pytest.raises(
        CheckpointError, match=r"classifier.bias as torch.float32 \[10\]; got torch.float32 \[9\]"
    ):
        load_checkpoint(saved)


def test_something_else_than_tensors_is_refused(saved):
    _edit(saved, lambda payload: payload.update(signs=[1, 2]))
    with pytest.raises(CheckpointError, match="tensors by name"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda meta: meta.pop("seed"),
        lambda meta: meta.update(labels=["a"]),
        lambda meta: meta["config"].update(bases=0),
        lambda meta: meta["config"].update(depths=3),
        lambda meta: meta["preprocessing"].update(std=[0.0]),
        lambda meta: meta["preprocessing"].update(mean=[]),
        lambda meta: meta["preprocessing"].update(input_size=9),
        lambda meta: meta.update(preprocessing=None),
        lambda meta: meta.update(config=None),
    ],
)
def test_a_description_that_is_not_valid_is_refused(saved, change):
    def redescribe(payload):
        change(payload["meta"])
        payload["sha256"] = _digest_of(payload)

    _edit(saved, redescribe)
    with pytest.raises(CheckpointError, match="description of a Group-Net"):
        load_checkpoint(saved)


def test_an_interrupted_save_leaves_the_old_file(saved, monkeypatch):
    intact = saved.read_bytes()

    def fail(_descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr("models.torch_file.os.fsync", fail)
    net = _net()
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(saved, net, _meta(net))
    assert saved.read_bytes() == intact
    assert list(saved.parent.iterdir()) == [saved]


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    net = _net()
    with pytest.raises(CheckpointError, match="expected to write"):
        save_checkpoint(tmp_path / "none" / "net.pt", net, _meta(net))


def test_a_description_of_another_network_cannot_be_made():
    meta = _meta(_net())
    with pytest.raises(ConfigError, match="labels"):
        dataclasses.replace(meta, labels=("a", "b"))


def _digest_of(payload):
    from models.checkpoint import _digest

    return _digest(payload["meta"], payload["signs"], payload["floats"])

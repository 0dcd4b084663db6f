"""Every registered architecture, made small: it builds, runs, deploys and exports; the documented costs."""

from pathlib import Path

import pytest
import torch

from models.complexity import complexity
from models.deploy import deploy
from models.randomize import randomize
from models.registry import architectures, build, config_of

ARCHITECTURES = [info.name for info in architectures()]


def _small(name):
    """Narrow, one block a stage, few pixels."""
    config = config_of(name)
    backbone = getattr(config, "backbone", config)
    size = 32 if config.input_size == 32 else 64
    overrides = {"width": 4, "num_classes": 3, "depths": (1,) * len(backbone.depths), "input_size": size}
    overrides["bases"] = min(config.bases, 2)
    if config.task == "detection":
        overrides |= {"pyramid_channels": 8, "tower_depth": 1}
    return build(name, **overrides), size


def _tensors(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_runs_deploys_and_exports(name):
    net, size = _small(name)
    randomize(net, 0)
    image = torch.randn(1, net.config.in_channels, size, size, generator=torch.Generator().manual_seed(0))
    expected = _tensors(net.eval()(image))
    assert all(tensor.isfinite().all() for tensor in expected)
    deployed = deploy(net)
    exported = torch.export.export(deployed, (image,)).module()
    for latent, signs, graph in zip(
        expected, _tensors(deployed(image)), _tensors(exported(image)), strict=True
    ):
        torch.testing.assert_close(signs, latent, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(graph, signs)
    if net.config.task == "classification":
        assert expected[0].shape == (1, 3)


def _count(name):
    config = config_of(name)
    with torch.device("meta"):
        return complexity(build(name), (config.in_channels, config.input_size, config.input_size))


@pytest.mark.parametrize("name", [info.name for info in architectures() if info.task != "classification"])
def test_other_tasks_can_be_counted_at_full_size(name):
    counts = _count(name)
    assert counts.binary_macs > counts.float_macs > 0
    assert counts.binary_weights > counts.float_parameters > 0


def test_the_documented_costs_of_classifiers_are_those_of_today():
    lines = (Path(__file__).parents[2] / "docs" / "networks.md").read_text().splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]
    documented = {row[0]: row[1:] for row in rows if row[0] in ARCHITECTURES}
    infos = {info.name: info for info in architectures() if info.task == "classification"}
    assert documented.keys() == infos.keys()
    for name, row in documented.items():
        counts = _count(name)
        assert row == [
            str(infos[name].default_bases),
            f"{counts.binary_weights / 1e6:.2f}",
            f"{counts.model_bytes / 1e6:.2f}",
            f"{counts.binary_macs / 1e9:.3f}",
            f"{counts.float_macs / 1e6:.1f}",
            f"{counts.equivalent_macs / 1e6:.1f}",
        ]

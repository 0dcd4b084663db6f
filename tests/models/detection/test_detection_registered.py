"""The registered detection networks cost what the documentation says."""

from pathlib import Path

import pytest
import torch

from models.complexity import complexity
from models.registry import architectures, build

INFOS = [info for info in architectures() if info.task == "detection"]


@pytest.mark.parametrize("info", INFOS, ids=lambda info: info.name)
def test_documented_costs_are_those_of_today(info):
    text = (Path(__file__).parents[3] / "docs" / "heads.md").read_text(encoding="utf-8")
    with torch.device("meta"):
        counts = complexity(build(info.name), (info.in_channels, info.input_size, info.input_size))
    row = (
        f"| `{info.name}` | {info.input_size} | {counts.binary_weights / 1e6:.2f} | "
        f"{counts.model_bytes / 1e6:.2f} | {counts.binary_macs / 1e9:.3f} | {counts.float_macs / 1e6:.1f} | "
        f"{counts.equivalent_macs / 1e6:.1f} |"
    )
    assert info.default_bases == 5 and row in text.splitlines()

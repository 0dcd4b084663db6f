"""The papers' variants of one network by name, as overrides of its description, for tables of ablations.

Sources: CVPR 2019 is arXiv 1811.10413, IJCV 2022 is arXiv 1909.09934, "code" is the authors' classification
code. All hold at any K. The ablation rows of CVPR 2019 learn their scales, as its models did.
"""

import dataclasses
from typing import Any

from models.errors import UnknownNameError


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        name: What the papers call it, or what distinguishes it.
        meaning: What is decomposed, and how branches meet.
        source: Where it is defined.
        overrides: Fields of `GroupNetConfig`, for `config.replace(**variant.overrides)`.
    """

    name: str
    meaning: str
    source: str
    overrides: dict[str, Any]


def variants() -> list[Variant]:
    """All variants, from the finest decomposition to the coarsest, then Group-Net itself."""
    return [
        Variant(
            "LBD",
            "each convolution is a group",
            "CVPR 2019, layer-wise decomposition; code, new_conv",
            _switches(fusion="learned", gate="none", group="layer"),
        ),
        Variant(
            "GBD v1",
            "each residual block is a group; no soft connections",
            "CVPR 2019, group-wise decomposition; code, model_ablation_2",
            _switches(fusion="learned", gate="none"),
        ),
        Variant(
            "GBD v2",
            "two residual blocks are a group; no soft connections",
            "CVPR 2019, group-wise decomposition",
            _switches(fusion="learned", gate="none", group="two_blocks"),
        ),
        Variant(
            "GBD v3",
            "the whole network is one group: an ensemble",
            "CVPR 2019, group-wise decomposition",
            _switches(fusion="learned", gate="none", group="net"),
        ),
        Variant(
            "Group-Net (learned scales)",
            "GBD v1 with one soft connection a block",
            "CVPR 2019; code, model_ablation_1",
            _switches(fusion="learned", gate="block"),
        ),
        Variant(
            "Group-Net (a gate for each base)",
            "GBD v1 with a soft connection for each base of a block",
            "CVPR 2019, whose theta has one entry for each base",
            _switches(fusion="learned", gate="base"),
        ),
        Variant(
            "Group-Net",
            "averaged branches with one soft connection a block",
            "IJCV 2022; code, model",
            _switches(fusion="average", gate="block"),
        ),
        Variant(
            "Group-Net without gates",
            "averaged branches without soft connections",
            "our control for the row above",
            _switches(fusion="average", gate="none"),
        ),
        Variant(
            "Group-Net**",
            "Group-Net with float 1x1 shortcuts",
            "CVPR 2019",
            _switches(fusion="average", gate="block", downsample="float"),
        ),
    ]


def variant(name: str) -> Variant:
    """The variant of that name.

    Raises:
        UnknownNameError: There is none; the message lists the closest names.
    """
    by_name = {entry.name: entry for entry in variants()}
    if name not in by_name:
        raise UnknownNameError("variant", name, by_name)
    return by_name[name]


def _switches(fusion: str, gate: str, group: str = "block", downsample: str = "binary") -> dict[str, Any]:
    """All four switches, so that a variant is the same whatever network it is applied to."""
    return {"fusion": fusion, "gate": gate, "group": group, "downsample": downsample}

"""The trained networks that come with the package. Listing them needs no torch."""

import dataclasses
from pathlib import Path

_FOLDER = Path(__file__).parent / "zoo"


@dataclasses.dataclass(frozen=True)
class ZooEntry:
    """One trained network.

    Attributes:
        name: What a user calls it.
        task: `classification`, `segmentation` or `detection`.
        path: Its checkpoint.
        architecture: Registered name.
        bases: K.
        data: The data set that it was trained and scored on.
        metric: The task's main score: `top1`, `miou` or `ap` (COCO's, over IoU 0.5 to 0.95).
        score: Its value on the test images, 0 to 1, as the checkpoint records it.
        description: One sentence.
    """

    name: str
    task: str
    path: Path
    architecture: str
    bases: int
    data: str
    metric: str
    score: float
    description: str


def entries() -> list[ZooEntry]:
    """All trained networks."""
    return [
        ZooEntry(
            name="digits-k3",
            task="classification",
            path=_FOLDER / "digits_k3.pt",
            architecture="groupnet_digits",
            bases=3,
            data="digits",
            metric="top1",
            score=0.9944,
            description="Handwritten digits, 32x32 grey; block groups, soft gates, binary shortcuts",
        ),
        ZooEntry(
            name="shapes-k5",
            task="classification",
            path=_FOLDER / "shapes_k5.pt",
            architecture="groupnet_shapes",
            bases=5,
            data="shapes-classification",
            metric="top1",
            score=0.9,
            description="Ten kinds of generated shapes before photographs, 64x64 colour",
        ),
        ZooEntry(
            name="shapes-bpac-k5",
            task="segmentation",
            path=_FOLDER / "shapes_bpac_k5.pt",
            architecture="groupnet_shapes_bpac",
            bases=5,
            data="shapes",
            metric="miou",
            score=0.4237,
            description="Masks of the same shapes, 96x96; binary parallel atrous convolution, stride 8",
        ),
        ZooEntry(
            name="shapes-fcos-k5",
            task="detection",
            path=_FOLDER / "shapes_fcos_k5.pt",
            architecture="groupnet_shapes_fcos",
            bases=5,
            data="shapes",
            metric="ap",
            score=0.3695,
            description="Boxes of the same shapes, 128x128; FCOS with binary pyramid and towers",
        ),
    ]

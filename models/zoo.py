"""The trained networks that come with the package. Listing them needs no torch."""

import dataclasses
from pathlib import Path

_FOLDER = Path(__file__).parent / "zoo"


@dataclasses.dataclass(frozen=True)
class ZooEntry:
    """One trained network.

    Attributes:
        name: What a user calls it.
        task: `classification`.
        path: Its checkpoint.
        architecture: Registered name.
        bases: K.
        data: The data set that `top1` was measured on.
        top1: Accuracy on the test images, 0 to 1, as the checkpoint records it.
        description: One sentence.
    """

    name: str
    task: str
    path: Path
    architecture: str
    bases: int
    data: str
    top1: float
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
            top1=0.9944,
            description="Handwritten digits, 32x32 grey; block groups, soft gates, binary shortcuts",
        )
    ]

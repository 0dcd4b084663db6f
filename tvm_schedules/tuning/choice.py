"""One point of a kernel's search space, written as the tile part of the kernel's name."""

from dataclasses import dataclass
from typing import Any

from tvm_schedules.errors import KernelError
from tvm_schedules.geometry import Pair
from tvm_schedules.naming import Fields, join_fields, split_fields
from tvm_schedules.tile import Counter, Tile

_FIELDS = {"t": 2, "v": 1, "u": 1, "a": 1, "r": 2}
_REQUIRED = ("t", "v", "u")


@dataclass(frozen=True)
class Choice:
    """What a kernel is built with; `str` is the tile part of its name, as in `t1x7v2u2`.

    Attributes:
        tile: the register tile.
        region: rows and columns of a region, of grouped kernels alone.
    """

    tile: Tile
    region: Pair | None = None

    def __str__(self) -> str:
        return join_fields({**self.tile.name_fields(), **({"r": self.region} if self.region else {})})

    def options(self) -> dict[str, Any]:
        """Arguments of the kernel's maker."""
        return {"tile": self.tile, **({"region": self.region} if self.region else {})}


def choice_of_fields(fields: Fields) -> Choice:
    """Return the choice that the tile part of a kernel's name says.

    Raises:
        KernelError: if a field is missing, unknown, or of another length.
    """
    lengths = {key: len(values) for key, values in fields.items()}
    if any(key not in lengths for key in _REQUIRED) or lengths != {key: _FIELDS.get(key) for key in lengths}:
        raise KernelError(f"expected the fields t, v, u and maybe a, r; got {fields}; take them from a name")
    counter = Counter(fields["a"][0]) if "a" in fields else None
    (rows, columns), (vectors,), (unroll,) = fields["t"], fields["v"], fields["u"]
    region = (fields["r"][0], fields["r"][1]) if "r" in fields else None
    return Choice(Tile(rows, columns, vectors, unroll, counter), region)


def parse_choice(text: str) -> Choice:
    """Return the choice of a text such as `t1x7v2u2`.

    Raises:
        KernelError: if it is no such text.
    """
    try:
        choice = choice_of_fields(split_fields(text))
    except ValueError as exc:
        raise KernelError(f"expected a tile such as t1x7v2u2; got {text!r}; {exc}") from exc
    if str(choice) != text:
        raise KernelError(f"expected a tile such as t1x7v2u2; got {text!r}; take it from a kernel's name")
    return choice

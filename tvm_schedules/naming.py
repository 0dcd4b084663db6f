"""Names of kernels: `<op>_<types>_<layout>_<geometry>_<tile>__<isa>`.

    binary_conv2d_b1b1f32b1_nhwc_n1h56w56c64o64k3x3s1x1p1x1d1x1b1x1relu1add1m1pack1x1pad1_t1x14v2u2__neon

`op`        pack, pack_planes, binary_conv2d, bitserial_conv2d, grouped_conv2d,
            float_conv2d, pixel_conv2d, dense, combine, resize, glue
`types`     element types of the operands and, last, of the results: b1 (a packed sign), b2 (two bipolar bit
            planes), u4 (four unipolar ones), f32, i64, ...
`layout`    nhwc, nc, or any
`geometry`  fields: lower-case letters, then integers joined by `x`; everything that changes the code is
            in it: n, h, w, c, o = batch, rows, columns, channels in and out; k, s, p, d = kernel, stride,
            padding, dilation; b = border of the packed input; relu, mixed, floats = 0 or 1; add = 1 with a
            residual, 2 where the result is written over it;
            m = branches; to = rows x columns that an image is resized to, linear = 0 or 1;
            pack, pad = border of the packed output and whether it holds +1 (planes: its level)
`tile`      fields likewise: t = pixels of a register tile (rows x columns), v = vectors of output channels,
            u = unroll, r = pixels of a region of a group (rows x columns), a = bits of the lanes that count
            where a tile names them, svl = bits of a streaming vector
`isa`       a value of `InstructionSet`
"""

import re
from dataclasses import dataclass

from tvm_schedules.errors import KernelError
from tvm_schedules.targets import InstructionSet

OPS = (
    "pack",
    "pack_planes",
    "binary_conv2d",
    "bitserial_conv2d",
    "grouped_conv2d",
    "float_conv2d",
    "pixel_conv2d",
    "dense",
    "combine",
    "resize",
    "glue",
)
LAYOUTS = ("nhwc", "nc", "any")

Fields = dict[str, tuple[int, ...]]

_FIELD = r"[a-wyz][a-z]*\d+(?:x\d+)*"
_NAME = re.compile(
    rf"(?P<op>{'|'.join(OPS)})"
    r"_(?P<types>(?:(?:b|f|i|u)\d+|bool)+)"
    rf"_(?P<layout>{'|'.join(LAYOUTS)})"
    rf"_(?P<geometry>(?:{_FIELD})+)"
    rf"_(?P<tile>(?:{_FIELD})+)"
    rf"__(?P<isa>{'|'.join(isa.value for isa in InstructionSet)})"
)


@dataclass(frozen=True)
class KernelName:
    """The parts of a kernel's name; `str()` puts them together."""

    op: str
    types: str
    layout: str
    geometry: Fields
    tile: Fields
    isa: InstructionSet

    def __str__(self) -> str:
        geometry, tile = join_fields(self.geometry), join_fields(self.tile)
        return f"{self.op}_{self.types}_{self.layout}_{geometry}_{tile}__{self.isa.value}"


def join_fields(fields: Fields) -> str:
    """Write fields one behind the other, as in `t1x7v2u2`."""
    return "".join(key + "x".join(map(str, values)) for key, values in fields.items())


def split_fields(text: str) -> Fields:
    """Read what `join_fields` wrote."""
    return {
        match.group(1): tuple(int(part) for part in match.group(2).split("x"))
        for match in re.finditer(r"([a-z]+?)(\d+(?:x\d+)*)", text)
    }


def parse_kernel_name(name: str) -> KernelName:
    """Take a kernel's name apart.

    Raises:
        KernelError: if the name does not follow the grammar at the top of this file.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise KernelError(
            f"expected a kernel name <op>_<types>_<layout>_<geometry>_<tile>__<isa>; got {name!r}; "
            "build names with KernelName"
        )
    return KernelName(
        op=match["op"],
        types=match["types"],
        layout=match["layout"],
        geometry=split_fields(match["geometry"]),
        tile=split_fields(match["tile"]),
        isa=InstructionSet(match["isa"]),
    )

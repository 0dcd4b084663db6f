"""The grammar of kernel names."""

import pytest

from tvm_schedules.errors import KernelError
from tvm_schedules.naming import KernelName, parse_kernel_name
from tvm_schedules.targets import InstructionSet

NAME = KernelName(
    op="binary_conv2d",
    types="b1b1f32",
    layout="nhwc",
    geometry={"n": (1,), "h": (56,), "k": (3, 3), "relu": (1,)},
    tile={"t": (1, 8), "v": (2,)},
    isa=InstructionSet.AVX512_VPOPCNTDQ,
)
TEXT = "binary_conv2d_b1b1f32_nhwc_n1h56k3x3relu1_t1x8v2__avx512_vpopcntdq"


def test_name_to_text_and_back():
    assert str(NAME) == TEXT
    assert parse_kernel_name(TEXT) == NAME


@pytest.mark.parametrize(
    "text",
    [
        "",
        "main",
        TEXT.replace("binary_conv2d", "bconv"),
        TEXT.replace("__avx512_vpopcntdq", "__sse9"),
        TEXT.replace("__", "_"),
        TEXT.replace("nhwc", "nchw"),
        TEXT + "_1",
        TEXT.replace("b1b1f32", "q8"),
    ],
)
def test_other_names_are_refused(text):
    with pytest.raises(KernelError, match="expected a kernel name"):
        parse_kernel_name(text)

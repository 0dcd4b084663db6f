"""Products are counted from names: each kind of kernel as its shape counts them."""

from tvm_schedules.naming import parse_kernel_name
from tvm_schedules.products import multiply_accumulates, product_class


def counted(op: str, types: str, geometry: str) -> tuple[str | None, int]:
    name = parse_kernel_name(f"{op}_{types}_nhwc_{geometry}_t1x1__neon")
    return product_class(name), multiply_accumulates(name)


def test_every_kind_is_counted() -> None:
    convolution = "n1h9w7c33o40k3x3s2x2p1x1d1x1"
    products = 5 * 4 * 40 * 9 * 33
    assert counted("binary_conv2d", "b1b1f32", convolution + "b1x1m1") == ("binary", products)
    assert counted("grouped_conv2d", "b1b1f32", convolution + "b1x1m5") == ("binary", 5 * products)
    assert counted("bitserial_conv2d", "u3u2f32", convolution + "b1x1relu0") == ("binary", 6 * products)
    assert counted("float_conv2d", "u8f32f32", convolution + "bias1") == ("float", products)
    assert counted("pixel_conv2d", "u8i8f32", convolution + "relu0") == ("float", products)
    assert counted("dense", "f32f32f32", "n2c64o10") == ("float", 2 * 64 * 10)
    assert counted("pack", "f32b1", "n1h9w7c33b1x1") == (None, 0)

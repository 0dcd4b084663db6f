"""Labels tell kernels apart, and stay short."""

from groupnet.kernel_labels import kernel_label, kernel_labels

ENDING = "n1h56w56c64o64k3x3s1x1p1x1d1x1b1x1relu1"


def test_labels_say_kind_window_extents_and_ending() -> None:
    stem = "float_conv2d_u8f32f32_nhwc_n1h224w224c3o64k7x7s2x2p3x3d1x1bias1relu0__neon"
    group = f"grouped_conv2d_b1b1b1_nhwc_{ENDING}add1m5mixed0floats0pack1x1pad1__neon"
    wide = f"binary_conv2d_b1b1f32b1_nhwc_{ENDING}add1m5pack1x1pad1__neon"
    assert kernel_label(stem) == "float 7x7/2, 224x224x3 to 64 of pixels"
    bytewise = "pixel_conv2d_u8i8f32_nhwc_n1h224w224c3o64k7x7s2x2p3x3d1x1relu0__neon_dotprod"
    assert kernel_label(bytewise) == "float 7x7/2, 224x224x3 to 64 of pixels, by bytes"
    assert kernel_label(group) == "group of 5 3x3, 56x56x64 + skip to signs"
    assert kernel_label(wide) == "binary x 5 3x3, 56x56x64 + skip to signs too"
    assert kernel_label("dense_f32f32f32_nc_n1c512o1000bias1relu0__neon") == "dense, 512 to 1000"
    assert kernel_label("pack_f32b1_nhwc_n1h56w28c64b1x1pad1__neon") == "pack, 56x28x64"
    assert kernel_label("combine_f32f32_nhwc_n1h56w28c64b1x1pad1__neon").startswith("combine_f32")
    assert kernel_label("something else") == "something else"


def test_equal_labels_are_numbered() -> None:
    keys = [f"binary_conv2d_b1b1f32_nhwc_{ENDING}add{add}m1__neon" for add in (1, 2)]
    assert list(kernel_labels(keys).values()) == [
        "binary 3x3, 56x56x64 + skip",
        "binary 3x3, 56x56x64 + skip (2)",
    ]

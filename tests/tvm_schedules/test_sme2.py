"""The SME2 kernel: its dataflow is exact with `bmopa` modelled, and its assembly has what it needs."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import CROSS_TARGETS, assembly, kernel_name, normal_with_zeros, run_kernel

from tvm_schedules.binary_conv2d import BinaryConv2dShape, binary_conv2d_kernel
from tvm_schedules.errors import KernelError
from tvm_schedules.reference import binary_conv2d_reference
from tvm_schedules.sme2 import has_sme2, modelled_binary_conv2d_kernel, sme2_binary_conv2d_kernel
from tvm_schedules.sme2_operands import pack_sme2_weights
from tvm_schedules.targets import instruction_set, resolve_target
from tvm_schedules.words import pack_signs

PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
SHAPE = BinaryConv2dShape(1, 14, 14, 128, 128, (3, 3), padding=(1, 1), border=(1, 1))


def _arm(core, *features):
    mattr = ", ".join(f'"{feature}"' for feature in features)
    return resolve_target(
        f'{{"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "{core}", "mattr": [{mattr}]}}'
    )


def _modelled(shape, x, weight, pad_value=1, *, relu=False, scale=None, shift=None):
    host = resolve_target("host")
    ones = np.ones(shape.out_channels, np.float32)
    return run_kernel(
        modelled_binary_conv2d_kernel(shape, host, relu=relu),
        host,
        pack_signs(x, shape.border, pad_value),
        pack_sme2_weights(weight),
        ones if scale is None else scale,
        0 * ones if shift is None else shift,
        out=(shape.out_shape, np.float32),
    )


def _operands(shape, seed=0):
    rng = np.random.default_rng(seed)
    x = normal_with_zeros(rng, (shape.batch, shape.height, shape.width, shape.in_channels))
    return x, normal_with_zeros(rng, (shape.out_channels, shape.in_channels, *shape.kernel))


def _reference(shape, x, weight, pad_value=1):
    return binary_conv2d_reference(x, weight, shape.stride, shape.padding, shape.dilation, pad_value)


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(1, 2),
    height=st.integers(1, 9),
    width=st.sampled_from([1, 2, 5, 7, 15, 16, 17, 23]),
    channels=st.sampled_from([1, 31, 32, 33, 64, 65, 128]),
    out_channels=st.sampled_from([1, 5, 15, 16, 17, 32, 33, 64, 100]),
    kernel=PAIR,
    stride=PAIR,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=PAIR,
    wider=st.tuples(st.integers(0, 1), st.integers(0, 1)),
    pad_value=st.sampled_from([1, -1]),
    relu=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_dataflow_equals_the_reference(
    batch,
    height,
    width,
    channels,
    out_channels,
    kernel,
    stride,
    padding,
    dilation,
    wider,
    pad_value,
    relu,
    seed,
):
    assume(height + 2 * padding[0] > dilation[0] * (kernel[0] - 1))
    assume(width + 2 * padding[1] > dilation[1] * (kernel[1] - 1))
    border = (padding[0] + wider[0], padding[1] + wider[1])
    shape = BinaryConv2dShape(
        batch, height, width, channels, out_channels, kernel, stride, padding, dilation, border
    )
    x, weight = _operands(shape, seed)
    expected = _reference(shape, x, weight, pad_value)
    actual = _modelled(shape, x, weight, pad_value, relu=relu)
    np.testing.assert_array_equal(actual, np.maximum(expected, 0) if relu else expected)


@pytest.mark.parametrize("channels", [32, 40])
def test_extremes_where_every_sign_agrees_or_differs(channels):
    """Odd channels too: the filler bits of a word always agree, and must not be counted."""
    shape = BinaryConv2dShape(1, 4, 5, channels, 17, (3, 3))
    x = np.ones((1, 4, 5, channels), np.float32)
    weight = np.ones((17, channels, 3, 3), np.float32)
    assert (_modelled(shape, x, weight) == shape.taps).all()
    assert (_modelled(shape, x, -weight) == -shape.taps).all()


def test_affine_follows_the_relu_and_may_have_negative_scales():
    shape = BinaryConv2dShape(1, 4, 4, 33, 21, (3, 3))
    x, weight = _operands(shape)
    rng = np.random.default_rng(1)
    scale, shift = (rng.standard_normal(21).astype(np.float32) for _ in range(2))
    expected = np.maximum(_reference(shape, x, weight), 0) * scale.astype(np.float64) + shift
    actual = _modelled(shape, x, weight, relu=True, scale=scale, shift=shift)
    # One rounding (fused) or two (not) of a product of an exact integer.
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("target", [_arm("cortex-a76", "+sve", "+sme2"), _arm("c1-ultra", "+sme2")])
@pytest.mark.parametrize("out_channels", [128, 40, 5])
def test_assembly_does_outer_products_in_streaming_mode(target, out_channels):
    shape = BinaryConv2dShape(1, 14, 14, 65, out_channels, (3, 3), padding=(1, 1), border=(1, 1))
    text = assembly(sme2_binary_conv2d_kernel(shape, target, relu=True), target)
    order = [r"smstart\tsm", r"smstart\tza", r"zero\t\{za\}", "bmopa\t", r"mova?\tz.*za0h\.s", r"smstop\tza"]
    places = [re.search(rf"\n\t{pattern}", text).start() for pattern in order]
    assert places == sorted(places)
    assert text.rindex("\n\tsmstop\tsm") > places[-1]
    assert set(re.findall(r"\n\tbmopa\t(za\d)\.s, p\d/m, p\d/m, z\d+\.s, z\d+\.s", text)) == {
        "za0",
        "za1",
        "za2",
        "za3",
    }
    assert "__arm_" not in text  # no call of a runtime library that a linker may not have
    for tile in range(4):
        assert re.search(rf"\n\tmova?\tz\d+\.s, p\d/m, za{tile}h\.s\[w\d+, \d\]", text)


def test_a_product_costs_one_load():
    target = _arm("cortex-a76", "+sve", "+sme2")
    text = assembly(sme2_binary_conv2d_kernel(SHAPE, target, relu=True), target)
    streaming = text[text.index("\n\tsmstart\tza") : text.index("\n\tsmstop\tza")]
    reduction = streaming[: streaming.rindex("\n\tbmopa")]
    products = len(re.findall(r"\n\tbmopa\t", streaming))
    assert products > 0
    assert products % 4 == 0
    assert len(re.findall(r"\n\tld1w\t", reduction)) <= products
    # NEON is illegal in streaming mode.
    assert not re.search(r"\n\t[a-z0-9]+\t(v\d+\.|q\d+)", streaming)


def test_the_vector_length_is_checked_before_streaming_mode():
    target = _arm("cortex-a76", "+sve", "+sme2")
    text = assembly(sme2_binary_conv2d_kernel(SHAPE, target, relu=True), target)
    assert "rdsvl" in text
    assert text.index("rdsvl") < text.index("smstart")
    assert "expected streaming vectors of 512 bits" in text


@pytest.mark.parametrize("target_text", CROSS_TARGETS)
def test_targets_without_the_feature_are_refused(target_text):
    with pytest.raises(KernelError, match=r'"\+sme2" in its mattr'):
        sme2_binary_conv2d_kernel(SHAPE, resolve_target(target_text), relu=True)


def test_a_core_that_has_sme2_does_not_ask_for_it():
    assert not has_sme2(resolve_target("c1-ultra"))
    assert not has_sme2(_arm("c1-ultra", "+sme"))
    assert not has_sme2(_arm("c1-ultra", "+sme2", "-sme2"))
    assert has_sme2(_arm("c1-ultra", "+sme2"))
    with pytest.raises(KernelError, match="expected a 64-bit Arm target"):
        sme2_binary_conv2d_kernel(SHAPE, resolve_target("c1-ultra"), relu=False)


def test_sme2_without_sve_is_refused():
    """Its code would call a function of the compiler's runtime library that linkers may not have."""
    with pytest.raises(KernelError, match=r'with SVE by its core or by "\+sve"'):
        sme2_binary_conv2d_kernel(SHAPE, _arm("cortex-a76", "+sme2"), relu=True)


@pytest.mark.parametrize("target", [_arm("cortex-a76"), _arm("c1-ultra"), _arm("c1-ultra", "+sme2")])
def test_no_other_kernel_uses_sme(target):
    text = assembly(binary_conv2d_kernel(SHAPE, target, relu=True), target)
    assert not re.search(r"\n\t(bmopa|smstart|smstop|rdsvl|zero\t\{za)|\bza\d?[hv]?\b", text)


def test_names_tell_the_kernels_apart():
    target = _arm("cortex-a76", "+sve", "+sme2")
    func = sme2_binary_conv2d_kernel(SHAPE, target, relu=True)
    assert str(func.attrs["groupnet.kernel"]) == "binary_conv2d"
    assert kernel_name(func).endswith(f"_t1x32v2svl512__{instruction_set(target).value}")
    assert kernel_name(func) != kernel_name(binary_conv2d_kernel(SHAPE, target, relu=True))

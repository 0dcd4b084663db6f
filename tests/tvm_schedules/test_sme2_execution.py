"""The SME2 kernel's machine code, executed: `sme2_driver.c` does `bmopa`, the emulator all the rest."""

import subprocess
from pathlib import Path

import neon_harness
import numpy as np
import pytest
from kernel_harness import normal_with_zeros

from tvm_schedules.binary_conv2d import BinaryConv2dShape
from tvm_schedules.reference import binary_conv2d_reference
from tvm_schedules.sme2 import sme2_binary_conv2d_kernel
from tvm_schedules.sme2_operands import pack_sme2_weights
from tvm_schedules.targets import resolve_target
from tvm_schedules.words import pack_signs

pytestmark = pytest.mark.phone

# The emulator has no core's name with SME, so that a core's other extensions must be those of an older one.
TARGET = '{"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a76", "mattr": ["+sve", "+sme2"]}'


@pytest.fixture
def streaming_bits(monkeypatch):
    """Make kernels run with the driver for SME2, on a CPU with streaming vectors of the bits given."""

    def choose(bits):
        monkeypatch.setattr(neon_harness, "DRIVER", Path(__file__).with_name("sme2_driver.c"))
        monkeypatch.setenv("QEMU_CPU", f"max,sme{bits}=on")

    return choose


def _run(folder, shape, pad_value, *, relu, scale, shift):
    target = resolve_target(TARGET)
    rng = np.random.default_rng(0)
    x = normal_with_zeros(rng, (shape.batch, shape.height, shape.width, shape.in_channels))
    weight = normal_with_zeros(rng, (shape.out_channels, shape.in_channels, *shape.kernel))
    (out,) = neon_harness.run_neon_kernel(
        folder,
        sme2_binary_conv2d_kernel(shape, target, relu=relu),
        target,
        pack_signs(x, shape.border, pad_value),
        pack_sme2_weights(weight),
        scale,
        shift,
        outs=[(shape.out_shape, np.float32)],
    )
    dot = binary_conv2d_reference(x, weight, shape.stride, shape.padding, shape.dilation, pad_value)
    return out, np.maximum(dot, 0) if relu else dot


@pytest.mark.parametrize(
    ("shape", "pad_value", "relu"),
    [
        (BinaryConv2dShape(1, 7, 7, 64, 64, (3, 3), padding=(1, 1), border=(1, 1)), 1, False),
        (BinaryConv2dShape(2, 9, 7, 33, 17, (3, 2), (2, 1), (1, 0), (1, 2), (2, 1)), -1, True),
        (BinaryConv2dShape(2, 9, 17, 1, 5, (1, 1), (2, 3)), 1, True),
        (BinaryConv2dShape(1, 2, 2, 40, 40, (1, 1)), 1, False),
    ],
)
def test_machine_code_is_exact(tmp_path, streaming_bits, shape, pad_value, relu):
    streaming_bits(512)
    ones = np.ones(shape.out_channels, np.float32)
    out, expected = _run(tmp_path, shape, pad_value, relu=relu, scale=ones, shift=0 * ones)
    np.testing.assert_array_equal(out, expected)


def test_scale_and_shift_are_those_of_the_channel(tmp_path, streaming_bits):
    streaming_bits(512)
    shape = BinaryConv2dShape(1, 5, 6, 33, 37, (3, 3))
    scale, shift = np.random.default_rng(1).standard_normal((2, 37)).astype(np.float32)
    out, expected = _run(tmp_path, shape, 1, relu=True, scale=scale, shift=shift)
    # One rounding (fused) or two (not) of a product of an exact integer.
    np.testing.assert_allclose(out, expected * scale.astype(np.float64) + shift, rtol=1e-6, atol=1e-5)


def test_products_are_counted_by_bmopa_alone(tmp_path, streaming_bits, monkeypatch):
    """61 positions are two runs of 32; for each 3 x 3 kernel positions, 2 words and 4 tiles."""
    streaming_bits(512)
    shape = BinaryConv2dShape(1, 7, 7, 64, 32, (3, 3), padding=(1, 1), border=(1, 1))
    ones = np.ones(32, np.float32)
    monkeypatch.setenv("EXPECTED_BMOPA", str(2 * 3 * 3 * 2 * 4))
    _run(tmp_path, shape, 1, relu=False, scale=ones, shift=ones)
    monkeypatch.setenv("EXPECTED_BMOPA", "1")
    with pytest.raises(subprocess.CalledProcessError) as raised:
        _run(tmp_path, shape, 1, relu=False, scale=ones, shift=ones)
    assert raised.value.stderr == b"expected 1 bmopa; got 144\n"


@pytest.mark.parametrize("bits", [128, 256])
def test_other_vector_lengths_raise(tmp_path, streaming_bits, bits):
    streaming_bits(bits)
    ones = np.ones(16, np.float32)
    with pytest.raises(subprocess.CalledProcessError) as raised:
        _run(tmp_path, BinaryConv2dShape(1, 3, 3, 32, 16, (1, 1)), 1, relu=False, scale=ones, shift=ones)
    assert b"RuntimeError: expected streaming vectors of 512 bits" in raised.value.stderr

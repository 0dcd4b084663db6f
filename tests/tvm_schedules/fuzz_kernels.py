"""Random kernels against the naive reference, for as long as asked: `--minutes 10 --seed 1`.

Every case is drawn from its own seed (the start seed plus its number), which is printed if it fails, so that
`--seed N --cases 1` repeats it. `--targets cortex-a72,arm64-dotprod` runs arm64 kernels under qemu-user.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from grouped_case import GroupedCase
from kernel_harness import normal_with_zeros, run_kernel_with_outputs, runnable_targets
from neon_harness import run_neon_kernel

from tvm_schedules.binary_conv2d import (
    BinaryConv2dShape,
    BinaryEpilogue,
    fused_binary_conv2d_kernel,
    pack_weights,
)
from tvm_schedules.cores import register_file
from tvm_schedules.errors import KernelError
from tvm_schedules.grouped_conv2d import GroupedEpilogue
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.packing import PackedOutput
from tvm_schedules.reference import binary_conv2d_reference
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import candidate_tiles
from tvm_schedules.words import pack_signs


def run(func, target, *arrays, outs, over=()):
    """Run a kernel here, or under qemu-user if it is for arm64; `outs` are (shape, dtype)."""
    if not str(target.attrs["mtriple"]).startswith("aarch64"):
        return run_kernel_with_outputs(func, target, *arrays, outs=outs, over=over)
    with tempfile.TemporaryDirectory() as folder:
        return run_neon_kernel(Path(folder), func, target, *arrays, outs=outs, over=over)


def pair(rng, low, high):
    """Two numbers, equal half of the time, as most geometries have them."""
    first, second = (int(v) for v in rng.integers(low, high + 1, 2))
    return (first, first) if rng.random() < 0.5 else (first, second)


def channels(rng):
    """Mostly near the edges of words and vectors."""
    edge = int(rng.choice([1, 4, 8, 16, 32, 48, 64, 96, 128]))
    return max(1, edge + int(rng.integers(-2, 3))) if rng.random() < 0.7 else int(rng.integers(1, 140))


def fuzz_convolution(rng, target_text):
    """One fused binary convolution; floats and packed signs must be equal to the last bit."""
    target = resolve_target(target_text)
    padding = pair(rng, 0, 3)
    border = tuple(p + int(rng.integers(0, 3)) for p in padding)
    size = (int(rng.integers(1, 3)), *(int(v) for v in rng.integers(1, 20, 2)))
    pad_value = int(rng.choice([1, -1]))
    try:
        shape = BinaryConv2dShape(
            *size,
            channels(rng),
            channels(rng),
            kernel=pair(rng, 1, 5),
            stride=pair(rng, 1, 3),
            padding=padding,
            dilation=pair(rng, 1, 3),
            border=border,
        )
    except KernelError:
        return False  # the kernel does not fit into the padded input: another geometry, please
    branches = int(rng.choice([1, 1, 2, 3, 5]))
    written = int(rng.integers(1, 4))
    packed = PackedOutput(pair(rng, 0, 2), int(rng.choice([1, -1]))) if written & 2 else None
    tile = None
    if rng.random() < 0.5:
        extents = (shape.out_height, shape.out_width, shape.out_channels)
        tiles = candidate_tiles(*extents, register_file(target), binary=True)
        tile = tiles[int(rng.integers(len(tiles)))]
    epilogue = BinaryEpilogue(bool(rng.integers(2)), bool(rng.integers(2)), bool(written & 1), packed)
    x = normal_with_zeros(rng, (*size, shape.in_channels))
    weights = [
        normal_with_zeros(rng, (shape.out_channels, shape.in_channels, *shape.kernel))
        for _ in range(branches)
    ]
    # Powers of two and small integers: nothing is rounded, and results of zero are common.
    scale = rng.choice([-2.0, -0.5, 0.0, 0.25, 1.0], branches * shape.out_channels).astype(np.float32)
    shift = rng.integers(-3, 4, branches * shape.out_channels).astype(np.float32)
    residual = rng.integers(-4, 5, shape.out_shape).astype(np.float32)
    outs = [(shape.out_shape, np.float32)] * branches * epilogue.floats
    if packed:
        outs += [(packed.shape(*shape.out_shape), np.uint32)] * branches
    results = run(
        fused_binary_conv2d_kernel(shape, target, epilogue, branches=branches, tile=tile),
        target,
        pack_signs(x, border, pad_value),
        np.concatenate([pack_weights(weight, target) for weight in weights]),
        scale,
        shift,
        *([residual] if epilogue.residual else []),
        outs=outs,
    )
    for branch, weight in enumerate(weights):
        own = slice(branch * shape.out_channels, (branch + 1) * shape.out_channels)
        dot = binary_conv2d_reference(x, weight, shape.stride, padding, shape.dilation, pad_value)
        expected = (np.maximum(dot, 0) if epilogue.relu else dot) * scale[own] + shift[own]
        expected += residual if epilogue.residual else 0
        if epilogue.floats:
            np.testing.assert_array_equal(results[branch], expected)
        if packed:
            words = results[branch + branches * epilogue.floats]
            np.testing.assert_array_equal(words, pack_signs(expected, packed.border, packed.pad_value))
    return True


def fuzz_group(rng, target_text):
    """One grouped convolution: every branch, the sum, the new inputs and their signs."""
    padding = pair(rng, 0, 2)
    border = tuple(p + int(rng.integers(0, 2)) for p in padding)
    size = (int(rng.integers(1, 3)), *(int(v) for v in rng.integers(1, 14, 2)))
    try:
        shape = BinaryConv2dShape(
            *size,
            channels(rng),
            channels(rng),
            kernel=pair(rng, 1, 3),
            stride=pair(rng, 1, 2),
            padding=padding,
            dilation=pair(rng, 1, 2),
            border=border,
        )
    except KernelError:
        return False
    relu, residual, mixed, floats, over, shared, shows = (bool(flag) for flag in rng.integers(0, 2, 7))
    packed = PackedOutput(pair(rng, 0, 2), int(rng.choice([1, -1]))) if rng.integers(2) else None
    if not (mixed or floats or packed):
        return False
    epilogue = GroupedEpilogue(relu, residual, mixed, floats, packed, over and residual and floats)
    pad_value = int(rng.choice([1, -1]))
    case = GroupedCase(shape, epilogue, int(rng.integers(1, 7)), shared, shows, pad_value)
    case.check(run, resolve_target(target_text), rng)
    return True


def fuzz_pack(rng, target_text):
    """One packing kernel."""
    target = resolve_target(target_text)
    size = (int(rng.integers(1, 3)), *(int(v) for v in rng.integers(1, 20, 2)), channels(rng))
    shape = PackShape(*size, border=pair(rng, 0, 3), pad_value=int(rng.choice([1, -1])))
    x = normal_with_zeros(rng, size)
    (words,) = run(pack_kernel(shape, target), target, x, outs=[(shape.out_shape, np.uint32)])
    np.testing.assert_array_equal(words, pack_signs(x, shape.border, shape.pad_value))
    return True


def main():
    """Fuzz until the time or the cases are used up; print what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--cases", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--targets", default=",".join(runnable_targets()))
    options = parser.parse_args()
    targets = options.targets.split(",")
    end = time.monotonic() + options.minutes * 60
    done, case = 0, 0
    while case < options.cases and time.monotonic() < end:
        seed = options.seed + case
        rng = np.random.default_rng(seed)
        target = str(rng.choice(targets))
        fuzz = rng.choice([fuzz_pack, fuzz_convolution, fuzz_group], p=[0.15, 0.5, 0.35])
        try:
            done += fuzz(rng, target)
        except BaseException:
            print(f"{fuzz.__name__} for {target} failed: --seed {seed} --cases 1", flush=True)
            raise
        case += 1
    last = options.seed + case - 1
    print(f"{done} kernels exact on {', '.join(targets)}; seeds {options.seed} to {last}")


if __name__ == "__main__":
    main()

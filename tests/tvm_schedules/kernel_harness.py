"""Compiling and running single kernels in tests, on every instruction set that this machine can run."""

from functools import cache

import numpy as np
import tvm
from tvm.target import codegen

from tvm_schedules.naming import parse_kernel_name
from tvm_schedules.targets import instruction_set, resolve_target

# Targets to compile for (and read the assembly of) on any machine: one per instruction set.
CROSS_TARGETS = ("znver4", "haswell", "x86-64", "cortex-a53", "cortex-a76")

# What each of these targets needs from the CPU that runs it.
_X86_TARGETS = {"znver4": ("avx512vpopcntdq", "avx512bw"), "haswell": ("avx2", "fma"), "x86-64": ()}


@cache
def runnable_targets() -> tuple[str, ...]:
    """Target texts whose code this machine executes, one per instruction set, the host itself first."""
    if not str(codegen.llvm_get_system_triple()).startswith("x86_64"):
        return ("host",)
    host = resolve_target("host")
    others = [
        name
        for name, features in _X86_TARGETS.items()
        if codegen.target_has_features([*features, "sse2"], host)
        and instruction_set(resolve_target(name)) is not instruction_set(host)
    ]
    return ("host", *others)


def kernel_name(func):
    """Name of a kernel, checked against the grammar."""
    name = str(func.attrs["global_symbol"])
    assert str(parse_kernel_name(name)) == name
    return name


def run_kernel(func, target, *arrays, out):
    """Run a kernel on NumPy arrays; `out` is (shape, dtype), and is full of rubbish beforehand."""
    (result,) = run_kernel_with_outputs(func, target, *arrays, outs=[out])
    return result


def run_kernel_with_outputs(func, target, *arrays, outs, over=()):
    """Run a kernel that has several outputs, each (shape, dtype) and full of rubbish beforehand.

    What it left in the inputs at positions `over` comes before the outputs.
    """
    results = []
    for shape, dtype in outs:
        rubbish = 0xDEADBEEF if np.dtype(dtype).kind in "ui" else np.nan
        results.append(tvm.runtime.tensor(np.full(shape, rubbish, dtype)))
    library = tvm.compile(func, target=target)
    inputs = [tvm.runtime.tensor(np.ascontiguousarray(array)) for array in arrays]
    library[kernel_name(func)](*inputs, *results)
    return [result.numpy() for result in [*(inputs[position] for position in over), *results]]


def assembly(func, target):
    """Assembly text of a kernel."""
    return tvm.compile(func, target=target).mod.inspect_source("asm")


def normal_with_zeros(rng, shape):
    """Normal floats with exact zeros of both signs planted among them."""
    x = rng.standard_normal(shape).astype(np.float32)
    kind = rng.integers(0, 8, shape)
    x[kind == 0] = 0.0
    x[kind == 1] = -0.0
    return x

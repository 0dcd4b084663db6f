"""Running single arm64 kernels under qemu-user: compiled, linked with a small driver, fed through pipes."""

import struct
import subprocess
from pathlib import Path

import numpy as np
import tvm
from kernel_harness import kernel_name

LIMIT_S = 60
DRIVER = Path(__file__).with_name("neon_driver.c")
_TYPE_CODES = {"i": 0, "u": 1, "f": 2}


def run_neon_kernel(folder, func, target, *arrays, outs, over=()):
    """Run a kernel on NumPy arrays; `outs` are (shape, dtype), full of rubbish beforehand.

    What it left in the arrays at positions `over` comes before the outputs.
    """
    name = kernel_name(func)
    kernel, program = folder / "kernel.o", folder / "program"
    tvm.compile(func, target=target).mod.write_to_file(str(kernel), "o")
    link = ["aarch64-linux-gnu-gcc", "-static", "-O1", f"-DKERNEL=__tvm_ffi_{name}", str(DRIVER), str(kernel)]
    subprocess.run([*link, "-lm", "-o", str(program)], check=True, timeout=LIMIT_S)
    rubbish = [np.full(shape, 0xDB, f"V{np.dtype(dtype).itemsize}").view(dtype) for shape, dtype in outs]
    tensors = [np.ascontiguousarray(array) for array in (*arrays, *rubbish)]
    message = struct.pack("<i", len(tensors))
    for tensor in tensors:
        code, bits = _TYPE_CODES[tensor.dtype.kind], 8 * tensor.itemsize
        message += struct.pack(f"<3i{tensor.ndim}q", code, bits, tensor.ndim, *tensor.shape)
        message += tensor.tobytes()
    done = subprocess.run(
        ["qemu-aarch64", str(program)], input=message, capture_output=True, check=True, timeout=LIMIT_S
    )
    after, offset = [], 0
    for tensor in tensors:
        flat = np.frombuffer(done.stdout, tensor.dtype, tensor.size, offset)
        after.append(flat.reshape(tensor.shape))
        offset += tensor.nbytes
    assert offset == len(done.stdout)
    return [*(after[position] for position in over), *after[len(arrays) :]]

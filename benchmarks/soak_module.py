"""The small arm64 module that `benchmarks.soak` loads, and what it computes."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax
from tvm.support import cc

SHAPE = (4, 8)
_COMPILER = "aarch64-linux-gnu-g++"


def build_module(folder: Path) -> Path:
    """Compile `main(x) = relu(x) + x` for any arm64 core; return the library in `folder`."""
    x = relax.Var("x", relax.TensorType(SHAPE, "float32"))
    builder = relax.BlockBuilder()
    with builder.function("main", [x]):
        with builder.dataflow():
            output = builder.emit_output(builder.normalize(relax.op.add(relax.op.nn.relu(x), x)))
        builder.emit_func_output(output)
    target = tvm.target.Target({"kind": "llvm", "mtriple": "aarch64-linux-gnu"})
    path = folder / "soak.so"
    tvm.compile(builder.get(), target=target).export_library(str(path), fcompile=cc.cross_compiler(_COMPILER))
    return path


def expected(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What the module computes, by NumPy."""
    result: npt.NDArray[Any] = np.maximum(x, 0) + x
    return result

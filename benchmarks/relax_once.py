"""Loads a bundle for this machine into a Relax virtual machine and runs it once, as a process of its own.

`python -m benchmarks.relax_once BUNDLE` prints how long that took behind the imports, and how much memory.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import tvm
from tvm import relax


def run_once(folder: Path) -> dict[str, float]:
    """Load, start and run; seconds, the most bytes that the process had, and how many more than before."""
    begin, before = time.perf_counter(), _peak_bytes()
    with np.load(folder / "reference.npz") as numbers:
        image = next(numbers[name] for name in numbers.files if name.startswith("input"))
    machine = relax.VirtualMachine(tvm.runtime.load_module(str(folder / "module.so")), tvm.cpu())
    machine["main"](tvm.runtime.tensor(image))
    seconds, peak = time.perf_counter() - begin, _peak_bytes()
    return {"behind_imports_s": seconds, "peak_bytes": peak, "more_bytes": peak - before}


def _peak_bytes() -> int:
    """Of this program; what getrusage tells is that of whoever started it, too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


if __name__ == "__main__":
    print(json.dumps(run_once(Path(sys.argv[1]))), flush=True)

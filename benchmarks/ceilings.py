"""Measure what this machine can do at most, with the loops of `ceilings.c` on one thread or several."""

import ctypes
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.build_tool import run_tool
from benchmarks.interleave import Measure

_SOURCE = Path(__file__).with_name("ceilings.c")
_BURST_S = 4e-3  # long beside handing work to a thread, short beside a change of the clock
_RESULT_BYTES = 4096


@dataclass(frozen=True)
class Ceiling:
    """A loop to be timed beside what it bounds.

    Attributes:
        measure: runs it on every thread at once; milliseconds of each run.
        work: what one run does on all threads together: products, or bytes.
    """

    measure: Measure
    work: float

    def rate(self, min_ms: float) -> float:
        """Work per second of the fastest run."""
        return self.work / (min_ms * 1e-3)


@dataclass(frozen=True)
class Ceilings:
    """All loops: binary products, float32 products, bytes read and written, pixels times weights by bytes.

    `pixel` is None where the machine has no AVX-512 VNNI.
    """

    binary: Ceiling
    float: Ceiling
    copy: Ceiling
    pixel: Ceiling | None

    def by_name(self) -> dict[str, Ceiling]:
        """Those that there are, by name."""
        loops = {"binary": self.binary, "float": self.float, "copy": self.copy, "pixel": self.pixel}
        return {name: loop for name, loop in loops.items() if loop is not None}


@contextmanager
def ceilings(threads: int, copied_bytes: int = 1 << 20) -> Iterator[Ceilings]:
    """Build the loops for this machine's own instruction set.

    Args:
        threads: how many run at once.
        copied_bytes: what each thread copies from and, as much again, to: choose it as large as the tensors
            of the network, so that they lie in the same cache.

    Raises:
        BenchmarkError: there is no gcc.
    """
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(threads) as pool:
        # The pool starts no further thread while one is idle: here all of them must be started to go on.
        everyone = threading.Barrier(threads)
        list(pool.map(lambda _: everyone.wait(), range(threads)))
        library = Path(name) / "ceilings.so"
        # Contraction makes the product and the sum one instruction.
        run_tool(
            ["gcc", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-o", library, _SOURCE],
            package="gcc",
        )
        loaded = ctypes.CDLL(str(library))
        buffers = [ctypes.create_string_buffer(2 * copied_bytes + _RESULT_BYTES) for _ in range(threads)]

        def ceiling(function: str, argument: int) -> Ceiling:
            loop = loaded[function]
            loop.restype = ctypes.c_uint64
            loop.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p]

            def run(steps: int) -> list[int]:
                if threads == 1:
                    return [int(loop(steps, argument, buffers[0]))]
                # ctypes lets go of the interpreter's lock while the loop runs.
                jobs = [pool.submit(loop, steps, argument, buffer) for buffer in buffers]
                return [int(job.result()) for job in jobs]

            steps = _steps_of_a_burst(run)
            return Ceiling(lambda: _timed(partial(run, steps), 5), sum(run(1)) * float(steps))

        yield Ceilings(
            ceiling("binary_ceiling", 0x5BD1E995),
            ceiling("float_ceiling", 1),
            ceiling("copy_ceiling", copied_bytes),
            ceiling("pixel_ceiling", 0x5BD1E995) if hasattr(loaded, "pixel_ceiling") else None,
        )


def _steps_of_a_burst(run: Callable[[int], object]) -> int:
    steps = 1
    while _timed(partial(run, steps), 1)[0] < _BURST_S * 1e3:
        steps *= 2
    return steps


def _timed(run: Callable[[], object], runs: int) -> list[float]:
    samples = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        samples.append((time.perf_counter() - start) * 1e3)
    return samples

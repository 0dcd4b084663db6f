"""Larq Compute Engine as a peer: Bi-Real-Net 18, timed by `larq_worker` in the Python that has Larq."""

import json
import select
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.interleave import Measure
from benchmarks.larq_worker import OPTIONS

NETWORK = "Bi-Real-Net 18"
"""Liu et al. 2018: the binary network nearest to Group-Net's ResNet-18 with K = 1, from larq_zoo."""

ENGINES = tuple(OPTIONS)

WORKER = Path(__file__).with_name("larq_worker.py")
_START_S = 300.0  # TensorFlow's import and the conversion: 10 s on an idle machine
_TURN_S = 120.0


class LarqWorker:
    """A running `larq_worker`."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        """Wait until the network is ready.

        Raises:
            BenchmarkError: the program ended or took too long.
        """
        self._process = process
        self._log = log
        self._answer(_START_S)

    def engine(self, name: str, threads: int, runs: int) -> Measure:
        """What times one of `ENGINES`."""

        def measure() -> list[float]:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps([name, threads, runs]) + "\n")
            self._process.stdin.flush()
            return [float(sample) for sample in self._answer(_TURN_S)]

        return measure

    def _answer(self, limit_s: float) -> Any:
        """The next line of the program. Its lines are short and written whole, so one wait is enough."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], limit_s)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            what = "it ended" if ready else f"nothing in {limit_s:g} s"
            told = self._log.read_text(errors="replace").strip().splitlines()
            raise BenchmarkError(
                f"expected an answer of Larq Compute Engine; got {what} ({' '.join(told[-1:])}): is it "
                f"installed in its Python? docs/benchmarks.md says how"
            )
        return json.loads(line)


@contextmanager
def larq_worker(python: Path, worker: Path = WORKER) -> Iterator[LarqWorker]:
    """Start the worker in the Python at `python`; it ends with the block.

    Raises:
        BenchmarkError: there is no such Python, or it does not have Larq.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as errors:
            try:
                process = subprocess.Popen(
                    [str(python), str(worker)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
            except OSError as exc:
                raise BenchmarkError(
                    f"expected a Python with larq-compute-engine at {python}; got '{exc.strerror}': "
                    "docs/benchmarks.md says how to make one"
                ) from exc
        with process:
            try:
                yield LarqWorker(process, log)
            finally:
                # Between two turns it waits for a question and has nothing to lose.
                process.kill()

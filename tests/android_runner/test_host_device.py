"""This machine as a device: exact results, raw samples, and errors in our words."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from android_runner.device import LoadedModule
from android_runner.errors import (
    AlteredFileError,
    InputMismatchError,
    ServerError,
    ThreadsUnavailableError,
    TransportTimeoutError,
    UnknownFunctionError,
    WrongArchitectureError,
)
from android_runner.host_device import HostDevice, HostExecutor
from android_runner.tensor_types import TensorType

X = np.array([[-1.0, 0.0, 2.0], [3.5, -0.25, 8.0]], np.float32)
SIGNATURES = {"difference": [TensorType((2, 3), "float32")] * 2}


def test_info_describes_this_machine() -> None:
    info = HostDevice().info()
    assert (info.kind, info.name, info.serial, info.emulated) == ("host", "host", None, False)
    assert info.arch == os.uname().machine
    assert info.cores == len(os.sched_getaffinity(0))


def test_outputs_are_exact_and_flat(host_module: Path) -> None:
    with HostDevice().session() as session:
        module = session.load(host_module)
        doubled, clipped, same = module.run("nested", [X])
        np.testing.assert_array_equal(doubled, X + X)
        np.testing.assert_array_equal(clipped, np.maximum(X, 0))
        np.testing.assert_array_equal(same, X)
        words = np.arange(5, dtype=np.uint32)
        (inverted,) = module.run("invert", [words])
        assert inverted.dtype == np.uint32
        np.testing.assert_array_equal(inverted, ~words)


def test_strided_inputs_are_taken_as_they_look(host_module: Path) -> None:
    with HostDevice().session() as session:
        (result,) = session.load(host_module).run("difference", [X[:, ::-1], np.asfortranarray(X)])
    np.testing.assert_array_equal(result, X[:, ::-1] - X)


@pytest.mark.parametrize("threads", range(1, min(4, len(os.sched_getaffinity(0))) + 1))
def test_parallel_kernels_are_exact(host_module: Path, threads: int) -> None:
    rows = np.arange(32 * 16, dtype=np.float32).reshape(32, 16)
    with HostDevice().session() as session:
        module = session.load(host_module)
        module.set_threads(threads)
        (total,) = module.run("row_sums", [rows])
    np.testing.assert_array_equal(total, rows.sum(axis=1))


def test_timing_returns_one_sample_for_each_run(host_module: Path) -> None:
    with HostDevice().session() as session:
        samples = session.load(host_module).time("nested", [X], runs=7, warmup=2, threads=1)
    assert len(samples) == 7
    assert all(sample_ms > 0 for sample_ms in samples)


def test_affinity_and_threads_do_not_leak(host_module: Path) -> None:
    before = os.sched_getaffinity(0), threading.active_count()
    with HostDevice().session() as session:
        module = session.load(host_module)
        module.set_threads(1)
        module.run("nested", [X])
    assert (os.sched_getaffinity(0), threading.active_count()) == before


def test_more_threads_than_cores_are_refused(host_module: Path) -> None:
    with HostDevice().session() as session:
        module = session.load(host_module)
        with pytest.raises(ThreadsUnavailableError, match="ask for fewer"):
            module.set_threads(10_000)
        module.run("nested", [X])


@pytest.mark.parametrize(
    ("function", "inputs", "error", "said"),
    [
        ("difference", [X], InputMismatchError, "Expected 2 inputs"),
        ("difference", [X, X[:1]], InputMismatchError, "input 1 of `difference`"),
        ("nested", [X, X], InputMismatchError, "Expected 1 inputs"),
        ("absent", [X], UnknownFunctionError, "`absent`"),
        # Without signatures the runtime itself is what notices.
        ("nested", [X[:1]], ServerError, "mismatch"),
    ],
)
def test_misuse_is_explained(
    host_module: Path, function: str, inputs: list[np.ndarray], error: type[Exception], said: str
) -> None:
    with HostDevice().session() as session:
        module = session.load(host_module, SIGNATURES)
        with pytest.raises(error, match=said):
            module.run(function, inputs)
        assert len(module.run("nested", [X])) == 3


@pytest.mark.parametrize(("runs", "warmup", "threads"), [(0, 0, 1), (1, -1, 1), (1, 0, 0)])
def test_senseless_timing_is_refused(host_module: Path, runs: int, warmup: int, threads: int) -> None:
    with HostDevice().session() as session:
        module: LoadedModule = session.load(host_module)
        with pytest.raises(ValueError, match="Expected"):
            module.time("nested", [X], runs=runs, warmup=warmup, threads=threads)


def test_modules_of_other_machines_and_other_files_are_refused(foreign_module: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"nothing")
    with HostDevice().session() as session:
        for path in (foreign_module, broken, tmp_path / "absent.so"):
            with pytest.raises(WrongArchitectureError):
                session.load(path)


def test_a_truncated_module_is_refused(host_module: Path, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.so"
    truncated.write_bytes(host_module.read_bytes()[:4096])
    with HostDevice().session() as session, pytest.raises(AlteredFileError, match="cut off"):
        session.load(truncated)


def test_a_call_that_takes_too_long_is_given_up() -> None:
    executor = HostExecutor(timeout_s=0.05)
    released = threading.Event()
    with pytest.raises(TransportTimeoutError, match=r"wait within 0\.05 s"):
        executor.call("wait", lambda: released.wait(10.0))
    released.set()
    executor.close()

"""The engines that Group-Net is measured beside, with a float32 network and its int8 version on the host."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.interleave import Measure
from benchmarks.quantise import quantise

INPUT_SHAPE = (1, 3, 224, 224)

NEEDED_BY_ENGINE = {
    "torch fp32": ("torch",),
    "onnxruntime fp32": ("onnxruntime",),
    "onnxruntime int8": ("onnx", "onnxruntime"),
    "openvino fp32": ("openvino",),
    "openvino bf16": ("openvino",),
    "openvino int8": ("onnx", "onnxruntime", "openvino"),
}
"""Every peer, and the packages that it needs. OpenVINO computes a float32 graph in bfloat16 where the machine
can, unless it is told not to: that is a row of its own. ONNX Runtime makes the int8 graph of both."""


def missing_packages(engine: str) -> list[str]:
    """The packages that an engine needs and this Python does not have."""
    return [package for package in NEEDED_BY_ENGINE[engine] if find_spec(package) is None]


def image() -> np.ndarray[Any, np.dtype[np.float32]]:
    """The one input that every engine gets, NCHW."""
    return np.random.default_rng(0).normal(size=INPUT_SHAPE).astype(np.float32)


def timed(run: Callable[[], object], runs: int) -> list[float]:
    """Milliseconds of each of `runs` calls."""
    samples = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        samples.append((time.perf_counter() - start) * 1e3)
    return samples


@dataclass(frozen=True)
class PeerNetwork:
    """A float network as the peers take it: the module itself, and its graphs in files of `folder`."""

    model: torch.nn.Module
    folder: Path

    @property
    def float_graph(self) -> Path:
        """The ONNX graph, exported at the first use."""
        path = self.folder / "float.onnx"
        if not path.exists():
            with warnings.catch_warnings():
                # The TorchScript exporter needs no further package; its notice of deprecation is for
                # torch's users.
                warnings.simplefilter("ignore")
                torch.onnx.export(self.model, (torch.from_numpy(image()),), path, dynamo=False)
        return path

    @property
    def int8_graph(self) -> Path:
        """The quantised ONNX graph, made at the first use."""
        path = self.folder / "int8.onnx"
        if not path.exists():
            quantise(self.float_graph, path, INPUT_SHAPE)
        return path


def engine(name: str, network: PeerNetwork, threads: int, runs: int) -> Measure | None:
    """What times an engine of `NEEDED_BY_ENGINE`; None where this machine has no arithmetic of that kind.

    Raises:
        ImportError: the extra `peers` is not installed.
    """
    library, _, precision = name.partition(" ")
    if library == "torch":
        return _torch_eager(network.model, threads, runs)
    graph = network.int8_graph if precision == "int8" else network.float_graph
    if library == "onnxruntime":
        return _onnx_runtime(graph, threads, runs)
    return _openvino(graph, threads, runs, "bf16" if precision == "bf16" else "f32")


def _torch_eager(model: torch.nn.Module, threads: int, runs: int) -> Measure:
    """PyTorch itself, eager, with oneDNN."""
    x = torch.from_numpy(image())

    def measure() -> list[float]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with torch.inference_mode():
                return timed(lambda: model(x), runs)
        finally:
            torch.set_num_threads(before)

    return measure


def _onnx_runtime(graph: Path, threads: int, runs: int) -> Measure:
    """ONNX Runtime on the CPU, all graph optimisations on."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Its threads wait for work in a loop: let them stop with the run, before another engine has its turn.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image()}
    return lambda: timed(lambda: session.run(None, feed), runs)


def _openvino(graph: Path, threads: int, runs: int, precision: str) -> Measure | None:
    """OpenVINO on the CPU, tuned for the latency of one request."""
    import openvino

    core = openvino.Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return None
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
    }
    request = core.compile_model(core.read_model(str(graph)), "CPU", settings).create_infer_request()
    request.infer({0: image()})
    return lambda: timed(lambda: request.infer(share_inputs=True), runs)

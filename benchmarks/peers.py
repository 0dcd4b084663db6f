"""The engines that Group-Net is measured beside, running float32 ResNet-18 on the host."""

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.interleave import Measure

INPUT_SHAPE = (1, 3, 224, 224)


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


def onnx_runtime(model: torch.nn.Module, threads: int, runs: int) -> Measure:
    """ONNX Runtime on the CPU, all graph optimisations on.

    Raises:
        ImportError: the extra `peers` is not installed.
    """
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The TorchScript exporter needs no further package; its notice of deprecation is for torch's users.
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(model, (torch.from_numpy(image()),), path, dynamo=False)
        graph = path.read_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image()}
    return lambda: timed(lambda: session.run(None, feed), runs)


def torch_eager(model: torch.nn.Module, threads: int, runs: int) -> Measure:
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

"""What PyTorch computes for one input: signs and integers of every binary convolution, and the outputs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from frontend.layers import binary_conv2d_layers, is_binary_conv2d


@dataclass(frozen=True)
class Reference:
    """PyTorch's results for one input.

    Attributes:
        inputs: the model's inputs, float32 NCHW.
        outputs: the model's outputs.
        signs: per layer, the signs of its input: uint8, `packbits` over channels, little bit order, [N, H, W,
        ceil(C/8)]. integers_sha256: per layer, the sha256 of its int32 results in NHWC order, little-endian.
    """

    inputs: tuple[npt.NDArray[np.float32], ...]
    outputs: tuple[npt.NDArray[np.float32], ...]
    signs: dict[str, npt.NDArray[np.uint8]]
    integers_sha256: dict[str, str]


def sha256_of_integers(integers: npt.NDArray[np.int32]) -> str:
    """The digest that a layer's NHWC integers are compared by."""
    return hashlib.sha256(np.ascontiguousarray(integers, dtype="<i4").tobytes()).hexdigest()


class _Recorder(torch.fx.Interpreter):
    """Run the graph node by node and keep what each binary convolution reads and gives."""

    def __init__(self, graph: torch.fx.GraphModule, layers: list[str]) -> None:
        super().__init__(graph)
        self._layers = iter(layers)
        self.signs: dict[str, npt.NDArray[np.uint8]] = {}
        self.integers_sha256: dict[str, str] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        result = super().run_node(n)
        if is_binary_conv2d(n):
            layer = next(self._layers)
            x = self.fetch_args_kwargs_from_env(n)[0][0]
            bits = (x.permute(0, 2, 3, 1) >= 0).numpy()
            self.signs[layer] = np.packbits(bits, axis=-1, bitorder="little")
            self.integers_sha256[layer] = sha256_of_integers(
                result.permute(0, 2, 3, 1).numpy().astype(np.int32)
            )
        return result


def record_reference(
    exported: torch.export.ExportedProgram, inputs: Sequence[npt.NDArray[np.float32]]
) -> Reference:
    """Run `exported` on `inputs` (float32, NCHW for images) and record every binary convolution."""
    layers = list(binary_conv2d_layers(exported).values())
    recorder = _Recorder(exported.module(), layers)
    with torch.no_grad():
        results = recorder.run(*(torch.from_numpy(np.ascontiguousarray(array)) for array in inputs))
    outputs = results if isinstance(results, tuple | list) else (results,)
    return Reference(
        tuple(inputs),
        tuple(output.numpy() for output in outputs),
        recorder.signs,
        recorder.integers_sha256,
    )

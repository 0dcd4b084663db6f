"""What PyTorch computes for one input: bits and integers of every packed convolution, and the outputs."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from frontend.layers import is_binary_conv2d, is_bitserial_conv2d, packed_layers, packs_bits


@dataclass(frozen=True)
class Reference:
    """PyTorch's results for one input.

    Attributes:
        inputs: the model's inputs, float32 NCHW.
        outputs: the model's outputs.
        signs: per layer, the bits of its input: uint8, `packbits` over channels, little bit order, [N, H, W,
            ceil(C/8)]; a bitserial layer has those of all its planes, plane by plane, [bits * N, H, W, ..].
        integers_sha256: per layer, the sha256 of its int32 results in NHWC order, little-endian.
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
        if is_binary_conv2d(n) or is_bitserial_conv2d(n):
            layer = next(self._layers)
            arguments, _ = self.fetch_args_kwargs_from_env(n)
            bits = None if is_binary_conv2d(n) else arguments[-1]
            self.signs[layer], self.integers_sha256[layer] = _describe(arguments[0], bits, result)
        return result


class _EagerRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The same while a network runs as it is; layers are named as `packed_layers` names them."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._paths = {module: path for path, module in network.named_modules()}
        self._stack: list[str] = []
        self._calls: Counter[str] = Counter()
        self.signs: dict[str, npt.NDArray[np.uint8]] = {}
        self.integers_sha256: dict[str, str] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types  # no tensor subclasses here
        result = func(*args, **(kwargs or {}))
        if kind := packs_bits(func):
            path = self._stack[-1]
            layer = f"{path}#{self._calls[path]}" if self._calls[path] else path
            self._calls[path] += 1
            bits = None if kind == "binary" else args[-1]
            self.signs[layer], self.integers_sha256[layer] = _describe(args[0], bits, result)
        return result

    def enter(self, module: torch.nn.Module, _arguments: Any) -> None:
        self._stack.append(self._paths.get(module, ""))

    def leave(self, _module: torch.nn.Module, _arguments: Any, _result: Any) -> None:
        self._stack.pop()


def _describe(x: torch.Tensor, bits: int | None, result: torch.Tensor) -> tuple[npt.NDArray[np.uint8], str]:
    x = x.permute(0, 2, 3, 1)
    signs = (x >= 0).numpy() if bits is None else _planes(x, bits)
    integers = result.permute(0, 2, 3, 1).numpy().astype(np.int32)
    return np.packbits(signs, axis=-1, bitorder="little"), sha256_of_integers(integers)


def _planes(x: torch.Tensor, bits: int) -> npt.NDArray[np.bool_]:
    """The bits of `round((2**bits - 1) * clamp(x, 0, 1))`, plane by plane along the first axis."""
    levels = ((2**bits - 1) * x.clamp(0, 1)).round().to(torch.uint8).numpy()
    return np.concatenate([levels >> plane & 1 for plane in range(bits)]).astype(bool)


def record_reference(
    exported: torch.export.ExportedProgram, inputs: Sequence[npt.NDArray[np.float32]]
) -> Reference:
    """Run `exported` on `inputs` (float32, NCHW for images) and record every binary convolution."""
    layers = list(packed_layers(exported).values())
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


def record_network(network: torch.nn.Module, inputs: Sequence[npt.NDArray[np.float32]]) -> Reference:
    """What `record_reference` records of the exported network, without exporting it, which takes seconds."""
    recorder = _EagerRecorder(network)
    hooks = [module.register_forward_pre_hook(recorder.enter) for module in network.modules()]
    hooks += [module.register_forward_hook(recorder.leave) for module in network.modules()]
    try:
        with torch.no_grad(), recorder:
            results = network(*(torch.from_numpy(np.ascontiguousarray(array)) for array in inputs))
    finally:
        for hook in hooks:
            hook.remove()
    outputs = results if isinstance(results, tuple | list) else (results,)
    return Reference(
        tuple(inputs),
        tuple(output.numpy() for output in outputs),
        recorder.signs,
        recorder.integers_sha256,
    )

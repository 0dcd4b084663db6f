"""Int8 for the peers: static quantisation of an ONNX graph, as ONNX Runtime's own guide does it."""

from pathlib import Path
from typing import Any

import numpy as np

_CALIBRATION_IMAGES = 4  # the weights are random: ranges must be plausible, and cannot be good


def quantise(source: Path, out: Path, shape: tuple[int, ...]) -> None:
    """Write an int8 graph: shapes inferred and layers folded first, then QDQ nodes, weights per channel.

    Activations are unsigned and weights signed, the pairing that x86 has instructions for (VNNI).

    Args:
        source: a float32 ONNX graph with one input.
        out: where the int8 graph goes.
        shape: the input's, NCHW; calibration images are normally distributed.

    Raises:
        ImportError: the extra `peers` is not installed.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(str(source), str(prepared))
    name = onnx.load(str(prepared)).graph.input[0].name
    rng = np.random.default_rng(0)
    images = iter([{name: rng.normal(size=shape).astype(np.float32)} for _ in range(_CALIBRATION_IMAGES)])

    class Images(CalibrationDataReader):  # type: ignore[misc]  # the base class has no types
        def get_next(self) -> Any:
            return next(images, None)

    quantize_static(
        str(prepared),
        str(out),
        Images(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )

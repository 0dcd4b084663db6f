"""Writes the C file that names the models inside a native benchmark, and what is known of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from android_runner.core_parts import numbered_parts

Reading = Literal["nothing", "classes", "pixels", "fcos"]
"""How outputs become a prediction; see `bench_reading` in models.h."""


@dataclass(frozen=True)
class Detector:
    """Where an FCOS detector's predictions stand.

    Attributes:
        size: Height and width of the image in pixels.
        centres: x and y of each place, float32 [places, 2].
        ends: Of each level, the number of places up to its end.
        max_iou: Two boxes of one class overlap by no more.
    """

    size: tuple[int, int]
    centres: npt.NDArray[np.float32]
    ends: tuple[int, ...]
    max_iou: float


@dataclass(frozen=True)
class NativeModel:
    """An exported model, as it goes into an executable.

    Attributes:
        folder: The export: `model.o`, `model.h`, `runtime/`, `input.bin` and `output.bin`.
        name: Its name for people.
        symbol: Its name in C.
        preparation: What its input holds, in words.
        calls: The kernel of each call of a run.
        labels: The same in words.
        tolerances: How far each output may be from PyTorch's.
        weights_bytes: Its packed weights.
        reading: What its outputs mean.
        detector: For `fcos`.
    """

    folder: Path
    name: str
    symbol: str
    preparation: str
    calls: tuple[str, ...]
    labels: tuple[str, ...]
    tolerances: tuple[float, ...]
    weights_bytes: int
    reading: Reading
    detector: Detector | None = None


def write_models(models: Sequence[NativeModel], target: str, libc: str) -> str:
    """The text of models.c; `target` and `libc` are what the executable says of itself."""
    parts = "\n".join(_model_tables(model) for model in models)
    entries = ",\n".join(_entry(model) for model in models)
    cores = ",\n".join(
        f"    {{{implementer:#x}, {number:#x}, {_string(part.name)}, {int(part.little)}}}"
        for implementer, number, part in numbered_parts()
    )
    return f"""\
/* The models inside, and the kinds of cores by their part numbers. */
#include "models.h"

{parts}
const bench_model bench_models[] = {{
{entries}}};
const size_t bench_model_count = sizeof bench_models / sizeof bench_models[0];

const char bench_version[] = {_string(version("groupnet"))};
const char bench_target[] = {_string(target)};
const char bench_libc[] = {_string(libc)};
#if defined(__clang__)
#define BENCH_WORD(x) #x
#define BENCH_TEXT(x) BENCH_WORD(x)
const char bench_compiler[] = "Clang " BENCH_TEXT(__clang_major__) "." BENCH_TEXT(__clang_minor__);
#else
const char bench_compiler[] = "GCC " __VERSION__;
#endif

const bench_core_part bench_core_parts[] = {{
{cores}}};
const size_t bench_core_part_count = sizeof bench_core_parts / sizeof bench_core_parts[0];
"""


def write_examples(models: Sequence[NativeModel]) -> str:
    """The text of examples.S: each model's stored input and PyTorch's outputs, by the names in models.c."""
    pairs = [
        f".balign 64\n.globl {model.symbol}_{name}\n{model.symbol}_{name}:\n"
        f".incbin {json.dumps(f'{model.symbol}_{name}.bin')}\n.byte 0\n"
        for model in models
        for name in ("input", "output")
    ]
    return f'.section .rodata\n{"".join(pairs)}.section .note.GNU-stack,"",%progbits\n'


def _model_tables(model: NativeModel) -> str:
    symbol = model.symbol
    tolerances = ", ".join(f"{value!r}" for value in model.tolerances)
    return (
        f"extern const groupnet_model {symbol};\n"
        f"extern const unsigned char {symbol}_input[], {symbol}_output[];\n"
        f"static const double {symbol}_tolerances[] = {{{tolerances}}};\n"
        f"{_strings(f'{symbol}_kernels', model.calls)}{_strings(f'{symbol}_labels', model.labels)}"
        f"{_detector_tables(symbol, model.detector) if model.detector else ''}"
    )


def _detector_tables(symbol: str, detector: Detector) -> str:
    centres = ",\n    ".join(f"{float(x)!r}f, {float(y)!r}f" for x, y in detector.centres)
    ends = ", ".join(str(end) for end in detector.ends)
    height, width = detector.size
    return (
        f"static const float {symbol}_centres[] = {{\n    {centres}}};\n"
        f"static const uint32_t {symbol}_ends[] = {{{ends}}};\n"
        f"static const bench_detector {symbol}_detector = {{\n"
        f"    {width}, {height}, {len(detector.centres)}, {symbol}_centres, "
        f"{len(detector.ends)}, {symbol}_ends, {detector.max_iou!r}f}};\n"
    )


def _entry(model: NativeModel) -> str:
    symbol = model.symbol
    detector = f"&{symbol}_detector" if model.detector else "NULL"
    return (
        f"    {{&{symbol}, {_string(model.preparation)},\n"
        f"     {symbol}_input, {symbol}_output, {symbol}_tolerances,\n"
        f"     {len(model.calls)}, {symbol}_kernels, {symbol}_labels,\n"
        f"     {model.weights_bytes}, READS_{model.reading.upper()}, {detector}}}"
    )


def _strings(name: str, texts: Iterable[str]) -> str:
    body = ",\n    ".join(_string(text) for text in texts)
    return f"static const char *const {name}[] = {{\n    {body}}};\n"


def _string(text: str) -> str:
    """A C string; everything but plain ASCII as octal escapes of its UTF-8."""
    escaped = re.sub(rb"[^ !#->@-\[\]-~]", lambda found: b"\\%03o" % found[0][0], text.encode())
    return f'"{escaped.decode("ascii")}"'

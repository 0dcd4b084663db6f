"""Hand-made exports for the native benchmark: no kernels to speak of, so that they take no compiler stack.

An output is a part of the input's own bytes, so that a test says what a model computes by its input.
"""

import math
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from android_runner.native_tables import Detector, NativeModel, Reading
from frontend.c_export.export import RUNTIME, RUNTIME_FILES

LIMIT_S = 60


@dataclass(frozen=True)
class Made:
    """What a model is; `expected` is what it says that PyTorch computes, by default what it computes."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    stored: npt.NDArray[np.float32]
    task: str = "classification"
    reading: Reading = "classes"
    labels: tuple[str, ...] = ()
    expected: npt.NDArray[np.float32] | None = None
    detector: Detector | None = None
    features: int = 0

    def export(self, folder: Path, arch: str = "x86_64") -> NativeModel:
        """Write the files that an export consists of and the benchmark needs."""
        (folder / "runtime").mkdir(parents=True)
        for name in RUNTIME_FILES:
            (folder / "runtime" / name).write_bytes((RUNTIME / name).read_bytes())
        (folder / "model.c").write_text(self.source())
        compiler = "gcc" if arch == "x86_64" else f"{arch}-linux-gnu-gcc"
        command = [compiler, "-std=c11", "-O1", "-fPIC", f"-I{folder / 'runtime'}", "-c", folder / "model.c"]
        subprocess.run([*command, "-o", folder / "model.o"], check=True, timeout=LIMIT_S)
        expected = self.stored if self.expected is None else self.expected
        (folder / "input.bin").write_bytes(self.stored.tobytes())
        (folder / "output.bin").write_bytes(expected.tobytes())
        return NativeModel(
            folder=folder,
            name=self.name,
            symbol=self.symbol,
            preparation="numbers",
            calls=("first_kernel", "fails_on_42"),
            labels=("first", "second"),
            tolerances=(1e-3,) * len(self.shapes),
            weights_bytes=64,
            reading=self.reading,
            detector=self.detector,
        )

    @property
    def symbol(self) -> str:
        return "".join(letter if letter.isalnum() else "_" for letter in self.name)

    def source(self) -> str:
        """Tables of a model whose outputs lie in its input; a call fails where that begins with 42."""
        sizes = [math.prod(shape) for shape in self.shapes]
        offsets = np.cumsum([0, *sizes])
        shapes = [[sum(sizes)], *map(list, self.shapes)]
        begins = np.cumsum([0, *map(len, shapes)])
        slots = [
            f"{{{offset * 4}, {begin}, {len(shape)}, 2, 32, 1}}"
            for offset, begin, shape in zip((0, *offsets[:-1]), begins, shapes, strict=False)
        ]
        tensors = [
            f'{{"t{index}", GROUPNET_FLOAT32, {len(shape)}, shapes + {begin}, {math.prod(shape) * 4}}}'
            for index, (begin, shape) in enumerate(zip(begins, shapes, strict=False))
        ]
        labels = ", ".join(c_string(label) for label in self.labels) or "NULL"
        return f"""\
#include "groupnet_model.h"
static int first(void *s, const groupnet_value *a, int32_t n, groupnet_value *r) {{
  (void)s; (void)a; (void)n; (void)r; return 0; }}
static int second(void *s, const groupnet_value *a, int32_t n, groupnet_value *r) {{
  const groupnet_view *view = a[0].pointer; (void)s; (void)n; (void)r;
  return ((const float *)view->data)[0] == 42.0f ? -1 : 0; }}
static const int64_t shapes[] = {{{", ".join(str(x) for shape in shapes for x in shape)}}};
static const groupnet_slot slots[] = {{{", ".join(slots)}}};
static const groupnet_step steps[] = {{{{first, 0, 1}}, {{second, 0, 1}}}};
static const uint16_t arguments[] = {{0}}, inputs[] = {{0}};
static const uint16_t outputs[] = {{{", ".join(str(i + 1) for i in range(len(sizes)))}}};
static const groupnet_tensor tensors[] = {{{", ".join(tensors)}}};
static const char *const labels[] = {{{labels}}};
static const groupnet_info info = {{{c_string(self.name)}, {c_string(self.task)}, "host", {len(self.labels)},
  labels, 1, tensors, {len(sizes)}, tensors + 1}};
const groupnet_model {self.symbol} = {{.format = GROUPNET_FORMAT, .features = {self.features}, .info = &info,
  .constants = (const unsigned char *)"", .shapes = shapes, .slots = slots, .slot_count = {len(slots)},
  .step_count = 2, .steps = steps, .arguments = arguments, .most_arguments = 1, .inputs = inputs,
  .outputs = outputs, .arena_bytes = {sum(sizes) * 4}, .workspace_bytes = 64}};
"""


def c_string(text: str) -> str:
    return '"' + "".join(f"\\{byte:03o}" for byte in text.encode()) + '"'


def floats(values: Sequence[float]) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


def write_tree(root: Path, files: dict[str, bytes | str]) -> None:
    """Files by their paths below `root`, as /proc and /sys of a phone."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

"""What scoring costs beside computing: `eval` by image, and RPC by inference, on this machine.

`python -m benchmarks.eval_overhead [--net digits-k3] [--seconds 2] [--json]`

The server is the phones' own, built for this machine, so that its times are latencies; the tunnel leads
through the emulated phone's ADB daemon, as a tunnel to a phone does. The data set is noise, read from memory.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.batches import Batches
from android_runner.device import LoadedModule
from android_runner.emulator.phone import start_phone, stop_phone
from android_runner.host_device import HostDevice
from benchmarks.native_server import NativeEndpoint, NativeOpener, native_server, native_session
from benchmarks.rows import print_rows
from groupnet.boundary import verb
from groupnet.bundle import Bundle, load_bundle
from groupnet.compile import compile_bundle
from groupnet.console import AsJson, print_result, progress, table
from groupnet.eval_data import EvalData
from groupnet.evaluate import network_of
from groupnet.model_source import Request
from groupnet.scoring.answers import open_answers
from groupnet.scoring.board import chunk_size
from groupnet.scoring.devices import Devices
from groupnet.scoring.places import DeviceOpener, PlaceOpener, image_bytes, tensor_types
from groupnet.scoring.report import report
from groupnet.scoring.run import Run

Array = npt.NDArray[Any]

Add = Callable[[str, float, Callable[[], float]], None]
"""Takes a way to compute images, microseconds of one alone, and what measures one with all around it."""

NETS = ("digits-k3", "groupnet_resnet18:5")
"""The zoo's 32x32 network, and one that computes some hundred times as long for an image of that size."""

_SIZE = 32
_IMAGES = 1797  # of noise, as digits has images
_PHONE = "overhead"


@dataclass(frozen=True)
class Measured:
    """Microseconds by image.

    Attributes:
        way: How images were computed.
        compute_us: The same function on the same machine, timed there without anything around it.
        image_us: With everything around it.
    """

    way: str
    compute_us: float
    image_us: float


@verb
def main(
    net: Annotated[
        list[str] | None, typer.Option(help="A zoo name or ARCHITECTURE:K.", show_default=", ".join(NETS))
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="Compute for about so long in each row.")] = 2.0,
    rounds: Annotated[int, typer.Option(min=1, help="Of which the median counts.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Time pure compute, `eval`, and RPC calls, in this process, over a socket, and through the tunnel."""
    rows: list[dict[str, Any]] = []
    with progress() as say, tempfile.TemporaryDirectory() as folder:
        for name in net or NETS:
            bundle = _compiled(name, Path(folder), say)
            for one in measure(bundle, seconds, rounds, say):
                rows.append(_row(name, one))
    if as_json:
        print_rows(rows)
        return
    numbers = ("compute us", "with overhead us", "overhead us", "ratio")
    shown = table("One image", "model", "way", *numbers, numbers=numbers)
    for row in rows:
        times = (row["compute_us"], row["image_us"], row["image_us"] - row["compute_us"])
        shown.add_row(row["name"], row["engine"], *(f"{value:.1f}" for value in times), f"{row['ratio']:.2f}")
    print_result(shown)


def measure(bundle: Bundle, seconds: float, rounds: int, say: Callable[[str], None]) -> list[Measured]:
    """Measure every way to compute images with a bundle.

    Raises:
        BenchmarkError, DeviceError: the server or the phone does not start.
    """
    example = bundle.reference().inputs[0]
    taken, _ = tensor_types(bundle)
    found: list[Measured] = []

    def add(way: str, compute_us: float, run: Callable[[], float]) -> None:
        say(f"{bundle.manifest.name}: {way}")
        found.append(Measured(way, compute_us, statistics.median(run() for _ in range(rounds))))

    with HostDevice().session() as session:
        compute_us = _compute_us(session.load(bundle.module, {"main": taken}), example, seconds)
    count = max(8, round(seconds * 1e6 / compute_us))
    opener = DeviceOpener(bundle, "host", 1, say)
    add("eval, in this process", compute_us, partial(_eval_us, bundle, opener, count))
    with native_server() as server, _adb() as transport:
        for end, endpoint in (
            ("socket", NativeEndpoint(server)),
            ("tunnel", NativeEndpoint(server, transport)),
        ):
            alone_us = _add_calls(bundle, end, endpoint, seconds, count, add)
            add(f"eval, {end}", alone_us, partial(_eval_us, bundle, NativeOpener(bundle, endpoint), count))
    return found


def _add_calls(
    bundle: Bundle, end: str, endpoint: NativeEndpoint, seconds: float, count: int, add: Add
) -> float:
    """Measure calls of one session, which ends with this function, and with it the hold on the server."""
    example = bundle.reference().inputs[0]
    taken, given = tensor_types(bundle)
    with native_session(endpoint) as session:
        module = session.load(bundle.module, {"main": taken})
        alone_us = _compute_us(module, example, seconds)
        calls = max(8, count // 100)
        add(f"one call an image, {end}", alone_us, partial(_calls_us, module, example, calls))
        size = chunk_size(alone_us / 1e6, image_bytes(bundle))
        rows = np.repeat(example, size, axis=0)
        stream = module.batches("main", given, threads=1)
        batches = max(2, count // size)
        for under_way, how in ((1, "one by one"), (2, "overlapped")):
            way = f"batches of {size} {how}, {end}"
            add(way, alone_us, partial(_batch_us, stream, rows, batches, under_way))
        stream.close()
    return alone_us


def _compute_us(module: LoadedModule, example: Array, seconds: float) -> float:
    first = statistics.median(module.time("main", [example], runs=20, warmup=10, threads=1))
    runs = max(20, min(20_000, round(seconds * 1e3 / first)))
    return 1e3 * statistics.median(module.time("main", [example], runs=runs, warmup=10, threads=1))


def _calls_us(module: LoadedModule, example: Array, calls: int) -> float:
    start_s = time.perf_counter()
    for _ in range(calls):
        module.run("main", [example])
    return (time.perf_counter() - start_s) / calls * 1e6


def _batch_us(stream: Batches, rows: Array, batches: int, under_way: int) -> float:
    """By image, with so many batches under way; the first ones are not counted."""
    for _ in range(under_way):
        stream.start(rows)
    stream.finish()
    start_s = time.perf_counter()
    for _ in range(batches):
        stream.start(rows)
        stream.finish()
    took_s = time.perf_counter() - start_s
    for _ in range(under_way - 1):
        stream.finish()
    return took_s / (batches * len(rows)) * 1e6


def _eval_us(bundle: Bundle, opener: PlaceOpener, count: int) -> float:
    """By image, from the verified device to the scores: reading, computing, keeping answers, scoring."""
    _, *shape = bundle.manifest.inputs[0].shape
    noise = np.random.default_rng(0).integers(0, 256, (_IMAGES, *shape), np.uint8)

    def read(indices: Sequence[int]) -> tuple[Array, Array]:
        rows = np.asarray(indices)
        return noise[rows % _IMAGES], rows % 2

    data = EvalData("noise", (), count, "", read)
    config = network_of(bundle.manifest)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_answers(Path(folder), config.task, {}, start_anew=False) as (answers, _),
    ):
        run = Run(bundle, config, data, None, answers, lambda _text, _done: None)
        start_s = run.score(lambda: Devices([opener], None), 0)
        report(answers, config, 0)
        return (time.monotonic() - start_s) / count * 1e6


@contextmanager
def _adb() -> Iterator[AdbShellTransport]:
    phone = start_phone(cpu="cortex-a53", name=_PHONE)
    try:
        transport = AdbShellTransport.connect("127.0.0.1", phone.port, phone.key, 10.0)
        try:
            yield transport
        finally:
            transport.close()
    finally:
        stop_phone(_PHONE)


def _compiled(name: str, folder: Path, say: Callable[[str], None]) -> Bundle:
    architecture, _, bases = name.partition(":")
    request = Request(name)
    if bases:
        request = Request(architecture, int(bases), _SIZE, random_weights=True)
    out = folder / f"{architecture}.bundle"
    return load_bundle(compile_bundle(request, "host", out, input_kind="uint8", say=say))


def _row(name: str, one: Measured) -> dict[str, Any]:
    return {
        "benchmark": "eval_overhead",
        "name": name,
        "engine": one.way,
        "threads": 1,
        "min_ms": None,
        "median_ms": one.image_us / 1e3,
        "compute_us": one.compute_us,
        "image_us": one.image_us,
        "ratio": one.image_us / one.compute_us,
    }


if __name__ == "__main__":
    typer.run(main)

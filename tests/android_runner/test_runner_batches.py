"""Batches: many images in one call, two batches under way, on this machine and on the phone."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.batches import Rows
from android_runner.device import Device, LoadedModule
from android_runner.devices import open_device
from android_runner.emulator.phone import EmulatedPhone
from android_runner.errors import InputMismatchError, ServerError
from android_runner.phone_device import PhoneDevice
from android_runner.tensor_types import TensorType

IMAGE = TensorType((1, 2, 5), "uint8")
OUTPUTS = [TensorType((1, 2, 5), "float32"), IMAGE]
MATRIX = TensorType((2, 3), "float32")


@contextmanager
def loaded(device: Device, module: Path) -> Iterator[LoadedModule]:
    with device.session(timeout_s=60) as session:
        yield session.load(module, {"image": [IMAGE], "nested": [MATRIX]})


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 2, 5), np.uint8)


def check(module: LoadedModule) -> None:
    """Batches of several sizes, two under way, with other calls in between."""
    stream = module.batches("image", OUTPUTS, threads=1)
    batches = [images(count, seed) for seed, count in enumerate((1, 4, 4, 4, 3))]
    stream.start(batches[0])
    for number, batch in enumerate(batches):
        if number + 1 < len(batches):
            stream.start(batches[number + 1])
        (single,) = module.run("image", [batch[:1]])[1:]
        assert np.array_equal(single, ~batch[:1])
        floats, turned = stream.finish()
        assert floats.dtype == np.float32 and np.array_equal(floats, batch.astype(np.float32))
        assert np.array_equal(turned, ~batch)
    for wrong in (images(2).astype(np.int8), images(2)[:, :1], images(0)):
        with pytest.raises(InputMismatchError, match=r"uint8\[1, 2, 5\]"):
            stream.start(wrong)
    stream.close()
    with pytest.raises(InputMismatchError, match="for one image"):
        module.batches("nested", [MATRIX], threads=1)


def test_this_machine_computes_batches(host_module: Path) -> None:
    with loaded(open_device("host"), host_module) as module:
        check(module)


@pytest.mark.phone
def test_the_phone_computes_batches(arm64_module: Path, runner_phone: EmulatedPhone) -> None:
    connect = partial(AdbShellTransport.connect, "127.0.0.1", runner_phone.port, runner_phone.key, 30.0)
    with loaded(PhoneDevice(connect, kind="emulator", name="emulator"), arm64_module) as module:
        check(module)
        # Outputs that were announced otherwise are an error that leaves the session alive.
        for said, outputs in (("smaller", [*OUTPUTS, IMAGE]), ("larger", OUTPUTS[:1])):
            stream = module.batches("image", outputs, threads=1)
            stream.start(images(2))
            with pytest.raises(ServerError, match=said):
                stream.finish()
            stream.close()
        check(module)


def test_rows_are_split_into_outputs() -> None:
    rows = Rows("image", IMAGE, OUTPUTS)
    assert (rows.input_bytes, rows.output_bytes) == (10, 50)
    floats, octets = np.arange(20, dtype=np.float32).reshape(2, 2, 5), images(2)
    packed = np.concatenate(
        [part.reshape(2, -1).view(np.uint8).reshape(2, -1) for part in (floats, octets)], axis=1
    )
    for part, expected in zip(rows.split(packed), (floats, octets), strict=True):
        assert np.array_equal(part, expected)

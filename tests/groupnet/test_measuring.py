"""What bench, eval and demo make of a device's answers, with a device that answers what the test says."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from android_runner.device import DeviceInfo
from groupnet import demo, evaluate, manifest, running
from groupnet.bundle import Bundle, load_bundle
from groupnet.errors import EvaluationError
from groupnet.eval_data import EvalData, open_eval_data
from groupnet.pixels import normalised
from models.digits import LABELS, load_digits
from models.registry import config_of

HOST = DeviceInfo("host", "host", None, "box", "core", "x86_64", emulated=False, android=None, cores=1)


class BrightnessModule:
    """Tells class 1 for a bright image and class 0 for a dark one; keeps what it was given."""

    def __init__(self) -> None:
        self.calls: list[npt.NDArray[np.generic]] = []

    def run(self, function: str, inputs: Sequence[npt.NDArray[np.generic]]) -> list[npt.NDArray[np.generic]]:
        assert function == "main"
        (images,) = inputs
        self.calls.append(images)
        bright = images.astype(np.float32).mean((1, 2, 3))
        return [np.stack([-bright, bright], axis=1)]

    def time(self, *_: Any, **__: Any) -> list[float]:
        raise AssertionError("nothing is timed here")

    def set_threads(self, threads: int) -> None:
        raise AssertionError(f"nobody asked for {threads} threads")


@pytest.fixture
def pair_bundle(tmp_path: Path, write_bundle: Callable[..., Path]) -> Bundle:
    """A bundle whose batch is two images."""
    inputs = (manifest.Tensor(name="x", shape=(2, 4, 4, 1), dtype="float32"),)
    return load_bundle(write_bundle(tmp_path / "b", inputs=inputs))


def test_a_batch_that_is_not_full_is_filled_and_cut(
    pair_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = BrightnessModule()
    images = [np.full((4, 4, 1), value, np.uint8) for value in (255, 0, 200, 10, 255)]
    data = EvalData("five", ("no", "yes"), 5, lambda index: (images[index], index % 2))

    @contextmanager
    def on_device(bundle: Bundle, *_: Any) -> Iterator[running.Running]:
        yield running.Running(bundle, HOST, module)

    monkeypatch.setattr(evaluate, "on_device", on_device)
    said = []
    result = evaluate.run_eval(
        pair_bundle,
        evaluate.EvalRequest(),
        "host",
        opened=data,
        say=lambda text, done: said.append((text, done)),
    )
    assert [call.shape for call in module.calls] == [(2, 4, 4, 1)] * 3
    assert result["images"] == 5 and [done for _, done in said] == [2, 4, 5]
    # Bright images are taken for class 1, which the odd ones are.
    assert result["scores"]["top1"] == 0
    assert result["pytorch_scores"] is None and "random weights" in result["pytorch_missing"]


def scored(top1: float, pytorch: float | None) -> dict[str, Any]:
    return {
        "device": {"name": "emulator"},
        "scores": {"top1": top1},
        "pytorch_scores": None if pytorch is None else {"top1": pytorch},
        "pytorch_missing": "the checkpoint is gone" if pytorch is None else None,
    }


@pytest.mark.parametrize(
    ("result", "reason"), [(scored(0.9, 0.95), r"95\.00%.*90\.00%"), (scored(0.9, None), "is gone")]
)
def test_the_demo_fails_where_the_device_does_not_score_as_pytorch(
    result: dict[str, Any], reason: str
) -> None:
    with pytest.raises(EvaluationError, match=reason):
        demo.check_scores([scored(0.9, 0.9), result])
    demo.check_scores([scored(0.9, 0.9)])


def test_digits_are_prepared_as_the_bundle_says(tmp_path: Path, write_bundle: Callable[..., Path]) -> None:
    path = write_bundle(
        tmp_path / "b",
        inputs=(manifest.Tensor(name="x", shape=(1, 32, 32, 1), dtype="uint8"),),
        outputs=(manifest.Tensor(name="logits", shape=(1, 10), dtype="float32"),),
        labels=LABELS,
        preprocessing=manifest.Preprocessing(input_size=32, channels=1, mean=(0.305,), std=(0.324,)),
    )
    made = load_bundle(path)
    config = config_of("groupnet_digits")
    data = open_eval_data(made.manifest, config, "digits", data_format=None, split="val", limit=None)
    ((pixels, truths),) = data.batches(data.count)
    test = load_digits().test
    np.testing.assert_array_equal(pixels, test.pixels)
    assert truths == test.labels.tolist()
    # The zoo's constants give the very numbers that PyTorch was trained and tested with.
    images = normalised(pixels, made.manifest.preprocessing)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images.transpose(0, 3, 1, 2), test.images)

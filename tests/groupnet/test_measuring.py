"""What eval and demo score with, and what the demo makes of scores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groupnet import demo, manifest
from groupnet.bundle import load_bundle
from groupnet.errors import EvaluationError
from groupnet.eval_data import open_eval_data
from groupnet.pixels import normalised
from models.digits import LABELS, load_digits
from models.registry import config_of


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
    pixels, truths = data.read(range(data.count))
    test = load_digits().test
    np.testing.assert_array_equal(pixels, test.pixels)
    np.testing.assert_array_equal(truths, test.labels)
    # The zoo's constants give the very numbers that PyTorch was trained and tested with.
    images = normalised(pixels, made.manifest.preprocessing)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images.transpose(0, 3, 1, 2), test.images)

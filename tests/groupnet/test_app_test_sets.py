"""The test pictures inside the app: the same at each build, and of the sizes that the zoo's networks take."""

import json

import numpy as np

from groupnet.app_test_sets import run_lengths
from groupnet.app_test_sets import test_set_assets as assets_of


def test_sets_are_whole_and_the_same_each_time() -> None:
    models = ["digits-k3", "shapes-k5", "shapes-fcos-k5", "shapes-bpac-k5", "somebodys-own"]
    files = assets_of(models)
    assert files == assets_of(models)
    tasks = []
    for model in models[:-1]:
        about = json.loads(files[f"sets/{model}/set.json"])
        tasks.append(about["task"])
        for image in about["images"]:
            assert len(files[f"sets/{model}/{image['file']}"]) == np.prod(about["shape"])
            labels = [image.get("class"), *(box["index"] for box in image.get("boxes", []))]
            labels += [label for label in image.get("runs", [])[::2] if label != 255]
            assert all(label is None or 0 <= label < len(about["labels"]) for label in labels)
        assert about["credits"]
    assert tasks == ["classification", "classification", "detection", "segmentation"]
    assert not any("somebodys-own" in name for name in files)


def test_run_lengths_go_on_across_rows() -> None:
    assert run_lengths(np.array([[3, 3], [0, 3]], np.uint8)) == [3, 2, 0, 1, 3, 1]

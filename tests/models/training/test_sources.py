"""Presets on generated data sets in the real layouts: each task trains, scores and writes its checkpoint."""

import numpy as np
import pytest
import torch

from models.checkpoint import load_checkpoint
from models.data.shapes.generate import Plan, write_classification, write_scenes
from models.errors import DataError
from models.scoring.coco_ap import METRICS
from models.training.engine import Machine
from models.training.preset import preset_of
from models.training.preset_run import Request, make_plan, run_plan
from models.training.sources import Opening, open_data
from models.training.task import EpochKey, Shard

PLAN = Plan(kind="shapes", train=12, val=10, size=48, seed=0)
SMALL = ("network.width=4", "network.input_size=48", "recipe.batch_size=6")
LENGTHS = {"pretrain_epochs": 1, "epochs": 1}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same few scenes for both layouts, and images by class."""
    root = tmp_path_factory.mktemp("data")
    for name, write in (("scenes", write_scenes), ("images", write_classification)):
        (root / name).mkdir()
        write(root / name, PLAN, lambda _done: None)
    return root


class _Listener:
    def __init__(self):
        self.losses, self.pictures = [], {}

    def on_step(self, report):
        """Too few steps."""

    def on_epoch(self, report):
        self.losses.append(report.loss)

    def on_pictures(self, epoch, pictures):
        self.pictures |= {f"{epoch} {name}": picture for name, picture in pictures.items()}


@pytest.mark.parametrize(
    ("preset", "folder", "overrides", "metrics"),
    [
        ("shapes_classification", "images", ("network.bases=2",), {"top1"}),
        ("shapes_bpac", "scenes", (), {"miou", "pixel_accuracy"}),
        ("shapes_fcos", "scenes", ("network.pyramid_channels=8", "network.bases=2"), {"voc_map", *METRICS}),
        ("shapes_fcos", "scenes", ("data=voc", "network.detector=retinanet", "network.bases=2"), {"ap"}),
    ],
)
def test_a_preset_trains_from_end_to_end(tmp_path, folders, preset, folder, overrides, metrics):
    request = Request(preset=preset, data=folders / folder, overrides=(*SMALL, *overrides), **LENGTHS)
    listener, out = _Listener(), tmp_path / "net.pt"
    result = run_plan(make_plan(request), out, machine=Machine(evaluate_every=1), observers=[listener])
    assert len(listener.losses) == 2 and all(np.isfinite(listener.losses))
    assert all(picture.dtype == np.uint8 and picture.shape[2] == 3 for picture in listener.pictures.values())
    assert listener.pictures and metrics & set(result.meta.metrics)
    loaded = load_checkpoint(out)
    assert loaded.meta == result.meta
    assert {"heart", "drop"} <= set(loaded.meta.labels)


def _opening(preset, *overrides, workers=0):
    chosen = preset_of(preset).overridden(overrides)
    return Opening(
        preset=chosen,
        config=chosen.config(),
        recipe=chosen.recipe,
        device=torch.device("cpu"),
        workers=workers,
    )


def test_workers_change_nothing(folders):
    batches = []
    for workers in (0, 2):
        opening = _opening("shapes_bpac", "network.input_size=48", workers=workers)
        feed = open_data(opening, folders / "scenes").task.feed
        batches.append(list(feed.training(EpochKey(0, 0, 0), 6, Shard())))
    for alone, parallel in zip(*batches, strict=True):
        assert torch.equal(alone.images, parallel.images) and torch.equal(alone.targets, parallel.targets)


@pytest.mark.parametrize(
    ("preset", "folder", "complaint"),
    [
        ("shapes_classification", None, "--data"),
        ("shapes_bpac", "images", "JPEGImages"),
        ("shapes_fcos", "images", "annotations"),
        ("digits", "images", "no folder"),
    ],
)
def test_data_of_another_kind_are_refused(folders, preset, folder, complaint):
    with pytest.raises(DataError, match=complaint):
        open_data(_opening(preset), None if folder is None else folders / folder)


@pytest.mark.parametrize(
    ("preset", "overrides", "complaint"),
    [
        ("shapes_bpac", ("data=coco",), "data for segmentation; got the kind coco"),
        ("digits", ("architecture=groupnet_shapes_fcos",), "data for detection; got the kind digits"),
        ("digits", ("architecture=groupnet_shapes",), "32 pixels and 1 channels; got one for 64"),
        ("digits", ("network.input_size=16",), "got one for 16 pixels and 1"),
        ("shapes_classification", ("network.in_channels=1",), "64 pixels and 3 channels; got one for 64"),
    ],
)
def test_a_network_for_other_images_is_refused_before_it_trains(folders, preset, overrides, complaint):
    root = None if preset == "digits" else folders / "images"
    with pytest.raises(DataError, match=complaint):
        open_data(_opening(preset, *overrides), root)

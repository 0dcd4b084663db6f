"""A small training for `torchrun`: writes each epoch's loss and test score, and the network it ends with.

python -m torch.distributed.run ... train_in_processes.py TASK OUT
"""

import json
import sys
from pathlib import Path

import torch

from models.config import GroupNetConfig
from models.metadata import Preprocessing
from models.segmentation.config import SegmentationConfig
from models.training.array_feed import ArrayFeed
from models.training.classification import Classification
from models.training.engine import Machine, train
from models.training.ranks import joined_processes
from models.training.recipe import Recipe, Stage
from models.training.segmentation import Segmentation

CONFIG = GroupNetConfig(
    depths=(1, 1), width=4, bases=2, num_classes=2, in_channels=1, input_size=8, stem="small"
)
# Its head has dropout.
SEGMENTER = SegmentationConfig(backbone=CONFIG, head="dilated")
PREPROCESSING = Preprocessing(8, 1, (0.5,), (0.5,))
DEVICE = torch.device("cpu")


class _Epochs:
    def __init__(self):
        self.losses, self.scores = [], []

    def on_step(self, report):
        """No step of so small an epoch is told."""

    def on_epoch(self, report):
        self.losses.append(report.loss)
        self.scores.append(report.metrics)

    def on_pictures(self, epoch, pictures):
        """Not looked at."""


def classification():
    """27 images, so that the last batch of 8 is short: 3 images for two processes."""
    labels = torch.arange(27) % 2
    feed = _feed(labels, labels.reshape(-1, 1, 1, 1).expand(-1, -1, 8, 8))
    return CONFIG, Classification(feed, ("dark", "bright"), PREPROCESSING)


def segmentation():
    """As many images, bright on the right of a column."""
    masks = (torch.arange(8) >= 1 + torch.arange(27).reshape(-1, 1, 1) % 7).long().expand(-1, 8, -1)
    return SEGMENTER, Segmentation(_feed(masks, masks[:, None]), ("dark", "bright"), PREPROCESSING)


def _feed(targets, bright):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(27, 1, 8, 8, generator=generator) + (bright * 2 - 1)
    return ArrayFeed(images, targets, images, targets, _noise)


TASKS = {"classification": classification, "segmentation": segmentation}


def run(name, shard):
    """Four epochs of pre-training; returns losses, scores and the network."""
    config, task = TASKS[name]()
    stage = Stage(precision="tanh", optimizer="sgd", learning_rate=0.05, weight_decay=0.0, epochs=4)
    recipe = Recipe(stages=(stage,), batch_size=8, seed=1, average_decay=0.9)
    epochs = _Epochs()
    machine = Machine(device=DEVICE, shard=shard, evaluate_every=1)
    model = train(config, recipe, task, state_path=None, machine=machine, observers=[epochs])
    return epochs, model


def _noise(images, generator):
    return images + 0.1 * torch.randn(images.shape, generator=generator)


if __name__ == "__main__":
    with joined_processes(DEVICE) as shard:
        epochs, model = run(sys.argv[1], shard)
        if shard.rank == 0:
            state = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
            result = {"world": shard.world, "losses": epochs.losses, "scores": epochs.scores, "state": state}
            Path(sys.argv[2]).write_text(json.dumps(result))

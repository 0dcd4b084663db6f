"""One training of an ablation table: everything that decides its result, and what came of it."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.errors import BenchmarkError
from models.complexity import Complexity, complexity
from models.networks import make_network
from models.task_config import NetworkConfig
from models.training.engine import Machine
from models.training.preset_run import Plan, run_plan, state_path
from models.training.report import Observer
from models.training.run_log import JsonLog, log_path

_DIGEST_LENGTH = 12


@dataclasses.dataclass(frozen=True)
class Run:
    """One variant with one seed.

    Attributes:
        study: Name of the table.
        variant: Name of the row, together with K.
        plan: What is trained.
        data_digest: Of the data set's file names and sizes; empty where there is no folder.
    """

    study: str
    variant: str
    plan: Plan
    data_digest: str

    @property
    def bases(self) -> int:
        """K."""
        return self.plan.config.bases

    @property
    def seed(self) -> int:
        """Of parameters, order and augmentation."""
        return self.plan.recipe.seed

    @property
    def epochs(self) -> int:
        """Of all stages."""
        return sum(stage.epochs for stage in self.plan.recipe.stages)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the result, as plain values: equal settings are not trained twice."""
        preset, backbone = self.plan.preset, self.plan.request.backbone
        start = {} if backbone is None else {"backbone": hashlib.sha256(backbone.read_bytes()).hexdigest()}
        return start | {
            "architecture": preset.architecture,
            "network": self.plan.config.to_dict(),
            "recipe": self.plan.recipe.to_dict(),
            "data": {"kind": preset.data, "files": self.data_digest},
            "splits": [preset.train_split, preset.test_split],
            "augmentation": {"flip": preset.flip, "crop_area": preset.crop_area},
        }

    @property
    def name(self) -> str:
        """For files: readable, and different where the settings are."""
        text = json.dumps(self.settings, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
        words = re.sub(r"[^a-z0-9*]+", "-", self.variant.lower()).strip("-").replace("*", "s")
        return f"{self.study}-{words}-k{self.bases}-seed{self.seed}-{digest}"


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What one run came to.

    Attributes:
        metrics: Scores on the test images after the last epoch, each 0 to 1.
        costs: Of the network, for one image.
        seconds: All epochs took, in every process that worked on them; test images not included.
        threads: Of the process that ended the run.
        device: `cpu` or `cuda`.
    """

    metrics: dict[str, float]
    costs: Complexity
    seconds: float
    threads: int
    device: str


def train_run(
    run: Run,
    checkpoint: Path,
    *,
    machine: Machine,
    workers: int = 0,
    observers: Sequence[Observer] = (),
) -> Measurement:
    """Train a run from its start, or from the last whole epoch of an interrupted one.

    Args:
        run: What to train.
        checkpoint: Written at the end; beside it are the log and, until then, the last epoch's state.
        machine: Where.
        workers: Processes that decode images.
        observers: Told of epochs.

    Raises:
        ModelsError: The data or the training failed, see `run_plan`.
    """
    resume = state_path(checkpoint).exists()
    log = log_path(checkpoint)
    told: list[Observer] = [JsonLog(log, resume), *observers]
    result = run_plan(run.plan, checkpoint, resume=resume, machine=machine, workers=workers, observers=told)
    if result is None:
        raise BenchmarkError("expected one process; got one of torchrun's further ones; start it alone")
    return Measurement(
        metrics=result.meta.metrics,
        costs=network_costs(result.meta.config),
        seconds=_logged_seconds(log),
        threads=torch.get_num_threads(),
        device=machine.device.type,
    )


def network_costs(config: NetworkConfig) -> Complexity:
    """What the network costs for one image."""
    with torch.device("meta"):
        model = make_network(config)
    return complexity(model, (config.in_channels, config.input_size, config.input_size))


def _logged_seconds(log: Path) -> float:
    """Of all epochs; one that was repeated, as its state was lost, counts once."""
    events = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    seconds = {event["number"]: float(event["seconds"]) for event in events if event["event"] == "epoch"}
    return sum(seconds.values())

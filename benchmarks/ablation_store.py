"""A folder of measured runs: one JSON file each, written as a whole, found again by the run's settings."""

import dataclasses
import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.ablation_claim import claim, holder
from benchmarks.ablation_run import Measurement, Run
from benchmarks.errors import BenchmarkError
from models.complexity import Complexity

FORMAT = "groupnet-ablation-1"


@dataclasses.dataclass(frozen=True)
class Store:
    """The folder; a result has the run's checkpoint and log beside it, and before it claim and state."""

    folder: Path

    def checkpoint(self, run: Run) -> Path:
        """Where the run's network goes."""
        return self.folder / f"{run.name}.pt"

    def result(self, run: Run) -> Path:
        """Where the run's measurement goes."""
        return self.folder / f"{run.name}.json"

    def claim(self, run: Run) -> AbstractContextManager[bool]:
        """True within the block for the one process that may train the run."""
        return claim(self._lock(run))

    def holder(self, run: Run) -> str:
        """Which process trains the run."""
        return holder(self._lock(run))

    def find(self, run: Run) -> Measurement | None:
        """What the run came to, or None where it was not measured.

        Raises:
            BenchmarkError: The file is damaged, or of another version or run.
        """
        path = self.result(run)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise _unusable(path, f"'{error}'") from error
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise _unusable(path, "a file of another kind or version")
        if values.get("settings") != run.settings:
            raise _unusable(path, "one of other settings")
        try:
            return _measurement(values["measurement"])
        except (KeyError, TypeError, ValueError) as error:
            raise _unusable(path, f"one without {error}") from error

    def write(self, run: Run, measurement: Measurement) -> None:
        """Keep what the run came to; whoever looks sees the whole file or none."""
        values = {
            "format": FORMAT,
            "study": run.study,
            "variant": run.variant,
            "bases": run.bases,
            "seed": run.seed,
            "settings": run.settings,
            "measurement": dataclasses.asdict(measurement),
        }
        path = self.result(run)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(json.dumps(values, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def _lock(self, run: Run) -> Path:
        return self.folder / f"{run.name}.lock"


def _measurement(values: dict[str, Any]) -> Measurement:
    return Measurement(
        metrics={str(name): float(value) for name, value in values["metrics"].items()},
        costs=Complexity(**values["costs"]),
        seconds=float(values["seconds"]),
        threads=int(values["threads"]),
        device=str(values["device"]),
    )


def _unusable(path: Path, got: str) -> BenchmarkError:
    return BenchmarkError(
        f"expected the result of a run in {path}; got {got}; remove it to measure again, or use another --out"
    )

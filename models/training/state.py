"""The file that holds an unfinished training: everything that the next epoch depends on."""

from pathlib import Path
from typing import Any

from models.errors import CheckpointError, TrainingError
from models.torch_file import load_torch_file, save_torch_file

_FORMAT = "groupnet-training-2"


def save_state(path: Path, run: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the state after an epoch, as a whole or not at all.

    Args:
        path: The file.
        run: The settings of the training as plain values; a resumed one must have the same.
        state: Plain values and tensors.

    Raises:
        CheckpointError: The file cannot be written.
    """
    save_torch_file(path, {"format": _FORMAT, "run": run, **state})


def load_state(path: Path, run: dict[str, Any]) -> dict[str, Any]:
    """What `save_state` wrote, tensors on the CPU.

    Raises:
        TrainingError: There is no file, or it is that of a training with other settings.
        CheckpointError: The file is damaged or of another kind.
    """
    if not path.exists():
        raise TrainingError(
            f"expected the state of an interrupted training at {path}; got no file; start without resuming"
        )
    state = load_torch_file(path)
    if state.get("format") != _FORMAT:
        raise CheckpointError(
            f"expected the state of a training at {path}; got a file of another kind or version; start anew"
        )
    if state["run"] != run:
        raise TrainingError(
            f"expected to resume {path} with the settings it was started with; got others "
            f"({_difference(state['run'], run)}); repeat the options of the first run, or start anew"
        )
    return state


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The first settings that differ."""
    names = [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]
    name = names[0]
    if isinstance(before.get(name), dict) and isinstance(now.get(name), dict):
        return f"{name}: {_difference(before[name], now[name])}"
    return f"{name}: {before.get(name)!r} then, {now.get(name)!r} now"

"""What a device answered, kept in a folder batch by batch, so that an interrupted run can go on.

- about.json: what is scored with what; a folder of anything else is refused
- batch-*.npz: for some images their numbers, predictions, truths, and PyTorch's side; appears whole
- check-*.json: what the comparison of one image's integers with PyTorch's said
- device.json: who the device is
- lock: held by the process that works here
"""

import fcntl
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from groupnet.errors import EvaluationError
from groupnet.scoring.columns import pack_predictions, pack_truths, unpack_predictions, unpack_truths

Array = npt.NDArray[Any]

_ABOUT = "about.json"
_DEVICE = "device.json"
_SHOWN = 12  # digits of a checksum that a person is shown


class Answer(NamedTuple):
    """One image.

    Attributes:
        image: Its number in the data set.
        found: The device's prediction, as the task's scorer makes it.
        truth: What is true.
        expected: PyTorch's prediction; None without PyTorch.
        difference: Largest difference of an output from PyTorch's; NaN without PyTorch.
        same: Units of the prediction that are PyTorch's, and how many there are; (0, 0) without.
        device: Which device it was, where there are several.
    """

    image: int
    found: Any
    truth: Any
    expected: Any
    difference: float
    same: tuple[int, int]
    device: str


class Answers:
    """A folder of answers, locked by this process; see `open_answers`."""

    def __init__(self, folder: Path, task: str) -> None:
        """Look at what is there; files that were cut off are removed."""
        self.folder, self._task = folder, task
        self._place: dict[int, Path] = {}
        self._read: dict[Path, dict[int, Answer]] = {}
        for left in folder.glob("*.partial"):
            left.unlink()
        for path in sorted(folder.glob("batch-*.npz")):
            try:
                # Opened here: NumPy leaves a file open that is no archive.
                with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                    indices = [int(index) for index in file["index"]]
                    if set(indices) & set(self._place):
                        raise ValueError("an image twice")
                    for name in file.files:
                        file[name]  # its checksum is compared
            except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
                path.unlink()  # its images are scored again
            else:
                self._place |= dict.fromkeys(indices, path)

    @property
    def indices(self) -> set[int]:
        """Images that are answered."""
        return set(self._place)

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self._place)

    def add(self, batch: Sequence[Answer]) -> None:
        """Keep the answers for a batch, one at least.

        Raises:
            EvaluationError: an image has an answer already.
            OSError: the folder cannot be written.
        """
        indices = [answer.image for answer in batch]
        if twice := sorted(set(indices) & set(self._place)):
            raise EvaluationError(f"expected each image once; got image {twice[0]} again; report it")
        columns: dict[str, Array] = {
            "index": np.array(indices, np.int64),
            "difference": np.array([answer.difference for answer in batch], np.float64),
            "same": np.array([answer.same for answer in batch], np.int64),
            "device": np.array([answer.device for answer in batch]),
        }
        sides = {"found": pack_predictions(self._task, [answer.found for answer in batch])}
        sides["truth"] = pack_truths(self._task, [answer.truth for answer in batch])
        if batch[0].expected is not None:
            sides["expected"] = pack_predictions(self._task, [answer.expected for answer in batch])
        for side, arrays in sides.items():
            columns |= {f"{side}/{name}": array for name, array in arrays.items()}
        path = self.folder / f"batch-{indices[0]:08d}.npz"
        partial = path.with_suffix(".partial")
        # Masks shrink to a twentieth; logits do not.
        save = np.savez if self._task == "classification" else np.savez_compressed
        with partial.open("wb") as file:
            save(file, allow_pickle=False, **columns)
        os.replace(partial, path)
        self._place |= dict.fromkeys(indices, path)

    def read(self) -> Iterator[Answer]:
        """All answers in the order of the images."""
        for index in sorted(self._place):
            path = self._place[index]
            if path not in self._read:
                if len(self._read) == 4:  # neighbours are in few files
                    del self._read[next(iter(self._read))]
                self._read[path] = {answer.image: answer for answer in self._load(path)}
            yield self._read[path][index]

    def _load(self, path: Path) -> list[Answer]:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}

        def side(name: str) -> dict[str, Array]:
            prefix = f"{name}/"
            return {key.removeprefix(prefix): arrays[key] for key in arrays if key.startswith(prefix)}

        indices = arrays["index"].tolist()  # all at once: single numbers of NumPy are slow
        expected: Sequence[Any] = [None] * len(indices)
        if side("expected"):
            expected = unpack_predictions(self._task, side("expected"))
        return [
            Answer(index, found, truth, other, difference, (same, units), device)
            for index, found, truth, other, difference, (same, units), device in zip(
                indices,
                unpack_predictions(self._task, side("found")),
                unpack_truths(self._task, side("truth")),
                expected,
                arrays["difference"].tolist(),
                arrays["same"].tolist(),
                arrays["device"].tolist(),
                strict=True,
            )
        ]

    def add_check(self, index: int, report: Mapping[str, Any]) -> None:
        """Keep what the comparison of an image's integers said."""
        _write(self.folder / f"check-{index:08d}.json", report)

    def checks(self) -> dict[int, dict[str, Any]]:
        """What was kept of them, by image."""
        return {
            int(path.stem.removeprefix("check-")): json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(self.folder.glob("check-*.json"))
        }

    def add_device(self, about: Mapping[str, Any]) -> None:
        """Keep who the device is."""
        _write(self.folder / _DEVICE, about)

    def device(self) -> dict[str, Any] | None:
        """Who it was, where one was opened."""
        path = self.folder / _DEVICE
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)


@contextmanager
def open_answers(
    folder: Path, task: str, about: Mapping[str, str], *, start_anew: bool
) -> Iterator[tuple[Answers, str | None]]:
    """Open the folder of a run, new or interrupted; also gives what has changed if it was emptied for that.

    Args:
        folder: Made where there is none.
        task: The network's.
        about: By name, what decides the answers: checksums of the bundle and of the data, and so on.
        start_anew: Whether a folder of something else is emptied; else it is refused.

    Raises:
        EvaluationError: It is of something else, no folder of answers, or another process works there.
        OSError: It cannot be written.
    """
    new = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not new and not (folder / _ABOUT).is_file() and not _only_locked(folder):
        raise EvaluationError(
            f"expected an empty folder or one of `groupnet eval --keep`; got {folder}: name another one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise EvaluationError(
                f"expected to be alone in {folder}; another `groupnet eval` works there: wait for it, or "
                "name another folder with --keep"
            ) from exc
        changed = _changed(folder, about)
        if changed and not start_anew:
            raise EvaluationError(
                f"expected the answers in {folder} to be of this run; {changed}: remove the folder, or name "
                "another one with --keep"
            )
        if changed:
            for path in [*folder.glob("batch-*"), *folder.glob("check-*")]:
                path.unlink()
        _write(folder / _ABOUT, dict(about))
        yield Answers(folder, task), changed


def _only_locked(folder: Path) -> bool:
    return [path.name for path in folder.iterdir()] == ["lock"]


def _changed(folder: Path, about: Mapping[str, str]) -> str | None:
    """What differs from the run that a folder is of."""
    path = folder / _ABOUT
    if not path.is_file():
        return None
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return f"{_ABOUT} is damaged"
    for name in sorted({*about, *before}):
        if before.get(name) != about.get(name):
            was, now = (str(values.get(name))[:_SHOWN] for values in (before, about))
            return f"the {name} has changed ({was} before, {now} now)"
    return None


def _write(path: Path, value: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value) + "\n", encoding="utf-8")
    os.replace(partial, path)

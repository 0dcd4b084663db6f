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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groupnet.errors import EvaluationError
from groupnet.scoring.answer_batch import AnswerBatch
from groupnet.scoring.columns import pack_predictions, pack_truths, unpack_predictions, unpack_truths

Array = npt.NDArray[Any]

_ABOUT = "about.json"
_DEVICE = "device.json"
_SHOWN = 12  # digits of a checksum that a person is shown


class Answers:
    """A folder of answers, locked by this process; see `open_answers`."""

    def __init__(self, folder: Path, task: str) -> None:
        """Look at what is there; files that were cut off are removed."""
        self.folder, self._task = folder, task
        self._images: set[int] = set()
        self._files: list[tuple[Path, npt.NDArray[np.int64]]] = []
        self._read: dict[Path, AnswerBatch] = {}
        for left in folder.glob("*.partial"):
            left.unlink()
        for path in sorted(folder.glob("batch-*.npz")):
            try:
                # Opened here: NumPy leaves a file open that is no archive.
                with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                    images = file["index"]
                    if self._images.intersection(images.tolist()):
                        raise ValueError("an image twice")
                    for name in file.files:
                        file[name]  # its checksum is compared
            except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
                path.unlink()  # its images are scored again
            else:
                self._keep(path, images)

    @property
    def indices(self) -> set[int]:
        """Images that are answered."""
        return set(self._images)

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self._images)

    def add(self, batch: AnswerBatch) -> None:
        """Keep the answers for a batch, one at least.

        Raises:
            EvaluationError: an image has an answer already.
            OSError: the folder cannot be written.
        """
        if twice := sorted(self._images.intersection(batch.images.tolist())):
            raise EvaluationError(f"expected each image once; got image {twice[0]} again; report it")
        columns: dict[str, Array] = {
            "index": batch.images,
            "difference": batch.difference,
            "same": batch.same,
            "device": batch.device,
        }
        sides = {"found": pack_predictions(self._task, batch.found)}
        sides["truth"] = pack_truths(self._task, batch.truth)
        if batch.expected is not None:
            sides["expected"] = pack_predictions(self._task, batch.expected)
        for side, arrays in sides.items():
            columns |= {f"{side}/{name}": array for name, array in arrays.items()}
        path = self.folder / f"batch-{batch.images[0]:08d}.npz"
        partial = path.with_suffix(".partial")
        # Masks shrink to a twentieth; logits do not.
        save = np.savez if self._task == "classification" else np.savez_compressed
        with partial.open("wb") as file:
            save(file, allow_pickle=False, **columns)
        os.replace(partial, path)
        self._keep(path, batch.images)

    def read(self) -> Iterator[AnswerBatch]:
        """All answers in the order of the images, as many at once as lie in one file."""
        if not self._files:
            return
        order = np.argsort(np.concatenate([images for _, images in self._files]))
        counts = [len(images) for _, images in self._files]
        rows = np.concatenate([np.arange(count) for count in counts])[order]
        files = np.repeat(np.arange(len(counts)), counts)[order]
        starts = np.flatnonzero(np.diff(files, prepend=-1))
        for number, part in zip(files[starts].tolist(), np.split(rows, starts[1:]), strict=True):
            path, _ = self._files[number]
            if path not in self._read:
                if len(self._read) == 4:  # neighbours are in few files
                    del self._read[next(iter(self._read))]
                self._read[path] = self._load(path)
            yield self._read[path].take(part)

    def _keep(self, path: Path, images: npt.NDArray[np.int64]) -> None:
        self._images.update(images.tolist())
        self._files.append((path, images))

    def _load(self, path: Path) -> AnswerBatch:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}

        def side(name: str) -> dict[str, Array]:
            prefix = f"{name}/"
            return {key.removeprefix(prefix): arrays[key] for key in arrays if key.startswith(prefix)}

        expected = side("expected")
        return AnswerBatch(
            arrays["index"],
            unpack_predictions(self._task, side("found")),
            unpack_truths(self._task, side("truth")),
            unpack_predictions(self._task, expected) if expected else None,
            arrays["difference"],
            arrays["same"],
            arrays["device"],
        )

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

"""Reads classification data kept in one folder a class, as ImageNet is: ROOT/train/n01440764/x.JPEG."""

from pathlib import Path

from models.data.image_file import read_image
from models.data.samples import ClassificationSample
from models.errors import DataError

_SUFFIXES = frozenset({".jpeg", ".jpg", ".png"})


class ImageFolder:
    """The images of a split, in the order of class and file names.

    Attributes:
        classes: Names of the class folders, sorted (for ImageNet the 1,000 WordNet ids).
        labels: The class of each image.
    """

    def __init__(self, root: Path, split: str | None = None) -> None:
        """List the files below ROOT/split/CLASS, or below ROOT/CLASS without a split.

        The classes are those of ROOT/train where there is one, so that all splits number them alike.

        Raises:
            DataError: A folder is missing, a split has a class that `train` lacks, or a class has no images.
        """
        self.root = root
        folder = root if split is None else root / split
        training = root / "train"
        self.classes = _classes(training if split is not None and training.is_dir() else folder)
        unknown = set(_classes(folder)) - set(self.classes)
        if unknown:
            raise DataError(
                f"expected in {folder} the classes of {training}; got also '{min(unknown)}'; remove it or "
                "train with it"
            )
        self._files: list[Path] = []
        self.labels: list[int] = []
        for label, name in enumerate(self.classes):
            if (folder / name).is_dir():
                files = _images(folder / name)
                self._files += files
                self.labels += [label] * len(files)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._files)

    def __getitem__(self, index: int) -> ClassificationSample:
        """Decode image `index`.

        Raises:
            DataError: The file is damaged or gone.
        """
        path = self._files[index]
        return ClassificationSample(read_image(path), self.labels[index], str(path.relative_to(self.root)))


def _classes(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise DataError(f"expected a folder of class folders at {folder}; got none; check the path")
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not names:
        raise DataError(f"expected one folder a class in {folder}; got none; check the path")
    return tuple(names)


def _images(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise DataError(
            f"expected .JPEG, .jpg or .png files in {folder}; got none; remove the folder or fill it"
        )
    return files

"""Where PASCAL VOC keeps things, and its lists of images: VOC2012/ImageSets/{Main,Segmentation}/*.txt."""

from pathlib import Path

from models.errors import DataError

VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
"""The twenty classes of PASCAL VOC, in the order of its masks (index 0 there is background)."""


def voc_classes(root: Path) -> tuple[str, ...]:
    """The classes of a folder in VOC's layout, in the order of their numbers.

    VOC keeps a list for each class beside the list of a split, such as `ImageSets/Main/cat_train.txt`; the
    names of those files, sorted, are the classes. Without such files they are `VOC_CLASSES`.
    """
    names = {path.name.removesuffix("_train.txt") for path in (root / "ImageSets/Main").glob("*_train.txt")}
    return tuple(sorted(names)) or VOC_CLASSES


def image_list(path: Path) -> tuple[str, ...]:
    """The ids in a list of images.

    A line is an id, optionally followed by VOC's flag of a class list; or, as in the lists of the augmented
    masks, two paths such as `/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png`.

    Raises:
        DataError: There is no such list, or nothing is in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError as error:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.txt") if "_" not in file.stem))
        raise DataError(
            f"expected a list of images at {path}; got no file; choose one of {known or 'none'}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"expected a list of images at {path}; got '{error}'; copy it again") from error
    names = tuple(Path(line.split()[0]).stem for line in lines if line.strip())
    if not names:
        raise DataError(f"expected an image on each line of {path}; got an empty file; copy it again")
    return names


def check_files(folder: Path, names: tuple[str, ...], suffix: str, listed_in: Path) -> None:
    """Raise DataError, naming the first, where a listed file is missing from `folder`.

    One listing of the folder is far faster than a look at each of the files.
    """
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    missing = [name for name in names if f"{name}{suffix}" not in present]
    if missing:
        raise DataError(
            f"expected {folder / missing[0]}{suffix}, which {listed_in} lists; got no such file "
            f"({len(missing)} of {len(names)} are missing); copy the data set again or shorten the list"
        )

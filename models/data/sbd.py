"""Reads the Semantic Boundaries Dataset (Hariharan et al., ICCV 2011), whose masks are MATLAB files.

Layout, as released in `benchmark_RELEASE/dataset`: img/ID.jpg, cls/ID.mat, train.txt, val.txt. Its images
are VOC's, its classes are VOC's, and a pixel is a class or 0; it has no 255. Leave out VOC's val images when
training with it.
"""

from pathlib import Path

import numpy as np

from models.data.image_file import check_mask, check_same_size, read_image
from models.data.samples import BACKGROUND, Mask, SegmentationSample
from models.data.voc_layout import VOC_CLASSES, check_files, image_list
from models.errors import DataError


def sbd_root(path: Path) -> Path:
    """The folder with `cls`: `path` itself, or `dataset` or `benchmark_RELEASE/dataset` in it.

    Raises:
        DataError: There is none.
    """
    for folder in (path, path / "dataset", path / "benchmark_RELEASE/dataset"):
        if (folder / "cls").is_dir():
            return folder
    raise DataError(f"expected benchmark_RELEASE/dataset/cls in {path}; got none; check the path")


class SbdSegmentation:
    """Images and masks of SPLIT.txt.

    Attributes:
        classes: Background and the twenty classes of VOC.
        names: The images' ids, in the list's order, without those left out.
    """

    classes = (BACKGROUND, *VOC_CLASSES)

    def __init__(self, root: Path, split: str, *, without: frozenset[str] = frozenset()) -> None:
        """Read the list and see that each image and each mask is there.

        Args:
            root: The folder with `img` and `cls`.
            split: `train` or `val`, or the name of another list in `root`.
            without: Ids to leave out, such as those of VOC's val split.

        Raises:
            DataError: No such list, or a listed file is missing.
        """
        self._root = root
        listed_in = root / f"{split}.txt"
        self.names = tuple(name for name in image_list(listed_in) if name not in without)
        check_files(root / "img", self.names, ".jpg", listed_in)
        check_files(root / "cls", self.names, ".mat", listed_in)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.names)

    def __getitem__(self, index: int) -> SegmentationSample:
        """Decode image and mask `index`.

        Raises:
            DataError: A file is damaged, the mask is of another size, or a class is out of range.
        """
        name = self.names[index]
        image = read_image(self._root / "img" / f"{name}.jpg")
        path = self._root / "cls" / f"{name}.mat"
        mask = _read_mat(path)
        check_mask(mask, len(self.classes), path)
        check_same_size(image, mask, path)
        return SegmentationSample(image, mask, name)


def _read_mat(path: Path) -> Mask:
    """The field `GTcls.Segmentation` of a MATLAB file."""
    from scipy.io import loadmat

    try:
        mask = np.asarray(loadmat(path)["GTcls"]["Segmentation"][0, 0])
    except Exception as error:
        # Damaged bytes make the MATLAB reader raise nearly anything.
        raise DataError(
            f"expected GTcls.Segmentation in {path}; got '{type(error).__name__}: {error}'; the file is "
            "damaged or no mask of SBD, copy it again"
        ) from error
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise DataError(
            f"expected uint8 [H, W] as GTcls.Segmentation of {path}; got {mask.dtype} {list(mask.shape)}; "
            "use cls/, not inst/"
        )
    return mask

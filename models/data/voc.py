"""Reads PASCAL VOC (Everingham et al., IJCV 2010): boxes from XML, masks from palette PNGs."""

from pathlib import Path

from models.data.image_file import check_same_size, read_image, read_mask
from models.data.samples import (
    BACKGROUND,
    DetectionSample,
    DetectionTarget,
    SegmentationSample,
)
from models.data.voc_annotation import read_annotation
from models.data.voc_layout import check_files, image_list, voc_classes
from models.errors import DataError


def voc_root(path: Path) -> Path:
    """The folder with `JPEGImages`: `path` itself, or the one `VOC*` folder in `path` or in `path/VOCdevkit`.

    Raises:
        DataError: There is none, or there are several years to choose from.
    """
    candidates = [path, *sorted(path.glob("VOC[0-9]*")), *sorted(path.glob("VOCdevkit/VOC[0-9]*"))]
    roots = [folder for folder in candidates if (folder / "JPEGImages").is_dir()]
    if not roots:
        raise DataError(f"expected VOCdevkit/VOC2012/JPEGImages in {path}; got none; check the path")
    if len(roots) > 1:
        names = " and ".join(str(folder) for folder in roots)
        raise DataError(f"expected one year of VOC; got {names}; name one of these folders")
    return roots[0]


class VocDetection:
    """Images and boxes of `ImageSets/Main/SPLIT.txt`.

    Attributes:
        classes: The classes, see `voc_layout.voc_classes`.
        names: The images' ids, in the list's order.
    """

    def __init__(self, root: Path, split: str) -> None:
        """Read the list and see that each image and each annotation is there.

        Raises:
            DataError: No such folder or split, or a listed file is missing.
        """
        self._root = voc_root(root)
        self.classes = voc_classes(self._root)
        self._class_index = {name: index for index, name in enumerate(self.classes)}
        listed_in = self._root / "ImageSets/Main" / f"{split}.txt"
        self.names = image_list(listed_in)
        check_files(self._root / "JPEGImages", self.names, ".jpg", listed_in)
        check_files(self._root / "Annotations", self.names, ".xml", listed_in)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.names)

    def __getitem__(self, index: int) -> DetectionSample:
        """Decode image `index` and read its boxes.

        Raises:
            DataError: A file is damaged, or its annotation is faulty.
        """
        name = self.names[index]
        image = read_image(self._root / "JPEGImages" / f"{name}.jpg")
        return DetectionSample(image, self.target(index), name)

    def target(self, index: int) -> DetectionTarget:
        """The boxes of image `index`; DataError where its annotation is faulty."""
        path = self._root / "Annotations" / f"{self.names[index]}.xml"
        return read_annotation(path, self._class_index, image_id=range(len(self))[index])


class VocSegmentation:
    """Images and masks of `ImageSets/Segmentation/SPLIT.txt`.

    A split that ends in `_aug` (`train_aug`) has its masks in `SegmentationClassAug`, where the masks of SBD
    and VOC are commonly put together, and its list in `ImageSets/Segmentation` or
    `ImageSets/SegmentationAug`.

    Attributes:
        classes: Background and the classes, see `voc_layout.voc_classes`.
        names: The images' ids, in the list's order.
    """

    def __init__(self, root: Path, split: str) -> None:
        """Read the list and see that each image and each mask is there.

        Raises:
            DataError: No such folder or split, or a listed file is missing.
        """
        self._root = voc_root(root)
        self.classes = (BACKGROUND, *voc_classes(self._root))
        augmented = split.endswith("_aug")
        self._masks = self._root / ("SegmentationClassAug" if augmented else "SegmentationClass")
        listed_in = self._root / "ImageSets/Segmentation" / f"{split}.txt"
        elsewhere = self._root / "ImageSets/SegmentationAug" / f"{split}.txt"
        if augmented and not listed_in.is_file() and elsewhere.is_file():
            listed_in = elsewhere
        self.names = image_list(listed_in)
        check_files(self._root / "JPEGImages", self.names, ".jpg", listed_in)
        check_files(self._masks, self.names, ".png", listed_in)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.names)

    def __getitem__(self, index: int) -> SegmentationSample:
        """Decode image and mask `index`.

        Raises:
            DataError: A file is damaged, the mask is of another size, or a class is out of range.
        """
        name = self.names[index]
        image = read_image(self._root / "JPEGImages" / f"{name}.jpg")
        path = self._masks / f"{name}.png"
        mask = read_mask(path, len(self.classes))
        check_same_size(image, mask, path)
        return SegmentationSample(image, mask, name)

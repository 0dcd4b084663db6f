"""Puts VOC's and SBD's training masks together as the split `train_aug`, in the layout that is commonly used.

VOC2012/SegmentationClassAug/ID.png and ImageSets/Segmentation/train_aug.txt: VOC's train images with VOC's
own masks, and all other images of SBD (its train and val) with SBD's, apart from VOC's val images, which
score. Of the full data sets these are 10,582 images. SBD's images are VOC's, so that none is copied.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image as PillowImage

from models.data.palette import voc_palette
from models.data.sbd import SbdSegmentation, sbd_root
from models.data.voc import VocSegmentation, voc_root
from models.data.voc_layout import check_files
from models.errors import DataError

SPLIT = "train_aug"


class TrainAug:
    """What the split is made of.

    Attributes:
        masks: Where its masks belong.
        list: Where its list belongs.
        names: Its images' ids, sorted.
        of_sbd: How many have SBD's masks.
    """

    def __init__(self, voc: Path, sbd: Path) -> None:
        """Read the lists of both data sets and see that each file is there.

        Args:
            voc: VOCdevkit, or the year in it.
            sbd: benchmark_RELEASE, or its folder `dataset`.

        Raises:
            DataError: A folder, a list or a listed file is missing.
        """
        root = voc_root(voc)
        self.masks = root / "SegmentationClassAug"
        self.list = root / "ImageSets/Segmentation" / f"{SPLIT}.txt"
        self._voc_masks = root / "SegmentationClass"
        self._voc_names = VocSegmentation(root, "train").names
        scored = frozenset(VocSegmentation(root, "val").names)
        without = scored.union(self._voc_names)
        self._sbd = [SbdSegmentation(sbd_root(sbd), split, without=without) for split in ("train", "val")]
        names = [name for part in self._sbd for name in part.names]
        check_files(root / "JPEGImages", tuple(names), ".jpg", sbd_root(sbd) / "train.txt and val.txt")
        both = {*self._voc_names, *names}
        if len(both) != len(self._voc_names) + len(names):
            raise DataError(
                f"expected each image once in train.txt and val.txt of {sbd_root(sbd)}; got some twice; take "
                "the original lists"
            )
        self.names = tuple(sorted(both))
        self.of_sbd = len(names)

    def write_masks(self, folder: Path, done: Callable[[int], None]) -> None:
        """Write every mask to `folder`, and tell how many are done.

        Raises:
            DataError: A file is damaged, or a mask is of another size than its image.
        """
        for count, name in enumerate(self._voc_names, start=1):
            shutil.copyfile(self._voc_masks / f"{name}.png", folder / f"{name}.png")
            done(count)
        palette = voc_palette().tobytes()
        count = len(self._voc_names)
        for part in self._sbd:
            for index in range(len(part)):
                sample = part[index]
                mask = PillowImage.fromarray(sample.mask)
                mask.putpalette(palette)
                mask.save(folder / f"{sample.name}.png")
                count += 1
                done(count)

    def write_list(self) -> None:
        """Write the list, as a whole or not at all."""
        unfinished = self.list.with_suffix(".unfinished")
        unfinished.write_text("".join(f"{name}\n" for name in self.names), encoding="utf-8")
        unfinished.replace(self.list)

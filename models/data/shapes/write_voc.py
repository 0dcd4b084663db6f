"""Writes scenes as PASCAL VOC does: images, XML boxes, palette masks, lists of images and lists by class."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image as PillowImage

from models.data.palette import voc_palette
from models.data.shapes.scene import Scene, SceneObject

JPEG_QUALITY = 92

_FOLDERS = ("JPEGImages", "Annotations", "SegmentationClass", "ImageSets/Main", "ImageSets/Segmentation")


class VocWriter:
    """One folder such as VOCdevkit/VOC2012, filled image by image."""

    def __init__(self, root: Path, classes: Sequence[str], source: str) -> None:
        """Make the folders.

        Args:
            root: An absent folder.
            classes: Names, sorted; the index of a class plus 1 is its value in masks.
            source: What annotations name as the data set.
        """
        self._root, self._classes, self._source = root, classes, source
        self._present: dict[str, dict[str, tuple[set[int], set[int]]]] = {"train": {}, "val": {}}
        self._palette = voc_palette().tobytes()
        for folder in _FOLDERS:
            (root / folder).mkdir(parents=True)

    def add(self, split: str, name: str, scene: Scene) -> Path:
        """Write one scene; returns its JPEG file."""
        image = self._root / "JPEGImages" / f"{name}.jpg"
        PillowImage.fromarray(scene.image).save(image, quality=JPEG_QUALITY)
        mask = PillowImage.fromarray(scene.mask)
        mask.putpalette(self._palette)
        mask.save(self._root / "SegmentationClass" / f"{name}.png")
        annotation = self._annotation(name, scene)
        (self._root / "Annotations" / f"{name}.xml").write_text(annotation, encoding="utf-8")
        clear = {thing.label for thing in scene.objects if not thing.difficult}
        hard = {thing.label for thing in scene.objects} - clear
        self._present[split][name] = (clear, hard)
        return image

    def finish(self) -> None:
        """Write the lists; those by class say 1 for present, 0 for present but difficult, -1 for absent."""
        lists = {split: list(names) for split, names in self._present.items()}
        lists["trainval"] = lists["train"] + lists["val"]
        present = self._present["train"] | self._present["val"]
        for split, names in lists.items():
            for kind in ("Main", "Segmentation"):
                _write_lines(self._root / "ImageSets" / kind / f"{split}.txt", names)
            for label, class_name in enumerate(self._classes):
                flags = [1 if label in present[n][0] else 0 if label in present[n][1] else -1 for n in names]
                lines = [f"{name} {flag:2}" for name, flag in zip(names, flags, strict=True)]
                _write_lines(self._root / "ImageSets/Main" / f"{class_name}_{split}.txt", lines)

    def _annotation(self, name: str, scene: Scene) -> str:
        height, width = scene.image.shape[:2]
        objects = "".join(self._object(thing) for thing in scene.objects)
        return (
            f"<annotation>\n\t<folder>{escape(self._root.name)}</folder>\n\t<filename>{name}.jpg</filename>\n"
            f"\t<source><database>{escape(self._source)}</database></source>\n"
            f"\t<size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n"
            f"\t<segmented>1</segmented>\n{objects}</annotation>\n"
        )

    def _object(self, thing: SceneObject) -> str:
        left, top, right, bottom = thing.box
        # VOC counts from 1 and includes both ends.
        corners = {"xmin": left + 1, "ymin": top + 1, "xmax": right, "ymax": bottom}
        box = "".join(f"<{side}>{value}</{side}>" for side, value in corners.items())
        flags = "".join(
            f"<{flag}>{int(getattr(thing, flag))}</{flag}>" for flag in ("truncated", "occluded", "difficult")
        )
        name = escape(self._classes[thing.label])
        return (
            f"\t<object><name>{name}</name><pose>Unspecified</pose>{flags}<bndbox>{box}</bndbox></object>\n"
        )


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

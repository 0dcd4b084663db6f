"""The few test pictures inside the app: drawn or taken anew at each build, always the same ones."""

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

DIGITS = 12
SHAPES = 8
SCENES = 4
_SHAPES_SIZE, _MASKS_SIZE, _BOXES_SIZE = 64, 96, 128
"""Height and width of the inputs of the zoo's networks for shapes."""
_DRAWN = 128
"""Masks are learnt and tested on scenes of this size, made smaller."""
_SINGLES_SEED, _MASKS_SEED, _BOXES_SEED = 1, 2, 3

_BACKGROUND, _UNKNOWN = 0, 255
_LEAST_COVERED = 0.1
"""Of a picture by objects, for masks: most scenes have so little that there is nothing to look at."""

Pixels = npt.NDArray[np.uint8]
Truth = dict[str, Any]


def test_set_assets(models: Sequence[str]) -> dict[str, bytes]:
    """Return the files of the test sets of these models, by their names below the app's ``assets/``.

    A set is `sets/MODEL/set.json` and a file of raw pixels, NHWC, for each picture. The JSON has `task`,
    `shape` (height, width, channels), `labels`, `credits`, and for each picture its file and its truth:
    `class`; `boxes`, each an `index` and a `box` (left, top, right, bottom in pixels); or `runs`, classes and
    lengths in turn, row by row, 255 being pixels of which nobody can tell. Other models get no set.
    """
    files: dict[str, bytes] = {}
    for model in models:
        if model not in _SETS:
            continue
        about, pictures = _SETS[model]()
        images = []
        for number, (pixels, truth) in enumerate(pictures):
            name = f"{number:04}.bin"
            files[f"sets/{model}/{name}"] = np.ascontiguousarray(pixels).tobytes()
            images.append({"file": name, **truth})
            about["shape"] = list(pixels.shape)
        text = json.dumps({**about, "images": images}, separators=(",", ":"))
        files[f"sets/{model}/set.json"] = text.encode()
    return files


def run_lengths(mask: Pixels) -> list[int]:
    """Classes and lengths in turn, row by row: [[3, 3], [0, 3]] is [3, 2, 0, 1, 3, 1]."""
    return list(
        itertools.chain.from_iterable(
            (int(label), len(list(run))) for label, run in itertools.groupby(mask.ravel())
        )
    )


def _digits() -> tuple[Truth, list[tuple[Pixels, Truth]]]:
    from models.digits import LABELS, load_digits

    test = load_digits().test
    about = {
        "task": "classification",
        "labels": LABELS,
        "credits": ["Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998, CC BY 4.0"],
    }
    pairs = zip(test.pixels[:DIGITS], test.labels[:DIGITS], strict=True)
    return about, [(pixels, {"class": int(label)}) for pixels, label in pairs]


def _shapes() -> tuple[Truth, list[tuple[Pixels, Truth]]]:
    from models.data.shapes.scene import draw_single

    kind, about = _kind("classification")
    pictures = []
    for number in range(SHAPES):
        rng = np.random.default_rng([_SINGLES_SEED, number])
        pictures.append((draw_single(rng, kind, number, _SHAPES_SIZE, "val"), {"class": number}))
    return about, pictures


def _boxes() -> tuple[Truth, list[tuple[Pixels, Truth]]]:
    from models.data.shapes.scene import draw_scene

    kind, about = _kind("detection")
    pictures = []
    for number in range(SCENES):
        scene = draw_scene(np.random.default_rng([_BOXES_SEED, number]), kind, _BOXES_SIZE, "val")
        # What is hardly to be seen is no miss, as in the benchmarks.
        boxes = [
            {"index": int(found.label), "box": [int(side) for side in found.box]}
            for found in scene.objects
            if not found.difficult
        ]
        pictures.append((scene.image, {"boxes": boxes}))
    return about, pictures


def _masks() -> tuple[Truth, list[tuple[Pixels, Truth]]]:
    from models.data.samples import SegmentationSample
    from models.data.shapes.scene import draw_scene
    from models.data.transforms.segmentation import fit_square

    kind, about = _kind("segmentation")
    about["labels"] = ["background", *kind.classes]
    pictures = []
    for number in itertools.count():
        scene = draw_scene(np.random.default_rng([_MASKS_SEED, number]), kind, _DRAWN, "val")
        if np.isin(scene.mask, (_BACKGROUND, _UNKNOWN)).mean() > 1 - _LEAST_COVERED:
            continue
        drawn = SegmentationSample(scene.image, scene.mask, str(number))
        sample = fit_square(drawn, size=_MASKS_SIZE, padding=(0, 0, 0))
        pictures.append((sample.image, {"runs": run_lengths(sample.mask)}))
        if len(pictures) == SCENES:
            break
    return about, pictures


def _kind(task: str) -> tuple[Any, Truth]:
    from models.data.shapes.backgrounds import CREDITS
    from models.data.shapes.glyphs import KINDS

    kind = KINDS["shapes"]
    return kind, {
        "task": task,
        "labels": list(kind.classes),
        "credits": [f"Background: {name}" for name in CREDITS],
    }


_SETS: dict[str, Callable[[], tuple[Truth, list[tuple[Pixels, Truth]]]]] = {
    "digits-k3": _digits,
    "shapes-k5": _shapes,
    "shapes-fcos-k5": _boxes,
    "shapes-bpac-k5": _masks,
}
"""By the zoo's names."""

"""`groupnet data`: make data sets of scenes, put masks of two data sets together, and look at data sets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, progress_bar
from groupnet.errors import OutputFolderError
from groupnet.replace_folder import replace_folder

app = typer.Typer(no_args_is_help=True, help="Make data sets, and look at data sets.")

_REPORTS = 20  # lines of progress where there is no terminal


class Task(StrEnum):
    """What the images are for."""

    scenes = "scenes"
    classification = "classification"


Out = Annotated[Path, typer.Option(help="The folder to make; it must not hold anything yet.")]
Images = Annotated[int, typer.Option(min=1, help="Images to train with.")]
ValImages = Annotated[
    int | None, typer.Option(min=1, help="Images to test with.", show_default="a fifth as many")
]
Size = Annotated[int, typer.Option(min=48, help="Height and width in pixels.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed makes the same files, byte for byte.")]
TaskOption = Annotated[
    Task, typer.Option(help="scenes: boxes and masks, as VOC and COCO; classification: a folder a class.")
]


@app.command()
@verb
def shapes(
    out: Out,
    images: Images = 2000,
    val_images: ValImages = None,
    size: Size = 128,
    seed: Seed = 0,
    task: TaskOption = Task.scenes,
    as_json: AsJson = False,
) -> None:
    """Make scenes of ten kinds of textured shapes before photographs."""
    _generate("shapes", out, images, val_images, size, seed, task, as_json)


@app.command()
@verb
def digits(
    out: Out,
    images: Images = 2000,
    val_images: ValImages = None,
    size: Size = 128,
    seed: Seed = 0,
    task: TaskOption = Task.scenes,
    as_json: AsJson = False,
) -> None:
    """Make scenes of handwritten digits before photographs."""
    _generate("digits", out, images, val_images, size, seed, task, as_json)


@app.command()
@verb
def sbd(
    folder: Annotated[Path, typer.Argument(help="SBD: benchmark_RELEASE, or its folder dataset.")],
    voc: Annotated[Path, typer.Option(help="VOCdevkit with VOC2012; masks and list are added to it.")],
    as_json: AsJson = False,
) -> None:
    """Add SBD's masks to VOC 2012 as the split train_aug, which the presets of VOC train on."""
    from models.data.train_aug import SPLIT, TrainAug

    parts = TrainAug(voc, folder)
    with (
        replace_folder(parts.masks, is_ours=lambda _: False, what="made by this call") as unfinished,
        _counting(len(parts.names)) as count,
    ):
        parts.write_masks(unfinished, count)
    parts.write_list()
    if as_json:
        print_json(
            {
                "list": str(parts.list),
                "masks": str(parts.masks),
                "images": len(parts.names),
                "masks_of_sbd": parts.of_sbd,
            }
        )
        return
    print_result(f"{parts.list}: {len(parts.names)} images of {SPLIT}, {parts.of_sbd} with SBD's masks")


@app.command()
@verb
def show(
    folder: Annotated[Path, typer.Argument(help="A data set in VOC's layout.")],
    out: Annotated[Path, typer.Option(help="The PNG to write.")],
    split: Annotated[str, typer.Option(help="train, val or another list of ImageSets/Segmentation.")] = "val",
    images: Annotated[int, typer.Option(min=1, help="How many of its first images.")] = 12,
    columns: Annotated[int, typer.Option(min=1, help="Images side by side; each comes twice.")] = 6,
    as_json: AsJson = False,
) -> None:
    """Draw images of a data set with their boxes, and beside each its mask."""
    drawn = draw_sheet(folder, split, out, images=images, columns=columns)
    if as_json:
        print_json({"picture": str(out), "images": drawn})
    else:
        print_result(f"{out}: {drawn} images with their boxes and masks")


def draw_sheet(folder: Path, split: str, out: Path, *, images: int, columns: int) -> int:
    """Write a picture of the first images of a split; returns how many it shows.

    Raises:
        DataError: The folder is no data set in VOC's layout, or a file of it is faulty.
        OutputFolderError: `out` cannot be written.
    """
    from PIL import Image as PillowImage

    from models.data.draw import contact_sheet, draw_boxes, draw_mask, enlarge
    from models.data.voc import VocDetection, VocSegmentation

    boxes, masks = VocDetection(folder, split), VocSegmentation(folder, split)
    drawn = []
    for index in range(min(images, len(masks))):
        sample = masks[index]
        target = boxes.target(boxes.names.index(sample.name))
        # Names of classes are legible from about 200 pixels on.
        factor = max(1, round(256 / max(sample.mask.shape)))
        image, mask = enlarge(sample.image, factor), sample.mask.repeat(factor, 0).repeat(factor, 1)
        drawn += [
            draw_boxes(image, target.boxes * factor, target.classes, boxes.classes),
            draw_mask(image, mask),
        ]
    try:
        PillowImage.fromarray(contact_sheet(drawn, columns)).save(out, format="PNG", optimize=True)
    except OSError as exc:
        raise OutputFolderError(
            f"expected to write {out}; got '{exc.strerror or exc}': name a file in a writable folder"
        ) from exc
    return len(drawn) // 2


def _generate(
    kind: str,
    out: Path,
    images: int,
    val_images: int | None,
    size: int,
    seed: int,
    task: Task,
    as_json: bool,
) -> None:
    from models.data.shapes.generate import Plan, write_classification, write_scenes

    plan = Plan(kind=kind, train=images, val=val_images or max(1, images // 5), size=size, seed=seed)
    write = write_scenes if task is Task.scenes else write_classification
    if out.is_dir() and any(out.iterdir()):
        raise OutputFolderError(
            f"expected {out} to be absent or empty; got a folder with files: remove it or name another folder"
        )
    with (
        replace_folder(out, is_ours=lambda _: False, what="made by this call") as unfinished,
        _counting(plan.train + plan.val) as count,
    ):
        write(unfinished, plan, count)
    if as_json:
        print_json(
            {
                "folder": str(out),
                "kind": kind,
                "task": task.value,
                "train_images": plan.train,
                "val_images": plan.val,
                "size": size,
                "seed": seed,
            }
        )
        return
    print_result(f"{out}: {plan.train} images to train with and {plan.val} to test with")
    note(
        "the backgrounds are photographs under CC BY 2.0: name their authors (about.json) where you show them"
    )


@contextmanager
def _counting(total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that takes the number of images done, and shows it now and then."""
    every = max(1, total // _REPORTS)
    with progress_bar(total) as show_progress:

        def count(done: int) -> None:
            if done % every == 0 or done == total:
                show_progress(f"{done} of {total} images", done)

        yield count

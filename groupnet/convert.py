"""`groupnet convert`: a checkpoint of the papers' authors becomes one of ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result
from groupnet.errors import ModelSourceError

if TYPE_CHECKING:
    import torch

    from models.config import GroupNetConfig
    from models.metadata import ModelMeta

# What the authors published, by the residual blocks of its stages.
_ARCHITECTURES: dict[tuple[int, ...], str] = {
    (2, 2, 2, 2): "groupnet_resnet18",
    (3, 4, 6, 3): "groupnet_resnet34",
}


@verb
def convert(
    official: Annotated[Path, typer.Argument(help="Checkpoint of the official classification code.")],
    out: Annotated[Path, typer.Option(help="The checkpoint to write.")],
    input_size: Annotated[int, typer.Option(min=1, help="Height and width of images in pixels.")] = 224,
    labels: Annotated[
        Path | None, typer.Option(help="Text file of class names, one a line; default: their numbers.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Convert a checkpoint of the official Group-Net classifiers to one that compile and eval take."""
    from models.checkpoint import save_checkpoint
    from models.networks import make_network
    from models.official import convert_official
    from models.torch_file import load_torch_file

    config, state = convert_official(_state_of(official, load_torch_file(official)), input_size)
    network = make_network(config)
    network.load_state_dict(state)
    meta = _describe(config, _label_names(labels, config.num_classes), f"groupnet convert {official.name}")
    save_checkpoint(out, network, meta)
    if config.fusion == "average" and config.gate != "none":
        note(
            "the authors' code for this model lets base 0 hand on the sum of all bases; here each base hands "
            "on its own output, so that outputs differ from theirs"
        )
    if as_json:
        print_json({"out": str(out), "architecture": meta.architecture, "config": config.to_dict()})
        return
    print_result(
        f"{out}: {meta.architecture}, K = {config.bases}, gate {config.gate}, fusion {config.fusion}"
    )


def _state_of(path: Path, content: Mapping[str, object]) -> "Mapping[str, torch.Tensor]":
    """The parameters by name; training files hold them beside the optimizer's state."""
    import torch

    state = content.get("state_dict", content)
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise ModelSourceError(
            f"expected a state_dict in {path}; got something else; use a checkpoint of the official code"
        )
    return state


def _label_names(path: Path | None, count: int) -> tuple[str, ...]:
    if path is None:
        return tuple(str(number) for number in range(count))
    try:
        names = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelSourceError(
            f"expected a text file of class names at {path}; got {error}; check the path"
        ) from error
    if len(names) != count:
        raise ModelSourceError(
            f"expected {count} class names, one a line, in {path}; got {len(names)}; correct the file"
        )
    return tuple(names)


def _describe(config: "GroupNetConfig", labels: tuple[str, ...], command: str) -> "ModelMeta":
    from models.data.transforms.normalise import IMAGENET_MEAN, IMAGENET_STD
    from models.metadata import ModelMeta, Preprocessing

    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if config.in_channels == 3 else ((0.0,), (1.0,))
    return ModelMeta(
        architecture=_ARCHITECTURES.get(config.depths, "groupnet"),
        config=config,
        task=config.task,
        labels=labels,
        preprocessing=Preprocessing(config.input_size, config.in_channels, mean, std),
        training_command=command,
        seed=0,
        metrics={},
    )

"""Named trainings: an architecture, a kind of data set and a recipe, each a TOML file in `models/presets`."""

import copy
import dataclasses
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from models.config_fields import from_plain, to_plain
from models.errors import ConfigError, UnknownNameError
from models.registry import config_of
from models.task_config import NetworkConfig
from models.training.recipe import Recipe
from models.training.toml_text import to_toml

_FOLDER = Path(__file__).parents[1] / "presets"

DataKind = Literal["digits", "image_folder", "voc", "coco"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """One training by name; with a data folder it needs nothing else.

    Attributes:
        description: One sentence: what it is, and whose recipe.
        architecture: Registered name.
        data: What the folder must look like: `image_folder`, `voc` (boxes or masks, as the architecture
            needs), `coco`, or `digits`, which need no folder.
        recipe: How to train.
        network: Overrides of the architecture's configuration, if any.
        train_split: Name of the images to train on.
        test_split: Name of the images to score on.
        flip: Whether training mirrors images; not where a mirror changes the class.
        crop_area: Least part of an image that a random crop keeps, for classification.
        evaluate_every: Epochs between scores on the test images; 0 scores at the end alone.
        backbone_from: The preset whose checkpoint the authors start the backbone with; empty: none.

    Raises:
        ConfigError: A value is out of range.
    """

    description: str
    architecture: str
    data: DataKind
    recipe: Recipe
    network: dict[str, Any] | None = None
    train_split: str = "train"
    test_split: str = "val"
    flip: bool = True
    crop_area: float = 0.08
    evaluate_every: int = 1
    backbone_from: str = ""

    def __post_init__(self) -> None:
        """Check what the recipe and the architecture do not check themselves."""
        if self.data not in get_args(DataKind):
            raise ConfigError(
                f"expected data in {', '.join(get_args(DataKind))}; got {self.data!r}; choose one of them"
            )
        if self.network is not None and not isinstance(self.network, dict):
            raise ConfigError(f"expected network as a table of fields; got {self.network!r}; give NAME=VALUE")
        if not 0 < self.crop_area <= 1:
            raise ConfigError(f"expected crop_area above 0 and up to 1; got {self.crop_area!r}; change it")
        if self.evaluate_every < 0:
            raise ConfigError(f"expected evaluate_every as 0 or more; got {self.evaluate_every}; raise it")

    def config(self, bases: int | None = None) -> NetworkConfig:
        """The network; `bases` replaces K.

        Raises:
            UnknownNameError: No such architecture or option.
            ConfigError: The values contradict each other.
        """
        overrides = {name: _tuples(value) for name, value in (self.network or {}).items()}
        return config_of(self.architecture).replace(**overrides | ({} if bases is None else {"bases": bases}))

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values; those that equal their default are left out."""
        return to_plain(self)

    def to_toml(self) -> str:
        """The text of a file that `read_preset` reads."""
        return to_toml(self.to_dict())

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Preset":
        """The inverse of `to_dict`.

        Raises:
            ConfigError: A field is missing, unknown, or not valid.
        """
        return from_plain(cls, values)

    def overridden(self, assignments: Sequence[str]) -> "Preset":
        """A copy with other values, each given as a dotted name, `=` and a TOML value.

        `recipe.batch_size=64`, `recipe.stages.0.learning_rate=0.1` or `network.width=16`.

        Raises:
            ConfigError: A name leads nowhere, or a value is not valid.
        """
        values = copy.deepcopy(self.to_dict())  # its mappings are this preset's own
        for assignment in assignments:
            name, equals, text = assignment.partition("=")
            if not equals:
                raise ConfigError(f"expected NAME=VALUE to override; got {assignment!r}; add a value")
            _assign(values, name.strip(), _parsed(text.strip()))
        return Preset.from_dict(values)


def preset_names() -> list[str]:
    """All presets, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


@cache
def preset_of(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UnknownNameError: There is none; the message lists the closest ones.
    """
    if name not in preset_names():
        raise UnknownNameError("preset", name, preset_names())
    return read_preset(_FOLDER / f"{name}.toml")


def read_preset(path: Path) -> Preset:
    """A preset from a file.

    Raises:
        ConfigError: The file cannot be read, is no TOML, or a field is missing, unknown or not valid.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"expected a preset as TOML in {path}; got '{error}'; correct the file") from error
    return Preset.from_dict(values)


def _assign(values: Any, name: str, value: Any) -> None:
    *path, last = name.split(".")
    place = values
    for step in path:
        if isinstance(place, dict):
            place = place.setdefault(step, {})
        elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        else:
            raise ConfigError(f"expected a field of a preset; got {name!r}; see the preset's TOML for names")
    if not isinstance(place, dict):
        raise ConfigError(f"expected a field of a preset; got {name!r}; see the preset's TOML for names")
    place[last] = value


def _parsed(text: str) -> Any:
    """A TOML value; what is none is a string, so that words need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value

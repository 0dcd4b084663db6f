"""The manifest of a bundle: all about a compiled model that is not code or numbers, as validated data."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION = 2
"""Goes up whenever a manifest of the former version could be misread; readers refuse every other version."""

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Shape = tuple[Positive, ...]
ImageShape = tuple[Positive, Positive, Positive, Positive]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

ARCHITECTURES = ("x86_64", "aarch64")
"""The processors that devices have, as `uname -m` says it."""


class _Part(BaseModel):
    """No coercion and no unknown keys: a manifest is what this project wrote, or it is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Tensor(_Part):
    """An input or output of the module's `main`; images are NHWC, uint8 ones are pixels."""

    name: str
    shape: Shape
    dtype: str


class Preprocessing(_Part):
    """How an image becomes the network's input: resized to a square, scaled to [0, 1], then (x - mean) / std.

    Where the module's input is uint8, the module does all but the resizing; else the caller does all of it.
    """

    input_size: Positive
    channels: Positive
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]
    layout: Literal["NHWC"] = "NHWC"

    @model_validator(mode="after")
    def _one_constant_for_each_channel(self) -> Self:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std must have {self.channels} entries, one for each channel")
        return self


class Target(_Part):
    """What the code was compiled for; `text` is what the user wrote, the rest what TVM made of it."""

    text: str
    kind: str
    triple: str
    mcpu: str
    mattr: tuple[str, ...]
    arch: str

    @model_validator(mode="after")
    def _has_a_device(self) -> Self:
        if self.arch not in ARCHITECTURES:
            raise ValueError(f"arch must be one of {', '.join(ARCHITECTURES)}; got {self.arch}")
        return self


class Versions(_Part):
    """The releases that produced the bundle."""

    groupnet: str
    tvm: str
    tvm_ffi: str
    torch: str


class Checkpoint(_Part):
    """The file that the weights came from, to find it again for a comparison with PyTorch."""

    kind: Literal["zoo", "checkpoint", "exported"]
    name: str  # the zoo name, or the path as the user gave it
    sha256: Sha256


class ModelSource(_Part):
    """Which model was compiled; random weights time as trained ones do, and predict nothing."""

    architecture: str | None
    bases: Positive | None
    random_weights: bool
    seed: int | None
    checkpoint: Checkpoint | None


class Network(_Part):
    """The network's description, as `models.networks.config_from_dict` reads it."""

    task: str
    config: dict[str, Any]


class PassFired(_Part):
    """How often one graph pass rewrote something."""

    name: str
    phase: str
    fired: NotNegative


class KernelUse(_Part):
    """How many calls of `main` go to one kernel."""

    name: str
    count: Positive


class Pack(_Part):
    """One binarised tensor: the words that `verify` takes and gives back for it."""

    layer: str
    shape: ImageShape  # NHWC, without the border
    border: tuple[NotNegative, NotNegative]
    pad_value: int

    @model_validator(mode="after")
    def _pads_with_a_sign(self) -> Self:
        if self.pad_value not in (-1, 1):
            raise ValueError(f"pad_value must be -1 or 1; got {self.pad_value}")
        return self


class Convolution(_Part):
    """One binary convolution: its layer, the pack that it reads, and what PyTorch's integers for it hash to.

    The digest is over int32, little-endian, NHWC.
    """

    layer: str
    pack: NotNegative
    relu: bool
    shape: ImageShape  # NHWC of the result
    integers_sha256: Sha256


class VerificationPlan(_Part):
    """What `verify` takes and returns, in its order (docs/architecture.md, "Verify")."""

    packs: tuple[Pack, ...]
    convolutions: tuple[Convolution, ...]

    @model_validator(mode="after")
    def _every_pack_exists(self) -> Self:
        if any(convolution.pack >= len(self.packs) for convolution in self.convolutions):
            raise ValueError(f"a convolution reads a pack beyond the {len(self.packs)} that there are")
        return self


class FileRecord(_Part):
    """Size and checksum of one file of the bundle."""

    sha256: Sha256
    size_bytes: NotNegative


class Manifest(_Part):
    """manifest.json as a whole."""

    schema_version: Literal[2] = 2
    name: str
    task: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    target: Target
    versions: Versions
    source: ModelSource
    network: Network | None  # None of an exported program, which does not say what it computes
    passes: tuple[PassFired, ...]
    kernels: tuple[KernelUse, ...]
    activation_bytes: NotNegative  # what `main` needs for its tensors at their peak, outputs apart
    verification: VerificationPlan
    files: dict[str, FileRecord]

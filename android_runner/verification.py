"""Check a loaded module against PyTorch before anything is timed: integers exactly, outputs within rounding.

The module's function `verify` takes the signs that PyTorch computed for every binarised tensor and returns
the device's own signs, the result of every binary convolution's kernel on PyTorch's signs (with scale 1 and
shift 0), and the outputs. A kernel whose epilogue has a ReLU shows `relu(dot)`. Run again with every sign
turned over it shows `relu(-dot)`, and the difference is `dot`, from the very machine code that `main` runs.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from android_runner.device import LoadedModule
from android_runner.errors import VerificationError
from tvm_schedules.words import pack_signs, unpack_signs

FLIPPED_SIGNS_PER_MILLE = 1.0
"""Most signs of one tensor that rounding may turn over. PyTorch and the device sum floats in another order,
so a value within rounding of zero may fall on the other side; with PyTorch's signs fed to every layer such
values are rare (some per million), and a wrong kernel, scale or layout turns over far more."""

OUTPUT_TOLERANCE = 1e-3
"""Largest difference of an output, as a part of the largest output. Float32 sums of a few thousand terms in
another order differ by about 1e-6 to 1e-5 of their range at each layer, and a net has some tens of layers."""


@dataclass(frozen=True)
class PackPlan:
    """A distinct binarised tensor: NHWC shape, the border it is packed with, and a layer that reads it."""

    shape: tuple[int, int, int, int]
    border: tuple[int, int]
    pad_value: int
    layer: str


@dataclass(frozen=True)
class ConvPlan:
    """A binary convolution: layer, pack, whether its kernel has a ReLU, the digest of PyTorch's integers."""

    layer: str
    pack: int
    relu: bool
    integers_sha256: str


@dataclass(frozen=True)
class VerificationPlan:
    """What `verify` takes and returns, in its order."""

    packs: tuple[PackPlan, ...]
    convolutions: tuple[ConvPlan, ...]


@dataclass(frozen=True)
class ReferenceTensors:
    """PyTorch's side of the comparison.

    Attributes:
        inputs: the inputs of `main`, images as NHWC, of the types that it takes.
        outputs: PyTorch's outputs for them.
        signs: per pack, the signs without border as `packbits` over channels: uint8 [N, H, W, ceil(C / 8)].
    """

    inputs: tuple[npt.NDArray[np.generic], ...]
    outputs: tuple[npt.NDArray[np.float32], ...]
    signs: tuple[npt.NDArray[np.uint8], ...]


@dataclass(frozen=True)
class VerificationReport:
    """What was compared.

    Attributes:
        binary_convs: binary convolutions whose integers were compared.
        integers: how many integers those were.
        exact: always True in a report; a difference raises instead.
        max_abs_err: largest difference of `main`'s outputs from PyTorch's, nothing fed in.
        forced_max_abs_err: the same with PyTorch's signs fed to every layer.
        sign_flips: signs that the device computed differently, each within rounding of zero.
        signs: how many signs were compared.
    """

    binary_convs: int
    integers: int
    exact: bool
    max_abs_err: float
    forced_max_abs_err: float
    sign_flips: int
    signs: int


def verify_module(
    module: LoadedModule, plan: VerificationPlan, reference: ReferenceTensors
) -> VerificationReport:
    """Compare `module` with PyTorch.

    Raises:
        VerificationError: a layer's integers differ, more signs flipped than rounding explains, or the
            outputs differ; the message names the layer.
        DeviceError: the device failed.
    """
    signs = [
        unpack_signs(_words_of_octets(octets), pack.shape[3])
        for octets, pack in zip(reference.signs, plan.packs, strict=True)
    ]
    bits = [
        pack_signs(sign.astype(np.float32), pack.border, pack.pad_value)
        for sign, pack in zip(signs, plan.packs, strict=True)
    ]
    own, shown, outputs = _run_verify(module, plan, reference, bits)
    turned: Sequence[npt.NDArray[np.float32]] = shown
    if any(convolution.relu for convolution in plan.convolutions):
        complement = [
            pack_signs(-sign.astype(np.float32), pack.border, -pack.pad_value)
            for sign, pack in zip(signs, plan.packs, strict=True)
        ]
        _, turned, _ = _run_verify(module, plan, reference, complement)
    integers = 0
    for convolution, positive, negative in zip(plan.convolutions, shown, turned, strict=True):
        dot = join_halves(convolution, positive, negative) if convolution.relu else positive
        integers += compare_integers(convolution, dot)
    flips = sum(_count_flips(pack, a, b) for pack, a, b in zip(plan.packs, own, bits, strict=True))
    forced = _largest_difference(outputs, reference.outputs, "with PyTorch's signs fed in")
    _check_outputs(forced, reference, "the outputs")
    free = _largest_difference(module.run("main", reference.inputs), reference.outputs, "from `main`")
    if not flips:
        # Without a flip nothing discrete can differ between the two runs, so `main` must agree as closely.
        _check_outputs(free, reference, "`main`'s outputs")
    return VerificationReport(
        binary_convs=len(plan.convolutions),
        integers=integers,
        exact=True,
        max_abs_err=free,
        forced_max_abs_err=forced,
        sign_flips=flips,
        signs=sum(sign.size for sign in signs),
    )


def join_halves(
    convolution: ConvPlan, positive: npt.NDArray[np.float32], negative: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """`dot` from `relu(dot)` and `relu(-dot)`, of which one at least is zero everywhere.

    Raises:
        VerificationError: both are positive somewhere, or one is negative; the difference would hide it.
    """
    if (np.minimum(positive, negative) != 0).any():
        raise VerificationError(
            f"expected relu(dot), relu(-dot) or both to be zero everywhere in layer "
            f"{convolution.layer}; got not both as they must be; the kernel is wrong: report it"
        )
    return positive - negative


def compare_integers(convolution: ConvPlan, shown: npt.NDArray[np.float32]) -> int:
    """Compare one kernel's integers [N, H, W, O], given as float32; answer their number.

    Raises:
        VerificationError: they differ; the message names the layer.
    """
    integers = shown.astype(np.int32)
    if not np.array_equal(integers, shown):
        raise VerificationError(
            f"expected integers from layer {convolution.layer}; got fractions; the kernel is wrong: report it"
        )
    digest = hashlib.sha256(np.ascontiguousarray(integers, dtype="<i4").tobytes()).hexdigest()
    if digest != convolution.integers_sha256:
        raise VerificationError(
            f"expected the integers of layer {convolution.layer} to equal PyTorch's exactly; got others "
            f"(sha256 {digest[:12]}, expected {convolution.integers_sha256[:12]}); nothing was timed"
        )
    return int(integers.size)


def _run_verify(
    module: LoadedModule,
    plan: VerificationPlan,
    reference: ReferenceTensors,
    bits: list[npt.NDArray[np.uint32]],
) -> tuple[list[npt.NDArray[np.uint32]], list[npt.NDArray[np.float32]], list[npt.NDArray[np.float32]]]:
    results = module.run("verify", [*reference.inputs, *bits])
    packs, convolutions = len(plan.packs), len(plan.convolutions)
    expected = packs + convolutions + len(reference.outputs)
    if len(results) != expected:
        raise VerificationError(
            f"expected {expected} tensors from `verify`; got {len(results)}; the manifest belongs to another "
            "module"
        )
    own = [result.astype(np.uint32) for result in results[:packs]]
    shown = [result.astype(np.float32) for result in results[packs : packs + convolutions]]
    return own, shown, [result.astype(np.float32) for result in results[packs + convolutions :]]


def _count_flips(pack: PackPlan, own: npt.NDArray[np.uint32], expected: npt.NDArray[np.uint32]) -> int:
    rows, columns = pack.border
    _, height, width, channels = pack.shape
    inner = (slice(None), slice(rows, rows + height), slice(columns, columns + width))
    filler = ~pack_signs(np.ones((1, 1, 1, channels), np.float32))
    structure = own.copy()
    structure[inner] = (own[inner] & filler) | expected[inner]
    if not np.array_equal(structure, expected):
        raise VerificationError(
            f"expected a border of {pack.pad_value:+d} and filler bits of 0 at the input of layer "
            f"{pack.layer}; got other bits; the pack kernel is wrong: report it"
        )
    differing = np.ascontiguousarray((own ^ expected)[inner])
    flips = int(np.unpackbits(differing.view(np.uint8)).sum())
    total = int(np.prod(pack.shape))
    # Two may flip in the smallest tensors, where one is already more than a thousandth.
    if flips > max(2, total * FLIPPED_SIGNS_PER_MILLE / 1000):
        raise VerificationError(
            f"expected the signs at the input of layer {pack.layer} to equal PyTorch's up to rounding near "
            f"zero; got {flips} of {total} different; nothing was timed"
        )
    return flips


def _words_of_octets(octets: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    filler = -octets.shape[-1] % 4
    return (
        np.ascontiguousarray(np.pad(octets, ((0, 0), (0, 0), (0, 0), (0, filler))))
        .view("<u4")
        .astype(np.uint32)
    )


def _largest_difference(
    got: Sequence[npt.NDArray[np.generic]], expected: Sequence[npt.NDArray[np.float32]], where: str
) -> float:
    largest = 0.0
    for index, (a, b) in enumerate(zip(got, expected, strict=True)):
        if a.shape != b.shape or not np.isfinite(a.astype(np.float32)).all():
            raise VerificationError(
                f"expected output {index} {where} as finite numbers of shape {b.shape}; got shape {a.shape} "
                "or numbers that are not finite"
            )
        largest = max(largest, float(np.abs(a.astype(np.float32) - b).max()))
    return largest


def _check_outputs(difference: float, reference: ReferenceTensors, what: str) -> None:
    allowed = OUTPUT_TOLERANCE * max(float(np.abs(output).max()) for output in reference.outputs)
    if difference > allowed:
        raise VerificationError(
            f"expected {what} to equal PyTorch's within {allowed:.3g}; got a difference of {difference:.3g} "
            "while every integer agrees; a float kernel or an epilogue is wrong: report it"
        )

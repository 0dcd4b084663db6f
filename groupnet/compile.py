"""`groupnet compile`: a model becomes a bundle for one target."""

import json
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from groupnet import bundle, manifest
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, progress, table
from groupnet.errors import BundleTargetError
from groupnet.model_source import Model, Request, load_model
from groupnet.pixels import InputKind, choose_input, example_pixels, normalised
from groupnet.tuned_kernels import chosen_kernels, describe_use

if TYPE_CHECKING:
    from frontend.compile import CompileReport
    from frontend.reference import Reference

TUNED_THREADS = 1
"""A bundle runs with any number of threads; records of one thread are what all of them share."""


@verb
def compile(
    model: Annotated[str, typer.Argument(help="A zoo name, an architecture, a checkpoint or a .pt2 file.")],
    target: Annotated[
        str, typer.Option(help="host, arm64, arm64-dotprod, a core's name, or a TVM target as JSON.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The bundle's folder.", show_default="NAME-TARGET.bundle")
    ] = None,
    bases: Annotated[int | None, typer.Option(min=1, help="K, for an architecture.")] = None,
    input_size: Annotated[
        int | None, typer.Option(min=1, help="Height and width, for an architecture.")
    ] = None,
    random_weights: Annotated[
        bool, typer.Option(help="Say that an architecture's weights are to be random.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of random weights.")] = 0,
    input_kind: Annotated[
        InputKind | None,
        typer.Option(
            "--input",
            help="What the module takes: pixels, or a normalised image.",
            show_default="uint8 for checkpoints, float for all else",
        ),
    ] = None,
    db: Annotated[
        Path | None,
        typer.Option(help="Tuning records: kernels are built with what won for one thread, shipped or here."),
    ] = None,
    untuned: Annotated[bool, typer.Option("--untuned", help="Use no records, shipped ones neither.")] = False,
    dump_ir: Annotated[Path | None, typer.Option(help="A folder for the program after each phase.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compile a model into a bundle: code for the target, what it is, and what PyTorch computes with it."""
    request = Request(model, bases, input_size, random_weights, seed)
    with progress() as say:
        path = compile_bundle(
            request, target, out, input_kind=input_kind, db=db, untuned=untuned, dump_ir=dump_ir, say=say
        )
    made = bundle.load_bundle(path)
    if made.manifest.source.random_weights and not random_weights:
        note(
            f"note: {model} is an architecture: its weights are RANDOM, good for latency and not for accuracy"
        )
    result = summarise(made)
    if as_json:
        print_json(result)
    else:
        _print_summary(result)


def compile_bundle(
    request: Request,
    target_text: str,
    out: Path | None = None,
    *,
    input_kind: InputKind | None = None,
    db: Path | None = None,
    untuned: bool = False,
    dump_ir: Path | None = None,
    say: Callable[[str], None] = note,
) -> Path:
    """Compile the requested model for a target; return the bundle's folder.

    Args:
        request: the model.
        target_text: what `tvm_schedules.targets.resolve_target` understands.
        out: the bundle's folder, replaced in one step once the new bundle is complete; by default
            NAME-TARGET.bundle in the working directory.
        input_kind: what the module takes; None leaves it to the model, see `choose_input`.
        db: a folder of tuning records that come before those shipped, or None.
        untuned: build every kernel by its default, whatever records say.
        dump_ir: a folder for the program after each phase, or None.
        say: called with each step's name.

    Raises:
        GroupNetError, ModelsError, FrontendError, ScheduleError: see their trees.
    """
    # An unknown target or a wrong name is told before anything slow is imported or built.
    from tvm_schedules.targets import resolve_target

    target = resolve_target(target_text)
    described = describe_target(target_text, target)
    tuned = chosen_kernels(db, untuned=untuned, target=target, threads=TUNED_THREADS, say=note)
    say("loading the model")
    model = load_model(request)
    pixels = choose_input(model, input_kind, note) == "uint8"
    folder = out or Path(f"{model.name}-{short_target(target_text, described)}.bundle")
    with bundle.new_bundle(folder) as unfinished:
        from frontend.compile import compile_model
        from frontend.normalisation import Normalisation
        from frontend.reference import record_reference

        prepared = model.preprocessing
        report = compile_model(
            model.exported,
            target,
            unfinished / bundle.MODULE,
            normalisation=Normalisation(prepared.mean, prepared.std) if pixels else None,
            choose=tuned,
            dump_ir=dump_ir,
            progress=lambda phase: say(f"compiling {model.name}: {phase}"),
        )
        if tuned:
            note(describe_use(tuned, db))
        say("running PyTorch for reference")
        example = Example.of(model, pixels=pixels)
        reference = record_reference(model.exported, [example.for_pytorch])
        packs = {pack.layer for pack in report.packs}
        bundle.write_reference(
            unfinished,
            bundle.ReferenceNumbers(
                inputs=(example.for_module,),
                outputs=tuple(device_layout(array) for array in reference.outputs),
                signs={layer: bits for layer, bits in reference.signs.items() if layer in packs},
            ),
        )
        bundle.write_manifest(unfinished, _manifest(model, described, report, reference, unfinished))
    return folder


@dataclass(frozen=True)
class Example:
    """One input as PyTorch takes it, NCHW, and as the module does, NHWC."""

    for_pytorch: npt.NDArray[np.float32]
    for_module: npt.NDArray[Any]

    @classmethod
    def of(cls, model: Model, *, pixels: bool) -> "Example":
        if not pixels:
            example = model.example()
            return cls(example, device_layout(example))
        shown = example_pixels(model)
        image = normalised(shown, model.preprocessing).transpose(0, 3, 1, 2)
        return cls(np.ascontiguousarray(image), shown)


def describe_target(text: str, target: Any) -> manifest.Target:
    """What the manifest records of a TVM target.

    Raises:
        BundleTargetError: it is for an architecture that no device here has.
    """
    config = json.loads(str(target))
    triple = str(config.get("mtriple", ""))
    arch = triple.split("-", 1)[0] or platform.machine()
    arch = {"arm64": "aarch64", "amd64": "x86_64"}.get(arch, arch)
    if arch not in manifest.ARCHITECTURES:
        raise BundleTargetError(
            f"expected a target for {' or '.join(manifest.ARCHITECTURES)}; got '{text}', for {arch}: "
            "choose another --target"
        )
    return manifest.Target(
        text=text,
        kind=str(config["kind"]),
        triple=triple,
        mcpu=str(config.get("mcpu", "")),
        mattr=tuple(config.get("mattr", ())),
        arch=arch,
    )


def summarise(made: bundle.Bundle) -> dict[str, Any]:
    """What `compile --json` prints about a bundle."""
    described = made.manifest
    return {
        "bundle": str(made.path),
        "name": described.name,
        "task": described.task,
        "target": described.target.model_dump(mode="json"),
        "inputs": [tensor.model_dump(mode="json") for tensor in described.inputs],
        "outputs": [tensor.model_dump(mode="json") for tensor in described.outputs],
        "random_weights": described.source.random_weights,
        "binary_convs": len(described.verification.convolutions),
        "binary_conv_kernels": sum(
            use.count for use in described.kernels if use.name.startswith("binary_conv2d_")
        ),
        "passes": [entry.model_dump(mode="json") for entry in described.passes],
        "kernels": [entry.model_dump(mode="json") for entry in described.kernels],
        "module_bytes": described.files[bundle.MODULE].size_bytes,
        "activation_bytes": described.activation_bytes,
    }


def _print_summary(result: dict[str, Any]) -> None:
    passes = table("Passes", "phase", "pass", "fired", numbers=("fired",))
    for entry in result["passes"]:
        passes.add_row(entry["phase"], entry["name"], str(entry["fired"]))
    print_result(passes)
    print_result(
        f"{result['bundle']}: {result['name']} for {result['target']['text']}, {result['binary_convs']} "
        f"binary convolutions in {result['binary_conv_kernels']} kernel calls, "
        f"{result['module_bytes'] / 1e6:.1f} MB and {result['activation_bytes'] / 1e6:.1f} MB of activations"
    )


def _manifest(
    model: Model, target: manifest.Target, report: "CompileReport", reference: "Reference", folder: Path
) -> manifest.Manifest:
    return manifest.Manifest(
        name=model.name,
        task=model.task,
        labels=model.labels,
        preprocessing=model.preprocessing,
        inputs=tuple(manifest.Tensor(name=t.name, shape=t.shape, dtype=t.dtype) for t in report.inputs),
        outputs=tuple(manifest.Tensor(name=t.name, shape=t.shape, dtype=t.dtype) for t in report.outputs),
        target=target,
        versions=manifest.Versions(
            groupnet=version("groupnet"),
            tvm=version("apache-tvm"),
            tvm_ffi=version("apache-tvm-ffi"),
            torch=version("torch"),
        ),
        source=model.source,
        network=model.network,
        passes=tuple(manifest.PassFired(name=p.name, phase=p.phase, fired=p.fired) for p in report.passes),
        kernels=tuple(manifest.KernelUse(name=k.name, count=k.count) for k in report.kernels),
        activation_bytes=report.activation_bytes,
        verification=_verification_plan(report, reference),
        files=bundle.record_files(folder),
    )


def _verification_plan(report: "CompileReport", reference: "Reference") -> manifest.VerificationPlan:
    return manifest.VerificationPlan(
        packs=tuple(
            manifest.Pack(layer=p.layer, shape=p.shape, border=p.border, pad_value=p.pad_value)
            for p in report.packs
        ),
        convolutions=tuple(
            manifest.Convolution(
                layer=c.layer,
                pack=c.pack,
                relu=c.relu,
                shape=c.shape,
                integers_sha256=reference.integers_sha256[c.layer],
            )
            for c in report.convolutions
        ),
    )


def device_layout(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return PyTorch's NCHW as the module's NHWC; arrays of other ranks are no images and stay."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if array.ndim == 4 else array


def short_target(text: str, target: manifest.Target) -> str:
    """A target's name in a file name: the text itself, or the core's name of a target given as JSON."""
    return text if re.fullmatch(r"[\w.-]+", text) else (target.mcpu or target.arch)

"""`groupnet export`: a model becomes a folder of plain C for an app."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from groupnet.boundary import verb
from groupnet.bundle import is_bundle, load_bundle, sha256_of
from groupnet.compile import TUNED_THREADS, describe_target, short_target
from groupnet.console import AsJson, note, print_json, print_result, progress
from groupnet.errors import BundleFormatError, ModelSourceError
from groupnet.export_example import describe_preparation, write_example
from groupnet.manifest import Manifest
from groupnet.model_source import Request, load_model
from groupnet.pixels import InputKind, choose_input, takes_pixels
from groupnet.replace_folder import replace_folder
from groupnet.tuned_kernels import chosen_kernels, describe_use

if TYPE_CHECKING:
    from frontend.c_export.export import ExportReport

Format = Literal["c"]
DESCRIPTION = "export.json"
"""The file that says what the folder holds, and by which a folder is known as an export."""


@dataclass(frozen=True)
class Order:
    """What is to be exported: a model, or a bundle's model as the bundle was compiled."""

    request: Request
    target: str
    input_kind: InputKind | None = None
    bundle: Manifest | None = None


@verb
def export(
    model: Annotated[
        str, typer.Argument(help="A bundle, or what `compile` takes: a zoo name, an architecture, a file.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The export's folder.", show_default="NAME-TARGET.c")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="As for `compile`.", show_default="a bundle's own")
    ] = None,
    format: Annotated[Format, typer.Option(help="What is written: C11 and an object.")] = "c",
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
        typer.Option("--input", help="As for `compile`.", show_default="a bundle's own, or as `compile`"),
    ] = None,
    db: Annotated[Path | None, typer.Option(help="Tuning records, as for `compile`.")] = None,
    untuned: Annotated[bool, typer.Option("--untuned", help="Use no records, as for `compile`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Export a model as C for an app: one object, a header, a small runtime and an example, without TVM."""
    order = read_order(Request(model, bases, input_size, random_weights, seed), target, input_kind)
    with progress() as say:
        result = export_c(order, out, db=db, untuned=untuned, say=say)
    if result["random_weights"] and not random_weights:
        note(
            f"note: {model} is an architecture: its weights are RANDOM, good for latency and not for accuracy"
        )
    if as_json:
        print_json(result)
        return
    print_result(
        f"{result['export']}: {result['name']} for {result['target']} as {format.upper()}, "
        f"{result['object_bytes'] / 1e6:.2f} MB in model.o, {result['constant_bytes'] / 1e6:.2f} MB of it "
        f"weights; an instance takes {result['memory_bytes'] / 1e6:.2f} MB"
    )


def read_order(request: Request, target: str | None, input_kind: InputKind | None) -> Order:
    """What the command line asks for; a bundle is looked up, its target and its input taken over.

    Raises:
        BundleError: the bundle cannot be read.
        ModelSourceError: a model without a target, or a bundle with options or whose model is gone.
    """
    path = Path(request.model)
    if not is_bundle(path):
        if target is None:
            raise ModelSourceError(
                f"expected a target for {request.model}, as only a bundle has one; got none: add --target"
            )
        return Order(request, target, input_kind)
    if request != Request(request.model) or input_kind is not None:
        raise ModelSourceError(
            f"expected the bundle {path} alone, as it says how its model was made; got other options: leave "
            "out all but --target, --db, --untuned and --out"
        )
    manifest = load_bundle(path).manifest
    kind: InputKind = "uint8" if takes_pixels(manifest.inputs[0]) else "float"
    return Order(_request_of(manifest), target or manifest.target.text, kind, manifest)


def export_c(
    order: Order,
    out: Path | None = None,
    *,
    db: Path | None = None,
    untuned: bool = False,
    say: Callable[[str], None] = note,
) -> dict[str, Any]:
    """Export as C; what is returned is what `export --json` prints.

    Args:
        order: the model.
        out: the folder, replaced in one step once the export is complete; by default NAME-TARGET.c in the
            working directory.
        db: a folder of tuning records that come before those shipped, or None.
        untuned: build every kernel by its default, whatever records say.
        say: called with each step's name.

    Raises:
        GroupNetError, ModelsError, FrontendError, ScheduleError: see their trees.
    """
    # An unknown target is told before anything slow is imported or built.
    from tvm_schedules.targets import resolve_target

    target = resolve_target(order.target)
    described = describe_target(order.target, target)
    tuned = chosen_kernels(db, untuned=untuned, target=target, threads=TUNED_THREADS, say=note)
    say("loading the model")
    model = load_model(order.request)
    pixels = choose_input(model, order.input_kind, note) == "uint8"
    folder = out or Path(f"{model.name}-{short_target(order.target, described)}.c")
    with replace_folder(folder, is_ours=is_export, what="an export") as unfinished:
        from frontend.c_export.driver import Identity
        from frontend.c_export.export import export_model
        from frontend.normalisation import Normalisation

        prepared = model.preprocessing
        preparation = describe_preparation(prepared, pixels=pixels)
        report = export_model(
            model.exported,
            target,
            unfinished,
            Identity(model.name, model.task, order.target, model.labels, preparation),
            normalisation=Normalisation(prepared.mean, prepared.std) if pixels else None,
            choose=tuned,
            progress=lambda phase: say(f"exporting {model.name}: {phase}"),
        )
        if tuned:
            note(describe_use(tuned, db))
        check_kernels(order, report)
        say("running PyTorch for the example")
        tolerances = write_example(model, unfinished, pixels=pixels)
        result = {
            "name": model.name,
            "task": model.task,
            "format": "c",
            "target": order.target,
            "random_weights": model.source.random_weights,
            "preparation": preparation,
            "input_size": prepared.input_size,
            "network": None if model.network is None else model.network.model_dump(mode="json"),
            "tolerances": tolerances,
            "versions": {name: version(name) for name in ("groupnet", "apache-tvm")},
            "model_sha256": sha256_of(unfinished / "model.o"),
            **asdict(report),
        }
        (unfinished / DESCRIPTION).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return {"export": str(folder), **result}


def is_export(path: Path) -> bool:
    """Whether the folder looks like an export: only such a folder is ever replaced."""
    return (path / DESCRIPTION).is_file()


def check_kernels(order: Order, report: "ExportReport") -> None:
    """An export for a bundle's own target must consist of its kernels, or it would be another program.

    Raises:
        BundleFormatError: it does not.
    """
    if order.bundle is None or order.target != order.bundle.target.text:
        return
    expected = {use.name: use.count for use in order.bundle.kernels}
    if {use.name: use.count for use in report.kernels} != expected:
        raise BundleFormatError(
            f"expected the kernels of the bundle {order.bundle.name}; got others: give the --db or "
            "--untuned that it was compiled with, or compile it again with this version of groupnet"
        )


def _request_of(manifest: Manifest) -> Request:
    """The model that a bundle was compiled from, if it still is where it was."""
    source = manifest.source
    if source.checkpoint is None:
        if source.architecture is None:
            raise BundleFormatError(
                f"expected a bundle that says what {manifest.name} was made from; got neither an "
                "architecture nor a checkpoint: compile the model again"
            )
        size, seed = manifest.preprocessing.input_size, source.seed or 0
        return Request(source.architecture, source.bases, size, source.random_weights, seed)
    recorded = source.checkpoint
    path = Path(recorded.name)
    if recorded.kind == "zoo":
        from models.zoo import entries

        path = {entry.name: entry.path for entry in entries()}.get(recorded.name, path)
    if not path.is_file():
        raise ModelSourceError(
            f"expected {recorded.name}, which the bundle was compiled from; found none: put it back, or "
            "export the model itself"
        )
    if sha256_of(path) != recorded.sha256:
        raise ModelSourceError(
            f"expected {recorded.name} as it was when the bundle was compiled; its SHA-256 differs: compile "
            "it again, or export the model itself"
        )
    return Request(recorded.name)

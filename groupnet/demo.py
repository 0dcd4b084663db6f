"""`groupnet demo`: the whole flow, on this machine and on the emulated phone, held against PyTorch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from groupnet.bench import run_bench
from groupnet.bench_table import describe_verification, latency_table
from groupnet.boundary import verb
from groupnet.bundle import load_bundle
from groupnet.compile import compile_bundle
from groupnet.console import AsJson, print_json, print_result, progress
from groupnet.errors import EvaluationError
from groupnet.evaluate import EvalRequest, run_eval
from groupnet.model_source import Request
from groupnet.scoring.tables import score_table

MODEL = "digits-k3"
CORE = "cortex-a76"
PHONE = "default"


@verb
def demo(
    out: Annotated[Path, typer.Option(help="The folder for the two bundles.")] = Path("out/demo"),
    as_json: AsJson = False,
) -> None:
    """Compile the digits model, run it here and on the emulated phone, and compare both with PyTorch."""
    with progress() as say:
        result = run_demo(out, say)
    if as_json:
        print_json(result)
        return
    for measured in result["bench"]:
        print_result(f"{measured['device']['name']}: {describe_verification(measured['verified'])}")
    print_result(score_table(result["eval"]))
    print_result(latency_table(result["bench"]))


def run_demo(out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Compile for both, verify, time and score on both; what is returned is what `demo --json` prints.

    Raises:
        EvaluationError: the phone's accuracy differs from PyTorch's.
        GroupNetError, DeviceError: any step failed.
    """
    bundles = {
        device: load_bundle(compile_bundle(Request(MODEL), target, out / f"{MODEL}-{target}.bundle", say=say))
        for device, target in (("host", "host"), ("emulator", CORE))
    }
    with _emulated_phone(say):
        timed = [run_bench(bundle, device, say=say) for device, bundle in bundles.items()]
        scored = [
            run_eval(bundle, EvalRequest("digits"), device, say=lambda text, _done: say(text))
            for device, bundle in bundles.items()
        ]
    check_scores(scored)
    return {"bench": timed, "eval": scored}


def check_scores(scored: list[dict[str, Any]]) -> None:
    """Raise unless each device reached exactly PyTorch's top-1.

    Raises:
        EvaluationError: one did not, or PyTorch's scores are unknown.
    """
    for result in scored:
        expected, device = result["pytorch_scores"], result["device"]["name"]
        if expected is None:
            raise EvaluationError(f"expected PyTorch's scores to compare with; {result['pytorch_missing']}")
        if result["scores"]["top1"] != expected["top1"]:
            raise EvaluationError(
                f"expected PyTorch's top-1 of {expected['top1']:.2%} on {device}; got "
                f"{result['scores']['top1']:.2%}: `groupnet bench` says which layer differs"
            )


@contextmanager
def _emulated_phone(say: Callable[[str], None]) -> Iterator[None]:
    """A running phone; it is stopped in the end unless it ran before."""
    from android_runner.emulator.phone import running_phone, start_phone, stop_phone

    ran_before = running_phone(PHONE) is not None
    say(f"starting the emulated phone ({CORE})")
    start_phone(cpu=CORE, name=PHONE)
    try:
        yield
    finally:
        if not ran_before:
            stop_phone(PHONE)

"""Every network of the zoo as C: PyTorch's integers on four arm64 cores, and the floats of RPC to the bit."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from c_programs import Built, build_c, compile_keeping_plan, same_bits
from small_nets import plan_of

from android_runner.devices import open_device
from android_runner.emulator.phone import start_phone, stop_phone
from android_runner.verification import ReferenceTensors, VerificationPlan, verify_module
from frontend.c_export.driver import Identity
from frontend.normalisation import Normalisation
from frontend.reference import record_reference
from groupnet.compile import Example
from groupnet.model_source import Request, load_model
from models.zoo import entries

CORES = ("cortex-a53", "cortex-a72", "cortex-a76", "max")
QEMU = ("qemu-aarch64", "-cpu")
LARGEST_BEYOND_WEIGHTS = 300_000
pytestmark = pytest.mark.timeout(900)  # a network's first test waits for its compilation


@dataclass(frozen=True)
class Network:
    """A network of the zoo for arm64: as C, as the library of a bundle, and what PyTorch computes with it."""

    c: Built
    library: Path
    plan: VerificationPlan
    reference: ReferenceTensors


@pytest.fixture(scope="module", params=[entry.name for entry in entries()])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Network:
    model = load_model(Request(request.param))
    prepared = model.preprocessing
    folder = tmp_path_factory.mktemp("c")
    library = folder / "module.so"
    normalisation = Normalisation(prepared.mean, prepared.std)
    planned, report = compile_keeping_plan(model.exported, "arm64", library, normalisation)
    built = build_c(
        planned, "arm64", "aarch64", folder, Identity(model.name, model.task, "arm64", model.labels)
    )
    example = Example.of(model, pixels=True)
    plan, reference = plan_of(report, record_reference(model.exported, [example.for_pytorch]))
    return Network(built, library, plan, replace(reference, inputs=(example.for_module,)))


@pytest.fixture(scope="module")
def phone() -> Iterator[str]:
    name = f"c-zoo-{os.getpid()}"
    yield start_phone(cpu="cortex-a76", name=name).serial
    stop_phone(name)


@pytest.mark.parametrize("core", CORES)
def test_integers_are_pytorchs(network: Network, core: str) -> None:
    module = replace(network.c.module, prefix=(*QEMU, core), threads=2)
    report = verify_module(module, network.plan, network.reference)  # type: ignore[arg-type]
    assert report.exact and report.binary_convs == len(network.plan.convolutions) > 0


def test_floats_are_the_same_on_every_core(network: Network) -> None:
    first, *others = (
        replace(network.c.module, prefix=(*QEMU, core)).run("main", network.reference.inputs)
        for core in CORES
    )
    assert all(same_bits(first, other) for other in others)


@pytest.mark.phone
def test_floats_are_those_of_the_phone_over_rpc(network: Network, phone: str) -> None:
    module = replace(network.c.module, prefix=(*QEMU, "cortex-a76"))
    with open_device(f"adb:{phone}").session() as session:
        loaded = session.load(network.library)
        expected = loaded.run("main", network.reference.inputs)
    assert same_bits(module.run("main", network.reference.inputs), expected)


def test_the_object_is_little_more_than_the_weights(network: Network) -> None:
    _, report = network.c.module.programs["main"]
    assert report.object_bytes < report.constant_bytes + LARGEST_BEYOND_WEIGHTS

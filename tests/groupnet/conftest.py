"""A small bundle without a compiler, valid in every way that `load_bundle` checks; and those of the zoo."""

import os
import struct
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_verb import groupnet

from android_runner.runtime_cache import cached_folder
from groupnet import bundle, manifest
from models.registry import config_of


def elf_library(machine: int) -> bytes:
    """An ELF library for `machine` without sections, and some content to have something to alter."""
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    return (identity + struct.pack("<HH", 3, machine)).ljust(64, b"\0") + bytes(range(200))


def manifest_parts(arch: str = "x86_64", **changes: Any) -> dict[str, Any]:
    """Everything that a manifest holds except the files' checksums."""
    parts: dict[str, Any] = {
        "name": "tiny",
        "task": "classification",
        "labels": ("no", "yes"),
        "preprocessing": manifest.Preprocessing(input_size=4, channels=1, mean=(0.5,), std=(0.25,)),
        "inputs": (manifest.Tensor(name="x", shape=(1, 4, 4, 1), dtype="float32"),),
        "outputs": (manifest.Tensor(name="logits", shape=(1, 2), dtype="float32"),),
        "target": manifest.Target(text="host", kind="llvm", triple="", mcpu="", mattr=(), arch=arch),
        "versions": manifest.Versions(groupnet="0.1.0", tvm=version("apache-tvm"), tvm_ffi="1", torch="2"),
        "source": manifest.ModelSource(
            architecture="tiny", bases=1, random_weights=True, seed=0, checkpoint=None
        ),
        "network": manifest.Network(
            task="classification",
            config=config_of("groupnet_digits")
            .replace(depths=(1,), stem="small", input_size=4, num_classes=2)
            .to_dict(),
        ),
        "passes": (manifest.PassFired(name="BinarizeOnce", phase="binary dataflow", fired=1),),
        "kernels": (manifest.KernelUse(name="pack_f32u32", count=1),),
        "activation_bytes": 64,
        "verification": manifest.VerificationPlan(
            packs=(manifest.Pack(layer="conv", shape=(1, 4, 4, 1), border=(1, 1), pad_value=1),),
            convolutions=(
                manifest.Convolution(
                    layer="conv", pack=0, relu=True, shape=(1, 4, 4, 2), integers_sha256="0" * 64
                ),
            ),
        ),
    }
    return parts | changes


@pytest.fixture
def numbers() -> bundle.ReferenceNumbers:
    rng = np.random.default_rng(0)
    return bundle.ReferenceNumbers(
        inputs=(rng.standard_normal((1, 4, 4, 1), dtype=np.float32),),
        outputs=(rng.standard_normal((1, 2), dtype=np.float32),),
        signs={"conv": rng.integers(0, 256, (1, 4, 4, 4), dtype=np.uint8)},
    )


@pytest.fixture
def write_bundle(numbers: bundle.ReferenceNumbers) -> Callable[..., Path]:
    """Writes a small bundle for the ELF machine 62 or 183, its manifest changed by keywords."""

    def write(out: Path, *, machine: int = 62, **changes: Any) -> Path:
        arch = {62: "x86_64", 183: "aarch64"}[machine]
        with bundle.new_bundle(out) as folder:
            (folder / bundle.MODULE).write_bytes(elf_library(machine))
            bundle.write_reference(folder, numbers)
            parts = manifest_parts(arch, **changes)
            bundle.write_manifest(folder, manifest.Manifest(files=bundle.record_files(folder), **parts))
        return out

    return write


@pytest.fixture(scope="session")
def zoo_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that compiles a network of the zoo for this machine, once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base

    def compiled(name: str) -> Path:
        def fill(folder: Path) -> None:
            groupnet("compile", name, "--target", "host", "--out", folder / "net.bundle")

        return cached_folder(shared / f"zoo-{name}", fill) / "net.bundle"

    return compiled

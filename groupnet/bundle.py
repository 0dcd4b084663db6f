"""The bundle: one folder with a compiled model, what it is, and what PyTorch computed with it.

- module.so: the code for the target, with the functions `main` and `verify`
- manifest.json: the Manifest: task, tensors, target, versions, verification plan, checksum of each file
- reference.npz: inputs, PyTorch's outputs for them, and the packed signs that PyTorch computed on the way
"""

import hashlib
import json
import zipfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from android_runner.elf import module_architecture
from groupnet.errors import BundleDamagedError, BundleFormatError, BundleTargetError
from groupnet.manifest import SCHEMA_VERSION, FileRecord, Manifest
from groupnet.replace_folder import replace_folder

MODULE = "module.so"
MANIFEST = "manifest.json"
REFERENCE = "reference.npz"
_CHECKED_FILES = (MODULE, REFERENCE)


@dataclass(frozen=True)
class ReferenceNumbers:
    """What PyTorch computed for one batch.

    Attributes:
        inputs: NHWC, as `main` takes them: normalised images (float32) or their pixels (uint8).
        outputs: float32, as PyTorch returned them.
        signs: for each binarised tensor's layer, its packed signs (uint8 bytes of little-endian uint32 words,
            NHWC, without the border; docs/architecture.md, "One bit convention").
    """

    inputs: tuple[npt.NDArray[Any], ...]
    outputs: tuple[npt.NDArray[Any], ...]
    signs: dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files were all found to be what its manifest says."""

    path: Path
    manifest: Manifest

    @property
    def module(self) -> Path:
        """The shared library that devices load."""
        return self.path / MODULE

    @property
    def module_sha256(self) -> str:
        return self.manifest.files[MODULE].sha256

    def reference(self) -> ReferenceNumbers:
        """Read reference.npz.

        Raises:
            BundleDamagedError: it is no archive of numbers.
        """
        try:
            with np.load(self.path / REFERENCE, allow_pickle=False) as archive:
                return ReferenceNumbers(
                    inputs=_numbered(archive, "input"),
                    outputs=_numbered(archive, "output"),
                    signs={
                        name.removeprefix("signs/"): archive[name]
                        for name in archive.files
                        if name.startswith("signs/")
                    },
                )
        except (ValueError, KeyError, zipfile.BadZipFile) as exc:
            raise BundleDamagedError(
                f"expected numbers in {self.path / REFERENCE}; got '{exc}': compile the model again"
            ) from exc


def is_bundle(path: Path) -> bool:
    """Whether the folder looks like a bundle, damaged or not: only such a folder is ever replaced."""
    return (path / MANIFEST).is_file()


def new_bundle(out: Path) -> AbstractContextManager[Path]:
    """An empty folder that takes the place of `out` when the `with` block ends without an error."""
    return replace_folder(out, is_ours=is_bundle, what="a bundle")


def write_reference(folder: Path, numbers: ReferenceNumbers) -> None:
    """Write reference.npz; the same numbers give the same bytes."""
    arrays = {f"input/{i}": array for i, array in enumerate(numbers.inputs)}
    arrays |= {f"output/{i}": array for i, array in enumerate(numbers.outputs)}
    arrays |= {f"signs/{layer}": array for layer, array in sorted(numbers.signs.items())}
    np.savez_compressed(folder / REFERENCE, allow_pickle=False, **arrays)


def record_files(folder: Path) -> dict[str, FileRecord]:
    """Size and checksum of each file that a bundle holds beside its manifest."""
    return {
        name: FileRecord(sha256=sha256_of(folder / name), size_bytes=(folder / name).stat().st_size)
        for name in _CHECKED_FILES
    }


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json; the last step, as it holds the checksums of the other files."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")


def load_bundle(path: Path) -> Bundle:
    """Read a bundle and check all of it.

    Raises:
        BundleFormatError: no bundle, another schema version, another TVM's, or an invalid manifest.
        BundleDamagedError: a file is missing, cut short or altered.
        BundleTargetError: the code is not for the processor that the manifest names.
        WrongArchitectureError: it is for no processor that this project knows.
    """
    manifest = _read_manifest(path)
    _check_files(path, manifest)
    found = module_architecture(path / MODULE)
    if found != manifest.target.arch:
        raise BundleTargetError(
            f"expected {manifest.target.arch} code in {path / MODULE}; got {found}: compile the model again"
        )
    built_by, installed = manifest.versions.tvm, version("apache-tvm")
    if built_by != installed:
        raise BundleFormatError(
            f"expected a bundle built by apache-tvm {installed}, which runs it; {path} is of {built_by}: "
            "compile the model again"
        )
    return Bundle(path=path, manifest=manifest)


def check_architecture(bundle: Bundle, *, device: str, arch: str) -> None:
    """Refuse a bundle that the device's processor cannot run.

    Args:
        bundle: what is to run.
        device: the device's name, for the message.
        arch: its processor's architecture, as `uname -m` says it.

    Raises:
        BundleTargetError: the bundle holds code for another architecture.
    """
    target = bundle.manifest.target
    if target.arch != arch:
        raise BundleTargetError(
            f"expected {arch} code for the device {device}; {bundle.path} holds {target.arch} code (target "
            f"'{target.text}'): compile with --target {'host' if arch == 'x86_64' else 'arm64'}"
        )


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(path: Path) -> Manifest:
    if not path.is_dir():
        raise BundleFormatError(f"expected a bundle folder; got {path}: `groupnet compile` makes one")
    if not is_bundle(path):
        raise BundleFormatError(
            f"expected {MANIFEST} in {path}; found none, so this is no bundle: `groupnet compile` makes one"
        )
    try:
        text = (path / MANIFEST).read_text(encoding="utf-8")
        found = json.loads(text)
    except ValueError as exc:
        raise BundleFormatError(
            f"expected JSON in {path / MANIFEST}; got '{exc}': compile the model again"
        ) from exc
    schema = found.get("schema_version") if isinstance(found, dict) else None
    if schema != SCHEMA_VERSION:
        raise BundleFormatError(
            f"expected schema version {SCHEMA_VERSION} in {path / MANIFEST}; got {schema!r}: compile it "
            "again with this version of groupnet"
        )
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the manifest"
        raise BundleFormatError(
            f"expected a valid {path / MANIFEST}; at {where}: {first['msg']}: compile the model again"
        ) from exc


def _check_files(path: Path, manifest: Manifest) -> None:
    if set(manifest.files) != set(_CHECKED_FILES):
        raise BundleFormatError(
            f"expected checksums of {', '.join(_CHECKED_FILES)} in {path / MANIFEST}; got "
            f"{', '.join(sorted(manifest.files)) or 'none'}: compile the model again"
        )
    for name, record in manifest.files.items():
        file = path / name
        if not file.is_file():
            raise BundleDamagedError(f"expected {name} in {path}; found none: compile or copy it again")
        size = file.stat().st_size
        if size != record.size_bytes:
            raise BundleDamagedError(
                f"expected {record.size_bytes} bytes in {file}; got {size}: compile or copy the bundle again"
            )
        if sha256_of(file) != record.sha256:
            raise BundleDamagedError(
                f"expected {file} as it was written; its SHA-256 differs: compile or copy the bundle again"
            )


def _numbered(archive: Any, kind: str) -> tuple[npt.NDArray[Any], ...]:
    """The arrays `kind/0`, `kind/1`, ... of an archive, in order."""
    count = sum(name.startswith(f"{kind}/") for name in archive.files)
    return tuple(archive[f"{kind}/{i}"] for i in range(count))

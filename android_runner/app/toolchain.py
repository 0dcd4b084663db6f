"""What the app is built with: Debian's packages of Android's tools, or the Android SDK of ANDROID_HOME."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from android_runner.errors import AppBuildError

FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
"""Android's own resources, which the app's refer to; Debian's package android-framework-res."""
DEBIAN_PACKAGES = {
    "aapt2": "aapt",
    "zipalign": "zipalign",
    "apksigner": "apksigner",
    "javac": "openjdk-17-jdk-headless",
    "keytool": "openjdk-17-jdk-headless",
    "npm": "npm",
}
"""The package that has each program."""
SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For Java programs of a second or two, which take half as long with them; javac has each behind -J."""
_STEP_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Toolchain:
    """The programs and files that an app is built with.

    Attributes:
        aapt2: Compiles resources and the manifest.
        apksigner: Signs.
        zipalign: Checks how files lie in the APK.
        javac: Compiles Java.
        framework: What `aapt2 link -I` takes.
        android_jar: Android's classes to compile against; None compiles against our own signatures.
        d8: Makes DEX out of classes; None takes dx.
    """

    aapt2: str
    apksigner: str
    zipalign: str
    javac: str
    framework: Path
    android_jar: Path | None = None
    d8: str | None = None


def find_toolchain(environment: Mapping[str, str] = os.environ) -> Toolchain:
    """Return the SDK of ANDROID_HOME, or Debian's tools where that is not set.

    Raises:
        AppBuildError: Something is missing; the message says what installs it.
    """
    home = environment.get("ANDROID_HOME")
    return _sdk(Path(home)) if home else _debian()


def missing_packages() -> list[str]:
    """Return Debian's packages that building the app without an SDK still needs."""
    missing = {package for program, package in DEBIAN_PACKAGES.items() if shutil.which(program) is None}
    if not FRAMEWORK.is_file():
        missing.add("android-framework-res")
    return sorted(missing)


def run_tool(command: Sequence[object], *, folder: Path | None = None) -> str:
    """Run one step of the build, a program and its arguments as `str` shows them; return what it printed.

    Raises:
        AppBuildError: It failed, cannot be started, or does not end.
    """
    name = Path(str(command[0])).name
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_STEP_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError as exc:
        raise AppBuildError(f"Expected to start {name}; got '{exc.strerror}'; run `make app-tools`") from exc
    except subprocess.TimeoutExpired as exc:
        raise AppBuildError(
            f"Expected {name} to end within {_STEP_TIMEOUT_S:.0f} s; it did not; try again on an idle machine"
        ) from exc
    if done.returncode != 0:
        said = " | ".join((done.stderr.strip() or done.stdout.strip() or "nothing said").splitlines()[:12])
        raise AppBuildError(
            f"Expected {name} to succeed; got exit code {done.returncode}: {said}; mend what it names"
        )
    return done.stdout


def _debian() -> Toolchain:
    if missing := missing_packages():
        raise AppBuildError(
            f"Expected Android's build tools; missing are Debian's packages {' '.join(missing)}; run "
            "`make app-tools`, or set ANDROID_HOME to an Android SDK"
        )
    programs = {name: shutil.which(name) or name for name in DEBIAN_PACKAGES}
    return Toolchain(
        programs["aapt2"], programs["apksigner"], programs["zipalign"], programs["javac"], FRAMEWORK
    )


def _sdk(home: Path) -> Toolchain:
    """The newest build tools and platform of an SDK."""
    tools = _newest(home / "build-tools", "build-tools;34.0.0")
    jar = _newest(home / "platforms", "platforms;android-34") / "android.jar"
    javac = shutil.which("javac")
    if javac is None:
        raise AppBuildError(
            "Expected javac on the PATH; there is none; install a JDK, version 17 for instance"
        )
    paths = [tools / name for name in ("aapt2", "apksigner", "zipalign", "d8")]
    if missing := [str(path) for path in (*paths, jar) if not path.is_file()]:
        raise AppBuildError(
            f"Expected {missing[0]} in the SDK of ANDROID_HOME; it is not there; install it with "
            "sdkmanager, or unset ANDROID_HOME to build with Debian's tools"
        )
    aapt2, apksigner, zipalign, d8 = map(str, paths)
    return Toolchain(aapt2, apksigner, zipalign, javac, jar, android_jar=jar, d8=d8)


def _newest(folder: Path, package: str) -> Path:
    def release(path: Path) -> tuple[int, ...]:
        return tuple(int(part) for part in path.name.removeprefix("android-").split(".") if part.isdecimal())

    found = sorted((path for path in folder.glob("*") if path.is_dir()), key=release)
    if not found:
        raise AppBuildError(
            f"Expected a folder in {folder}; there is none; run `sdkmanager '{package}'`, or unset "
            "ANDROID_HOME to build with Debian's tools"
        )
    return found[-1]

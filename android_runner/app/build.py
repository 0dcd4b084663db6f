"""Builds the APK: resources, Java, DEX, the benchmark program and its pictures, aligned and signed."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from android_runner.app.aligned_zip import write_apk
from android_runner.app.android_stubs import write_stubs
from android_runner.app.dexer import MIN_SDK, make_dex
from android_runner.app.executable import check_executable
from android_runner.app.signing import default_key, ensure_key, sign_apk
from android_runner.app.toolchain import SHORT_LIVED, Toolchain, find_toolchain, run_tool

PACKAGE = "org.groupnet.bench"
ACTIVITY = f"{PACKAGE}/.MainActivity"
TARGET_SDK = 34
LIBRARY = "lib/arm64-v8a/libgroupnet_bench.so"
"""Android unpacks nothing but what is named like a library."""
SOURCES = Path(__file__).parent
_JAVA_RELEASE = "7"  # the newest whose classes dx takes without more ado


@dataclass(frozen=True)
class AppOrder:
    """What goes into an APK.

    Attributes:
        executable: The benchmark program for arm64, statically linked.
        assets: The test pictures: contents by their name below ``assets/``.
        key: The key to sign with; None takes this user's own, made the first time.
    """

    executable: Path
    assets: Mapping[str, bytes]
    key: Path | None = None


@dataclass(frozen=True)
class BuiltApp:
    """An APK.

    Attributes:
        path: Where it is.
        bytes: Its size.
        sha256: Of the file.
        version: What Android shows as the app's version.
    """

    path: Path
    bytes: int
    sha256: str
    version: str


def build_app(
    order: AppOrder, out: Path, *, tools: Toolchain | None = None, say: Callable[[str], None] = lambda _: None
) -> BuiltApp:
    """Build the app; the same order, key and tools give the same bytes. ``out`` is replaced as a whole.

    Args:
        order: What goes in.
        out: The APK to write.
        tools: What to build with; None looks for it.
        say: Told of progress.

    Raises:
        AppBuildError: A tool is missing or fails, or the executable is none for arm64 phones.
    """
    check_executable(order.executable)
    tools = tools or find_toolchain()
    key = order.key or default_key()
    ensure_key(key)
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        work = Path(folder)
        say("compiling resources")
        linked = link_resources(tools, work)
        say("compiling Java")
        compile_java(tools, work)
        say("making DEX")
        make_dex(tools, work / "classes", work)
        added = {f"assets/{name}": content for name, content in order.assets.items()}
        added["classes.dex"] = (work / "classes.dex").read_bytes()
        added[LIBRARY] = order.executable.read_bytes()
        say("signing")
        write_apk(work / "unsigned.apk", linked, added)
        sign_apk(tools, work / "unsigned.apk", work / "signed.apk", key, MIN_SDK)
        (work / "signed.apk").rename(out)
    content = out.read_bytes()
    return BuiltApp(out, len(content), hashlib.sha256(content).hexdigest(), version("groupnet"))


def link_resources(tools: Toolchain, work: Path) -> Path:
    """Compile manifest and resources; `work/gen` gets R.java. Returns aapt2's APK, without any code."""
    name = version("groupnet")
    (work / "gen").mkdir()
    run_tool([tools.aapt2, "compile", "--dir", SOURCES / "res", "-o", work / "res.zip"])
    run_tool(
        [
            *(tools.aapt2, "link", "-I", tools.framework, "--manifest", SOURCES / "AndroidManifest.xml"),
            *("--min-sdk-version", str(MIN_SDK), "--target-sdk-version", str(TARGET_SDK)),
            *("--version-code", str(_version_code(name)), "--version-name", name),
            *("--java", work / "gen", "-o", work / "linked.apk", work / "res.zip"),
        ]
    )
    return work / "linked.apk"


def compile_java(tools: Toolchain, work: Path) -> None:
    """Compile the sources and `work/gen` to `work/classes`, against Android's classes or our stubs."""
    javac = [tools.javac, *(f"-J{option}" for option in SHORT_LIVED)]
    options = ["--release", _JAVA_RELEASE, "-encoding", "UTF-8", "-Xlint:all,-options", "-Werror"]
    against = tools.android_jar
    if against is None:
        against = work / "stubs"
        stubs = write_stubs(work / "stub-sources")
        run_tool([*javac, "--release", _JAVA_RELEASE, "-Xlint:-options", "-d", against, *stubs])
    sources = sorted((SOURCES / "java").rglob("*.java")) + sorted((work / "gen").rglob("*.java"))
    run_tool([*javac, *options, "-classpath", against, "-d", work / "classes", *sources])


def _version_code(name: str) -> int:
    """Versions in rising order get rising numbers: 0.1.0 is 100."""
    major, minor, patch = (int(part) for part in name.split(".")[:3])
    return major * 10000 + minor * 100 + patch

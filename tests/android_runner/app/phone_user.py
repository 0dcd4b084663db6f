"""Somebody with the app in the hand: the APK's DEX on the JVM, against fakes of Android's classes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from android_runner.app.build import SOURCES
from android_runner.app.toolchain import SHORT_LIVED, run_tool

FAKE_ANDROID = Path(__file__).parent / "fake_android"
JSON_JAR = Path("/usr/share/java/json-android.jar")
"""Android's own org.json, which is part of Android and so not of the APK."""


@dataclass(frozen=True)
class OnJvm:
    """An APK made ready for the JVM: its classes, the fakes' classes, its assets."""

    app: Path
    fakes: Path
    assets: Path

    @classmethod
    def prepare(cls, apk: Path, folder: Path) -> OnJvm:
        """Translate the DEX back to Java's classes, compile the fakes, unpack the assets."""
        made = cls(folder / "app.jar", folder / "fakes", folder / "unpacked/assets")
        run_tool([sys.executable, "-m", "enjarify.main", "--quiet", "-f", "--output", made.app, apk])
        sources = sorted(FAKE_ANDROID.rglob("*.java"))
        options = [f"-J{option}" for option in SHORT_LIVED]
        run_tool(["javac", *options, "-encoding", "UTF-8", "-cp", JSON_JAR, "-d", made.fakes, *sources])
        with zipfile.ZipFile(apk) as archive:
            archive.extractall(folder / "unpacked")
        return made


class PhoneUser:
    """A running app; every call is something a person, or Android, does to it."""

    def __init__(self, ready: OnJvm, program: Path, files: Path, *properties: str) -> None:
        """Start the JVM; ``program`` is what the app runs, ``files`` where it keeps things."""
        libraries = files / "libraries"
        libraries.mkdir(parents=True)
        (libraries / "libgroupnet_bench.so").symlink_to(program)
        self._process = subprocess.Popen(
            [
                *("java", "-Xshare:auto", *SHORT_LIVED, "-Djava.awt.headless=true"),
                f"-Dphone.libraries={libraries}",
                f"-Dphone.files={files}",
                f"-Dphone.assets={ready.assets}",
                f"-Dapp.res={SOURCES / 'res'}",
                *properties,
                *("-cp", f"{ready.fakes}:{ready.app}:{JSON_JAR}", "Harness"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        self.records = files / "external/results"

    def do(self, verb: str, *arguments: object) -> Any:
        """Do one thing; raises AssertionError with what the app said where it cannot be done."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([verb, *arguments]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the app is gone"}')
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def texts(self) -> Sequence[str]:
        """Everything that can be read on the screen."""
        return list(self.do("texts"))

    def sees(self, text: str, seconds: int = 60) -> str:
        """Wait until there is a text that contains this one; return it."""
        return str(self.do("await", text, seconds))

    def taps(self, label: str) -> str:
        """Touch what begins with this label; `tapped`, or `disabled` where nothing happens."""
        return str(self.do("tap", label))

    def measures(self) -> None:
        """Start a measurement of everything that runs here."""
        self.do("launch")
        self.taps("Models")
        self.sees("Tap to choose")
        assert self.taps("Measure") == "tapped"

    def close(self) -> None:
        """End the JVM."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=60)
        if self._process.stdout is not None:
            self._process.stdout.close()

"""Brings the app to a phone, starts it there, and fetches the records that it kept."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from android_runner.app.build import ACTIVITY, PACKAGE
from android_runner.errors import AppError, RemoteCommandError
from android_runner.transport import Transport

RECORDS = PurePosixPath("/sdcard/Android/data") / PACKAGE / "files/results"
"""Where the app keeps its records: the one of its folders that `adb` may read, debuggable or not."""

_INBOX = PurePosixPath("/data/local/tmp")
_RECORD_NAME = re.compile(r"\d{8}T\d{6}Z\.json")
_SHELL_TIMEOUT_S = 30.0
_PUSH_TIMEOUT_S = 300.0
_INSTALL_TIMEOUT_S = 300.0  # phones look through an APK before they install it


def install_app(transport: Transport, apk: Path, *, say: Callable[[str], None] = lambda _: None) -> None:
    """Install the app, in place of an older one; its records stay.

    Raises:
        AppError: The phone refuses it; the message has the phone's reason.
        DeviceError: The link failed, or the phone has no space.
    """
    digest = hashlib.sha256(apk.read_bytes()).hexdigest()[:12]
    inbox = _INBOX / f"groupnet-app-{digest}.apk"
    say(f"bringing {apk.name} to {transport.serial}")
    try:
        transport.push(apk, inbox, timeout_s=_PUSH_TIMEOUT_S)
        say("installing")
        answer = transport.shell(
            f"pm install -r {shlex.quote(str(inbox))}", timeout_s=_INSTALL_TIMEOUT_S, check=False
        )
    finally:
        transport.shell(f"rm -f {shlex.quote(str(inbox))}", timeout_s=_SHELL_TIMEOUT_S, check=False)
    said = (answer.stdout + answer.stderr).strip()
    if answer.exit_code != 0 or "Success" not in answer.stdout:
        raise AppError(f"Expected the phone to install {apk.name}; it said '{said}'; {_advice(said)}")


def start_app(transport: Transport) -> None:
    """Start the app, or bring it to the front; raises AppError where it is not installed."""
    answer = transport.shell(f"am start -n {ACTIVITY}", timeout_s=_SHELL_TIMEOUT_S, check=False)
    said = (answer.stdout + answer.stderr).strip()
    # Before Android 10 `am` ends with 0 whatever happened.
    if answer.exit_code != 0 or "Error" in said:
        raise AppError(
            f"Expected the phone to start {PACKAGE}; it said '{said}'; install it with `groupnet app install`"
        )


def fetch_records(transport: Transport, folder: Path) -> list[Path]:
    """Copy the records that the app kept into a folder; return their paths, the oldest first.

    Raises:
        AppError: The app is not installed, or kept nothing yet.
        DeviceError: The link failed.
    """
    if transport.shell(f"pm path {PACKAGE}", timeout_s=_SHELL_TIMEOUT_S, check=False).exit_code != 0:
        raise AppError(
            f"Expected {PACKAGE} on the phone; it is not installed; run `groupnet app install` first"
        )
    try:
        listed = transport.shell(f"ls {RECORDS}", timeout_s=_SHELL_TIMEOUT_S).stdout.split()
    except RemoteCommandError:
        listed = []  # the app makes the folder when it has something to keep
    # Names come from the phone and become names here: only the app's own are believed.
    names = sorted(name for name in listed if _RECORD_NAME.fullmatch(name))
    if not names:
        raise AppError(
            "Expected results of the app on the phone; it has none yet; open the app and tap 'Measure'"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        transport.pull(RECORDS / name, folder / name, timeout_s=_PUSH_TIMEOUT_S)
    return [folder / name for name in names]


def _advice(said: str) -> str:
    if "INSTALL_FAILED_UPDATE_INCOMPATIBLE" in said:
        return f"another key signed the one it has: `adb uninstall {PACKAGE}` removes that, and its results"
    if "INSTALL_FAILED_NO_MATCHING_ABIS" in said:
        return "the app is for 64-bit ARM"
    if "INSTALL_PARSE_FAILED" in said:
        return "name an APK that `groupnet app build` wrote"
    if "INSTALL_FAILED_INSUFFICIENT_STORAGE" in said:
        return "make room on it"
    return "look on the phone's screen whether it asks something"

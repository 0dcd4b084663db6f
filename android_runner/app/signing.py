"""Signs the APK with a key that is made on this machine the first time and never leaves it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from android_runner.app.toolchain import Toolchain, run_tool
from android_runner.errors import AppBuildError

_ALIAS = "groupnet"
_VALID_DAYS = 36500


def default_key() -> Path:
    """Return where this user's key is kept: below ``$XDG_DATA_HOME`` or ``~/.local/share``."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return Path(base) / "groupnet" / "app.p12"


def ensure_key(key: Path) -> None:
    """Make a key unless there is one; its password lies beside it, both for the user alone.

    RSA, whose signatures of the same bytes are the same: two builds with one key give one APK.

    Raises:
        AppBuildError: There is a key without its password: somebody's own, which stays as it is.
    """
    if key.exists():
        if not _password(key).is_file():
            raise AppBuildError(
                f"Expected the password of {key} in {_password(key)}; there is none; put it there, or name a "
                "file that does not exist and becomes the key"
            )
        return
    key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The key is there last: whatever ends this half-way, the next call begins anew.
    _password(key).touch(mode=0o600)
    _password(key).write_text(secrets.token_hex(16) + "\n", encoding="utf-8")
    unfinished = key.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    run_tool(
        [
            *("keytool", "-genkeypair", "-alias", _ALIAS, "-dname", "CN=groupnet", "-storetype", "PKCS12"),
            *("-keyalg", "RSA", "-keysize", "3072", "-validity", str(_VALID_DAYS)),
            *("-keystore", unfinished, "-storepass:file", _password(key)),
        ]
    )
    unfinished.chmod(0o600)
    unfinished.rename(key)


def sign_apk(tools: Toolchain, unsigned: Path, out: Path, key: Path, min_sdk: int) -> None:
    """Sign by the schemes v2 and v3, and let the signer check what it made; v1 is for Android before 7."""
    password = f"file:{_password(key)}"
    schemes = [f"--v{number}-signing-enabled={str(number in (2, 3)).lower()}" for number in (1, 2, 3, 4)]
    floor = ["--min-sdk-version", str(min_sdk)]
    run_tool(
        [
            *(tools.apksigner, "sign", "--ks", key, "--ks-key-alias", _ALIAS, "--ks-pass", password),
            *(*floor, *schemes, "--out", out, unsigned),
        ]
    )
    run_tool([tools.apksigner, "verify", *floor, out])


def _password(key: Path) -> Path:
    return key.with_suffix(".password")

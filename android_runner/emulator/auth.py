"""Who may connect: ADB's challenge, a random token that the client signs with its RSA key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from android_runner.adb_keys import decode_public_key

TOKEN_BYTES = 20
"""A token has the size of a SHA-1 digest, because that is what the client signs it as."""
MAX_ATTEMPTS = 64
"""A client has a handful of keys and tries each once; who tries more often than this is cut off."""


def load_authorised_keys(files: Sequence[Path]) -> list[rsa.RSAPublicKey]:
    """Return the public keys in the given files, one a line, empty lines skipped.

    Raises:
        android_runner.adb_keys.MalformedKeyError: A line is no ADB public key.
        OSError: A file cannot be read.
    """
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines())
    return [decode_public_key(line) for line in lines if line.strip()]


class Challenge:
    """One connection's authentication: a token for each attempt, until a known key has signed it."""

    def __init__(self, keys: Sequence[rsa.RSAPublicKey]) -> None:
        """Accept a signature by any of ``keys``."""
        self._keys = keys
        self._token = b""
        self._attempts = 0

    @property
    def exhausted(self) -> bool:
        """Whether the client has had all the attempts it gets."""
        return self._attempts >= MAX_ATTEMPTS

    def next_token(self) -> bytes:
        """Return a fresh token; the one before it is void."""
        self._token = os.urandom(TOKEN_BYTES)
        return self._token

    def accepts(self, signature: bytes) -> bool:
        """Return whether ``signature`` is the current token's by an authorised key; uses the token up."""
        self._attempts += 1
        token, self._token = self._token, b""
        return bool(token) and any(_signed_by(key, token, signature) for key in self._keys)


def _signed_by(key: rsa.RSAPublicKey, token: bytes, signature: bytes) -> bool:
    try:
        # The client signs the token as if it were a SHA-1 digest, without hashing it again.
        key.verify(signature, token, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))
    except InvalidSignature:
        return False
    return True

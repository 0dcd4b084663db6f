"""ADB's RSA keys: making a pair, and the text form of the public half that phones store.

The public half is Android's ``RSAPublicKey`` structure in base64, a space and a name. The structure: length
of the modulus in 32-bit words, -1/n mod 2^32, n, 2^4096 mod n (both little-endian, 256 bytes), e.
Source: ``libcrypto_utils/android_pubkey.cpp`` of Android.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_MODULUS_BYTES = 256
_WORDS = _MODULUS_BYTES // 4
_STRUCTURE = struct.Struct(f"<II{_MODULUS_BYTES}s{_MODULUS_BYTES}sI")
_R_BITS = 8 * _MODULUS_BYTES


class MalformedKeyError(ValueError):
    """A text that is no ADB public key."""


def encode_public_key(key: rsa.RSAPublicKey, name: str) -> str:
    """Return a 2048-bit RSA key as the line that ``adbkey.pub`` holds (no newline)."""
    numbers = key.public_numbers()
    n = numbers.n
    structure = _STRUCTURE.pack(
        _WORDS,
        -pow(n, -1, 1 << 32) % (1 << 32),
        n.to_bytes(_MODULUS_BYTES, "little"),
        pow(2, 2 * _R_BITS, n).to_bytes(_MODULUS_BYTES, "little"),
        numbers.e,
    )
    return f"{base64.b64encode(structure).decode('ascii')} {name}"


def decode_public_key(line: str) -> rsa.RSAPublicKey:
    """Return the RSA key of one line of ``adbkey.pub``.

    Raises:
        MalformedKeyError: It is not base64, has another length, or its numbers are no RSA key.
    """
    fields = line.split()
    try:
        structure = base64.b64decode(fields[0] if fields else "", validate=True)
        words, n0inv, modulus, _, exponent = _STRUCTURE.unpack(structure)
    except (binascii.Error, struct.error) as exc:
        raise MalformedKeyError(f"expected an ADB public key in base64; got {line[:40]!r}") from exc
    n = int.from_bytes(modulus, "little")
    if words != _WORDS or n % 2 == 0 or (n * n0inv + 1) % (1 << 32):
        raise MalformedKeyError("expected the public key of a 2048-bit modulus; got numbers that do not fit")
    try:
        return rsa.RSAPublicNumbers(exponent, n).public_key()
    except ValueError as exc:
        raise MalformedKeyError(f"expected an RSA public key; got {exc}") from exc


def generate_key(path: Path, *, name: str) -> None:
    """Write a new 2048-bit pair: the private half to ``path`` (PKCS #8, 0600), the public beside it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=8 * _MODULUS_BYTES)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Created with its final mode: the private half must not be readable by others for even a moment.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    public = path.with_name(path.name + ".pub")
    public.write_text(encode_public_key(key.public_key(), name) + "\n", encoding="ascii")

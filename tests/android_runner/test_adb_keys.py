"""ADB's keys: what we write, what Android's structure says, what is refused."""

import base64
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from android_runner.adb_keys import MalformedKeyError, decode_public_key, encode_public_key, generate_key


@pytest.fixture(scope="module")
def key() -> rsa.RSAPublicKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


def test_what_is_encoded_is_decoded(key: rsa.RSAPublicKey) -> None:
    line = encode_public_key(key, "somebody@somewhere")
    assert line.endswith(" somebody@somewhere")
    assert decode_public_key(line).public_numbers() == key.public_numbers()


def test_the_structure_is_what_androids_arithmetic_needs(key: rsa.RSAPublicKey) -> None:
    raw = base64.b64decode(encode_public_key(key, "x").split()[0])
    n = key.public_numbers().n
    word = [int.from_bytes(raw[i : i + 4], "little") for i in (0, 4)]
    assert len(raw) == 524
    assert word[0] == 64
    assert word[1] * n % 2**32 == 2**32 - 1
    assert int.from_bytes(raw[264:520], "little") == 2**4096 % n


def test_generated_files(tmp_path: Path) -> None:
    path = tmp_path / "adbkey"
    generate_key(path, name="me")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    decode_public_key((tmp_path / "adbkey.pub").read_text())
    with pytest.raises(FileExistsError):
        generate_key(path, name="me")


def test_the_key_is_as_adb_itself_writes_it(tmp_path: Path) -> None:
    keygen = pytest.importorskip("adb_shell.auth.keygen")
    path = tmp_path / "adbkey"
    generate_key(path, name="me")
    ours = (tmp_path / "adbkey.pub").read_text().split()[0]
    keygen.write_public_keyfile(str(path), str(tmp_path / "theirs.pub"))
    assert (tmp_path / "theirs.pub").read_text().split()[0] == ours


@pytest.mark.parametrize("line", ["", "   ", "no base64!", base64.b64encode(bytes(524)).decode(), "QUJD me"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(MalformedKeyError):
        decode_public_key(line)


def test_a_damaged_modulus_is_refused(key: rsa.RSAPublicKey) -> None:
    raw = bytearray(base64.b64decode(encode_public_key(key, "x").split()[0]))
    raw[8] ^= 0x10
    with pytest.raises(MalformedKeyError, match="do not fit"):
        decode_public_key(base64.b64encode(raw).decode())

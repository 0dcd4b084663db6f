"""The challenge: whose signature counts, and how often one may try."""

from pathlib import Path

import pytest
from emulator_client import sign

from android_runner.adb_keys import MalformedKeyError, generate_key
from android_runner.emulator.auth import MAX_ATTEMPTS, TOKEN_BYTES, Challenge, load_authorised_keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("keys")
    paths = [folder / name for name in ("first", "second", "stranger")]
    for path in paths:
        generate_key(path, name=path.name)
    return paths


@pytest.fixture
def challenge(keys: list[Path]) -> Challenge:
    return Challenge(load_authorised_keys([Path(f"{key}.pub") for key in keys[:2]]))


def test_each_authorised_key_is_accepted(challenge: Challenge, keys: list[Path]) -> None:
    for key in keys[:2]:
        assert challenge.accepts(sign(key, challenge.next_token()))


def test_a_strangers_signature_is_not(challenge: Challenge, keys: list[Path]) -> None:
    assert not challenge.accepts(sign(keys[2], challenge.next_token()))


def test_tokens_differ_and_count_once(challenge: Challenge, keys: list[Path]) -> None:
    token = challenge.next_token()
    assert len(token) == TOKEN_BYTES
    signature = sign(keys[0], token)
    assert challenge.next_token() != token
    assert not challenge.accepts(signature)
    signature = sign(keys[0], challenge.next_token())
    assert challenge.accepts(signature)
    assert not challenge.accepts(signature)


def test_nothing_is_accepted_before_there_is_a_token(challenge: Challenge, keys: list[Path]) -> None:
    assert not challenge.accepts(sign(keys[0], bytes(TOKEN_BYTES)))
    assert not challenge.accepts(b"")


def test_attempts_are_counted(challenge: Challenge) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert not challenge.exhausted
        challenge.next_token()
        challenge.accepts(b"x")
    assert challenge.exhausted


def test_key_files(keys: list[Path], tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.write_text("\n" + "\n".join(Path(f"{key}.pub").read_text() for key in keys[:2]))
    assert len(load_authorised_keys([both])) == 2
    (tmp_path / "bad").write_text("not a key\n")
    with pytest.raises(MalformedKeyError):
        load_authorised_keys([tmp_path / "bad"])

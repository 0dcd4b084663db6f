"""Which devices each verb takes: boards from end to end, and what is said to names that it does not take."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from run_verb import groupnet
from tvm_rpc_server import running_server

from groupnet import boundary


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("board") / "log") as (port, _):
        yield f"rpc:127.0.0.1:{port}"


def test_a_board_computes_what_pytorch_does(zoo_bundle: Callable[[str], Path], board: str) -> None:
    bundle = zoo_bundle("digits-k3")
    timed = groupnet("bench", bundle, "--device", board, "--runs", "3")
    assert timed["verified"]["exact"] is True and timed["verified"]["integers"] > 0
    assert (timed["device"]["kind"], timed["device"]["name"], timed["note"]) == ("rpc", board, None)
    assert timed["throttling"] is None and timed["temperature"] is None and timed["run_control"] is None
    scored = groupnet("eval", bundle, "--device", board, "--limit", "24")
    assert scored["scores"] == scored["pytorch_scores"] and scored["same_predictions"] == 24
    assert scored["checks"]["exact"] is True


def test_what_a_board_does_not_do(zoo_bundle: Callable[[str], Path], board: str) -> None:
    bundle = zoo_bundle("digits-k3")
    for options, said in (
        (("--profile",), "leave --profile out"),
        (("--cores", "big"), "taskset"),
        (("--runtime", "aot"), "groupnet native build"),
        (("--transport", "adbutils"), "leave it out"),
    ):
        error = groupnet("bench", bundle, "--device", board, *options, code=boundary.EXIT_ERROR)["error"]
        assert said in error["message"], error


@pytest.mark.parametrize(
    ("verb", "device", "said"),
    [
        ("bench", "toaster", "host, emulator, adb:SERIAL, adb:HOST:PORT, rpc:HOST:PORT"),
        ("bench", "rpc:board", "rpc:HOST:PORT"),
        ("bench", "tracker:127.0.0.1:9190/a76", "`eval` and `tune` take"),
        ("eval", "toaster", "rpc:HOST:PORT"),
        ("eval", "tracker:127.0.0.1:9190", "tracker:HOST:PORT/KEY"),
        ("eval", "adb:host:", "adb:HOST:PORT"),
        ("tune", "rpc:127.0.0.1:9090", "a phone, emulator or adb:SERIAL"),
        ("tune", "tracker:127.0.0.1:9190", "tracker:HOST:PORT/KEY"),
        ("app results", "host", "apps run on phones only"),
        ("app results", "rpc:127.0.0.1:9090", "apps run on phones only"),
        ("app results", "tracker:127.0.0.1:9190/a76", "one device"),
    ],
)
def test_a_name_that_a_verb_does_not_take(
    verb: str, device: str, said: str, zoo_bundle: Callable[[str], Path], tmp_path: Path
) -> None:
    what = {
        "bench": lambda: [zoo_bundle("digits-k3")],
        "eval": lambda: [zoo_bundle("digits-k3"), "--limit", "1"],
        "tune": lambda: ["digits-k3", "--db", tmp_path / "db"],
        "app results": lambda: ["--out", tmp_path / "out"],
    }[verb]()
    error = groupnet(*verb.split(), *what, "--device", device, code=boundary.EXIT_ERROR)["error"]
    assert said in error["message"], error

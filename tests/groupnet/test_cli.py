"""The command line as a user meets it: help, each error as one sentence with exit code 2, Ctrl-C, JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from groupnet import boundary, cli, doctor
from groupnet.bundle import MODULE
from groupnet.errors import GroupNetError

VERBS = ("models", "train", "compile", "devices", "emulator", "bench", "eval", "doctor", "demo")

WriteBundle = Callable[..., Path]


@pytest.fixture
def run() -> Callable[..., tuple[int, str, str]]:
    """Runs one command line; gives exit code, stdout and stderr."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        done = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return call


Run = Callable[..., tuple[int, str, str]]


def test_help_names_every_verb(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for verb in VERBS:
        assert f" {verb} " in out


@pytest.mark.parametrize(
    "path",
    [*((verb,) for verb in VERBS), ("emulator", "start"), ("emulator", "stop"), ("emulator", "status")],
)
def test_every_verb_has_help_and_json(run: Run, path: tuple[str, ...]) -> None:
    code, out, _ = run(*path, "--help")
    assert code == 0
    assert "--json" in out or path == ("emulator",)


def expect_error(result: tuple[int, str, str], *words: str) -> None:
    """Exit code 2 and one sentence on stderr, after the lines that say what was being done."""
    code, out, err = result
    assert code == boundary.EXIT_ERROR
    assert out == ""
    assert "Traceback" not in err
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    for word in words:
        assert word in last


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compile", "groupnet_resnet81", "--target", "host"), ("groupnet_resnet18",)),
        (("compile", "digits-k3", "--target", "cortex-a67"), ("cortex-a76",)),
        (("compile", "digits-k3", "--target", '{"kind": "cuda"}'), ("llvm",)),
        (("compile", "digits-k3", "--target", "host", "--bases", "5"), ("--bases",)),
        (("compile", "digits-k3", "--target", "host", "--random-weights"), ("--random-weights",)),
        (("compile", "missing.pt", "--target", "host"), ("missing.pt",)),
        (("compile", "missing/model.pt2", "--target", "host"), ("missing/model.pt2",)),
        (("bench", "missing"), ("missing", "groupnet compile")),
        (("eval", "missing"), ("missing", "groupnet compile")),
        (("train", "digits", "--out", "missing/digits.pt"), ("missing/digits.pt",)),
        (("train", "imagenet_resnet81"), ("did you mean imagenet_resnet18",)),
        (("train", "imagenet_resnet18"), ("--data",)),
        (("train", "imagenet_resnet18", "--data", "missing"), ("missing/train",)),
        (("train", "voc_bpac", "--data", "missing"), ("JPEGImages",)),
        (("train", "voc_bpac", "--data", "missing", "--pretrain-epochs", "1"), ("pre-training",)),
        (("train", "digits", "--override", "recipe.batch_size"), ("NAME=VALUE",)),
        (("train", "digits", "--device", "toaster"), ("toaster",)),
        (("train", "digits", "--override", "architecture=groupnet_shapes"), ("32 pixels and 1 channels",)),
        (("train", "digits", "--dry-run", "--backbone", "missing.pt"), ("missing.pt",)),
        (("train", "digits", "--dry-run", "--device", "toaster"), ("toaster",)),
        (("train", "shapes_bpac", "--dry-run", "--data", "missing"), ("JPEGImages",)),
    ],
)
def test_errors_are_one_sentence(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    expect_error(run(*arguments), *words)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_checkpoint(run: Run, tmp_path: Path) -> None:
    for name in ("model.pt", "model.pt2"):
        (tmp_path / name).write_bytes(b"not a model")
        expect_error(run("compile", tmp_path / name, "--target", "host", "--out", tmp_path / "b"), name)


def test_out_that_holds_something_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("")
    expect_error(run("compile", "groupnet_digits", "--target", "host", "--out", tmp_path), str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_damaged_bundle(run: Run, tmp_path: Path, write_bundle: WriteBundle) -> None:
    path = write_bundle(tmp_path / "b")
    (path / MODULE).write_bytes(b"")
    expect_error(run("bench", path), MODULE)


def test_a_device_that_is_none(run: Run, tmp_path: Path, write_bundle: WriteBundle) -> None:
    expect_error(run("bench", write_bundle(tmp_path / "b"), "--device", "toaster"), "toaster")


def test_a_bundle_for_another_processor(run: Run, tmp_path: Path, write_bundle: WriteBundle) -> None:
    path = write_bundle(tmp_path / "b", machine=183)
    expect_error(run("bench", path, "--device", "host"), "aarch64", "--target host")


def test_a_model_that_is_not_for_the_data_set(run: Run, tmp_path: Path, write_bundle: WriteBundle) -> None:
    expect_error(run("eval", write_bundle(tmp_path / "b"), "--data", "digits"), "digits-k3")


def test_a_wrong_option_is_told_too(run: Run) -> None:
    for arguments in (
        ("bench",),
        ("bench", "b", "--threads", "0"),
        ("eval", "b", "--data", "imagenet"),
        ("fly",),
    ):
        code, _, err = run(*arguments)
        assert code == boundary.EXIT_ERROR
        assert "Traceback" not in err


def test_with_json_an_error_is_an_object(run: Run) -> None:
    code, out, err = run("bench", "missing", "--json")
    assert code == boundary.EXIT_ERROR
    error = json.loads(out)["error"]
    assert error["type"] == "BundleFormatError"
    assert f"error: {error['message']}" in err


def test_with_json_stdout_is_one_object(run: Run) -> None:
    for arguments in (("models", "--json"), ("devices", "--json"), ("doctor", "--json")):
        _, out, _ = run(*arguments)
        assert isinstance(json.loads(out), dict)
        assert out.count("\n") == 1


def test_models_lists_zoo_and_architectures(run: Run) -> None:
    _, out, _ = run("models", "--json")
    listed = json.loads(out)
    assert "digits-k3" in {entry["name"] for entry in listed["zoo"]}
    assert "groupnet_resnet18" in {info["name"] for info in listed["architectures"]}
    (digits,) = [entry for entry in listed["presets"] if entry["name"] == "digits"]
    assert digits["recipe"]["batch_size"] == 64
    _, shown, _ = run("models")
    assert "imagenet_resnet18" in shown
    assert "digits-k3" in shown
    assert "groupnet_resnet18" in shown


def test_training_writes_a_checkpoint(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "mine.pt"
    arguments = ("--bases", "1", "--pretrain-epochs", "0", "--epochs", "1", "--out", out, "--json")
    code, shown, said = run("train", "digits", *arguments)
    assert code == 0
    assert json.loads(shown)["checkpoint"] == str(out)
    assert "epoch 1 of 1" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.pt", "mine.pt.log.jsonl"]


def test_a_recipe_that_starts_with_another_network_says_so(run: Run) -> None:
    code, _, said = run("train", "voc_bpac", "--data", "missing")
    assert code == boundary.EXIT_ERROR
    assert "groupnet train imagenet_resnet18" in said and "--backbone" in said
    assert "--backbone" not in run("train", "shapes_bpac", "--data", "missing")[2]


def test_a_dry_run_shows_costs_and_writes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("train", "digits", "--dry-run", "--json")
    shown = json.loads(out)
    assert code == 0
    assert shown["costs"]["binary_weights"] == 894_976
    assert [stage["precision"] for stage in shown["stages"]] == ["tanh", "binary"]
    assert "894,976 binary weights" in run("train", "digits", "--dry-run")[1]
    assert list(tmp_path.iterdir()) == []


def test_devices_starts_with_the_host(run: Run) -> None:
    _, out, _ = run("devices", "--json")
    first = json.loads(out)["devices"][0]
    assert first["name"] == "host"
    assert first["emulated"] is False


def test_interrupt(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("android_runner.devices.list_devices", interrupted)
    code, out, err = run("devices")
    assert code == boundary.EXIT_INTERRUPTED
    assert out == ""
    assert err.splitlines()[-1] == "interrupted"


def test_a_fault_of_the_program_keeps_its_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("android_runner.devices.list_devices", broken)
    with pytest.raises(RuntimeError, match="a fault"):
        run("devices")


def test_debugging_shows_expected_errors_in_full(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPNET_DEBUG", "1")
    with pytest.raises(GroupNetError):
        run("bench", "missing")


def test_what_the_boundary_explains() -> None:
    assert boundary.explain(GroupNetError("two\n lines")) == "two lines"
    assert boundary.explain(FileNotFoundError(2, "No such file or directory", "x")) == (
        "cannot use x: No such file or directory"
    )
    assert boundary.explain(OSError("no file is to blame")) is None
    assert boundary.explain(ValueError("a fault")) is None


def test_doctor_fails_only_without_the_host_flow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = doctor.Check("host", "a", True, "there")
    checks = [fine, doctor.Check("phone", "b", False, "nothing", "apt-get install b")]
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    code, out, _ = run("doctor")
    assert code == 0
    assert "apt-get install b" in out
    checks[0] = doctor.Check("host", "a", False, "nothing", "make setup")
    code, out, _ = run("doctor", "--json")
    assert code == boundary.EXIT_ERROR
    told = json.loads(out)
    assert (told["host_ready"], told["phone_ready"], told["app_ready"]) == (False, False, False)


def test_doctor_names_what_the_app_is_built_with(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDROID_HOME", "/nowhere")
    told = json.loads(run("doctor", "--json")[1])
    (tools,) = [check for check in told["checks"] if check["name"] == "Android's build tools"]
    assert not told["app_ready"] and "ANDROID_HOME" in tools["found"] and tools["mend"] == "make app-tools"


@pytest.mark.phone
def test_the_emulated_phone_starts_shows_and_stops(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert json.loads(run("emulator", "status", "--json")[1])["running"] is False
    try:
        _, out, _ = run("emulator", "start", "--cpu", "cortex-a53", "--json")
        started = json.loads(out)
        assert (started["running"], started["cpu"]) == (True, "cortex-a53")
        assert json.loads(run("emulator", "status", "--json")[1]) == started
        expect_error(run("emulator", "start", "--cpu", "cortex-a76"), "cortex-a53")
    finally:
        stopped = json.loads(run("emulator", "stop", "--json")[1])
    assert stopped == {"name": "default", "stopped": True}
    assert json.loads(run("emulator", "stop", "--json")[1])["stopped"] is False

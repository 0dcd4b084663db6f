"""The tree of errors, and what a failed command keeps."""

import inspect

import pytest

from android_runner import errors


def test_every_error_is_drawn_in_the_tree() -> None:
    classes = [
        cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__
    ]
    assert all(issubclass(cls, errors.DeviceError) for cls in classes)
    drawn = errors.__doc__ or ""
    for cls in classes:
        line = next(
            (line for line in drawn.splitlines() if line.strip("│├└─ ").split()[:1] == [cls.__name__]), None
        )
        assert line is not None, cls
        depth = max(line.find("├"), line.find("└")) // 4 + 1 if cls is not errors.DeviceError else 0
        assert depth == len(cls.__mro__) - len(errors.DeviceError.__mro__), cls


@pytest.mark.parametrize(
    ("stdout", "stderr", "said"),
    [("out", "a\nlast\n", "last"), ("out\n", "", "out"), ("", "", "nothing said")],
)
def test_a_failed_command_says_its_last_line(stdout: str, stderr: str, said: str) -> None:
    error = errors.RemoteCommandError("ls /x", 2, stdout, stderr)
    assert str(error) == f"Expected `ls /x` to succeed on the device; got exit code 2: {said}"
    assert (error.command, error.exit_code, error.stdout, error.stderr) == ("ls /x", 2, stdout, stderr)

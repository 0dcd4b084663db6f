"""The one place where errors become a sentence and an exit code."""

import functools
import os
from collections.abc import Callable
from typing import ParamSpec

import typer

from android_runner.errors import DeviceError
from frontend.errors import FrontendError
from groupnet.console import note, print_json
from groupnet.errors import GroupNetError
from models.errors import ModelsError
from tvm_schedules.errors import ScheduleError

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it

_EXPECTED = (GroupNetError, ModelsError, FrontendError, ScheduleError, DeviceError)

Parameters = ParamSpec("Parameters")


def verb(function: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Make a function a verb: an expected error is one sentence on stderr and exit code 2, Ctrl-C is 130.

    With `--json` an error is also one JSON object on stdout: {"error": {"type": ..., "message": ...}}.
    Errors that nobody expects keep their traceback, and so do all with GROUPNET_DEBUG=1.
    """

    @functools.wraps(function)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except KeyboardInterrupt:
            note("interrupted")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except Exception as exc:
            sentence = explain(exc)
            if sentence is None or os.environ.get("GROUPNET_DEBUG") == "1":
                raise
            note(f"error: {sentence}")
            if kwargs.get("as_json"):
                print_json({"error": {"type": type(exc).__name__, "message": sentence}})
            raise typer.Exit(EXIT_ERROR) from None

    return guarded


def explain(exc: Exception) -> str | None:
    """One line for the user, or None where the error is a fault of this program."""
    if isinstance(exc, _EXPECTED):
        return " ".join(str(exc).split())
    # Files that cannot be read or written are the user's to mend; an OSError without a file is not.
    if isinstance(exc, OSError) and exc.filename is not None:
        return f"cannot use {exc.filename}: {exc.strerror}"
    return None

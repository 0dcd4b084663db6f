"""What an agent tells the tracker about its phone beside TVM's own fields, for those who tune."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from android_runner import errors
from android_runner.errors import DeviceError, ServerError, TrackerError
from android_runner.tuning.device_state import DeviceState

FIELD = "groupnet"
"""The name of it among TVM's fields."""


class EndedSession(BaseModel):
    """Why a session ended that the phone's end closed: the name of an error of ours, and its message."""

    model_config = ConfigDict(frozen=True)

    match_key: str
    error: str
    message: str

    def rebuild(self) -> DeviceError:
        """Return the error."""
        kind = getattr(errors, self.error, ServerError)
        return kind(self.message) if issubclass(kind, DeviceError) else ServerError(self.message)


class PhoneInfo(BaseModel):
    """A phone that an agent offers.

    Attributes:
        core: the name of the cores that sessions may use, as `probe.core_names` gives it.
        target: what to compile for them.
        cpu: all of its cores.
        arch: as `uname -m` says it.
        emulated: its times are no latencies.
        limit_s: of a call; the agent ends a session whose answer is overdue for so long.
        reading: counts the readings of `state`.
        state: the last one.
        ended: the last session that the phone's end closed.
    """

    model_config = ConfigDict(frozen=True)

    core: str
    target: str
    cpu: str
    arch: str
    emulated: bool
    limit_s: float
    reading: int
    state: DeviceState
    ended: EndedSession | None = None


def server_fields(key: str, port: int, info: PhoneInfo) -> dict[str, Any]:
    """Return what an agent tells the tracker: TVM's fields, and ours."""
    return {"key": f"server:{key}", "addr": [None, port], FIELD: info.model_dump(mode="json")}


def phones_of(summary: dict[str, Any], key: str) -> dict[int, PhoneInfo]:
    """Return the phones of a key by their agents' ports.

    Raises:
        TrackerError: something is registered under this key that is no phone of an agent of ours.
    """
    servers = [server for server in summary.get("server_info", []) if server.get("key") == f"server:{key}"]
    try:
        return {int(server["addr"][1]): PhoneInfo.model_validate(server[FIELD]) for server in servers}
    except (KeyError, ValidationError) as exc:
        raise TrackerError(
            f"Expected phones of `groupnet agent` under the key '{key}'; found others; use another key"
        ) from exc

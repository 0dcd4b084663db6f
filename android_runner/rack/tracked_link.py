"""How a measuring process reaches a free phone of a key: through the tracker and the phone's agent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from android_runner.errors import DeviceError, LinkLostError, NoSuchDeviceError, TrackerError
from android_runner.rack.phone_info import PhoneInfo, phones_of
from android_runner.rack.tracker_client import Lease, TrackerAddress, TrackerClient

if TYPE_CHECKING:
    from android_runner.phone_session import PhoneSession
    from android_runner.tuning.device_state import DeviceState
    from android_runner.tuning.phone_link import OpenPhone

_POLL_S = 0.2
# The agent looks every second, and asks the phone for as long as a shell command may take.
_REASON_WAIT_S = 20.0
_CHECK_WAIT_S = 20.0


@dataclass(frozen=True)
class TrackedLink:
    """Implements `tuning.phone_link.PhoneLink`.

    Attributes:
        tracker: whom to ask.
        key: for a phone of which.
        core: the cores it must have.
        wait_s: how long one may take to become free.
    """

    tracker: TrackerAddress
    key: str
    core: str
    wait_s: float

    @contextmanager
    def open(self, limit_s: float) -> Iterator[OpenPhone]:
        """Take a phone and open a session on it; see `PhoneLink.open`."""
        from android_runner.phone_session import PhoneSession

        with TrackerClient(self.tracker) as client:
            lease = client.request(self.key, self.wait_s)
            if lease is None:
                raise NoSuchDeviceError(
                    f"Expected a free phone of '{self.key}' at {self.tracker} within {self.wait_s:g} s; "
                    "there is none; start `groupnet agent` for one"
                )
            agent = _AgentView(self.tracker, self.key, lease)
            info = agent.info()
        if info.core != self.core:
            raise NoSuchDeviceError(
                f"Expected phones with {self.core} under '{self.key}'; one offers {info.core}; "
                "give it another key"
            )
        session = PhoneSession(_TrackedEndpoint(agent), info.arch, min(limit_s, info.limit_s))
        try:
            yield _TrackedPhone(session, agent)
        finally:
            session.close()


class _AgentView:
    """What the tracker says of the agent that a lease is from."""

    def __init__(self, tracker: TrackerAddress, key: str, lease: Lease) -> None:
        self._tracker, self._key, self.lease = tracker, key, lease

    def info(self) -> PhoneInfo:
        """Return what it says.

        Raises:
            LinkLostError: it is no longer there, because its phone is not.
            TrackerError: nor is the tracker.
        """
        with TrackerClient(self._tracker) as client:
            info = phones_of(client.summary(), self._key).get(self.lease.port)
        if info is None:
            raise LinkLostError(
                f"Expected a phone of '{self._key}' to stay; its agent has taken it back; look at the phone"
            )
        return info

    def wait_for(self, found: Callable[[PhoneInfo], bool], limit_s: float) -> PhoneInfo | None:
        """Return what it says once that holds; None if it does not in time. Raises as `info`."""
        give_up_at = time.monotonic() + limit_s
        while not found(info := self.info()):
            if time.monotonic() > give_up_at:
                return None
            time.sleep(_POLL_S)
        return info


class _TrackedEndpoint:
    """Implements `rpc_endpoint.Endpoint`."""

    def __init__(self, agent: _AgentView) -> None:
        self._agent = agent
        self.serial = f"{agent.lease.host}:{agent.lease.port}"

    @contextmanager
    def address(self) -> Iterator[tuple[int, str]]:
        yield self._agent.lease.port, self._agent.lease.match_key

    def why_ended(self, what: str) -> DeviceError:
        match_key = self._agent.lease.match_key
        try:
            info = self._agent.wait_for(
                lambda info: info.ended is not None and info.ended.match_key == match_key, _REASON_WAIT_S
            )
        except DeviceError as exc:
            return LinkLostError(f"Expected a phone to {what}; the link was lost: {exc}")
        if info is None or info.ended is None:
            return LinkLostError(
                f"Expected a phone to {what}; its agent ended the session; look at the agent"
            )
        return info.ended.rebuild()


class _TrackedPhone:
    """Implements `tuning.phone_link.OpenPhone`."""

    def __init__(self, session: PhoneSession, agent: _AgentView) -> None:
        self.session, self._agent = session, agent
        self._last = agent.info().state

    def state(self) -> DeviceState:
        """What the agent last read; while the tracker is gone, what is known from before."""
        try:
            self._last = self._agent.info().state
        except TrackerError:
            pass  # a session goes on without a tracker
        return self._last

    def check(self) -> None:
        """Wait for a reading that was begun after now; raises LinkLostError."""
        try:
            before = self._agent.info().reading
            # The next one may have begun already.
            later = self._agent.wait_for(lambda info: info.reading >= before + 2, _CHECK_WAIT_S)
        except TrackerError as exc:
            raise LinkLostError(f"Expected to hear of a phone; its tracker is gone: {exc}") from exc
        if later is None:
            raise LinkLostError("Expected a phone's agent to reach it; it does not; look at the phone")

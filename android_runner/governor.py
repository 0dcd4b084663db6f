"""What sets a phone's clocks: changed for a run where that is permitted, and put back to what was read.

What was read lies in a file on the phone before anything is changed. Who loses the link, or is killed, leaves
the file behind, and the next server that starts on the phone puts everything back. A file from before the
phone was last started is thrown away: starting it has put back the governors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from android_runner.errors import CoresUnavailableError, DeviceError
from android_runner.transport import Transport

_TIMEOUT_S = 15.0

_READ = """
for n in {cores}; do
  p=$(readlink -f /sys/devices/system/cpu/cpu$n/cpufreq)
  [ -r "$p/scaling_governor" ] || continue
  echo "governor $p $(cat $p/scaling_governor)"
  echo "available $p $(cat $p/scaling_available_governors)"
done
"""

# The file appears whole, and before the first change.
_CHANGE = """
boot=$(cat /proc/sys/kernel/random/boot_id)
now=$(cut -d. -f1 /proc/uptime)
{{ echo "boot $boot"; echo "uptime $now"; {saved}; }} > {state}.new && mv {state}.new {state} || exit 1
for p in {paths}; do echo {governor} > $p/scaling_governor; done 2>/dev/null
for p in {paths}; do echo "governor $p $(cat $p/scaling_governor)"; done
"""

# Only what differs is written, as a phone may not let us write at all. The file stays while anything is left.
_RESTORE = """
restore() {
  left=0
  if [ "$(sed -n 's/^boot //p' "$1")" = "$(cat /proc/sys/kernel/random/boot_id)" ]; then
    while read -r word path was; do
      [ "$word" = governor ] || continue
      [ "$(cat "$path/scaling_governor")" = "$was" ] || echo "$was" > "$path/scaling_governor"
      now=$(cat "$path/scaling_governor")
      echo "governor $path $now"
      [ "$now" = "$was" ] || left=1
    done < "$1"
  fi
  [ $left = 1 ] || rm -f "$1"
}
"""

# A server whose host was killed waits for others a while longer. It has no session then, as only one that was
# just started has; how long ago is told by the time since the phone's start, since its date may jump.
_STALE = """
in_use() {
  grep -q "$1" "/proc/$(cat "@root@/$1/pid")/cmdline" || return 1
  for session in @root@/$1/session-*; do [ -d "$session" ] && return 0; done
  now=$(cut -d. -f1 /proc/uptime)
  since=$(sed -n 's/^uptime //p' "@root@/restore-$1")
  [ $((now - ${since:-0})) -lt @starting_s@ ]
}
for state in @root@/restore-*; do
  [ -f "$state" ] || continue
  in_use "${state##*/restore-}" || restore "$state"
done 2>/dev/null
"""
_STARTING_S = 30


@dataclass
class GovernorChange:
    """What was done to the governors of the cores in use, each by the folder of its clock.

    Attributes:
        asked: What they were to become.
        before: What they were.
        during: What they were in the run, read back: they differ from `asked` where that is not permitted.
        after: What they are again, read back; None until then, and where the phone could not be reached.
    """

    asked: str
    before: dict[str, str]
    during: dict[str, str]
    after: dict[str, str] | None = None

    @property
    def permitted(self) -> bool:
        """Whether the phone took it."""
        return all(governor == self.asked for governor in self.during.values())


def read_governors(transport: Transport, cores: Sequence[int]) -> dict[str, str]:
    """Return the governor of each clock of some cores; raises TransportError."""
    return parse_governors(_ask(transport, cores))


@contextmanager
def governor_set(
    transport: Transport, folder: PurePosixPath, cores: Sequence[int], governor: str
) -> Iterator[GovernorChange]:
    """Set the governor of some cores until the block ends, where the phone permits it.

    Args:
        transport: The link.
        folder: The running server's; while it has a session, nobody else puts the governors back.
        cores: Numbers of cores.
        governor: Such as ``performance``.

    Raises:
        CoresUnavailableError: The phone has no such governor.
        TransportError: It cannot be reached.
    """
    told = _ask(transport, cores)
    before = parse_governors(told)
    check_governor(governor, parse_available(told), transport.serial)
    state = folder.parent / f"restore-{folder.name}"
    saved = "; ".join(f'echo "governor {path} {was}"' for path, was in before.items())
    change = _CHANGE.format(saved=saved, state=state, paths=" ".join(before), governor=governor)
    try:
        made = GovernorChange(governor, before, parse_governors(_shell(transport, change)))
        yield made
        made.after = parse_governors(_shell(transport, f"{_RESTORE}\nrestore {state}"))
    except BaseException:
        try:
            _shell(transport, f"{_RESTORE}\n[ -f {state} ] && restore {state}")
        except DeviceError:
            pass  # the file is there: the next server on this phone puts them back
        raise


def restore_stale(root: PurePosixPath) -> str:
    """Return the command that puts back what servers that are gone have left changed."""
    stale = _STALE.replace("@root@", str(root)).replace("@starting_s@", str(_STARTING_S))
    return f"{_RESTORE}{stale}"


def parse_governors(said: str) -> dict[str, str]:
    """Return governors by the folder of their clock."""
    return dict(re.findall(r"^governor (/\S+) (\S+)\s*$", said, re.MULTILINE))


def parse_available(said: str) -> set[str]:
    """Return the governors that all clocks have; none where a phone does not tell."""
    told = [set(names.split()) for names in re.findall(r"^available /\S+(.*)$", said, re.MULTILINE)]
    return set.intersection(*told) if told else set()


def check_governor(governor: str, available: set[str], serial: str) -> None:
    """Raise CoresUnavailableError unless there is such a governor."""
    if governor not in available:
        raise CoresUnavailableError(
            f"Expected a governor that {serial} has ({', '.join(sorted(available)) or 'it tells none'}); "
            f"got '{governor}'; choose one, or leave --governor out"
        )


def _ask(transport: Transport, cores: Sequence[int]) -> str:
    return _shell(transport, f"({_READ.format(cores=' '.join(map(str, cores)))}) 2>/dev/null")


def _shell(transport: Transport, command: str) -> str:
    return transport.shell(command, timeout_s=_TIMEOUT_S, check=False).stdout

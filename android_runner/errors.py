"""What can go wrong between this machine and a device.

DeviceError
├── NoSuchDeviceError            no device answers to that name
│   └── SeveralDevicesError      several do, and none was named
├── TransportError               the link to the device
│   ├── LinkLostError            it broke
│   │   └── LinkDownError        it was broken before the call began
│   ├── DeviceOfflineError       the device is there and does not answer
│   ├── RefusedServiceError      the device does not offer an ADB service
│   │   └── RefusedPortError     nothing listens on the device's port
│   ├── TransportTimeoutError    it took longer than its time limit
│   └── AuthenticationError      the device does not know our ADB key
├── RemoteCommandError           a shell command on the device failed
├── RemoteFileError              a file on the device could not be read or written
├── DeviceFullError              the device has no space left
├── DeviceBusyError              another measurement or program has the device
├── ServerError                  the device server or what runs in it
│   ├── WrongTokenError          the server refused our token
│   ├── ServerGoneError          the server itself was ended from outside
│   ├── DeviceMemoryError        the device had not enough memory for it
│   ├── AlteredFileError         a file on the device is not the one that was sent
│   └── IllegalInstructionError  the module uses instructions the device's cores lack
├── WrongArchitectureError       the module is for another machine
├── UnknownFunctionError         the module has no such function
├── InputMismatchError           the inputs are not what the function takes
├── ThreadsUnavailableError      the device cannot run that many threads
├── CoresUnavailableError        the device has no such cores, or they are of several kinds
├── RuntimeBuildError            the device's runtime cannot be put together here
├── NativeBuildError             the native benchmark cannot be built here
├── NativeRunError               the native benchmark failed on the device, or said what it should not
├── AppBuildError                the benchmark app cannot be built here
├── AppError                     the benchmark app on a phone
├── MeasuringProcessError        the process that measures kernels does not start
├── DevicesGoneError             no device is left to measure kernels on
├── RecordsError                 a tuning record cannot be written
├── TrackerError                 the tracker of a rack of phones does not answer, or not as one
└── VerificationError            what the device computed is not what PyTorch computed
"""

from __future__ import annotations

from typing import TypeVar


class DeviceError(Exception):
    """Base of every error of this package; the message is one sentence a user can act on."""


ErrorT = TypeVar("ErrorT", bound=DeviceError)


def unraised(error: ErrorT) -> ErrorT:
    """Return an error that says the same and has not been raised.

    A raised error keeps the frames that it came through and all that they hold, such as open sockets. What is
    kept by one of those is therefore a copy, or nothing of it would go before the garbage collector comes by.
    """
    return type(error)(str(error))


class NoSuchDeviceError(DeviceError):
    """No device answers to the given name."""


class SeveralDevicesError(NoSuchDeviceError):
    """Several devices are there, and none was named."""


class TransportError(DeviceError):
    """The link between this machine and the device failed."""


class LinkLostError(TransportError):
    """The connection to the device broke."""


class LinkDownError(LinkLostError):
    """The connection was broken before the call began, so that nothing of it was sent."""


class DeviceOfflineError(TransportError):
    """The device is connected and does not answer."""


class RefusedServiceError(TransportError):
    """The device does not offer an ADB service."""


class RefusedPortError(RefusedServiceError):
    """Nothing listens on the device's port."""


class TransportTimeoutError(TransportError):
    """A call to the device took longer than its time limit."""


class AuthenticationError(TransportError):
    """The device does not accept our ADB key, or there is none."""


class RemoteCommandError(DeviceError):
    """A shell command on the device ended with a non-zero exit code.

    Attributes:
        command: The command line, as given to the device's shell.
        exit_code: What it ended with.
        stdout: Its standard output.
        stderr: Its standard error.
    """

    def __init__(self, command: str, exit_code: int, stdout: str, stderr: str) -> None:
        """Keep everything the command said."""
        said = (stderr.strip() or stdout.strip() or "nothing said").splitlines()[-1]
        super().__init__(f"Expected `{command}` to succeed on the device; got exit code {exit_code}: {said}")
        self.command = command
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr


class RemoteFileError(DeviceError):
    """A file on the device could not be read or written."""


class DeviceFullError(DeviceError):
    """The device has no space left for what was sent."""


class DeviceBusyError(DeviceError):
    """Another measurement has the device, beside which times would be wrong, or another program its USB."""


class ServerError(DeviceError):
    """The device server, or the module that runs in it, failed."""


class WrongTokenError(ServerError):
    """The device server refused the session's token."""


class ServerGoneError(ServerError):
    """The device server was ended from outside, with whatever ran in it."""


class DeviceMemoryError(ServerError):
    """The device had not enough memory for what was to run."""


class AlteredFileError(ServerError):
    """A file on the device is not the one that was sent there."""


class IllegalInstructionError(ServerError):
    """The module uses instructions that the device's cores do not have."""


class WrongArchitectureError(DeviceError):
    """The module was built for another machine."""


class UnknownFunctionError(DeviceError):
    """The module has no function of that name."""


class InputMismatchError(DeviceError):
    """The inputs' number, shapes or types are not what the function takes."""


class ThreadsUnavailableError(DeviceError):
    """The device cannot run that many threads at once."""


class CoresUnavailableError(DeviceError):
    """The device has no such cores, or they are of more than one kind."""


class RuntimeBuildError(DeviceError):
    """The device's runtime could not be put together on this machine."""


class NativeBuildError(DeviceError):
    """The native benchmark could not be built on this machine."""


class NativeRunError(DeviceError):
    """The native benchmark failed on the device, or its answer is none."""


class AppBuildError(DeviceError):
    """The benchmark app cannot be built on this machine."""


class AppError(DeviceError):
    """The benchmark app cannot be installed or started on a phone, or has no results there."""


class MeasuringProcessError(DeviceError):
    """The process that measures kernels on this machine cannot be started."""


class DevicesGoneError(DeviceError):
    """No device is left that kernels could be measured on; what was measured is kept."""


class RecordsError(DeviceError):
    """A tuning record cannot be written; those before it are kept."""


class TrackerError(DeviceError):
    """The tracker of a rack of phones cannot be reached, or is none."""


class VerificationError(DeviceError):
    """What the device computed is not what PyTorch computed; nothing was timed."""

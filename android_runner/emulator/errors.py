"""What can go wrong with an emulated phone.

DeviceError
└── EmulatorError
    ├── PhoneConfigurationError  an emulated phone cannot be as asked for
    ├── PhoneRunningError        a phone of that name runs already, and is another one
    ├── MissingRequirementError  this machine lacks something an emulated phone needs
    └── PhoneStartError          the phone did not come up
"""

from __future__ import annotations

from android_runner.errors import DeviceError


class EmulatorError(DeviceError):
    """Base of the emulated phone's errors; the message is one sentence a user can act on."""


class PhoneConfigurationError(EmulatorError):
    """A name, core, port or limit that no emulated phone can have."""


class PhoneRunningError(EmulatorError):
    """A phone of that name runs already, with another core, port or disk."""


class MissingRequirementError(EmulatorError):
    """A program that every emulated phone needs is not installed."""


class PhoneStartError(EmulatorError):
    """The phone's daemon ended, or said nothing, before it was ready."""

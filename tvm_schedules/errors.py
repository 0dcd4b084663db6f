"""Errors of the kernel library.

ScheduleError
├── KernelError   a shape, tile or function that no kernel can be made for
└── TargetError   a target text or object that names no CPU we can compile for
"""


class ScheduleError(ValueError):
    """Base class of every error that `tvm_schedules` raises on purpose."""


class KernelError(ScheduleError):
    """A kernel was asked for with a shape, tile or function that it cannot serve."""


class TargetError(ScheduleError):
    """A target names no CPU that the code generator knows."""

"""Errors of the benchmarks.

GroupNetError (groupnet.errors)
└── BenchmarkError     something that a benchmark needs is missing, or what it measured cannot be right
"""

from groupnet.errors import GroupNetError


class BenchmarkError(GroupNetError):
    """A benchmark lacks a tool, or a tool that it ran failed."""

"""Errors of the compiler flow.

FrontendError
├── UnsupportedModelError   the model holds something this flow cannot compile
├── PassDidNotFireError     a graph pass left behind what it exists to remove
└── BuildError              code generation or linking for the target failed
"""


class FrontendError(Exception):
    """Base of everything that `frontend` raises on purpose."""


class UnsupportedModelError(FrontendError):
    """The model holds an operator, shape or dtype that this flow cannot compile."""


class PassDidNotFireError(FrontendError):
    """A graph pass ran and left operators behind that it exists to remove."""


class BuildError(FrontendError):
    """Code generation or linking for the target failed."""

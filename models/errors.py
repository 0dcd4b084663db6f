"""Errors of `models`, each with a message that says what was expected, what came, and what to do.

ModelsError
├── ConfigError        a network description that contradicts itself, or a value out of range
├── UnknownNameError   an architecture, a zoo entry or an option that does not exist
├── OperatorError      tensors that our convolution operators cannot convolve
├── DataError          a data set's file that cannot be used, or images, labels or logits that do not fit
├── CheckpointError    a checkpoint file that cannot be read, or does not fit its own description
└── TrainingError      a training run that cannot start or be resumed
"""

import difflib
from collections.abc import Iterable


class ModelsError(Exception):
    """Base of every error that `models` raises on purpose."""


class ConfigError(ModelsError):
    """A network description contradicts itself or holds a value out of range."""


class UnknownNameError(ModelsError):
    """A name was asked for that is not registered."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Say which `kind` of name is unknown, and which of the `known` ones come close."""
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(names)}."
        super().__init__(f"expected the name of a known {kind}; got {name!r}; {hint}")


class OperatorError(ModelsError):
    """The tensors or attributes given to an operator of ours do not describe a convolution."""


class DataError(ModelsError):
    """A data set's file is missing, damaged or faulty, or images, labels or logits do not belong together."""


class CheckpointError(ModelsError):
    """A checkpoint file is damaged, of another version, or does not fit the network it describes."""


class TrainingError(ModelsError):
    """A training run cannot start or be resumed."""

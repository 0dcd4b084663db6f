"""What all network descriptions share: checks of fields, copies, and the plain form that files hold."""

import dataclasses
import types
import typing
from typing import Any, TypeVar

from models.errors import ConfigError, UnknownNameError

Config = TypeVar("Config")


def check_positive(name: str, value: object) -> None:
    """Refuse everything but integers of 1 and more.

    Raises:
        ConfigError: `value` is something else.
    """
    if type(value) is not int or value < 1:
        raise ConfigError(f"expected {name} as a positive integer; got {value!r}; use 1 or more")


def replace_fields(config: Config, kind: str, overrides: dict[str, Any]) -> Config:
    """A copy of the dataclass `config` with other values; `kind` says in errors what a field is.

    Raises:
        UnknownNameError: An override names no field.
        ConfigError: The copy is not valid.
    """
    fields = [field.name for field in dataclasses.fields(config)]  # type: ignore[arg-type]
    for name in overrides:
        if name not in fields:
            raise UnknownNameError(kind, name, fields)
    return dataclasses.replace(config, **overrides)  # type: ignore[type-var]


def to_plain(config: Any) -> dict[str, Any]:
    """The fields of a dataclass as plain JSON values; those that equal their default are left out.

    So a file of an older version stays readable when a switch is added, and keeps its bytes when it is
    written again.
    """
    return {
        field.name: _plain(getattr(config, field.name))
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    }


def from_plain(cls: type[Config], values: dict[str, Any]) -> Config:
    """The inverse of `to_plain`.

    Raises:
        ConfigError: A field is missing, unknown, or not valid.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    needed = {name for name, field in fields.items() if field.default is dataclasses.MISSING}
    if not isinstance(values, dict) or not needed <= set(values) <= set(fields):
        got = set(values) if isinstance(values, dict) else set()
        raise ConfigError(
            f"expected the fields of a {cls.__name__}; missing {sorted(needed - got)}, unknown "
            f"{sorted(got - set(fields))}; use the version that wrote them"
        )
    hints = typing.get_type_hints(cls)
    return cls(**{name: _typed(hints[name], name, value) for name, value in values.items()})


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_plain(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _typed(hint: Any, name: str, value: Any) -> Any:
    """Lists back to tuples and mappings back to configurations, as the field's type says."""
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        (hint,) = (kind for kind in hint.__args__ if kind is not types.NoneType)
    if dataclasses.is_dataclass(hint):
        return from_plain(typing.cast(type, hint), value)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"expected {name} as a list; got {value!r}; use the version that wrote it")
        inner = typing.get_args(hint)[0]
        return tuple(_typed(inner, name, item) for item in value)
    if hint in _KINDS and not _is_a(hint, value):
        raise ConfigError(f"expected {name} as {_KINDS[hint]}; got {value!r}; correct it")
    return value


_KINDS: dict[Any, str] = {int: "an integer", float: "a number", bool: "true or false", str: "text"}


def _is_a(kind: type, value: object) -> bool:
    """Whether a plain value is of the kind; `true` is no number, an integer is one like any other."""
    return type(value) is kind or (kind is float and type(value) is int)

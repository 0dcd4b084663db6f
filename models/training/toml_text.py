"""Plain values as TOML text, which `tomllib` of the standard library reads back but cannot write."""

import json
from typing import Any


def to_toml(values: dict[str, Any]) -> str:
    """A document of booleans, numbers, strings, lists of them, tables, and lists of tables."""
    return "\n".join(_lines(values, "")) + "\n"


def _lines(values: dict[str, Any], path: str) -> list[str]:
    """The simple values of a table, then its tables, each below its header."""
    lines = [f"{name} = {_value(value)}" for name, value in values.items() if not _is_nested(value)]
    for name, value in values.items():
        if isinstance(value, dict):
            lines += ["", f"[{path}{name}]", *_lines(value, f"{path}{name}.")]
        elif _is_nested(value):
            for entry in value:
                lines += ["", f"[[{path}{name}]]", *_lines(entry, f"{path}{name}.")]
    return lines


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
    )


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    # JSON's strings, booleans and finite numbers are TOML's too.
    return json.dumps(value, allow_nan=False, ensure_ascii=False)

"""Makes Java classes to compile the app against out of `android_api.txt`: their bodies only throw."""

from __future__ import annotations

import re
from pathlib import Path

API_FILE = Path(__file__).with_name("android_api.txt")

_BODY = '{ throw new RuntimeException("Stub!"); }'
_TYPE = re.compile(
    r"^\s*public (?:(?:static|final|abstract) )*(class|interface|enum) (\w+)(?: extends ([\w.]+))?"
)
_CALLABLE = re.compile(r"^\s*(?:public|protected) [^=]*\)(?: throws [\w, ]+)?;$")
_JAVA_PACKAGES = ("java.io",)


def write_stubs(folder: Path, api: str | None = None) -> list[Path]:
    """Write one Java file for each type of the API below ``folder``; return their paths.

    A class gets one more constructor, which takes a ``Void``: Java wants every constructor to call one of
    the class above, and which one does not matter where bodies only throw.

    Args:
        folder: Where the packages' folders go.
        api: The text of the API; `API_FILE` if None.
    """
    text = API_FILE.read_text(encoding="utf-8") if api is None else api
    types = re.split(r"^package ([\w.]+);$", re.sub(r"^#.*$", "", text, flags=re.M), flags=re.M)[1:]
    pairs = list(zip(types[::2], types[1::2], strict=True))
    imports = "".join(
        f"import {package}.*;\n" for package in (*sorted({name for name, _ in pairs}), *_JAVA_PACKAGES)
    )
    written = []
    for package, source in pairs:
        lines = [line for line in source.splitlines() if line.strip()]
        found = _TYPE.match(lines[0])
        if found is None:
            raise ValueError(
                f"expected a type after `package {package};`; got '{lines[0]}'; mend {API_FILE.name}"
            )
        path = folder / package.replace(".", "/") / f"{found[2]}.java"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"package {package};\n{imports}" + "\n".join(_with_bodies(lines)) + "\n", encoding="utf-8"
        )
        written.append(path)
    return written


def _with_bodies(lines: list[str]) -> list[str]:
    """Give every callable a body, and every class the constructor that classes below it call."""
    made = []
    around: list[
        tuple[str, str, str | None]
    ] = []  # what we are in: class, interface or enum; its name; the one above
    for line in lines:
        if (found := _TYPE.match(line)) is not None and not line.rstrip().endswith("}"):
            around.append((found[1], found[2], found[3]))
            made.append(line)
            if found[1] == "class":
                made.append(f"protected {found[2]}(Void stub) {{ {_above(found[3])} }}")
                made.append("static String constant() { return null; } static int number() { return 0; }")
        elif line.strip() == "}":
            around.pop()
            made.append(line)
        elif _CALLABLE.match(line) and around[-1][0] == "class" and " abstract " not in line:
            _, name, above = around[-1]
            is_constructor = re.match(rf"^\s*(?:public|protected) {name}\(", line)
            body = f"{{ {_above(above)} }}" if is_constructor else _BODY
            made.append(line.rstrip()[:-1] + " " + body)
        else:
            made.append(line)
    return made


def _above(name: str | None) -> str:
    return "" if name is None or name == "Exception" else "super((Void) null);"

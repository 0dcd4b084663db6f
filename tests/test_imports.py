"""The directions of import of docs/architecture.md, read from the sources; and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("groupnet", "models", "frontend", "tvm_schedules", "android_runner", "benchmarks")
MAY_IMPORT = {
    "groupnet": set(PACKAGES),
    "models": {"models"},
    "frontend": {"frontend", "tvm_schedules"},
    "tvm_schedules": {"tvm_schedules"},
    "android_runner": {"android_runner", "tvm_schedules"},
    "benchmarks": set(PACKAGES),
}


def imported_modules(source: str, package: str) -> set[str]:
    """Absolute dotted names of everything that `source`, a module directly inside `package`, imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, node.module] if node.module else parents)
            # `from groupnet import cli` imports the module as much as `import groupnet.cli` does.
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def source_files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    package = ".".join(path.relative_to(ROOT).parent.parts)
    return imported_modules(path.read_text(encoding="utf-8"), package)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_in_the_drawn_direction(package: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in source_files(package)
        for name in imports_of(path)
        if name.split(".")[0] in PACKAGES and name.split(".")[0] not in MAY_IMPORT[package]
    }
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_nobody_imports_the_command_line(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT))
        for path in source_files(package)
        for name in imports_of(path)
        if name == "groupnet.cli" or name.startswith("groupnet.cli.")
    }
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_opens_with_what_it_does(package: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in source_files(package)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_stays_readable_in_one_sitting(package: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in source_files(package)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


@pytest.mark.parametrize("module", ["groupnet", "groupnet.cli", "android_runner", "models", "tvm_schedules"])
def test_import_is_light(module: str) -> None:
    """Importing a package must not load torch or TVM: `groupnet --help` answers at once."""
    heavy = f"import sys, {module}; print(*({{'torch', 'tvm', 'sklearn', 'scipy'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == []


def test_the_reader_sees_every_form_of_import() -> None:
    source = "import a.b\nfrom c import d\nfrom . import e\nfrom .f import g\nfrom ..h import i\n"
    assert imported_modules(source, "p.q") == {"a.b", "c.d", "p.q.e", "p.q.f.g", "p.h.i"}

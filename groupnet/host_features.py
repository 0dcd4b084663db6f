"""Refuses code that this machine's processor would stop at: an illegal instruction ends the whole process."""

from typing import Any

from groupnet.bundle import Bundle
from groupnet.errors import BundleTargetError
from groupnet.manifest import Target

# LLVM lists instruction sets and tuning hints ("fast-gather") alike; the vector sets begin like this.
_VECTOR_SETS = (
    "sse",
    "ssse",
    "avx",
    "fma",
    "f16c",
    "bmi",
    "amx",
    "neon",
    "dotprod",
    "fullfp16",
    "bf16",
    "i8mm",
    "sve",
)


def check_host_features(bundle: Bundle) -> None:
    """Raise unless this processor has every vector instruction set that the bundle's target allows.

    Raises:
        BundleTargetError: some are missing; the message names them.
    """
    from tvm_schedules.targets import resolve_target

    recorded = bundle.manifest.target
    missing = missing_features(_tvm_target(recorded), resolve_target("host"))
    if missing:
        raise BundleTargetError(
            f"expected code for this machine's processor in {bundle.path}; its target '{recorded.text}' uses "
            f"{', '.join(missing)}, which this processor lacks: compile with --target host here"
        )


def missing_features(target: Any, host: Any) -> list[str]:
    """The vector instruction sets of one TVM target that another one lacks."""
    from tvm.target import codegen

    lacking = set(codegen.llvm_get_cpu_features(target)) - set(codegen.llvm_get_cpu_features(host))
    return sorted(name for name in map(str, lacking) if name.startswith(_VECTOR_SETS))


def _tvm_target(recorded: Target) -> Any:
    from tvm.target import Target as TvmTarget

    config: dict[str, Any] = {"kind": recorded.kind}
    if recorded.triple:
        config["mtriple"] = recorded.triple
    if recorded.mcpu:
        config["mcpu"] = recorded.mcpu
    if recorded.mattr:
        config["mattr"] = list(recorded.mattr)
    return TvmTarget(config)

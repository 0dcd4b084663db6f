"""Target texts and what the CPU behind a target can do.

A target text is `host`, `arm64`, `arm64-dotprod`, the name of a core (`cortex-a53`, `a76`, `x1`, `znver4`,
...) or the JSON of a full TVM target. Kernels ask a target for its *features*, never for its name.
"""

import difflib
import functools
import json
from enum import Enum

from tvm.target import Target, codegen

from tvm_schedules.errors import TargetError

ARM64_TRIPLE = "aarch64-linux-gnu"

# The phone baselines. Every 64-bit Android core has NEON; those from the A55 and A75 on have the dot
# product too. A core is named, not only its features, because the code generator orders instructions for
# the core it is told, and without one spills accumulators. Neither core's extras (crc, crypto, atomics)
# appear in code that asks for none.
_BASELINES: dict[str, dict[str, object]] = {
    "arm64": {"kind": "llvm", "mtriple": ARM64_TRIPLE, "mcpu": "cortex-a73"},
    "arm64-dotprod": {"kind": "llvm", "mtriple": ARM64_TRIPLE, "mcpu": "cortex-a75"},
}


class InstructionSet(Enum):
    """What a kernel is written for; the value is the last part of the kernel's name."""

    AVX512_VPOPCNTDQ = "avx512_vpopcntdq"
    AVX2 = "avx2"
    NEON = "neon"
    NEON_DOTPROD = "neon_dotprod"
    PORTABLE = "portable"


# First match wins: each row lists the LLVM features that the kernels of that set use. Every processor with
# AVX-512's popcount has its byte dot product (VNNI) too.
_REQUIRED_FEATURES: tuple[tuple[InstructionSet, tuple[str, ...]], ...] = (
    (InstructionSet.AVX512_VPOPCNTDQ, ("avx512f", "avx512bw", "avx512vl", "avx512vpopcntdq", "avx512vnni")),
    (InstructionSet.AVX2, ("avx2", "fma")),
    (InstructionSet.NEON_DOTPROD, ("neon", "dotprod")),
    (InstructionSet.NEON, ("neon",)),
)


def instruction_set(target: Target) -> InstructionSet:
    """Return the widest set of instructions that the target's features allow."""
    return _instruction_set(str(target))


@functools.lru_cache(maxsize=256)
def _instruction_set(target_text: str) -> InstructionSet:
    target = Target(json.loads(target_text))
    for candidate, features in _REQUIRED_FEATURES:
        if codegen.target_has_features(list(features), target):
            return candidate
    return InstructionSet.PORTABLE


@functools.cache
def _cpu_names(triple: str) -> tuple[str, ...]:
    target = Target({"kind": "llvm", "mtriple": triple} if triple else {"kind": "llvm"})
    return tuple(str(name) for name in codegen.llvm_get_cpu_archlist(target))


def _host_triple() -> str:
    return str(codegen.llvm_get_system_triple())


def _host_target() -> Target:
    """Return this machine's CPU, by the name and the triple that LLVM detects."""
    return Target({"kind": "llvm", "mtriple": _host_triple(), "mcpu": str(codegen.llvm_get_system_cpu())})


def _from_json(text: str) -> Target:
    try:
        config = json.loads(text)
    except json.JSONDecodeError as exc:
        raise TargetError(
            f"expected the JSON of a TVM target; got {text!r} ({exc}); "
            'write for example {"kind": "llvm", "mcpu": "cortex-a76"}'
        ) from exc
    triple = str(config.get("mtriple", ""))
    cpu = config.get("mcpu")
    if config.get("kind") != "llvm":
        raise TargetError(
            f'expected a target of kind "llvm"; got {config.get("kind")!r}; these kernels are for CPUs'
        )
    if cpu is not None and cpu not in _cpu_names(triple):
        raise _unknown_cpu(str(cpu), _cpu_names(triple))
    try:
        return Target(config)
    except Exception as exc:  # TVM raises its own error types, and which one depends on the key at fault
        raise TargetError(f"expected the JSON of a TVM target; got {text!r}; TVM says: {exc}") from exc


def _unknown_cpu(name: str, known: tuple[str, ...]) -> TargetError:
    close = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
    hint = "did you mean " + ", ".join(close) + "?" if close else "see `llc -mcpu=help` for the names"
    return TargetError(
        f"expected host, arm64, arm64-dotprod, a core's name or a JSON target; got {name!r}; {hint}"
    )


def resolve_target(text: str) -> Target:
    """Turn a target text into a TVM target.

    Args:
        text: `host` | `arm64` | `arm64-dotprod` | a core's name as LLVM spells it, with or without `cortex-`
            (`cortex-a76`, `a76`, `x1`, `neoverse-n1`, `znver4`, `haswell`) | a JSON object.

    Raises:
        TargetError: if LLVM knows no such core; the message names those that are spelt alike.
    """
    text = text.strip()
    if text == "host":
        return _host_target()
    if text.startswith("{"):
        return _from_json(text)
    if text in _BASELINES:
        return Target(_BASELINES[text])
    arm_names = _cpu_names(ARM64_TRIPLE)
    for name in (text, f"cortex-{text}"):
        if name in arm_names and name != "generic":
            return Target({"kind": "llvm", "mtriple": ARM64_TRIPLE, "mcpu": name})
    x86_names = _cpu_names("x86_64-linux-gnu")
    if text in x86_names:
        return Target({"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": text})
    short = tuple(name.removeprefix("cortex-") for name in arm_names)
    raise _unknown_cpu(text, (*arm_names, *x86_names, *short, *_BASELINES, "host"))

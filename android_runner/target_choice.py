"""Which target to compile for a phone: a decision on its cores and on what its kernel says that they can do.

The fastest core's name decides in which order LLVM puts instructions and which of them it may use. The
kernel's word takes away from those, because phones hide instruction sets that their cores have (SVE above
all), and code may run on any core. It adds to those of a core without a name in LLVM alone: the kernel of the
Exynos 9810 tells what only its little cores have.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from android_runner.core_parts import core_part
from android_runner.phone_cores import PhoneCore, fastest_cores

TRIPLE = "aarch64-linux-gnu"

FEATURES = {
    "asimddp": "dotprod",
    "asimdhp": "fullfp16",
    "asimdfhm": "fp16fml",
    "bf16": "bf16",
    "i8mm": "i8mm",
    "sve": "sve",
    "sve2": "sve2",
    "sme": "sme",
    "sme2": "sme2",
    "atomics": "lse",
    "asimdrdm": "rdm",
    "fcma": "complxnum",
    "lrcpc": "rcpc",
}
"""LLVM's names of the instruction sets that its code may use by itself, by the kernel's names."""

SHOWN = {
    "asimddp": "dotprod",
    "asimdhp": "fp16",
    "bf16": "bf16",
    "i8mm": "i8mm",
    "sve": "SVE",
    "sve2": "SVE2",
    "sme": "SME",
    "sme2": "SME2",
}
"""What people call the instruction sets that kernels are written for, by the kernel's names."""

# What is added to a baseline. Scalable vectors are not: code for them is only worth its while on a core that
# LLVM knows.
_ADDED = ("dotprod", "fullfp16", "bf16", "i8mm")

_V8_2 = frozenset({"dotprod", "fullfp16", "lse", "rdm", "rcpc"})
_V8_6 = _V8_2 | {"fp16fml", "bf16", "i8mm", "complxnum"}
_V9 = _V8_6 | {"sve", "sve2"}

_BY_FEATURES: dict[frozenset[str], str] = {
    frozenset(): "cortex-a34 cortex-a35 cortex-a53 cortex-a57 cortex-a72 cortex-a73 exynos-m3 kryo",
    _V8_2: "cortex-a55 cortex-a65 cortex-a75 cortex-a76 cortex-a76ae cortex-a77 cortex-a78 cortex-a78ae "
    "cortex-a78c cortex-x1 cortex-x1c neoverse-n1",
    _V8_2 - {"rcpc"}: "exynos-m4 exynos-m5",
    _V8_2 - {"rcpc"} | {"fp16fml", "complxnum"}: "tsv110",
    _V8_6: "oryon-1",
    _V9 - {"sve2"}: "neoverse-v1",
    _V9: "cortex-a320 cortex-a510 cortex-a520 cortex-a710 cortex-a715 cortex-a720 cortex-a725 cortex-x2 "
    "cortex-x3 cortex-x4 cortex-x925 neoverse-n2 neoverse-v2",
    _V9 | {"sme", "sme2"}: "c1-nano c1-pro c1-premium c1-ultra",
}

IMPLIED = {mcpu: implied for implied, names in _BY_FEATURES.items() for mcpu in names.split()}
"""Which of `FEATURES` LLVM takes for granted in each core that phones have."""

_BASELINE = "cortex-a73"
_BASELINE_DOTPROD = "cortex-a75"


@dataclass(frozen=True)
class TargetChoice:
    """What to compile for.

    Attributes:
        text: What `groupnet compile --target` takes.
        triple: LLVM's name of the platform.
        mcpu: LLVM's name of the core.
        mattr: Instruction sets beyond (``+``) and not (``-``) of that core, in LLVM's names.
        reason: Why, in one sentence.
    """

    text: str
    triple: str
    mcpu: str
    mattr: tuple[str, ...]
    reason: str


def choose_target(cores: Sequence[PhoneCore], features: Collection[str]) -> TargetChoice:
    """Return the target for a phone.

    Args:
        cores: Its cores; without any it is taken for any 64-bit phone.
        features: What every core can do, in the kernel's words; empty where it does not say.
    """
    told = {FEATURES[name] for name in features if name in FEATURES}
    # Kernels tell SVE2 beside SVE, and SME2 beside SME; a half of a pair is not to be trusted.
    told -= {name for name, needed in (("sve2", "sve"), ("sme2", "sme")) if needed not in told}
    # The last one, because phones count their cores from the little ones up: a help where no clocks are told.
    core = next(reversed(fastest_cores(cores)), None)
    known = core_part(core.name).mcpu if core else None
    if core is None or known is None:
        text, mcpu = ("arm64-dotprod", _BASELINE_DOTPROD) if "dotprod" in told else ("arm64", _BASELINE)
        who = f"LLVM knows no {core.name}" if core else "the phone lists no cores"
        reason = f"{who}: the baseline of phones {'with' if 'dotprod' in told else 'without'} the dot product"
    else:
        text = mcpu = known
        reason = f"{core.name} is the fastest core"
        if mcpu != core.name.lower():
            reason += f", which LLVM calls {mcpu}"
    if not features:
        return TargetChoice(text, TRIPLE, mcpu, (), f"{reason}; the kernel tells no instruction sets")
    hidden = sorted(IMPLIED[mcpu] - told)
    extra = [] if known else sorted((told - IMPLIED[mcpu]) & set(_ADDED))
    mattr = (*(f"+{name}" for name in extra), *(f"-{name}" for name in hidden))
    if hidden:
        reason += f"; the kernel does not tell {', '.join(hidden)}"
    if extra:
        reason += f"; the kernel also tells {', '.join(extra)}"
    if mattr:
        text = json.dumps({"kind": "llvm", "mtriple": TRIPLE, "mcpu": mcpu, "mattr": list(mattr)})
    return TargetChoice(text, TRIPLE, mcpu, mattr, reason)


def shown_features(features: Collection[str]) -> tuple[str, ...]:
    """Return the instruction sets that kernels are written for, as people call them."""
    return tuple(shown for name, shown in SHOWN.items() if name in features)

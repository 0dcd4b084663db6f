"""What to compile for real phones, and that LLVM knows what is chosen."""

import json

import pytest
from phone_facts import PHONES, PhoneFacts, phone
from tvm.target import Target, codegen

from android_runner.core_parts import known_parts
from android_runner.phone_cores import PhoneCore, parse_cores
from android_runner.probe import core_features
from android_runner.target_choice import (
    FEATURES,
    IMPLIED,
    TRIPLE,
    TargetChoice,
    choose_target,
    shown_features,
)
from tvm_schedules.targets import resolve_target

# Phone: mcpu, mattr, and words of the reason.
CHOSEN = {
    "Redmi Note 4": ("cortex-a53", "", "Cortex-A53 is the fastest core"),
    "Pixel": ("kryo", "", "Kryo is the fastest core"),
    "Galaxy S7": ("cortex-a73", "", "knows no Exynos M1/M2: the baseline of phones without the dot product"),
    "Galaxy A8 2018": ("cortex-a73", "", "Cortex-A73 is"),
    "Oppo R15": ("cortex-a73", "", "Cortex-A73 is"),
    "OnePlus 5T": ("cortex-a73", "", "Kryo 2xx Gold is the fastest core, which LLVM calls cortex-a73"),
    # Its kernel tells half precision, which only its little cores have.
    "Galaxy S9": ("exynos-m3", "", "Exynos M3"),
    "Galaxy S9 US": ("cortex-a75", "-dotprod -rcpc -rdm", "does not tell dotprod, rcpc, rdm"),
    "Mate 20": ("cortex-a76", "-dotprod -rcpc -rdm", "does not tell dotprod"),
    "Pixel 8": ("cortex-x3", "-bf16", "does not tell bf16"),
    "Mi 10": ("cortex-a77", "", "Cortex-A77"),
    "Galaxy S20 Ultra": ("exynos-m5", "", "Exynos M5"),
    "OnePlus 9 Pro": ("cortex-x1", "", "Cortex-X1"),
    "Pixel 6a": ("cortex-x1", "", "Cortex-X1"),
    "Galaxy S22 Ultra": ("cortex-x2", "-sve2", "does not tell sve2"),
    "Xiaomi 13 Pro": ("cortex-x3", "-sve -sve2", "does not tell sve, sve2"),
    "Kirin 9000S": (
        "cortex-a75",
        "+i8mm",
        "knows no TaiShan V120: the baseline of",
    ),
    "iQOO Neo9 Pro": ("cortex-x4", "-sve -sve2", "does not tell sve, sve2"),
    "Galaxy S24+": ("cortex-x4", "", "Cortex-X4"),
    "Galaxy S25+": ("oryon-1", "", "Oryon is the fastest core, which LLVM calls oryon-1"),
    "OnePlus 15": ("oryon-1", "", "Oryon V3 is"),
    "Dimensity 9500": ("c1-ultra", "", "C1-Ultra"),
}


def chosen_for(facts: PhoneFacts) -> TargetChoice:
    answers = facts.answers()
    return choose_target(parse_cores(answers.cpuinfo, answers.state), core_features(answers.cpuinfo))


def llvm_features(target: Target) -> set[str]:
    return set(map(str, codegen.llvm_get_cpu_features(target))) & set(FEATURES.values())


@pytest.mark.parametrize("facts", PHONES, ids=lambda facts: facts.name)
def test_the_target_of_real_phones(facts: PhoneFacts) -> None:
    choice = chosen_for(facts)
    mcpu, mattr, words = CHOSEN[facts.name]
    assert (choice.mcpu, " ".join(choice.mattr), choice.triple) == (mcpu, mattr, TRIPLE)
    assert words in choice.reason


@pytest.mark.parametrize("facts", PHONES, ids=lambda facts: facts.name)
def test_code_for_a_phone_uses_nothing_that_its_kernel_does_not_tell(facts: PhoneFacts) -> None:
    choice = chosen_for(facts)
    target = resolve_target(choice.text)
    assert str(target.attrs["mcpu"]) == choice.mcpu and str(target.attrs["mtriple"]) == choice.triple
    told = {FEATURES[name] for name in facts.features.split() if name in FEATURES}
    assert llvm_features(target) <= told


def test_what_a_core_implies_is_what_llvm_says() -> None:
    for mcpu, implied in IMPLIED.items():
        target = Target({"kind": "llvm", "mtriple": TRIPLE, "mcpu": mcpu})
        assert llvm_features(target) == implied, mcpu


def test_llvm_knows_every_core_by_the_name_that_it_has_here() -> None:
    for part in known_parts():
        assert part.mcpu is None or part.mcpu in IMPLIED, part.name
    assert resolve_target("arm64").attrs["mcpu"] == "cortex-a73"
    assert resolve_target("arm64-dotprod").attrs["mcpu"] == "cortex-a75"


DOTPROD = {"asimdhp", "asimddp", "atomics", "asimdrdm", "lrcpc"}


@pytest.mark.parametrize(
    ("names", "features", "text", "words"),
    [
        ([], set(), "arm64", "lists no cores: the baseline of phones without the dot product"),
        (["0x41/0xd99"], DOTPROD, "arm64-dotprod", "knows no 0x41/0xd99: the baseline of phones with"),
        (["0x41/0xd99"], {"asimd"}, "arm64", "without the dot product"),
        (["Cortex-A76"], set(), "cortex-a76", "tells no instruction sets"),
        (["Cortex-A76"], DOTPROD, "cortex-a76", "Cortex-A76 is the fastest core"),
        # The fast core is unknown: the little one's name says nothing of it.
        (["Cortex-A55", "0x99/0x001"], DOTPROD, "arm64-dotprod", "knows no 0x99/0x001"),
    ],
)
def test_phones_that_are_not_known(names: list[str], features: set[str], text: str, words: str) -> None:
    cores = [PhoneCore(number, name) for number, name in enumerate(names)]
    choice = choose_target(cores, features)
    assert choice.text == text and words in choice.reason


def test_half_a_pair_is_not_trusted() -> None:
    choice = choose_target([PhoneCore(0, "Cortex-X4")], set(FEATURES) - {"sve", "sme"})
    assert choice.mattr == ("-sve", "-sve2")
    assert json.loads(choice.text)["mattr"] == ["-sve", "-sve2"]


def test_instruction_sets_as_people_call_them() -> None:
    told = phone("Dimensity 9500").features.split()
    assert shown_features(told) == ("dotprod", "fp16", "bf16", "i8mm", "SVE", "SVE2", "SME", "SME2")
    assert shown_features(phone("OnePlus 15").features.split())[-1] == "SME"
    assert shown_features(phone("Galaxy S9").features.split()) == ("fp16",)

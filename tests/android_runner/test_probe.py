"""Who a device is, from what a phone's own files say."""

from android_runner.probe import (
    core_features,
    core_names,
    core_numbers,
    describe_cores,
    host_cpu_name,
    parse_properties,
)

# Four little and four big cores, as arm64 kernels print them.
CORE = """processor\t: {number}
BogoMIPS\t: 38.40
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: {implementer}
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: {part}
CPU revision\t: 0
"""


def cpuinfo(*cores: tuple[str, str]) -> str:
    blocks = [
        CORE.format(number=number, implementer=implementer, part=part)
        for number, (implementer, part) in enumerate(cores)
    ]
    return "\n".join(blocks) + "\nHardware\t: Made up\n"


def test_big_and_little_cores_are_named_and_counted() -> None:
    names = core_names(cpuinfo(*[("0x41", "0xd05")] * 4, *[("0x41", "0xd0b")] * 3, ("0x41", "0xd44")))
    assert names == ["Cortex-A55"] * 4 + ["Cortex-A76"] * 3 + ["Cortex-X1"]
    assert describe_cores(names) == "4x Cortex-A55 + 3x Cortex-A76 + 1x Cortex-X1"


def test_unknown_parts_keep_their_numbers() -> None:
    names = core_names(cpuinfo(("0x51", "0x802"), ("0x41", "0xd99"), ("0x99", "0xd03")))
    assert names == ["Kryo 3xx Gold", "0x41/0xd99", "0x99/0xd03"]


def test_other_text_names_no_cores() -> None:
    assert core_names("") == []
    assert core_names("processor: 0\nmodel name: Some x86\n") == []
    assert describe_cores([]) == "unknown"


def test_properties() -> None:
    text = "[ro.product.model]: [Pixel 6]\r\n[empty]: []\nnoise\n[odd]: [a]: [b]\n"
    assert parse_properties(text) == {"ro.product.model": "Pixel 6", "empty": "", "odd": "a]: [b"}


def test_the_host_has_a_name() -> None:
    assert host_cpu_name()


def test_instruction_sets_are_those_of_every_core() -> None:
    text = cpuinfo(("0x41", "0xd05"), ("0x41", "0xd0b"))
    assert "asimddp" in core_features(text)
    assert "asimddp" not in core_features(text.replace(" asimddp", "", 1))
    assert core_features("") == core_features("processor : 0\nCPU part : 0xd03\n") == frozenset()


def test_old_kernels_tell_one_part_for_all_cores() -> None:
    # The form of the Nexus 6P (pytorch/cpuinfo test/mock/nexus6p.h).
    text = (
        "Processor\t: AArch64 Processor rev 2 (aarch64)\n"
        + "".join(f"processor\t: {number}\n" for number in range(8))
        + "Features\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd03\n\nHardware\t: MSM8994\n"
    )
    assert core_names(text) == ["Cortex-A53"] * 8
    assert core_numbers(text) == list(range(8))

"""What real phones answer, and where it is published: part numbers, instruction sets, clocks, properties.

These are facts alone; the texts are made of them here. Sources: the mocks of pytorch/cpuinfo
(test/mock/NAME.h: clocks, properties, part numbers and features), and hrw/arm-socs-table on GitHub
(cpuinfo-data/NAME, or an issue: part numbers and features). For phones of the second source the highest
clocks (and the part numbers of the Dimensity 9500's faster cores) are rounded figures from memory, not looked
up, and properties are given where another public listing names them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from android_runner.phone_probe import Answers

V8 = "fp asimd evtstrm aes pmull sha1 sha2 crc32"
V8_FP16 = f"{V8} atomics fphp asimdhp"
V8_2 = f"{V8_FP16} cpuid asimdrdm lrcpc dcpop asimddp"
V8_6_START = f"{V8_FP16} cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 sm4 asimddp sha512"
V8_6_MIDDLE = "asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg dcpodp"
SVE2 = "sve2 sveaes svepmull svebitperm svesha3 svesm4"
SME = "sme smei8i32 smef16f32 smeb16f32 smef32f32"


@dataclass(frozen=True)
class Run:
    """Cores of one kind in a row: count, implementer, part, lowest and highest clock in kHz (0: not told)."""

    count: int
    implementer: int
    part: int
    min_khz: int = 0
    max_khz: int = 0


@dataclass(frozen=True)
class PhoneFacts:
    """What a phone answers, and where that is published."""

    name: str
    source: str
    runs: tuple[Run, ...]
    features: str
    properties: dict[str, str] = field(default_factory=dict)

    def cpuinfo(self) -> str:
        """Its /proc/cpuinfo, as far as the probe reads it."""
        kinds = [run for run in self.runs for _ in range(run.count)]
        return "\n".join(
            f"processor\t: {number}\nFeatures\t: {self.features}\nCPU implementer\t: {run.implementer:#04x}\n"
            f"CPU architecture: 8\nCPU part\t: {run.part:#05x}\n"
            for number, run in enumerate(kinds)
        )

    def answers(self, state: str = "") -> Answers:
        """Its answers, with more lines of state than its clocks."""
        lines, number = [], 0
        for run in self.runs:
            together = ",".join(map(str, range(number, number + run.count)))
            for _ in range(run.count):
                clocks = f"max={run.max_khz or ''} min={run.min_khz or ''} limit={run.max_khz or ''}"
                lines.append(f"core {number} {clocks} governor= capacity= together={together}")
                number += 1
        properties = "".join(f"[{name}]: [{value}]\n" for name, value in self.properties.items())
        return Answers(properties, self.cpuinfo(), "\n".join(lines) + "\n" + state)


def properties(model: str, release: str, platform: str, **others: str) -> dict[str, str]:
    """The properties that every phone has; others with underscores for their dots."""
    return {
        "ro.product.model": model,
        "ro.build.version.release": release,
        "ro.board.platform": platform,
        "ro.product.cpu.abi": "arm64-v8a",
        **{name.replace("_", "."): value for name, value in others.items()},
    }


MOCKS = "pytorch/cpuinfo test/mock"
TABLE = "hrw/arm-socs-table cpuinfo-data"

PHONES = (
    PhoneFacts(
        "Redmi Note 4",
        f"{MOCKS}/xiaomi-redmi-note-4.h",
        (Run(8, 0x41, 0xD03, 652_800, 2_016_000),),
        V8,
        properties("Redmi Note 4", "7.0", "msm8953"),
    ),
    PhoneFacts(
        "Pixel",
        f"{MOCKS}/pixel.h",
        (Run(2, 0x51, 0x201, 307_200, 1_593_600), Run(2, 0x51, 0x205, 307_200, 2_150_400)),
        V8,
        properties("Pixel", "7.1.2", "msm8996"),
    ),
    PhoneFacts(
        "Galaxy S7",
        f"{MOCKS}/galaxy-s7-global.h (two of its four fast cores asleep)",
        (Run(4, 0x41, 0xD03, 442_000, 1_586_000), Run(2, 0x53, 0x001, 728_000, 2_600_000)),
        V8,
        properties("SM-G930F", "7.0", "exynos5", ro_chipname="exynos8890"),
    ),
    PhoneFacts(
        "Galaxy A8 2018",
        f"{MOCKS}/galaxy-a8-2018.h",
        (Run(6, 0x41, 0xD03, 449_000, 1_586_000), Run(2, 0x41, 0xD09, 936_000, 2_184_000)),
        V8,
        properties("SM-A530F", "7.1.1", "exynos5", ro_chipname="exynos7885"),
    ),
    PhoneFacts(
        "Oppo R15",
        f"{MOCKS}/oppo-r15.h (big and little cores have the same clocks)",
        (Run(4, 0x41, 0xD03, 793_000, 1_989_000), Run(4, 0x41, 0xD09, 793_000, 1_989_000)),
        V8,
        properties("PACM00", "8.1.0", "mt6771", ro_mediatek_platform="MT6771"),
    ),
    PhoneFacts(
        "OnePlus 5T",
        f"{MOCKS}/oneplus-5t.h",
        (Run(4, 0x51, 0x801, 300_000, 1_900_800), Run(4, 0x51, 0x800, 300_000, 2_457_600)),
        V8,
        properties("ONEPLUS A5010", "8.0.0", "msm8998"),
    ),
    PhoneFacts(
        "Galaxy S9",
        f"{MOCKS}/galaxy-s9-global.h",
        (Run(4, 0x41, 0xD05, 455_000, 1_794_000), Run(4, 0x53, 0x002, 650_000, 2_704_000)),
        V8_FP16,
        properties("SM-G960F", "8.0.0", "exynos5", ro_chipname="exynos9810"),
    ),
    PhoneFacts(
        "Galaxy S9 US",
        f"{MOCKS}/galaxy-s9-us.h",
        (Run(4, 0x51, 0x803, 300_000, 1_766_400), Run(4, 0x51, 0x802, 825_600, 2_803_200)),
        V8_FP16,
        properties("SM-G960U", "8.0.0", "sdm845", ro_chipname="SDM845"),
    ),
    PhoneFacts(
        "Mate 20",
        f"{MOCKS}/huawei-mate-20.h",
        (
            Run(4, 0x41, 0xD05, 830_000, 1_805_000),
            Run(2, 0x48, 0xD40, 826_000, 1_901_000),
            Run(2, 0x48, 0xD40, 1_460_000, 2_600_000),
        ),
        V8_FP16,
        properties("HMA-L29", "9", "kirin980"),
    ),
    PhoneFacts(
        "Pixel 8",
        f"{MOCKS}/pixel-8.h; ro.soc.model: pytorch/cpuinfo pull request 382",
        (
            Run(4, 0x41, 0xD46, 324_000, 1_704_000),
            Run(4, 0x41, 0xD4D, 402_000, 2_367_000),
            Run(1, 0x41, 0xD4E, 500_000, 2_914_000),
        ),
        f"{V8_6_START} sve {V8_6_MIDDLE} {SVE2} flagm2 frint svei8mm svebf16 i8mm bti mte mte3",
        properties("Pixel 8", "14", "zuma", ro_soc_model="Tensor G3"),
    ),
    PhoneFacts(
        "Mi 10",
        f"{TABLE}/snapdragon-865; hrw/arm-socs-table issue 19",
        (
            Run(4, 0x51, 0x805, 0, 1_800_000),
            Run(3, 0x41, 0xD0D, 0, 2_420_000),
            Run(1, 0x41, 0xD0D, 0, 2_840_000),
        ),
        V8_2,
    ),
    PhoneFacts(
        "Galaxy S20 Ultra",
        f"{TABLE}/exynos-990; hrw/arm-socs-table issue 53",
        (
            Run(4, 0x41, 0xD05, 0, 2_000_000),
            Run(2, 0x41, 0xD0B, 0, 2_500_000),
            Run(2, 0x53, 0x004, 0, 2_730_000),
        ),
        V8_2,
    ),
    PhoneFacts(
        "OnePlus 9 Pro",
        f"{TABLE}/oneplus-9pro",
        (
            Run(4, 0x41, 0xD05, 0, 1_800_000),
            Run(3, 0x41, 0xD41, 0, 2_420_000),
            Run(1, 0x41, 0xD44, 0, 2_840_000),
        ),
        V8_2,
    ),
    PhoneFacts(
        "Pixel 6a",
        f"{TABLE}/tensor-g1; hrw/arm-socs-table issue 60; ro.soc.model: pytorch/cpuinfo pull request 382",
        (
            Run(4, 0x41, 0xD05, 0, 1_800_000),
            Run(2, 0x41, 0xD0B, 0, 2_250_000),
            Run(2, 0x41, 0xD44, 0, 2_800_000),
        ),
        V8_2,
        {"ro.soc.model": "Tensor"},
    ),
    PhoneFacts(
        "Galaxy S22 Ultra",
        f"{TABLE}/snapdragon-8-gen1; hrw/arm-socs-table issue 89 (SVE is told, SVE2 is not)",
        (
            Run(4, 0x41, 0xD46, 0, 1_800_000),
            Run(3, 0x41, 0xD47, 0, 2_500_000),
            Run(1, 0x41, 0xD48, 0, 3_000_000),
        ),
        f"{V8_6_START} sve {V8_6_MIDDLE} flagm2 frint i8mm bf16 bti",
    ),
    PhoneFacts(
        "Xiaomi 13 Pro",
        f"{TABLE}/snapdragon-8-gen2; hrw/arm-socs-table issue 88",
        (
            Run(3, 0x41, 0xD46, 0, 2_000_000),
            Run(2, 0x41, 0xD4D, 0, 2_800_000),
            Run(2, 0x41, 0xD47, 0, 2_800_000),
            Run(1, 0x41, 0xD4E, 0, 3_200_000),
        ),
        f"{V8_6_START} {V8_6_MIDDLE} flagm2 frint i8mm bf16 bti",
    ),
    PhoneFacts(
        "Kirin 9000S",
        f"{TABLE}/HiSilicon-Kirin-9000s.cpuinfo",
        (
            Run(4, 0x41, 0xD46, 0, 1_530_000),
            Run(3, 0x48, 0xD42, 0, 2_150_000),
            Run(1, 0x48, 0xD02, 0, 2_620_000),
        ),
        f"{V8_6_START} sve asimdfhm dit ilrcpc flagm ssbs sb pacg dcpodp flagm2 frint svei8mm i8mm bti",
    ),
    PhoneFacts(
        "iQOO Neo9 Pro",
        f"{TABLE}/mediatek-dimensity-9300; hrw/arm-socs-table issue 108",
        (
            Run(4, 0x41, 0xD81, 0, 2_000_000),
            Run(3, 0x41, 0xD82, 0, 2_850_000),
            Run(1, 0x41, 0xD82, 0, 3_250_000),
        ),
        f"{V8_6_START} asimdfhm dit uscat ilrcpc flagm ssbs sb dcpodp flagm2 frint i8mm bf16 dgh bti ecv afp "
        "wfxt",
    ),
    PhoneFacts(
        "Galaxy S24+",
        f"{TABLE}/exynos-2400; hrw/arm-socs-table issue 106",
        (
            Run(4, 0x41, 0xD80, 0, 2_000_000),
            Run(3, 0x41, 0xD81, 0, 2_600_000),
            Run(2, 0x41, 0xD81, 0, 2_900_000),
            Run(1, 0x41, 0xD82, 0, 3_200_000),
        ),
        f"{V8_6_START} sve {V8_6_MIDDLE} {SVE2} flagm2 frint svei8mm svebf16 i8mm bf16 dgh bti ecv afp wfxt",
    ),
    PhoneFacts(
        "Galaxy S25+",
        f"{TABLE}/snapdragon-8-elite; hrw/arm-socs-table issue 115",
        (Run(6, 0x51, 0x001, 0, 3_530_000), Run(2, 0x51, 0x001, 0, 4_470_000)),
        f"{V8_6_START} {V8_6_MIDDLE} flagm2 frint i8mm bf16 rng bti ecv afp rpres",
    ),
    PhoneFacts(
        "OnePlus 15",
        "pytorch/cpuinfo issue 356, pull request 357 (SME is told, SME2 is not)",
        (Run(6, 0x51, 0x002, 0, 3_620_000), Run(2, 0x51, 0x002, 0, 4_600_000)),
        f"{V8_6_START} sve {V8_6_MIDDLE} sve2 sveaes svepmull svesha3 svesm4 flagm2 frint svei8mm svebf16 "
        f"i8mm bf16 rng bti ecv afp rpres {SME} lrcpc3",
        {"ro.product.model": "CPH2747", "ro.soc.model": "SM8850"},
    ),
    PhoneFacts(
        "Dimensity 9500",
        "hrw/arm-socs-table issue 153 (features, first cores); the faster cores: MediaTek's product page",
        (
            Run(4, 0x41, 0xD8B, 0, 2_700_000),
            Run(3, 0x41, 0xD90, 0, 3_500_000),
            Run(1, 0x41, 0xD8C, 0, 4_210_000),
        ),
        f"{V8_6_START} sve {V8_6_MIDDLE} {SVE2} flagm2 frint svei8mm svebf16 i8mm bf16 dgh bti ecv afp {SME} "
        "wfxt rprfm sme2 smei16i32 smebi32i32 hbc lrcpc3",
    ),
)


def phone(name: str) -> PhoneFacts:
    """The phone of that name."""
    return next(facts for facts in PHONES if facts.name == name)

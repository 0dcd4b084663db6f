"""Phones that can be emulated, as data: core, instruction sets, clocks, Android version."""

from __future__ import annotations

from dataclasses import dataclass

_V8_0 = "fp asimd aes pmull sha1 sha2 crc32"
_A76 = f"{_V8_0} atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
_V9 = (
    f"{_V8_0} atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 sm4 asimddp sha512 sve "
    "asimdfhm ilrcpc flagm sb paca pacg dcpodp sve2 sveaes svepmull svebitperm svesha3 svesm4 "
    "flagm2 frint svei8mm svef32mm svef64mm svebf16 i8mm bf16 rng bti mte"
)


@dataclass(frozen=True)
class CoreKind:
    """One kind of core of a phone.

    Attributes:
        implementer: MIDR_EL1's implementer, the "CPU implementer" of /proc/cpuinfo.
        variant: Its variant (the r of rNpM).
        part: Its part number.
        revision: Its revision (the p of rNpM).
        min_khz: The lowest clock that cpufreq tells.
        max_khz: The highest.
    """

    implementer: int
    variant: int
    part: int
    revision: int
    min_khz: int
    max_khz: int


@dataclass(frozen=True)
class PhoneProfile:
    """What an emulated phone says that it is.

    Attributes:
        qemu_cpu: qemu's name of the core whose instructions the phone runs.
        model: ``ro.product.model``.
        soc: ``ro.soc.model``.
        android: ``ro.build.version.release``.
        sdk: ``ro.build.version.sdk``.
        features: /proc/cpuinfo's "Features", what qemu's core really has (``AT_HWCAP``).
        big: The fast cores.
        little: The slow ones; the same as ``big`` for a phone of one kind.
        cores: How many cores it has, half of them little.
    """

    qemu_cpu: str
    model: str
    soc: str
    android: str
    sdk: int
    features: str
    big: CoreKind
    little: CoreKind
    cores: int = 8

    def core_kinds(self, available: int) -> list[CoreKind]:
        """Return the kind of each core, little ones first.

        Args:
            available: The processors that the host gives; there are never more cores than that, because a
                program cannot be pinned to a core that is not there.
        """
        count = max(1, min(self.cores, available))
        return [self.little] * (count // 2) + [self.big] * (count - count // 2)

    def banner_properties(self) -> dict[str, str]:
        """Return the properties that ADB's greeting tells; adb lists devices by them."""
        name = self._name()
        return {
            "ro.product.name": name,
            "ro.product.model": self.model,
            "ro.product.device": name,
        }

    def properties(self) -> dict[str, str]:
        """Return what ``getprop`` answers."""
        return {
            **self.banner_properties(),
            "ro.product.manufacturer": "Group-Net",
            "ro.product.brand": "Group-Net",
            "ro.product.board": self.soc,
            "ro.product.cpu.abi": "arm64-v8a",
            "ro.product.cpu.abilist": "arm64-v8a",
            "ro.product.cpu.abilist64": "arm64-v8a",
            "ro.soc.manufacturer": "QEMU",
            "ro.soc.model": self.soc,
            "ro.board.platform": "emulated",
            "ro.hardware": "emulated",
            "ro.build.version.release": self.android,
            "ro.build.version.sdk": str(self.sdk),
            "ro.build.type": "userdebug",
            "ro.debuggable": "1",
            "sys.boot_completed": "1",
            # Android's own marks of an emulator: who times anything must know that this is none of silicon.
            "ro.kernel.qemu": "1",
            "ro.boot.qemu": "1",
        }

    def _name(self) -> str:
        return "emulated_" + self.model.split()[-1].lower().replace("-", "_")


_A53 = CoreKind(0x41, 0x0, 0xD03, 4, min_khz=652_800, max_khz=2_016_000)
_A55 = CoreKind(0x41, 0x1, 0xD05, 0, min_khz=300_000, max_khz=1_785_600)
_A76_CORE = CoreKind(0x41, 0x4, 0xD0B, 1, min_khz=710_400, max_khz=2_419_200)
# qemu gives its core "max" no implementer and the part number of the letter Q.
_MAX = CoreKind(0x00, 0x0, 0x051, 0, min_khz=600_000, max_khz=3_000_000)

PROFILES: dict[str, PhoneProfile] = {
    "cortex-a53": PhoneProfile(
        qemu_cpu="cortex-a53",
        model="Emulated Cortex-A53",
        soc="EMU-A53",
        android="9",
        sdk=28,
        features=f"{_V8_0} cpuid",
        big=_A53,
        little=_A53,
    ),
    "cortex-a76": PhoneProfile(
        qemu_cpu="cortex-a76",
        model="Emulated Cortex-A76",
        soc="EMU-A76",
        android="12",
        sdk=31,
        features=_A76,
        big=_A76_CORE,
        little=_A55,
    ),
    "max": PhoneProfile(
        # The architected pointer authentication costs qemu more time than everything else together.
        qemu_cpu="max,pauth-impdef=on",
        model="Emulated Armv9-max",
        soc="EMU-MAX",
        android="14",
        sdk=34,
        features=_V9,
        big=_MAX,
        little=_MAX,
    ),
}
"""The phones by the name of their core, as `emulator.phone.start_phone` takes it."""

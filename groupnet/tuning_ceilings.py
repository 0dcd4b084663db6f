"""What a core can multiply at most, measured on registers, and kept beside the records."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

FILE = "ceilings.json"


class Peak(BaseModel):
    """Products per second of one type of core, by threads; the most that was ever measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    core: str
    threads: int
    binary_macs_s: float
    float_macs_s: float

    def share(self, key: str, seconds: float) -> float | None:
        """Return what share of the peak a call of so many seconds reaches.

        None: it multiplies nothing, or bytes of pixels, of which more a second can be multiplied than floats.
        """
        from tvm_schedules.products import multiply_accumulates, product_class
        from tvm_schedules.tuning.request import parse_kernel_key

        name = parse_kernel_key(key)
        kind = product_class(name)
        if kind is None or name.op == "pixel_conv2d":
            return None
        peak = self.binary_macs_s if kind == "binary" else self.float_macs_s
        return multiply_accumulates(name) / seconds / peak


_PEAKS = TypeAdapter(tuple[Peak, ...])


@dataclass(frozen=True)
class Peaks:
    """The peaks of a folder of records; a file of their own, `ceilings.json`."""

    folder: Path

    def read(self) -> tuple[Peak, ...]:
        """Return what was measured; nothing where there is no file, or one that cannot be read."""
        path = self.folder / FILE
        try:
            return _PEAKS.validate_json(path.read_bytes()) if path.is_file() else ()
        except ValidationError:
            return ()

    def find(self, core: str, threads: int) -> Peak | None:
        """Return the peak of a core, if it was measured."""
        return next((peak for peak in self.read() if (peak.core, peak.threads) == (core, threads)), None)

    def add(self, measured: Peak) -> Peak:
        """Keep the larger of what is there and what was measured, and return it.

        Raises:
            OSError: the file cannot be written.
        """
        before = self.find(measured.core, measured.threads) or measured
        largest = measured.model_copy(
            update={
                "binary_macs_s": max(before.binary_macs_s, measured.binary_macs_s),
                "float_macs_s": max(before.float_macs_s, measured.float_macs_s),
            }
        )
        kept = [peak for peak in self.read() if (peak.core, peak.threads) != (largest.core, largest.threads)]
        self.folder.mkdir(parents=True, exist_ok=True)
        written = self.folder / f"{FILE}.new"
        written.write_bytes(_PEAKS.dump_json((*kept, largest), indent=1))
        written.replace(self.folder / FILE)
        return largest

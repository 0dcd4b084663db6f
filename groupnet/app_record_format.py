"""What the app keeps and what `bench --json` prints, as far as a report reads them, as validated data."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Count = Annotated[int, Field(ge=0)]
_Threads = Annotated[int, Field(ge=1)]
_Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    """Fields may be added by later versions; those that are known have their types."""

    model_config = ConfigDict(strict=True, frozen=True)


class Latency(_Part):
    """Times in milliseconds."""

    min: _Milliseconds
    p50: _Milliseconds
    p95: _Milliseconds
    samples: Annotated[tuple[_Milliseconds, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not self.min <= self.p50 <= self.p95:
            raise ValueError(f"times that cannot be: {self.min}, {self.p50}, {self.p95}")
        return self


class Throttling(_Part):
    """Whether clocks fell, and how that showed."""

    throttled: bool
    reasons: tuple[str, ...] = ()


class Cores(_Part):
    """The cores that a benchmark program was asked for; None: the system decided."""

    asked: str | None = None


class AppResult(_Part):
    """One model's times in the app: the `result` of the benchmark program."""

    model: str
    threads: _Threads
    cores: Cores | None = None
    latency_ms: Latency
    throttling: Throttling | None = None


class Phone(_Part):
    """What the app says of the phone."""

    name: str
    soc: str = ""


class _TestSet(_Part):
    model: str
    images: _Count


class Classified(_TestSet):
    """Pictures whose class is right."""

    task: Literal["classification"]
    right: _Count


class Detected(_TestSet):
    """Objects, how many were found, and boxes that are none of them."""

    task: Literal["detection"]
    objects: _Count
    found: _Count
    extra: _Count


class Segmented(_TestSet):
    """Intersection over union, its mean over classes."""

    task: Literal["segmentation"]
    mean_iou: Annotated[float, Field(ge=0, le=1)]


TestScore = Annotated[Classified | Detected | Segmented, Field(discriminator="task")]


class AppRecord(_Part):
    """One file that the app kept, shared or saved."""

    kind: Literal["groupnet-app-record"]
    version: Annotated[Literal[1], Field(alias="schema")]
    phone: Phone
    background: bool
    results: tuple[AppResult, ...]
    test_sets: tuple[TestScore, ...]


class Hardware(_Part):
    """What a phone is made of."""

    soc: str = ""


class Device(_Part):
    """The `device` of a result of `bench`."""

    model: str
    cpu: str
    hardware: Hardware | None = None
    emulated: bool


class RunControl(_Part):
    """The cores that `bench --runtime rpc` was asked for."""

    asked_cores: str | None = None


class BenchResult(_Part):
    """What `bench --json` prints; with a second bundle there is another one in `compare`."""

    name: str
    runtime: Literal["rpc", "aot"] = "rpc"
    device: Device
    threads: _Threads
    cores: Cores | None = None
    run_control: RunControl | None = None
    latency_ms: Latency
    throttling: Throttling | None = None
    compare: "BenchResult | None" = None

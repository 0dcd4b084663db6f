"""What others read of an export's `export.json`, as validated data: no compiler sees what is damaged."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from groupnet.manifest import Network, NotNegative, Positive, Sha256

_Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
_PlainText = Annotated[str, Field(pattern=r"^[^\x00]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class ExportedTensor(_Part):
    """An input or output as C sees it."""

    name: _PlainText
    shape: tuple[Positive, ...]
    dtype: str
    size_bytes: Positive


class ExportDescription(_Part):
    """The fields that `groupnet native` needs; there are more, see `groupnet.export.export_c`."""

    name: _PlainText
    symbol: _Identifier
    task: str
    target: str
    preparation: _PlainText
    input_size: Positive
    network: Network | None
    tolerances: tuple[_Finite, ...]
    model_sha256: Sha256
    inputs: tuple[ExportedTensor, ...]
    outputs: tuple[ExportedTensor, ...]
    calls: tuple[_PlainText, ...]
    constant_bytes: NotNegative

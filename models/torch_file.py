"""Files of `torch.save`, written as a whole or not at all, and read without running code from them."""

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import torch

from models.errors import CheckpointError


def save_torch_file(path: Path, payload: dict[str, Any]) -> None:
    """Write `payload` to a temporary file beside `path`, then rename it: an interrupt leaves the old file.

    Raises:
        CheckpointError: The file cannot be written.
    """
    # Through memory, because torch.save puts the file's name into the file: equal payloads give equal bytes.
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise CheckpointError(
            f"expected to write {path}; got {error.strerror or error}; "
            "choose a writable folder with free space"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def load_torch_file(path: Path) -> dict[str, Any]:
    """Read what `save_torch_file` wrote, tensors on the CPU.

    Raises:
        CheckpointError: There is no such file, or it is truncated, altered or of another kind.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"expected a readable checkpoint at {path}; got {error.strerror or error}; check the path"
        ) from error
    try:
        payload = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged bytes make the unpickler raise nearly anything; all of it means the same to the reader.
        raise CheckpointError(
            f"expected a checkpoint at {path}; got a file that torch cannot read ({type(error).__name__}); "
            "it is truncated or no checkpoint, copy it again"
        ) from error
    if not isinstance(payload, dict):
        raise CheckpointError(
            f"expected a checkpoint at {path}; got a {type(payload).__name__}; use a file that training wrote"
        )
    return payload

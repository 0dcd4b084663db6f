"""How code of kernels is generated, wherever they run: in networks, in measurements, in counts."""

from typing import Any

import tvm


def unchecked() -> Any:
    """A context for `tvm.compile` in which kernels do not check their arguments.

    A network's `main` checks what its caller gives it, and calls kernels on tensors of its own plan.
    Checking each argument again would be three quarters of the code.
    """
    return tvm.transform.PassContext(config={"tirx.disable_assert": True})

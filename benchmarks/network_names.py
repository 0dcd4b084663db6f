"""Reading which Group-Nets to measure: `ARCHITECTURE:K`, such as `groupnet_resnet18:5`."""

from benchmarks.errors import BenchmarkError
from benchmarks.network_kernels import Net


def parse_net(text: str) -> Net:
    """Read `ARCHITECTURE:K`.

    Raises:
        BenchmarkError: there is no positive K behind a colon.
    """
    architecture, _, bases = text.partition(":")
    if not bases.isdecimal() or int(bases) < 1:
        raise BenchmarkError(f"expected ARCHITECTURE:K such as groupnet_resnet18:5; got '{text}'")
    return Net(architecture, int(bases))

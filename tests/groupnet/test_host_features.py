"""A bundle that the host's processor cannot run is refused before it is loaded."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tvm.target import Target

from groupnet import host_features, manifest
from groupnet.bundle import load_bundle
from groupnet.errors import BundleTargetError

SAPPHIRE_RAPIDS = Target({"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "sapphirerapids"})
HASWELL = Target({"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "haswell"})


def test_newer_cores_have_what_older_ones_use_and_not_the_reverse() -> None:
    assert host_features.missing_features(HASWELL, SAPPHIRE_RAPIDS) == []
    missing = host_features.missing_features(SAPPHIRE_RAPIDS, HASWELL)
    assert {"avx512f", "avx512vpopcntdq"} <= set(missing)
    assert not any(name.startswith(("fast", "slow", "prefer")) for name in missing)


def test_attributes_of_a_target_count(tmp_path: Path, write_bundle: Callable[..., Path]) -> None:
    target = manifest.Target(
        text="mine",
        kind="llvm",
        triple="x86_64-linux-gnu",
        mcpu="x86-64",
        # AMD's sets and Intel's: no processor has both.
        mattr=("+sse4a", "+amx-tile"),
        arch="x86_64",
    )
    bundle = load_bundle(write_bundle(tmp_path / "b", target=target))
    with pytest.raises(BundleTargetError, match=r"(amx-tile|sse4a).*, which this processor lacks"):
        host_features.check_host_features(bundle)


def test_the_plainest_target_runs_here(tmp_path: Path, write_bundle: Callable[..., Path]) -> None:
    plain = manifest.Target(
        text="plain", kind="llvm", triple="x86_64-linux-gnu", mcpu="x86-64", mattr=(), arch="x86_64"
    )
    host_features.check_host_features(load_bundle(write_bundle(tmp_path / "b", target=plain)))

"""What is timed computes what it should, and rates are of the work that was done."""

import numpy as np

from android_runner.devices import open_device
from benchmarks.kernels import VARIANTS, build_chains, example_inputs, function_name, row
from benchmarks.layers import RESNET18_STAGES, Layer
from tvm_schedules.targets import resolve_target
from tvm_schedules.words import pack_signs


def test_every_variant_runs_its_kernels(tmp_path):
    layer, target = Layer(5, 32), resolve_target("host")
    library = tmp_path / "kernels.so"
    build_chains((layer,), target, library)
    x, words, weights, scale, shift = inputs = example_inputs(layer, target)
    with open_device("host").session() as session:
        module = session.load(library)
        results = {v: module.run(function_name(layer, v), inputs)[0] for v in VARIANTS}
        fused, packed = module.run(function_name(layer, "conv + add + pack"), inputs)
        # On words that are x's own signs the convolution alone gives what it gives behind the packing.
        own_words = [x, pack_signs(x, (1, 1)), weights, scale, shift]
        (alone,) = module.run(function_name(layer, "conv"), own_words)
    np.testing.assert_array_equal(results["pack"], pack_signs(x, (1, 1)))
    np.testing.assert_array_equal(results["pack + conv"], alone)
    assert not np.array_equal(results["conv"], alone)
    np.testing.assert_array_equal(fused, results["conv"] + x)
    np.testing.assert_array_equal(packed, pack_signs(fused, (1, 1)))
    assert words.shape == own_words[1].shape


def test_rates_are_of_the_minimum():
    layer = RESNET18_STAGES[0]
    result = row(layer, "conv", 1, min_ms=0.1, median_ms=0.2, ceiling_gbmac_s=2000.0)
    assert result["gbmac_s"] == layer.macs / 1e-4 / 1e9
    assert result["ceiling_ratio"] == result["gbmac_s"] / 2000.0
    assert (result["stage"], result["variant"], result["threads"]) == ("56x56x64", "conv", 1)
    assert row(layer, "pack", 1, 0.1, 0.2, 2000.0)["gbmac_s"] is None

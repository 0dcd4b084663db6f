"""Official checkpoints, generated: the converted network computes what their code describes."""

import pytest
import torch
import torch.nn.functional as F

from models.errors import CheckpointError
from models.group_net import GroupNet
from models.official import convert_official

WIDTHS, DEPTHS, BASES = (4, 8), (2, 1), 3


def official_state(*, learned, gated, stem_bias, counters=True, prefix="", bases=BASES):
    """A state_dict with the names that the authors' classes give, and random values."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    state = {"conv1.weight": draw(WIDTHS[0], 3, 7, 7)}
    if stem_bias:
        state["conv1.bias"] = draw(WIDTHS[0])

    def norm(name, channels):
        state[f"{name}.weight"], state[f"{name}.bias"] = draw(channels), draw(channels)
        state[f"{name}.running_mean"] = draw(channels)
        state[f"{name}.running_var"] = torch.rand(channels, generator=generator) + 0.5
        if counters:
            state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    norm("bn1", WIDTHS[0])
    channels = WIDTHS[0]
    for layer, (width, depth) in enumerate(zip(WIDTHS, DEPTHS, strict=True), start=1):
        for block in range(depth):
            name = f"layer{layer}.{block}"
            for k in range(bases):
                state[f"{name}.conv1.{k}.weight"] = draw(width, channels, 3, 3)
                state[f"{name}.conv2.{k}.weight"] = draw(width, width, 3, 3)
                norm(f"{name}.bn1.{k}", width)
                norm(f"{name}.bn2.{k}", width)
                if learned:
                    state[f"{name}.scales.{k}"] = draw(1)
            if channels != width:
                state[f"{name}.downsample.conv.weight"] = draw(width, channels, 1, 1)
                norm(f"{name}.downsample.batch_norm", width)
            if gated and (layer, block) != (1, 0):
                state[f"{name}.block_gate"] = draw(1)
            channels = width
    state["fc.weight"], state["fc.bias"] = draw(5, channels), draw(5)
    return {prefix + key: value for key, value in state.items()}


def _described(state, x):
    """The forward pass that the authors describe, on their names; base 0 hands on its own output."""

    def norm(y, name):
        parts = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(y, *(state[f"{name}.{part}"] for part in parts))

    def conv(signs, name, stride=1):
        weight = state[f"{name}.weight"]
        border = weight.shape[2] // 2
        padded = F.pad(signs, (border,) * 4, value=1.0)
        return F.conv2d(padded, weight.sign() * weight.abs().mean(), stride=stride)

    y = F.conv2d(x, state["conv1.weight"], state.get("conv1.bias"), stride=2, padding=3)
    fused = norm(F.max_pool2d(y, 3, 2, 1), "bn1")
    bases = sum(".conv1." in name for name in state) // sum(DEPTHS)
    outputs = [fused] * bases
    for layer, depth in enumerate(DEPTHS, start=1):
        for block in range(depth):
            name = f"layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            made = []
            for k in range(bases):
                x = fused
                if f"{name}.block_gate" in state:
                    gate = torch.sigmoid(state[f"{name}.block_gate"])
                    x = gate * outputs[k] + (1 - gate) * fused
                residual = x
                if f"{name}.downsample.conv.weight" in state:
                    shortcut = conv(x.sign(), f"{name}.downsample.conv", stride)
                    residual = norm(shortcut, f"{name}.downsample.batch_norm")
                h = norm(conv(x.sign(), f"{name}.conv1.{k}", stride).relu(), f"{name}.bn1.{k}") + residual
                made.append(norm(conv(h.sign(), f"{name}.conv2.{k}").relu(), f"{name}.bn2.{k}") + h)
            outputs = made
            scales = [state.get(f"{name}.scales.{k}", torch.tensor(1 / bases)) for k in range(bases)]
            fused = sum(scale * output for scale, output in zip(scales, outputs, strict=True))
    return F.linear(fused.mean((2, 3)), state["fc.weight"], state["fc.bias"])


@pytest.mark.parametrize(
    ("learned", "gated", "stem_bias", "prefix"),
    [
        (False, True, False, "module."),
        (True, True, True, ""),
        (True, False, True, "module."),
        (False, False, False, ""),
    ],
)
def test_logits_are_those_of_the_described_computation(learned, gated, stem_bias, prefix):
    state = official_state(learned=learned, gated=gated, stem_bias=stem_bias, prefix=prefix)
    config, converted = convert_official(state, input_size=32)
    assert (config.depths, config.width, config.bases, config.num_classes) == (DEPTHS, 4, BASES, 5)
    assert (config.fusion, config.gate) == ("learned" if learned else "average", "block" if gated else "none")
    net = GroupNet(config)
    net.load_state_dict(converted)
    image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    expected = _described({name.removeprefix("module."): t for name, t in state.items()}, image)
    torch.testing.assert_close(net.eval()(image), expected, rtol=1e-4, atol=1e-4)


def test_the_gate_of_one_averaged_base_is_left_out():
    state = official_state(learned=False, gated=True, stem_bias=False, bases=1)
    config, converted = convert_official(state, input_size=32)
    assert config.gate == "none" and not any("theta" in name for name in converted)
    net = GroupNet(config)
    net.load_state_dict(converted)
    image = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(net.eval()(image), _described(state, image), rtol=1e-4, atol=1e-4)


def test_files_without_counters_and_with_half_floats_are_whole():
    state = official_state(learned=True, gated=True, stem_bias=True, counters=False)
    config, converted = convert_official({name: tensor.half() for name, tensor in state.items()}, 32)
    assert converted.keys() == GroupNet(config).state_dict().keys()
    assert converted["stem.0.weight"].dtype == torch.float32
    assert converted["stem.2.num_batches_tracked"].item() == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda s: s.pop("conv1.weight"), "none named conv1.weight"),
        (lambda s: s.pop("layer1.0.scales.1"), "none named layer1.0.scales.1"),
        (lambda s: s.pop("layer2.0.bn1.2.bias"), r"missing \['groups.2.blocks.0.branches.2.bn1.bias'\]"),
        (lambda s: s.update({"head.weight": torch.zeros(1)}), "one named head.weight"),
        (lambda s: s.update({"layer1.0.conv3.0.bias": torch.zeros(1)}), "unknown"),
        (lambda s: s.update({"layer1.0.prelu.weight": torch.zeros(1)}), "layer1.0.prelu.weight"),
        (lambda s: s.update({"fc.weight": torch.zeros(5, 9)}), r"classifier.weight of shape \[5, 8\]"),
        (lambda s: s.update({"conv1.weight": torch.zeros(4, 3, 3, 3)}), r"stem.0.weight of shape"),
    ],
)
def test_other_states_are_refused(change, complaint):
    state = official_state(learned=True, gated=True, stem_bias=False)
    change(state)
    with pytest.raises(CheckpointError, match=complaint):
        convert_official(state, 32)


def test_a_state_without_bases_is_refused():
    with pytest.raises(CheckpointError, match="names without residual blocks of bases"):
        convert_official({"conv1.weight": torch.zeros(4, 3, 7, 7), "fc.weight": torch.zeros(5, 8)})

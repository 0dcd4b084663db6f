"""Pixels in place of normalised images: the same numbers, borders too, or an error that names the reader."""

import numpy as np
import pytest
import torch
from node_samples import random_constant
from tvm import relax

from frontend.errors import UnsupportedModelError
from frontend.nodes import FLOAT_CONV2D, make_node, shape_of, tensor_type
from frontend.normalisation import Normalisation
from frontend.passes.fold_normalisation import fold_normalisation, with_normalisation

IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def stem(emit, x, out_channels=4):
    n, h, w, c = shape_of(x)
    attributes = {"stride": [1, 1], "padding": [2, 1], "dilation": [1, 1], "relu": True}
    arguments = [x, random_constant(out_channels, c, 3, 3), random_constant(out_channels)]
    return emit(make_node(FLOAT_CONV2D, arguments, attributes, tensor_type((n, h + 2, w, out_channels))))


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_give_what_a_normalised_image_does(build_graph, evaluate, channels):
    def body(emit, x):
        return emit(relax.op.add(stem(emit, x), stem(emit, x)))

    normalisation = Normalisation(IMAGENET.mean[:channels], IMAGENET.std[:channels])
    module = build_graph({"x": (1, 5, 7, channels)}, body)
    folded, fired = fold_normalisation(with_normalisation(module, normalisation))
    assert fired == 2
    assert str(folded["main"].params[0].ty.dtype) == "uint8"
    assert not folded.attrs
    pixels = np.random.default_rng(0).integers(0, 256, (1, 5, 7, channels), np.uint8)
    image = (torch.from_numpy(pixels).double() / 255 - torch.tensor(normalisation.mean)) / torch.tensor(
        normalisation.std
    )
    (expected,) = evaluate(module, image.numpy())
    (actual,) = evaluate(folded, pixels)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_a_module_without_normalisation_stays(build_graph):
    module = build_graph({"x": (1, 5, 5, 3)}, stem)
    assert fold_normalisation(module) == (module, 0)


def test_another_reader_of_the_image_is_named(build_graph):
    def body(emit, x):
        return emit(relax.op.add(stem(emit, x, 3), stem(emit, emit(relax.op.nn.relu(x)), 3)))

    module = with_normalisation(build_graph({"x": (1, 5, 5, 3)}, body), IMAGENET)
    with pytest.raises(UnsupportedModelError, match=r"got relax\.nn\.relu, which reads it too"):
        fold_normalisation(module)


def test_an_image_that_is_returned_stays_float(build_graph):
    module = build_graph({"x": (1, 5, 5, 3)}, lambda emit, x: relax.Tuple([stem(emit, x), x]))
    with pytest.raises(UnsupportedModelError, match="the output"):
        fold_normalisation(with_normalisation(module, IMAGENET))


def test_an_image_of_other_channels_is_refused(build_graph):
    module = with_normalisation(build_graph({"x": (1, 5, 5, 1)}, stem), IMAGENET)
    with pytest.raises(UnsupportedModelError, match=r"an image of 3 channels.*\[1, 5, 5, 1\]"):
        fold_normalisation(module)

"""One grouped convolution on random exact values, and what it must give: for tests of every kind."""

from dataclasses import dataclass

import numpy as np
from kernel_harness import normal_with_zeros

from tvm_schedules.binary_conv2d import BinaryConv2dShape, pack_weights
from tvm_schedules.grouped_conv2d import GroupedEpilogue, grouped_conv2d_kernel
from tvm_schedules.reference import binary_conv2d_reference
from tvm_schedules.words import pack_signs


@dataclass(frozen=True)
class GroupedCase:
    """`shared`: all branches read one input; `shows`: the branches' results are wanted too."""

    shape: BinaryConv2dShape
    epilogue: GroupedEpilogue
    branches: int
    shared: bool = False
    shows: bool = False
    pad_value: int = 1

    def check(self, run, target, rng, **schedule):
        """Run the kernel by `run(func, target, *arrays, outs=, over=)`; everything must be equal exactly.

        Scales and factors are powers of two or 0 and the rest small integers, so that nothing is rounded.
        """
        shape, epilogue, each = self.shape, self.epilogue, range(self.branches)
        size = (shape.batch, shape.height, shape.width, shape.in_channels)
        x = [normal_with_zeros(rng, size) for _ in each]
        x = x[:1] * self.branches if self.shared else x
        weights = [
            normal_with_zeros(rng, (shape.out_channels, shape.in_channels, *shape.kernel)) for _ in each
        ]
        powers = [-2.0, -0.5, 0.0, 0.25, 1.0]
        scale = rng.choice(powers, (self.branches, shape.out_channels)).astype(np.float32)
        shift = rng.integers(-3, 4, (self.branches, shape.out_channels)).astype(np.float32)
        residuals = rng.integers(-4, 5, (self.branches, *shape.out_shape)).astype(np.float32)
        factors = rng.choice(powers, (3, self.branches)).astype(np.float32)
        expected = self._expected(x, weights, scale, shift, residuals, factors)
        added = list(residuals) if epilogue.residual else []
        shown_shape = (shape.batch if self.shows else 0, *shape.out_shape[1:])
        over = range(self.branches + 3, 2 * self.branches + 3) if epilogue.in_place else ()
        written = [(array.shape, array.dtype) for array in expected[len(over) :]]
        results = run(
            grouped_conv2d_kernel(shape, target, epilogue, branches=self.branches, **schedule),
            target,
            *(pack_signs(image, shape.border, self.pad_value) for image in x),
            np.concatenate([pack_weights(weight, target) for weight in weights]),
            *(scale.reshape(-1), shift.reshape(-1)),
            *added,
            *factors,
            outs=[(shown_shape, np.float32)] * self.branches + written,
            over=over,
        )
        in_place, shown, rest = np.split(np.arange(len(results)), [len(over), len(over) + self.branches])
        got = [results[position] for position in (*in_place, *rest)]
        for actual, wanted in zip(got, expected, strict=True):
            np.testing.assert_array_equal(actual, wanted)
        if self.shows:
            y = self._branches(x, weights, scale, shift, residuals)
            for position, wanted in zip(shown, y, strict=True):
                np.testing.assert_array_equal(results[position], wanted)

    def _branches(self, x, weights, scale, shift, residuals):
        shape, y = self.shape, []
        for image, weight, *affine, residual in zip(x, weights, scale, shift, residuals, strict=True):
            dot = binary_conv2d_reference(
                image, weight, shape.stride, shape.padding, shape.dilation, self.pad_value
            )
            dot = np.maximum(dot, 0) if self.epilogue.relu else dot
            y.append((dot * affine[0] + affine[1] + residual * self.epilogue.residual).astype(np.float32))
        return y

    def _expected(self, x, weights, scale, shift, residuals, factors):
        """The outputs that go over residuals, then `m`, floats and words as the kernel has them."""
        epilogue = self.epilogue
        y = self._branches(x, weights, scale, shift, residuals)
        own, weight, share = factors
        m = sum(weight[k] * y[k] for k in range(self.branches))
        inputs = [own[k] * y[k] + share[k] * m for k in range(self.branches)]
        packed = epilogue.packed
        words = [pack_signs(value, packed.border, packed.pad_value) for value in inputs] if packed else []
        over = inputs if epilogue.in_place else []
        floats = inputs if epilogue.floats and not epilogue.in_place else []
        return [*over, *([m] if epilogue.mixed else []), *floats, *words]

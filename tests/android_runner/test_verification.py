"""The verifier accepts what is right, and names the layer of every kind of fault."""

import dataclasses
import hashlib

import numpy as np
import pytest

from android_runner.errors import VerificationError
from android_runner.verification import (
    ConvPlan,
    PackPlan,
    ReferenceTensors,
    VerificationPlan,
    verify_module,
)
from tvm_schedules.reference import binary_conv2d_reference
from tvm_schedules.words import pack_signs

RNG = np.random.default_rng(0)
OWN, LEFT, SHOWN, OUT = range(4)  # what `verify` returns here
X = RNG.normal(size=(1, 6, 6, 33)).astype(np.float32)
WEIGHT = RNG.normal(size=(5, 33, 3, 3)).astype(np.float32)
INTEGERS = binary_conv2d_reference(X, WEIGHT, (1, 1), (1, 1), (1, 1), 1)
OUTPUT = X.mean(axis=(1, 2)).astype(np.float32)


def digest(integers):
    return hashlib.sha256(np.ascontiguousarray(integers, dtype="<i4").tobytes()).hexdigest()


def plan(relu):
    packs = (PackPlan((1, 6, 6, 33), (1, 1), 1, "left"),)
    convolutions = (
        ConvPlan("left", 0, relu, digest(INTEGERS[..., :2])),
        ConvPlan("right", 0, relu, digest(INTEGERS[..., 2:])),
    )
    return VerificationPlan(packs, convolutions)


REFERENCE = ReferenceTensors((X,), (OUTPUT,), (np.packbits(X >= 0, axis=-1, bitorder="little"),))


class FakeModule:
    """A device that computes as it should, apart from the one fault that it is given."""

    def __init__(self, relu=True, fault=None):
        self.relu, self.fault, self.calls = relu, fault, []

    def run(self, function, inputs):
        self.calls.append(function)
        if function == "main":
            return [OUTPUT]
        turned = not np.array_equal(inputs[1], pack_signs(X, (1, 1), 1))
        if turned:
            np.testing.assert_array_equal(inputs[1], pack_signs(-X, (1, 1), -1))
        shown = (-INTEGERS if turned else INTEGERS).astype(np.float32)
        shown = np.maximum(shown, 0) if self.relu else shown
        results = [pack_signs(X, (1, 1), 1), shown[..., :2].copy(), shown[..., 2:].copy(), OUTPUT.copy()]
        if self.fault:
            self.fault(results)
        return results


@pytest.mark.parametrize("relu", [False, True])
def test_a_right_module_passes(relu):
    module = FakeModule(relu)
    report = verify_module(module, plan(relu), REFERENCE)
    assert report.exact and report.binary_convs == 2 and report.integers == INTEGERS.size
    assert (report.sign_flips, report.signs, report.max_abs_err) == (0, X.size, 0.0)
    # The turned-over run is needed only where a ReLU hides half of the integers.
    assert module.calls.count("verify") == (2 if relu else 1)


def wrong_integer(results):
    results[SHOWN][0, 3, 3, 2] += 2  # in both runs, so that the difference alone would hide it


def integer_in_one_run(results):
    results[SHOWN][0, 3, 3, 2] *= 3  # zero in the other run, and never zero in both: 297 terms are odd


def fraction(results):
    results[SHOWN][0, 0, 0, 0] *= 0.5


def wrong_border(results):
    results[OWN][0, 0, 0, 0] ^= 1


def tail_bit(results):
    results[OWN][0, 2, 2, 1] |= 2


def many_signs(results):
    results[OWN][0, 1:3, 1:3, 0] ^= 0xFF


def wrong_output(results):
    results[OUT][0, 0] += 1


def nan_output(results):
    results[OUT][0, 0] = np.nan


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (wrong_integer, "not both"),
        (integer_in_one_run, "layer right"),
        (fraction, "fractions"),
        (wrong_border, "border"),
        (tail_bit, "filler"),
        (many_signs, "32 of 1188"),
        (wrong_output, "difference of 1"),
        (nan_output, "finite"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_fault_is_named(fault, message):
    with pytest.raises(VerificationError, match=message):
        verify_module(FakeModule(fault=fault), plan(True), REFERENCE)


def test_one_sign_near_zero_may_flip():
    def one_sign(results):
        results[OWN][0, 2, 2, 0] ^= 1

    assert verify_module(FakeModule(fault=one_sign), plan(True), REFERENCE).sign_flips == 1


def test_another_manifest_is_refused():
    other = dataclasses.replace(plan(True), packs=plan(True).packs * 2)
    reference = dataclasses.replace(REFERENCE, signs=REFERENCE.signs * 2)
    with pytest.raises(VerificationError, match="another module"):
        verify_module(FakeModule(), other, reference)

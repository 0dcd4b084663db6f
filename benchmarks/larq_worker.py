"""Time Larq Compute Engine on Bi-Real-Net 18: a program for a Python of its own, which has Larq and not us.

TensorFlow and this project want different releases of the same packages, so the two meet over pipes. Lines
are JSON. The first one that the program writes says which TensorFlow it has; from then on it answers each
line of its input, `[engine, threads, runs]`, with the milliseconds of each run. It ends when its input ends.
"""

import json
import os
import sys
import time
from typing import Any, TextIO

OPTIONS = {
    "larq": {"use_indirect_bgemm": True},
    "larq xnnpack": {"use_indirect_bgemm": True, "use_xnnpack": True},
}
"""Set-up of the interpreter by engine: its fastest binary kernels, float ones of TFLite or of XNNPACK."""


def _answer(answers: TextIO, value: object) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def _serve(questions: TextIO, answers: TextIO) -> None:
    import larq_compute_engine as lce
    import larq_zoo
    import numpy as np
    import tensorflow as tf
    from larq_compute_engine.tflite.python.interpreter import Interpreter

    model = lce.convert_keras_model(larq_zoo.literature.BiRealNet(weights=None))
    image = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype(np.float32)
    interpreters: dict[tuple[str, int], Any] = {}
    _answer(answers, {"tensorflow": tf.__version__})
    for line in questions:
        engine, threads, runs = json.loads(line)
        if (engine, threads) not in interpreters:
            interpreters[engine, threads] = Interpreter(model, num_threads=threads, **OPTIONS[engine])
            interpreters[engine, threads].predict(image)
        samples = []
        for _ in range(runs):
            start = time.perf_counter()
            interpreters[engine, threads].predict(image)
            samples.append((time.perf_counter() - start) * 1e3)
        _answer(answers, samples)


if __name__ == "__main__":
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # Larq's networks are of Keras 2
    with os.fdopen(os.dup(1), "w") as own_stdout:
        # Whatever TensorFlow prints goes to stderr, also from C++: stdout is for answers.
        os.dup2(2, 1)
        _serve(sys.stdin, own_stdout)
